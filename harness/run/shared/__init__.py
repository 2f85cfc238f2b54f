"""A cache that several machines share: what comes from it is signed, or does not count."""
