"""Hold an obtained artifact against its golden: rules, one policy a file, ensembles and schemas."""
