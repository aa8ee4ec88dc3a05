"""``soart web``: the gallery in the browser."""
