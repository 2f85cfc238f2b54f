"""What a run leaves: JSON, arrays, figures, and the machine that it ran on."""
