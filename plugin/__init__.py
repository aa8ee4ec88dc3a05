"""Faces of soart: they hold no logic."""
