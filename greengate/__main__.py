"""`python -m greengate`."""

from greengate.cli import main

if __name__ == "__main__":
    main()
