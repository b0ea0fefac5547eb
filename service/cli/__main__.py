"""`python -m service.cli`: the `samtycke` command where it is not on the path."""

from service.cli import main

main(prog_name="samtycke")
