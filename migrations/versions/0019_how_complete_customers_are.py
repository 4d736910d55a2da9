"""how complete customers are"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_FILLED = (
    "num_nonnulls(nullif(phone, ''), source_id, nullif(industry, ''), nullif(region, ''), nullif(address, ''), "
    "nullif(credit_code, ''), nullif(legal_rep, ''), nullif(size, '')) * 100 / 8"
)


def upgrade() -> None:
    op.add_column("customer", sa.Column("completeness", sa.Integer(), sa.Computed(_FILLED, persisted=True), nullable=True))


def downgrade() -> None:
    op.drop_column("customer", "completeness")
