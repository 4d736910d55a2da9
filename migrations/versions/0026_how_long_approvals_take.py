"""how long approvals take"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_HOURS = "round(extract(epoch from decided_at - created_at) / 3600, 1)"


def upgrade() -> None:
    op.add_column("approval", sa.Column("hours", sa.Numeric(10, 1), sa.Computed(_HOURS, persisted=True), nullable=True))


def downgrade() -> None:
    op.drop_column("approval", "hours")
