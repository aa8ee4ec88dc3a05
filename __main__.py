"""Runs the command line by ``python -m soart``."""

from .plugin.cli.start import main

main()
