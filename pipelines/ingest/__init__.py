"""Picture files on disk become rows of a collection.

Read it downwards. ``engines`` chooses who inspects files: worker processes here or on a Ray cluster.
``sync`` compares folders with the collection and drives the rest; ``roots`` remembers which folders.
``scan`` walks folders and lists the picture files in them.
``inspection`` inspects files and reads how they were made (``metadata``).
``file_rows`` writes the results.
"""
