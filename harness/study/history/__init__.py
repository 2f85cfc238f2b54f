"""What became of a value over all approvals: its steps, how far they lead together, and by which rule each went."""
