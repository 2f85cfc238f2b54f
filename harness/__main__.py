"""``python -m harness``: the command where no script is installed."""

from harness.cli import main

if __name__ == "__main__":  # worker processes import this file again
    main()
