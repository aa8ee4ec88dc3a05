"""Runs the command line by ``python -m soart.plugin.cli``."""

from .app import main

main()
