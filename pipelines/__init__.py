"""Data in motion: generating pictures, keeping them, ranking them, reporting on them."""
