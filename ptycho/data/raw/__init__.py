"""What raw frames tell of themselves, before anything is computed from them."""
