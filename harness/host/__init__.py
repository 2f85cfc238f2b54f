"""Where the pipeline's own code runs: a supervised process, watched from outside."""
