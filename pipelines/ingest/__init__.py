"""Files on disk to rows of a collection."""
