"""From a module to a guarded pipeline: what `harness init` finds, writes and measures."""
