"""Judges: found by name, guarded, their values stored, and pictures ranked by them."""
