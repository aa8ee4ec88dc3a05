"""Extractors, which measure item vectors of pictures."""
