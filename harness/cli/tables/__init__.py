"""What the commands print for people: one file for each group of them."""
