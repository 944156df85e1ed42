"""`python -m fargo`: the command line, where the command `fargo` is not on the PATH."""

from fargo.cli import main

main()
