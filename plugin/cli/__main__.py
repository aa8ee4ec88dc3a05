"""Runs the command line by ``python -m soart.plugin.cli``; ``python -m soart`` is shorter."""

from .start import main

main()
