"""Which commit made a verdict fail, and in which stage first: git's arithmetic over verifications."""
