"""Moves, annotates or copies the user's files; moves and annotations can be undone."""
