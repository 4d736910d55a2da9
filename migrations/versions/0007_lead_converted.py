"""a converted lead names its customer; who verified a customer"""

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
    op.add_column("customer", sa.Column("verified_by_id", sa.Integer(), nullable=True))
    op.add_column("customer", sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key("customer_verified_by_id_fkey", "customer", "ab_user", ["verified_by_id"], ["id"], ondelete="RESTRICT")
    op.create_index("ix_customer_verified_by_id", "customer", ["verified_by_id"])


def downgrade() -> None:
    op.drop_column("customer", "verified_at")
    op.drop_column("customer", "verified_by_id")
    op.drop_column("lead", "customer_id")
