"""Files of other tools that kept what tests checked: each is a claim, and a run of the test must agree with it."""
