"""a converted lead names its customer"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("lead", sa.Column("customer_id", sa.Integer(), nullable=True))
    op.create_foreign_key("lead_customer_id_fkey", "lead", "customer", ["customer_id"], ["id"], ondelete="RESTRICT")
    op.create_index("ix_lead_customer_id", "lead", ["customer_id"])


def downgrade() -> None:
    op.drop_column("lead", "customer_id")
