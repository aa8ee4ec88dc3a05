"""The version of soart."""

__version__ = "0.1.0"
