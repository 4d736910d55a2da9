"""The bare limit: one Flask handler, the best SQL, a table in Jinja; no rights, languages, CSRF or history."""

from __future__ import annotations

from typing import Any

import psycopg
from flask import Flask, jsonify, render_template, request
from jinja2 import DictLoader
from psycopg.rows import dict_row

COLUMNS = (
    "l.id, l.company, l.name, l.phone, l.grade, l.state, s.name AS source, l.expected_amount, u.name AS owner, l.contacted_at,"
    " l.next_at, l.created_at"
)
FROM = "FROM lead l LEFT JOIN source_channel s ON s.id = l.source_id LEFT JOIN ab_user u ON u.id = l.owner_id"
SCOPE = "(l.owner_id = %(rep)s OR l.pool_id IS NOT NULL) AND l.deleted_at IS NULL"
TABLE = """<table>{% for r in rows %}<tr>{% for v in r.values() %}<td>{{ v }}</td>{% endfor %}</tr>{% endfor %}</table>"""
WHERE = {
    "list": "true",
    "filtered": "l.state = 'pool' AND l.source_id = %(source)s AND l.expected_amount BETWEEN 100 AND 5000",
    "deep": "(l.created_at, l.id) < (%(at)s, %(id)s)",
    "search": "portal_pairs((l.company || ' ') || l.name) @> portal_pairs('华为') AND l.company LIKE '%%华为%%'",
}


def make(connection: psycopg.Connection[Any], values: dict[str, Any]) -> Flask:
    """`/page/<which>`, `/api`, `/lead`: what the portal's pages need at least."""
    app = Flask("bare")
    app.jinja_loader = DictLoader({"table.html": TABLE})

    def rows(where: str) -> list[dict[str, Any]]:
        statement = f"SELECT {COLUMNS} {FROM} WHERE {SCOPE} AND {where} ORDER BY l.created_at DESC, l.id DESC LIMIT 25"
        with connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement, values, prepare=False).fetchall()

    @app.get("/page/<which>")
    def page(which: str) -> str:
        return render_template("table.html", rows=rows(WHERE[which]))

    @app.get("/api")
    def api() -> Any:
        return jsonify(rows("true"))

    @app.get("/lead")
    def lead() -> str:
        with connection.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(f"SELECT {COLUMNS} {FROM} WHERE l.id = %(lead)s", values).fetchall()
            found += cursor.execute(
                "SELECT * FROM follow_up WHERE lead_id = %(lead)s ORDER BY contacted_at DESC LIMIT 50", values
            ).fetchall()
        return render_template("table.html", rows=found)

    @app.post("/follow-up")
    def follow_up() -> Any:
        connection.execute(
            "INSERT INTO follow_up (lead_id, kind, contacted_at, content, created_by_id, created_at, changed_at)"
            " VALUES (%(lead)s, 'call', now(), %(said)s, %(rep)s, now(), now())",
            {**values, "said": request.get_json()["content"]},
        )
        connection.execute("UPDATE lead SET contacted_at = now(), version = version + 1 WHERE id = %(lead)s", values)
        connection.commit()
        return jsonify({})

    return app


def move(connection: psycopg.Connection[Any], ids: list[int], owners: list[int]) -> int:
    """Give leads to people in turn, each with its tenure: two statements."""
    connection.execute(
        "INSERT INTO tenure (entity, record_id, at, owner_id, how) SELECT 'lead', id, now(), o, 'assign'"
        " FROM unnest(%s::int[]) WITH ORDINALITY AS i(id, n) JOIN unnest(%s::int[]) WITH ORDINALITY AS p(o, k) ON k = 1 + n %% %s",
        (ids, owners, len(owners)),
    )
    connection.execute(
        "UPDATE lead SET owner_id = t.owner_id, team_id = u.team_id, pool_id = NULL, pooled_at = NULL,"
        " owned_at = now(), state = 'assigned',"
        " version = lead.version + 1 FROM tenure t JOIN ab_user u ON u.id = t.owner_id WHERE t.record_id = lead.id"
        " AND t.xid = (pg_current_xact_id()::text)::bigint AND lead.id = ANY(%s)",
        (ids,),
    )
    connection.commit()
    return 0


def export(connection: psycopg.Connection[Any], values: dict[str, Any]) -> int:
    """COPY straight out of the database."""
    size = 0
    with connection.cursor().copy(f"COPY (SELECT {COLUMNS} {FROM} WHERE {SCOPE}) TO STDOUT (FORMAT csv)", values) as rows:
        for block in rows:
            size += len(block)
    connection.rollback()
    return size
