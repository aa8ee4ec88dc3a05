"""Learns tastes from the ratings of a collection."""
