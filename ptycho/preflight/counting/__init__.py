"""How a detector counted: whether photons are still told apart in its frames, and its parts count alike."""
