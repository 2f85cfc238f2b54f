"""How the process notices what the pipeline's code does: whose code asks, for what, and what it leaves behind."""
