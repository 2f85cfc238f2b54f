"""What differs, as people read it: alike values as one, texts by their lines, arrays by their worst elements."""
