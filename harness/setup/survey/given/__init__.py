"""What somebody's source gives its functions, found without running it: paths of files, and items of tables."""
