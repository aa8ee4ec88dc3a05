"""Names of files of a collection, for those who need no more than these."""

DATABASE = "soart.db"
