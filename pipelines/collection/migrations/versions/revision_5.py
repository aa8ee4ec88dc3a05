"""Claims of requests that a process is drawing."""

import sqlalchemy as sa
from alembic import op

revision = "5"
down_revision = "4"
ALTERS_TABLES = False


def upgrade() -> None:
    """From version 4 to version 5."""
    op.create_table(
        "claims",
        sa.Column("request_key", sa.String(64), primary_key=True),
        sa.Column("holder", sa.String(128), nullable=False, index=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False, index=True),
    )
