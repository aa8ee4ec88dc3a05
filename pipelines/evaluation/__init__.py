"""Evaluates a collection: scores, damage, near-duplicates, outliers and correlates."""
