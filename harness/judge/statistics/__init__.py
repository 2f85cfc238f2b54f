"""What an ensemble is worth: how often it cries wolf, how small a shift it sees, and its values judged together."""
