"""Lets `python -m dothi` do what the command does."""

from dothi.cli import main

main()
