"""What a run leaves: JSON, arrays and figures."""
