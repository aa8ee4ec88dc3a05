"""Attention of the modes of a collection, and its tables as files."""
