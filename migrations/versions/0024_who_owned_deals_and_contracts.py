"""no owner change of opportunities and contracts without its tenure"""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_OWNED = ("opportunity", "contract")


def upgrade() -> None:
    for table in _OWNED:
        op.execute(f"""
            CREATE CONSTRAINT TRIGGER {table}_owner_change AFTER UPDATE OF owner_id ON {table}
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
            WHEN (OLD.owner_id IS DISTINCT FROM NEW.owner_id)
            EXECUTE FUNCTION portal_owner_change_has_tenure()""")


def downgrade() -> None:
    for table in _OWNED:
        op.execute(f"DROP TRIGGER {table}_owner_change ON {table}")
