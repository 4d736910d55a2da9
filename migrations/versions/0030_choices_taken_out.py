"""choices taken out"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("custom_field", sa.Column("retired", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("custom_field", "retired")
