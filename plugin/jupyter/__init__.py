"""Widgets of notebooks."""
