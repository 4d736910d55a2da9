"""custom fields"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "custom_field",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        *(_words(name, length) for name, length in _TEXTS),
        sa.Column("options", sa.Text(), server_default="", nullable=False),
        *(sa.Column(name, sa.Boolean(), server_default="false", nullable=False) for name in _FLAGS),
        sa.Column("rank", sa.Integer(), nullable=True),
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
        sa.UniqueConstraint("entity", "key"),
    )
    op.create_index("ix_custom_field_rank", "custom_field", ["rank"])
    # An index takes only what no setting can change; the values are written in ISO form, UTC, by the portal alone.
    for name, kind in (("day", "date"), ("instant", "timestamptz")):
        op.execute(
            f"CREATE FUNCTION portal_{name}(value text) RETURNS {kind} LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE"
            f" AS $$ SELECT value::{kind} $$"
        )


def downgrade() -> None:
    op.execute("DROP FUNCTION portal_instant(text) CASCADE")
    op.execute("DROP FUNCTION portal_day(text) CASCADE")
    op.drop_table("custom_field")


_TEXTS = (
    ("entity", 32),
    ("label_zh", 80),
    ("label_en", 80),
    ("key", 28),
    ("kind", 32),
    ("help_zh", 300),
    ("help_en", 300),
    ("initial", 200),
    ("section", 80),
    ("seen_by", 400),
    ("edited_by", 400),
    ("mask", 32),
    ("state", 32),
    ("problem", 300),
)
_FLAGS = ("is_required", "is_unique", "is_listed", "is_filterable", "is_sortable", "is_searched")


def _words(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), server_default="", nullable=False)
