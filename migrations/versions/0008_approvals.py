"""approvals"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "approval_flow",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("title", sa.String(length=120), server_default="", nullable=False),
        sa.Column("entity", sa.String(length=64), server_default="", nullable=False),
        sa.Column("verb", sa.String(length=64), server_default="", nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("definition", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by_id", sa.Integer(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("import_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["changed_by_id"], ["ab_user.id"]),
        sa.ForeignKeyConstraint(["created_by_id"], ["ab_user.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("entity", "verb", "number"),
    )
    op.create_index("ix_approval_flow_title", "approval_flow", ["title"], unique=False)
    op.create_table(
        "approval",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("title", sa.String(length=200), server_default="", nullable=False),
        sa.Column("entity", sa.String(length=64), server_default="", nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=True),
        sa.Column("verb", sa.String(length=64), server_default="", nullable=False),
        sa.Column("state", sa.String(length=32), server_default="", nullable=False),
        sa.Column("step", sa.Integer(), nullable=True),
        sa.Column("flow_number", sa.Integer(), nullable=True),
        sa.Column("plan", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("snapshot", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("earlier", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("form", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=True),
        sa.Column("team_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by_id", sa.Integer(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("import_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["changed_by_id"], ["ab_user.id"]),
        sa.ForeignKeyConstraint(["created_by_id"], ["ab_user.id"]),
        sa.ForeignKeyConstraint(["owner_id"], ["ab_user.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_approval_created", "approval", ["created_at"], unique=False)
    op.create_index(op.f("ix_approval_owner_id"), "approval", ["owner_id"], unique=False)
    op.create_index("ix_approval_record", "approval", ["entity", "record_id"], unique=False)
    op.create_index(op.f("ix_approval_team_id"), "approval", ["team_id"], unique=False)
    op.create_index("uq_approval_pending", "approval", ["entity", "record_id"], unique=True, postgresql_where=sa.text("state = 'pending'"))
    op.create_table(
        "approval_action",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("approval_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=32), server_default="", nullable=False),
        sa.Column("step", sa.Integer(), nullable=True),
        sa.Column("to_id", sa.Integer(), nullable=True),
        sa.Column("comment", sa.Text(), server_default="", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by_id", sa.Integer(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("import_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["approval_id"], ["approval.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["changed_by_id"], ["ab_user.id"]),
        sa.ForeignKeyConstraint(["created_by_id"], ["ab_user.id"]),
        sa.ForeignKeyConstraint(["to_id"], ["ab_user.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_approval_action_approval_id"), "approval_action", ["approval_id"], unique=False)
    op.create_index("ix_approval_action_created", "approval_action", ["created_at"], unique=False)
    op.create_table(
        "approval_task",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("title", sa.String(length=200), server_default="", nullable=False),
        sa.Column("approval_id", sa.Integer(), nullable=True),
        sa.Column("entity", sa.String(length=64), server_default="", nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=True),
        sa.Column("asked_by_id", sa.Integer(), nullable=True),
        sa.Column("for_id", sa.Integer(), nullable=True),
        sa.Column("step", sa.Integer(), nullable=True),
        sa.Column("behind", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=32), server_default="", nullable=False),
        sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("comment", sa.Text(), server_default="", nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=True),
        sa.Column("team_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by_id", sa.Integer(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("import_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["approval_id"], ["approval.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["asked_by_id"], ["ab_user.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["changed_by_id"], ["ab_user.id"]),
        sa.ForeignKeyConstraint(["created_by_id"], ["ab_user.id"]),
        sa.ForeignKeyConstraint(["for_id"], ["ab_user.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["owner_id"], ["ab_user.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_approval_task_approval_id"), "approval_task", ["approval_id"], unique=False)
    op.create_index("ix_approval_task_created", "approval_task", ["created_at"], unique=False)
    op.create_index(op.f("ix_approval_task_owner_id"), "approval_task", ["owner_id"], unique=False)
    op.create_index(op.f("ix_approval_task_team_id"), "approval_task", ["team_id"], unique=False)
    op.create_index(
        "ix_approval_task_waiting", "approval_task", ["owner_id", "entity"], unique=False, postgresql_where=sa.text("state = 'waiting'")
    )
    op.create_table(
        "delegation",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("deputy_id", sa.Integer(), nullable=True),
        sa.Column("first_on", sa.Date(), nullable=True),
        sa.Column("last_on", sa.Date(), nullable=True),
        sa.Column("leave_id", sa.Integer(), nullable=True),
        sa.Column("note", sa.String(length=200), server_default="", nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=True),
        sa.Column("team_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by_id", sa.Integer(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("import_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["changed_by_id"], ["ab_user.id"]),
        sa.ForeignKeyConstraint(["created_by_id"], ["ab_user.id"]),
        sa.ForeignKeyConstraint(["deputy_id"], ["ab_user.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["leave_id"], ["leave.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["owner_id"], ["ab_user.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_delegation_deputy_id"), "delegation", ["deputy_id"], unique=False)
    op.create_index("ix_delegation_first_on", "delegation", ["first_on"], unique=False)
    op.create_index(op.f("ix_delegation_leave_id"), "delegation", ["leave_id"], unique=False)
    op.create_index(op.f("ix_delegation_owner_id"), "delegation", ["owner_id"], unique=False)
    op.create_index(op.f("ix_delegation_team_id"), "delegation", ["team_id"], unique=False)
    op.add_column("leave", sa.Column("days", sa.Integer(), nullable=True))
    op.add_column("leave", sa.Column("deputy_id", sa.Integer(), nullable=True))
    op.add_column("leave", sa.Column("state", sa.String(length=32), server_default="", nullable=False))
    op.create_foreign_key("leave_deputy_id_fkey", "leave", "ab_user", ["deputy_id"], ["id"], ondelete="RESTRICT")
    # Until now a leave counted as soon as it was written down.
    op.execute("UPDATE leave SET state = 'approved'")


def downgrade() -> None:
    op.drop_constraint("leave_deputy_id_fkey", "leave", type_="foreignkey")
    op.drop_column("leave", "state")
    op.drop_column("leave", "deputy_id")
    op.drop_column("leave", "days")
    op.drop_index(op.f("ix_delegation_team_id"), table_name="delegation")
    op.drop_index(op.f("ix_delegation_owner_id"), table_name="delegation")
    op.drop_index(op.f("ix_delegation_leave_id"), table_name="delegation")
    op.drop_index("ix_delegation_first_on", table_name="delegation")
    op.drop_index(op.f("ix_delegation_deputy_id"), table_name="delegation")
    op.drop_table("delegation")
    op.drop_index("ix_approval_task_waiting", table_name="approval_task", postgresql_where=sa.text("state = 'waiting'"))
    op.drop_index(op.f("ix_approval_task_team_id"), table_name="approval_task")
    op.drop_index(op.f("ix_approval_task_owner_id"), table_name="approval_task")
    op.drop_index("ix_approval_task_created", table_name="approval_task")
    op.drop_index(op.f("ix_approval_task_approval_id"), table_name="approval_task")
    op.drop_table("approval_task")
    op.drop_index("ix_approval_action_created", table_name="approval_action")
    op.drop_index(op.f("ix_approval_action_approval_id"), table_name="approval_action")
    op.drop_table("approval_action")
    op.drop_index("uq_approval_pending", table_name="approval", postgresql_where=sa.text("state = 'pending'"))
    op.drop_index(op.f("ix_approval_team_id"), table_name="approval")
    op.drop_index("ix_approval_record", table_name="approval")
    op.drop_index(op.f("ix_approval_owner_id"), table_name="approval")
    op.drop_index("ix_approval_created", table_name="approval")
    op.drop_table("approval")
    op.drop_index("ix_approval_flow_title", table_name="approval_flow")
    op.drop_table("approval_flow")
