"""contracts take custom fields"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("contract", sa.Column("extra", JSONB(), nullable=False, server_default="{}"))


def downgrade() -> None:
    op.drop_column("contract", "extra")
