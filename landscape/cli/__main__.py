"""``python -P -m landscape.cli`` is the same as the command ``landscape``."""

from landscape.cli import main

if __name__ == "__main__":
    main()
