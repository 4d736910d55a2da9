"""contracts change: the next version of a running one, what it changes, and which payment goes on with which"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_OPEN = "changes_id IS NOT NULL AND deleted_at IS NULL AND state <> 'void'"


def upgrade() -> None:
    op.add_column("contract", sa.Column("revision", sa.Integer(), nullable=True))
    op.add_column("contract", sa.Column("changes_id", sa.Integer(), nullable=True))
    op.add_column("contract", sa.Column("changes_number", sa.String(length=40), server_default="", nullable=False))
    op.add_column("contract", sa.Column("change_reason", sa.String(length=500), server_default="", nullable=False))
    op.add_column("contract", sa.Column("replaced_by_id", sa.Integer(), nullable=True))
    op.add_column("contract", sa.Column("credit_added", sa.Integer(), nullable=True))
    op.execute("UPDATE contract SET revision = 1")
    op.create_foreign_key(None, "contract", "contract", ["changes_id"], ["id"], ondelete="RESTRICT")
    op.create_foreign_key(None, "contract", "contract", ["replaced_by_id"], ["id"], ondelete="RESTRICT")
    op.create_index("ix_contract_replaced_by_id", "contract", ["replaced_by_id"])
    op.create_index("ix_contract_open_change", "contract", ["changes_id"], unique=True, postgresql_where=sa.text(_OPEN))
    op.drop_constraint("uq_contract_sequence", "contract", type_="unique")
    op.create_unique_constraint("uq_contract_sequence", "contract", ["year", "sequence", "revision"])
    op.add_column("payment_plan", sa.Column("settled", sa.Numeric(precision=18, scale=2), nullable=True))
    op.add_column("payment_plan", sa.Column("carried_id", sa.Integer(), nullable=True))
    op.create_foreign_key(None, "payment_plan", "payment_plan", ["carried_id"], ["id"], ondelete="RESTRICT")


def downgrade() -> None:
    op.drop_column("payment_plan", "carried_id")
    op.drop_column("payment_plan", "settled")
    op.drop_constraint("uq_contract_sequence", "contract", type_="unique")
    op.create_unique_constraint("uq_contract_sequence", "contract", ["year", "sequence"])
    op.drop_index("ix_contract_open_change", "contract")
    op.drop_index("ix_contract_replaced_by_id", "contract")
    for column in ("credit_added", "replaced_by_id", "change_reason", "changes_number", "changes_id", "revision"):
        op.drop_column("contract", column)
