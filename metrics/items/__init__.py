"""Extractors: pictures to item vectors."""
