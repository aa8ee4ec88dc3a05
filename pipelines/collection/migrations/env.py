"""Alembic's environment; the connection, with its open transaction, comes from ``pipelines/collection/storage.py``."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
