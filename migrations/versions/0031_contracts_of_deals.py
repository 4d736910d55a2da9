"""contracts say of which deal they come"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("contract", sa.Column("opportunity_id", sa.Integer(), nullable=True))
    op.create_foreign_key(None, "contract", "opportunity", ["opportunity_id"], ["id"], ondelete="RESTRICT")
    op.create_index("ix_contract_opportunity_id", "contract", ["opportunity_id"])


def downgrade() -> None:
    op.drop_index("ix_contract_opportunity_id", "contract")
    op.drop_column("contract", "opportunity_id")
