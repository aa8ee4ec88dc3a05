"""Everything that is stored: the database, the picture files, and the queries over them."""
