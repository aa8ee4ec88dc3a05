"""The rating model: collaborative filtering of prompt choices."""
