"""Ratings, and the spaces and choices of tuning."""

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"
ALTERS_TABLES = False


def upgrade() -> None:
    """From version 1 to version 2."""
    op.create_table(
        "ratings",
        sa.Column("image_id", sa.Integer(), sa.ForeignKey("images.id"), primary_key=True),
        sa.Column("rater", sa.String(128), primary_key=True),
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "spaces",
        sa.Column("fingerprint", sa.String(16), primary_key=True),
        sa.Column("text", sa.Text(), nullable=False),
    )
    op.create_table(
        "choices",
        sa.Column("fingerprint", sa.String(16), sa.ForeignKey("spaces.fingerprint"), primary_key=True),
        sa.Column("request_key", sa.String(64), primary_key=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("context", sa.Text(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("previews", sa.Text(), nullable=False),
        sa.Column("dropped", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
