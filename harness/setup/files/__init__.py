"""The plain files that `harness init` writes."""
