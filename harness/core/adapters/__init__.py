"""What an adapter gives, held to its word: its errors as sentences, its names, its configurations."""
