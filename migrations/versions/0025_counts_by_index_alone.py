"""counts by index alone"""

from alembic import op
from sqlalchemy import text

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

HELD = {"owner": ["team_id", "pool_id"], "team": ["owner_id", "pool_id"]}


def upgrade() -> None:
    _create(besides=True)


def downgrade() -> None:
    _create(besides=False)


def _create(*, besides: bool) -> None:
    for table in ("lead", "customer"):
        for by, columns in HELD.items():
            name = f"ix_{table}_{by}_created"
            op.drop_index(name, table)
            op.create_index(
                name,
                table,
                [f"{by}_id", "created_at", "id"],
                postgresql_where=text("deleted_at IS NULL"),
                postgresql_include=columns if besides else None,
            )
