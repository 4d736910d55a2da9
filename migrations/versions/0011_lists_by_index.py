"""lists by index"""

from alembic import op
from sqlalchemy import text

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ALIVE = "deleted_at IS NULL"


def upgrade() -> None:
    op.execute("ALTER FUNCTION portal_pairs(text) COST 1000")
    for table in ("lead", "customer"):
        for name in ("owner_id", "team_id", "owner_created", "team_created", "pool_created"):
            op.drop_index(f"ix_{table}_{name}", table)
        _create(table, ALIVE, f"pool_id IS NOT NULL AND {ALIVE}")


def downgrade() -> None:
    op.execute("ALTER FUNCTION portal_pairs(text) COST 100")
    for table in ("lead", "customer"):
        for name in ("owner_created", "team_created", "pool_created"):
            op.drop_index(f"ix_{table}_{name}", table)
        _create(table, None, "pool_id IS NOT NULL")
        for name in ("owner_id", "team_id"):
            op.create_index(f"ix_{table}_{name}", table, [name])


def _create(table: str, owned: str | None, pooled: str) -> None:
    for column in ("owner", "team"):
        where = text(owned) if owned else None
        op.create_index(f"ix_{table}_{column}_created", table, [f"{column}_id", "created_at", "id"], postgresql_where=where)
    op.create_index(f"ix_{table}_pool_created", table, ["created_at", "id"], postgresql_where=text(pooled))
