"""Prompt spaces: slots, options, constraints, rendering, and their YAML form."""
