"""One revision for each version of the tables."""
