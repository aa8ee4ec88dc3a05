"""Addresses, by view."""
