"""report questions"""

import sqlalchemy as sa
from alembic import op

from portal.engine.kinds.answers import IN_WORDS_SQL

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_FULL_TEXT = """problems || ' ' || plan || ' ' || extra_work || ' ' || comment || ' '
 || CAST(jsonb_path_query_array(answers, '$.items[*].value.** ? (@.type() == "string")') AS text) || ' '
 || CAST(jsonb_path_query_array(figures, '$.lines[*].text.zh') AS text)"""


def upgrade() -> None:
    op.execute(IN_WORDS_SQL)
    op.add_column("report_template", sa.Column("for_role", sa.String(length=64), server_default="", nullable=False))
    op.add_column("report_template", sa.Column("for_team_id", sa.Integer(), nullable=True))
    op.add_column("report_template", sa.Column("number", sa.Integer(), nullable=True))
    op.add_column("report_template", sa.Column("replaces_id", sa.Integer(), nullable=True))
    op.execute("UPDATE report_template SET number = 1")
    for column, target in (("for_team_id", "team"), ("replaces_id", "report_template")):
        op.create_foreign_key(f"report_template_{column}_fkey", "report_template", target, [column], ["id"], ondelete="RESTRICT")
        op.create_index(op.f(f"ix_report_template_{column}"), "report_template", [column], unique=False)
    op.create_index("ix_report_template_period", "report_template", ["period", "active"], unique=False)
    op.add_column("work_report", sa.Column("score", sa.Integer(), nullable=True))
    op.add_column("work_report", sa.Column("full_text", sa.Text(), sa.Computed(_FULL_TEXT, persisted=True), nullable=False))
    op.create_index(
        "ix_work_report_pairs", "work_report", [sa.literal_column("portal_pairs(full_text)")], unique=False, postgresql_using="gin"
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION portal_answers(jsonb, integer)")
    op.drop_index("ix_work_report_pairs", table_name="work_report", postgresql_using="gin")
    op.drop_column("work_report", "full_text")
    op.drop_column("work_report", "score")
    op.drop_index("ix_report_template_period", table_name="report_template")
    for column in ("replaces_id", "for_team_id"):
        op.drop_index(op.f(f"ix_report_template_{column}"), table_name="report_template")
        op.drop_constraint(f"report_template_{column}_fkey", "report_template", type_="foreignkey")
        op.drop_column("report_template", column)
    op.drop_column("report_template", "number")
    op.drop_column("report_template", "for_role")
