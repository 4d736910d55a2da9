"""class reviews"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "class_review",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("quarter", sa.String(length=7), server_default="", nullable=False),
        sa.Column("current_class", sa.String(length=32), server_default="", nullable=False),
        sa.Column("proposed", sa.String(length=32), server_default="", nullable=False),
        sa.Column(
            "direction",
            sa.String(length=32),
            sa.Computed(
                "CASE WHEN current_class = '' THEN 'first' WHEN proposed < current_class THEN 'up' ELSE 'down' END", persisted=True
            ),
            nullable=True,
        ),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=True),
        sa.Column("earlier", sa.Numeric(precision=18, scale=2), nullable=True),
        sa.Column(
            "trend",
            sa.String(length=32),
            sa.Computed("CASE WHEN amount > earlier THEN 'more' WHEN amount < earlier THEN 'less' ELSE 'same' END", persisted=True),
            nullable=True,
        ),
        sa.Column("deals", sa.Integer(), nullable=True),
        sa.Column("potential", sa.Numeric(precision=18, scale=2), nullable=True),
        sa.Column("points", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=32), server_default="", nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("decided_class", sa.String(length=32), server_default="", nullable=False),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=500), server_default="", nullable=False),
        sa.Column("origin_id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by_id", sa.Integer(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("import_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["changed_by_id"], ["ab_user.id"]),
        sa.ForeignKeyConstraint(["created_by_id"], ["ab_user.id"]),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["decided_by_id"], ["ab_user.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("origin_id", "quarter"),
    )
    op.create_index("ix_class_review_customer", "class_review", ["customer_id", "id"])
    op.create_index("ix_class_review_quarter", "class_review", ["quarter", "id"])
    op.create_index("ix_class_review_state", "class_review", ["state", "due_on"])


def downgrade() -> None:
    for name in ("customer", "quarter", "state"):
        op.drop_index(f"ix_class_review_{name}", table_name="class_review")
    op.drop_table("class_review")
