"""Phrases of a prompt: what a picture is asked to show."""
