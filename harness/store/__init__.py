"""What was accepted, by whom, and whether that is whole: goldens, candidates, approvals and their chain."""
