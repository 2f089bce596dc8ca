"""`python -m core.cli` is `isobar`."""

from core.cli import main

if __name__ == "__main__":
    main()
