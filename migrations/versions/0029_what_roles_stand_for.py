"""what a role made at run time stands for"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "role_duty",
        sa.Column("role_id", sa.Integer(), sa.ForeignKey("ab_role.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("acts_as", sa.String(length=64), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("role_duty")
