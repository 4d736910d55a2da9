"""leads keep when they were due first, so that a grade that comes and goes begins no clock anew"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("lead", sa.Column("first_due_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("lead", "first_due_at")
