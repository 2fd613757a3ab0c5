"""`python -m intandem`: the command line, where its script is not on the path."""

from intandem.app.cli import main

if __name__ == "__main__":
    main()
