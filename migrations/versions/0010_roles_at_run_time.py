"""roles at run time"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE role_scope ADD COLUMN team_ids integer[] NOT NULL DEFAULT '{}'")
    op.execute("ALTER TABLE login_session ADD COLUMN view_as_id integer REFERENCES ab_user (id)")
    op.execute("ALTER TABLE login_session ADD COLUMN view_as_until timestamptz")


def downgrade() -> None:
    op.execute("ALTER TABLE login_session DROP COLUMN view_as_until")
    op.execute("ALTER TABLE login_session DROP COLUMN view_as_id")
    op.execute("ALTER TABLE role_scope DROP COLUMN team_ids")
