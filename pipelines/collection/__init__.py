"""Everything that is stored: database, picture files, and the queries over them."""
