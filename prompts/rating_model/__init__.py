"""The collaborative-filtering model of ratings."""
