"""what custom fields refer to"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("custom_field", sa.Column("target", sa.String(64), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("custom_field", "target")
