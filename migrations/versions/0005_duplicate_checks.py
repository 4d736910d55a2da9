"""duplicate checks"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Each person's look-ups of the last hour are counted before the next one is answered.
    op.execute("CREATE INDEX ix_audit_event_duplicate_check ON audit_event (actor_id, at) WHERE verb = 'duplicate_check'")


def downgrade() -> None:
    op.execute("DROP INDEX ix_audit_event_duplicate_check")
