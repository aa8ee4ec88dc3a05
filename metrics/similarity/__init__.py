"""Distances between pictures: near-duplicates, diversity and outliers."""
