"""Measures, scores, ranks and explains the pictures of a collection."""
