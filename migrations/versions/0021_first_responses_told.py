"""leads say how their first response went, so that lists and figures may ask for it"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_FIRST_RESPONSE = """CASE WHEN first_response_due_at IS NULL THEN ''
  WHEN first_response_at IS NULL THEN 'open'
  WHEN first_response_at <= first_response_due_at THEN 'kept' ELSE 'late' END"""


def upgrade() -> None:
    op.add_column("lead", sa.Column("first_response", sa.String(32), sa.Computed(_FIRST_RESPONSE, persisted=True), nullable=True))


def downgrade() -> None:
    op.drop_column("lead", "first_response")
