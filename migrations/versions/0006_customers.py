"""customers and contacts; a follow-up belongs to a lead or a customer; pools have a kind"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "customer",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=200), server_default="", nullable=False),
        sa.Column("customer_class", sa.String(length=32), server_default="", nullable=False),
        sa.Column("state", sa.String(length=32), server_default="", nullable=False),
        sa.Column("phone", sa.String(length=32), server_default="", nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=True),
        sa.Column("industry", sa.String(length=80), server_default="", nullable=False),
        sa.Column("region", sa.String(length=80), server_default="", nullable=False),
        sa.Column("address", sa.String(length=200), server_default="", nullable=False),
        sa.Column("credit_code", sa.String(length=18), server_default="", nullable=False),
        sa.Column("legal_rep", sa.String(length=80), server_default="", nullable=False),
        sa.Column("size", sa.String(length=32), server_default="", nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_step", sa.String(length=200), server_default="", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("company_key", sa.String(length=200), server_default="", nullable=False),
        sa.Column("pool_id", sa.Integer(), nullable=True),
        sa.Column("pooled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("contacted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=True),
        sa.Column("team_id", sa.Integer(), nullable=True),
        sa.Column("extra", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by_id", sa.Integer(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("import_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(owner_id IS NULL) <> (pool_id IS NULL)", name="customer_owned_or_pooled"),
        sa.ForeignKeyConstraint(["changed_by_id"], ["ab_user.id"]),
        sa.ForeignKeyConstraint(["created_by_id"], ["ab_user.id"]),
        sa.ForeignKeyConstraint(["owner_id"], ["ab_user.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["pool_id"], ["pool.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["source_id"], ["source_channel.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_customer_company_key", "customer", ["company_key"], unique=False)
    op.create_index("ix_customer_created_at", "customer", ["created_at", "id"], unique=False)
    op.create_index("ix_customer_credit_code", "customer", ["credit_code"], unique=False, postgresql_where=sa.text("credit_code <> ''"))
    op.create_index("ix_customer_next_at", "customer", ["next_at"], unique=False, postgresql_where=sa.text("owner_id IS NOT NULL"))
    op.create_index("ix_customer_owner_created", "customer", ["owner_id", "created_at", "id"], unique=False)
    op.create_index(op.f("ix_customer_owner_id"), "customer", ["owner_id"], unique=False)
    op.create_index("ix_customer_pairs", "customer", [sa.literal_column("portal_pairs(name)")], unique=False, postgresql_using="gin")
    op.create_index("ix_customer_phone", "customer", ["phone"], unique=False)
    op.create_index(
        "ix_customer_pool_created", "customer", ["created_at", "id"], unique=False, postgresql_where=sa.text("pool_id IS NOT NULL")
    )
    op.create_index(op.f("ix_customer_pool_id"), "customer", ["pool_id"], unique=False)
    op.create_index(op.f("ix_customer_source_id"), "customer", ["source_id"], unique=False)
    op.create_index("ix_customer_team_created", "customer", ["team_id", "created_at", "id"], unique=False)
    op.create_index(op.f("ix_customer_team_id"), "customer", ["team_id"], unique=False)
    op.create_table(
        "contact",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(length=80), server_default="", nullable=False),
        sa.Column("buying_role", sa.String(length=32), server_default="", nullable=False),
        sa.Column("title", sa.String(length=80), server_default="", nullable=False),
        sa.Column("phone", sa.String(length=32), server_default="", nullable=False),
        sa.Column("wechat", sa.String(length=64), server_default="", nullable=False),
        sa.Column("email", sa.String(length=320), server_default="", nullable=False),
        sa.Column("birthday", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
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
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_contact_created_at", "contact", ["created_at"], unique=False)
    op.create_index("ix_contact_customer", "contact", ["customer_id", "created_at"], unique=False)
    op.create_index("ix_contact_pairs", "contact", [sa.literal_column("portal_pairs(name)")], unique=False, postgresql_using="gin")
    op.add_column("follow_up", sa.Column("customer_id", sa.Integer(), nullable=True))
    op.create_index("ix_follow_up_customer", "follow_up", ["customer_id", "contacted_at"], unique=False)
    op.create_foreign_key("follow_up_customer_id_fkey", "follow_up", "customer", ["customer_id"], ["id"], ondelete="RESTRICT")
    op.add_column("pool", sa.Column("kind", sa.String(length=32), server_default="", nullable=False))
    op.create_check_constraint("follow_up_one_parent", "follow_up", "num_nonnulls(lead_id, customer_id) = 1")
    op.execute("UPDATE pool SET kind = 'lead'")
    op.get_bind().exec_driver_sql("""
        CREATE CONSTRAINT TRIGGER customer_owner_change AFTER UPDATE OF owner_id, pool_id ON customer
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
        WHEN (OLD.owner_id IS DISTINCT FROM NEW.owner_id OR OLD.pool_id IS DISTINCT FROM NEW.pool_id)
        EXECUTE FUNCTION portal_owner_change_has_tenure()""")


def downgrade() -> None:
    op.drop_column("pool", "kind")
    op.execute("DELETE FROM follow_up WHERE customer_id IS NOT NULL")
    op.drop_column("follow_up", "customer_id")
    op.drop_table("contact")
    op.drop_table("customer")
