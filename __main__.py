"""Runs the command line by ``python -m soart``."""

from .plugin.cli.app import main

main()
