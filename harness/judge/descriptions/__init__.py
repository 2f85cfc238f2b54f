"""What schemas say of values for people."""
