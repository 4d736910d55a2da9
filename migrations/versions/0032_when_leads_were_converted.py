"""when a lead became a customer stands in it, so that a week counts it once and a click lists it"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_FROM_THE_CONVERSION = """
UPDATE lead SET converted_at = coalesce(
    (SELECT max(batch.at) FROM assign_batch batch
      WHERE batch.entity = 'lead' AND batch.method = 'convert' AND batch.undone_at IS NULL
        AND (batch.plan -> 'lead' ->> 'id')::int = lead.id),
    changed_at)
WHERE state = 'converted'
"""


def upgrade() -> None:
    op.add_column("lead", sa.Column("converted_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(_FROM_THE_CONVERSION)
    op.create_index("ix_lead_converted_at", "lead", ["converted_at"], postgresql_where=sa.text("converted_at IS NOT NULL"))


def downgrade() -> None:
    op.drop_column("lead", "converted_at")
