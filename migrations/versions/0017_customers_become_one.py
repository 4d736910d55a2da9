"""customers become one: which record a merged one went into"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("customer", sa.Column("merged_into_id", sa.Integer(), nullable=True))
    op.add_column("customer", sa.Column("merge_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(None, "customer", "customer", ["merged_into_id"], ["id"], ondelete="RESTRICT")
    op.create_index("ix_customer_merged_into_id", "customer", ["merged_into_id"])


def downgrade() -> None:
    op.drop_index("ix_customer_merged_into_id", "customer")
    op.drop_column("customer", "merge_id")
    op.drop_column("customer", "merged_into_id")
