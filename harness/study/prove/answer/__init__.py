"""What came of the mutants: rates with intervals, survivors, tighter rules, the page, the badge and the history."""
