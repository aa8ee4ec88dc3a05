"""Distances between pictures: near-duplicates, diversity, outliers and styles."""
