"""Chooses the next prompts to draw."""
