"""Compares versions of attention on folders of pictures."""
