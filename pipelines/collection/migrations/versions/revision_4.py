"""Labels of pictures: tags, albums and favourites."""

import sqlalchemy as sa
from alembic import op

revision = "4"
down_revision = "3"
ALTERS_TABLES = False


def upgrade() -> None:
    """From version 3 to version 4."""
    op.create_table(
        "labels",
        sa.Column("image_id", sa.Integer(), sa.ForeignKey("images.id"), primary_key=True),
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(128), primary_key=True, index=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
