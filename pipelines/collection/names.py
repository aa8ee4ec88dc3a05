"""Names of files in a collection's folder, for those who need no SQLAlchemy."""

#: The database.
DATABASE = "soart.db"
#: The folder for pictures.
IMAGES = "images"
#: The folder for what can be made from items again, see ``pipelines.scoring.similar``.
LIKENESS = "likeness"
#: The folder for thumbnails, see ``pipelines.collection.thumbnails``.
THUMBNAILS = "thumbs"
