"""Guesses among prompts, and the version of the readers of metadata."""

import sqlalchemy as sa
from alembic import op

revision = "6"
down_revision = "5"
ALTERS_TABLES = True


def upgrade() -> None:
    """From version 5 to version 6."""
    op.add_column("fingerprints", sa.Column("readers", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.add_column("metadata", sa.Column("guessed", sa.Boolean(), nullable=False, server_default=sa.false()))
