"""Compares versions of attention on folders or on a collection."""
