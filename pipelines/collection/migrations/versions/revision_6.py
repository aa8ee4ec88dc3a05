"""Reasons in place of 0 and 100 points, guesses among prompts, and the version of the readers of metadata."""

import sqlalchemy as sa
from alembic import op

revision = "6"
down_revision = "5"
ALTERS_TABLES = True


def upgrade() -> None:
    """From version 5 to version 6."""
    op.add_column("fingerprints", sa.Column("readers", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.add_column("metadata", sa.Column("guessed", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("scores") as scores:
        scores.alter_column("value", existing_type=sa.Double(), nullable=True)
        scores.add_column(sa.Column("why", sa.Text()))
    # What cannot be judged had 0 points of technical quality and 100 of freedom from each fault; some judges gave it values.
    unfit = "SELECT image_id FROM scores WHERE profile LIKE 'technical-%' AND value = 0"
    op.execute(
        "UPDATE scores SET value = NULL, why = 'too small, all black or of one tone' "
        f"WHERE profile != 'observed score' AND image_id IN (SELECT image_id FROM ({unfit}) AS unfit)"
    )
