"""``python -m ptycho``."""

from ptycho.cli import main

if __name__ == "__main__":
    main()
