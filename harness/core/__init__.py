"""The words that every room uses: the protocol, verdicts, ids, value trees, files and text."""
