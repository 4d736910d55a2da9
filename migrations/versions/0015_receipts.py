"""receipts, what they have paid, and how overdue a payment is"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "receipt",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("contract_id", sa.Integer(), nullable=True),
        sa.Column("payer", sa.String(length=200), server_default="", nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=True),
        sa.Column("received_on", sa.Date(), nullable=True),
        sa.Column("method", sa.String(length=32), server_default="", nullable=False),
        sa.Column("reference", sa.String(length=80), server_default="", nullable=False),
        sa.Column("state", sa.String(length=32), server_default="", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.String(length=500), server_default="", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by_id", sa.Integer(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("import_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["changed_by_id"], ["ab_user.id"]),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["created_by_id"], ["ab_user.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_receipt_contract", "receipt", ["contract_id", "id"], unique=False)
    op.create_index(
        "ix_receipt_pairs",
        "receipt",
        [sa.literal_column("portal_pairs((payer || ' ') || reference)")],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index("ix_receipt_received_on", "receipt", ["received_on", "id"], unique=False)
    op.create_table(
        "allocation",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("payment_plan_id", sa.Integer(), nullable=True),
        sa.Column("contract_id", sa.Integer(), nullable=True),
        sa.Column("receipt_id", sa.Integer(), nullable=True),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by_id", sa.Integer(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("import_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["changed_by_id"], ["ab_user.id"]),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["created_by_id"], ["ab_user.id"]),
        sa.ForeignKeyConstraint(["payment_plan_id"], ["payment_plan.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipt.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_allocation_contract_id"), "allocation", ["contract_id"], unique=False)
    op.create_index("ix_allocation_created_at", "allocation", ["created_at"], unique=False)
    op.create_index("ix_allocation_plan", "allocation", ["payment_plan_id"], unique=False)
    op.create_index("ix_allocation_receipt", "allocation", ["receipt_id", "id"], unique=False)
    op.add_column("payment_plan", sa.Column("overdue", sa.String(length=32), server_default="", nullable=False))
    op.create_index("ix_payment_plan_overdue", "payment_plan", ["overdue"], unique=False, postgresql_where=sa.text("overdue <> ''"))


def downgrade() -> None:
    op.drop_index("ix_payment_plan_overdue", table_name="payment_plan", postgresql_where=sa.text("overdue <> ''"))
    op.drop_column("payment_plan", "overdue")
    op.drop_index("ix_allocation_receipt", table_name="allocation")
    op.drop_index("ix_allocation_plan", table_name="allocation")
    op.drop_index("ix_allocation_created_at", table_name="allocation")
    op.drop_index(op.f("ix_allocation_contract_id"), table_name="allocation")
    op.drop_table("allocation")
    op.drop_index("ix_receipt_received_on", table_name="receipt")
    op.drop_index("ix_receipt_pairs", table_name="receipt", postgresql_using="gin")
    op.drop_index("ix_receipt_contract", table_name="receipt")
    op.drop_table("receipt")
