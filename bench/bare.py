"""The bare limit: one Flask handler, the best SQL, the same table in Jinja; no rights, languages, CSRF or history.

Adding a follow-up is the exception that its row names: a form with its CSRF token, the scope asked, the history written.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from flask import Flask, abort, jsonify, redirect, render_template, request
from flask_wtf.csrf import CSRFProtect, generate_csrf
from jinja2 import DictLoader
from psycopg.rows import dict_row

COLUMNS = (
    "l.id, l.company, l.name, l.phone, l.grade, l.state, s.name AS source, l.expected_amount, u.name AS owner, l.contacted_at,"
    " l.next_at, l.created_at"
)
NAMES = ", p.name AS pool, t.name AS tag, m.name AS team, k.name AS customer, a.name AS author, c.name AS changer, l.*"
FROM = "FROM lead l LEFT JOIN source_channel s ON s.id = l.source_id LEFT JOIN ab_user u ON u.id = l.owner_id"
JOINS = (
    " LEFT JOIN pool p ON p.id = l.pool_id LEFT JOIN tag t ON t.id = l.tag_id LEFT JOIN team m ON m.id = l.team_id"
    " LEFT JOIN customer k ON k.id = l.customer_id LEFT JOIN ab_user a ON a.id = l.created_by_id"
    " LEFT JOIN ab_user c ON c.id = l.changed_by_id"
)
SCOPE = "(l.owner_id = %(rep)s OR l.pool_id IS NOT NULL) AND l.deleted_at IS NULL"
TABLE = """<table class="dt"><thead><tr>{% for label in labels %}<th scope="col">{{ label }}</th>{% endfor %}</tr></thead><tbody>
{% for r in rows %}<tr><td>
<input class="form-check-input" type="checkbox" name="ids" value="{{ r.id }}" aria-label="选择 {{ r.company }}"></td>
<td class="c-co"><a class="link" href="/lead/{{ r.id }}">{{ r.company }}</a></td><td class="c-sub">{{ r.name }}</td>
<td><span class="num">{{ r.phone }}</span></td><td class="c-grade"><span class="tag">{{ words[r.grade] }}</span></td>
<td><span class="state state-{{ tones[r.state] }}">{{ words[r.state] }}</span></td><td>{{ r.source }}</td>
<td class="r money c-money"><span class="num">¥{{ r.expected_amount|int }}</span></td>
<td class="c-own"><span class="who">{{ r.owner or '—' }}</span></td>
<td>{{ instant(r.contacted_at) }}</td><td>{{ instant(r.next_at) }}</td><td class="c-act">{{ instant(r.created_at) }}
<span class="row-act">
<button type="button" hx-post="/lead/verb/release" title="退回公海" aria-label="退回公海 {{ r.company }}">↩</button>
<button type="button" hx-post="/lead/verb/invalidate" title="标记无效" aria-label="标记无效 {{ r.company }}">×</button></span>
</td></tr>{% endfor %}
</tbody></table>"""
RECORD = """<h1>{{ lead.company }}</h1><dl class="dl">{% for key, value in lead.items() %}
<dt>{{ key }}</dt><dd><span class="num">{{ value or '—' }}</span></dd>
{% endfor %}</dl><ol class="tl">{% for e in follow_ups %}<li class="tl-i">
<div class="h"><b>{{ e.author }}</b> <a href="/follow_up/{{ e.id }}">跟进</a>
<time>{{ instant(e.contacted_at) }}</time></div><div class="tl-card">{{ e.content }}<div class="meta"><span>方式: {{ words[e.kind] }}</span>
{% if e.need %}<span>{{ e.need }}</span>{% endif %}
{% if e.next_at %}<span>{{ instant(e.next_at) }} {{ e.next_step }}</span>{% endif %}</div></div></li>
{% endfor %}</ol>"""
LABELS = ("", "公司", "联系人", "电话", "等级", "状态", "来源", "预计金额", "负责人", "最近跟进", "下次跟进", "创建时间")
WORDS = {
    "qualified": "合格",
    "potential": "潜在",
    "weak": "较弱",
    "invalid": "无效",
    "pool": "公海",
    "assigned": "已分配",
    "following": "跟进中",
    "call": "电话",
}
TONES = {"pool": "new", "assigned": "warn", "following": "ok"}
ZONE = ZoneInfo("Asia/Shanghai")
FOLLOW_UPS = """SELECT f.*, u.name AS author FROM follow_up f LEFT JOIN ab_user u ON u.id = f.created_by_id
    WHERE f.lead_id = %(lead)s AND f.deleted_at IS NULL ORDER BY f.contacted_at DESC LIMIT 50"""
WHERE = {
    "list": "true",
    "filtered": "l.state = 'pool' AND l.source_id = %(source)s AND l.expected_amount BETWEEN 100 AND 5000",
    "deep": "(l.created_at, l.id) < (%(at)s, %(id)s)",
    "search": "portal_pairs((l.company || ' ') || l.name) @> portal_pairs('华为') AND l.company LIKE '%%华为%%'",
}


def _instant(value: datetime | None) -> str:
    return value.astimezone(ZONE).strftime("%Y-%m-%d %H:%M") if value else "—"


def make(connection: psycopg.Connection[Any], values: dict[str, Any]) -> Flask:
    """`/page/<which>`, `/api`, `/lead`: what the portal's pages need at least."""
    app = Flask("bare")
    app.secret_key = "b" * 40
    CSRFProtect(app)
    app.jinja_loader = DictLoader({"table.html": TABLE, "record.html": RECORD})
    app.jinja_env.globals.update(labels=LABELS, words=WORDS, tones=TONES, instant=_instant)

    connection.execute("SET join_collapse_limit = 4")
    connection.commit()

    def rows(where: str, columns: str = COLUMNS, joins: str = "") -> list[dict[str, Any]]:
        statement = f"SELECT {columns} {FROM}{joins} WHERE {SCOPE} AND {where} ORDER BY l.created_at DESC, l.id DESC LIMIT 25"
        with connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement, values, prepare=False).fetchall()

    @app.get("/page/<which>")
    def page(which: str) -> str:
        return render_template("table.html", rows=rows(WHERE[which]))

    @app.get("/api")
    def api() -> Any:
        return jsonify(rows("true", COLUMNS + NAMES, JOINS))

    @app.get("/lead")
    def lead() -> str:
        with connection.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(f"SELECT {COLUMNS}{NAMES} {FROM}{JOINS} WHERE l.id = %(lead)s", values).fetchone()
            follow_ups = cursor.execute(FOLLOW_UPS, values).fetchall()
        return render_template("record.html", lead=found, follow_ups=follow_ups)

    @app.get("/form")
    def form() -> str:
        return generate_csrf()

    @app.post("/follow-up")
    def follow_up() -> Any:
        given = {**values, "said": request.form["content"]}
        if connection.execute(f"SELECT l.id FROM lead l WHERE l.id = %(lead)s AND {SCOPE} FOR UPDATE", given).fetchone() is None:
            abort(404)
        made = connection.execute(
            "INSERT INTO follow_up (lead_id, kind, contacted_at, content, created_by_id, created_at, changed_at)"
            " VALUES (%(lead)s, 'call', now(), %(said)s, %(rep)s, now(), now()) RETURNING id",
            given,
        ).fetchone()
        connection.execute("UPDATE lead SET contacted_at = now(), version = version + 1 WHERE id = %(lead)s", given)
        connection.execute(
            "INSERT INTO audit_event (at, actor_id, entity, record_id, verb, before, after, reason)"
            " SELECT now(), %(rep)s, e, i, v, '{}', jsonb_build_object('content', %(said)s::text), '' FROM (VALUES"
            " ('follow_up', %(made)s::int, 'create'), ('lead', %(lead)s::int, 'edit')) AS t(e, i, v)",
            {**given, "made": made[0] if made else 0},
        )
        connection.commit()
        return redirect("/lead", 303)

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
