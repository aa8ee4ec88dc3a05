"""Migrations of a collection's tables; Alembic runs them on opening an older one.

A change of the tables, from version N to N + 1:

1. Change the models in ``pipelines/collection/tables.py`` and raise ``SCHEMA_VERSION`` to N + 1.
2. Write ``versions/revision_<N+1>.py`` with ``revision = "<N+1>"``, ``down_revision = "<N>"`` and ``upgrade()``;
   earlier revisions stay as they are. It describes the change in plain columns (``sa.Text()``, not the models, which go
   on changing).
3. Revisions that alter or drop tables set ``ALTERS_TABLES = True``: a copy of an SQLite file is kept before they run.
   They use ``op.batch_alter_table``, because SQLite alters little in place; foreign keys are checked at the end only.
4. ``tests/pipelines/collection/test_upgrade.py`` compares the tables upgraded from every earlier version with the
   models, on both databases.

All revisions of one upgrade and the new version number are one transaction. New collections are made from the models
directly. There is no way back to an earlier version except the copies and backups.
"""
