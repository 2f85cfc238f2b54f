"""Which item of a list, or row of a table, is held against which of the golden, where its place does not say."""
