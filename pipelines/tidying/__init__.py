"""Moves or annotates the user's files; everything can be undone."""
