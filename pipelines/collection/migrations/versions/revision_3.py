"""Files of scanned folders, their inspections, kept results, and comparisons."""

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"
ALTERS_TABLES = False


def upgrade() -> None:
    """From version 2 to version 3."""
    op.create_table(
        "files",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("path", sa.Text(), nullable=False, unique=True),
        sa.Column("size", sa.BigInteger(), nullable=False, index=True),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("image_id", sa.Integer(), sa.ForeignKey("images.id"), index=True),
        sa.Column("problem", sa.Text()),
        sa.Column("scan", sa.Integer(), nullable=False, index=True),
        sa.Column("missing_since", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "fingerprints",
        sa.Column("image_id", sa.Integer(), sa.ForeignKey("images.id"), primary_key=True),
        sa.Column("phash", sa.BigInteger(), nullable=False),
        sa.Column("format", sa.String(32), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("thumbnail", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "metadata",
        sa.Column("image_id", sa.Integer(), sa.ForeignKey("images.id"), primary_key=True),
        sa.Column("tool", sa.String(64), nullable=False),
        sa.Column("prompt", sa.Text()),
        sa.Column("negative", sa.Text()),
        sa.Column("model", sa.Text()),
        sa.Column("sampler", sa.Text()),
        sa.Column("scheduler", sa.Text()),
        sa.Column("seed", sa.Text()),
        sa.Column("steps", sa.BigInteger()),
        sa.Column("guidance", sa.Double()),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
    )
    op.create_table(
        "derived",
        sa.Column("name", sa.String(128), primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "comparisons",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("choice", sa.String(36), nullable=False, index=True),
        sa.Column("rater", sa.String(128), nullable=False, index=True),
        sa.Column("winner", sa.Integer(), sa.ForeignKey("images.id"), nullable=False),
        sa.Column("loser", sa.Integer(), sa.ForeignKey("images.id"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
