"""The version of soart."""

__version__ = "0.2.0"
