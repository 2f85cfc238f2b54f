"""Places beyond this machine, what is kept there by its digest, and what proves who wrote it. No trust is needed."""
