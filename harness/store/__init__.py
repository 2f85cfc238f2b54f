"""The store knows what was accepted, by whom, and whether that is whole: goldens, candidates, approvals and chain."""
