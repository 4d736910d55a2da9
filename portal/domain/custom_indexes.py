"""Indexes of custom fields, built and dropped beside the running portal (`CONCURRENTLY`), outside any transaction."""

from __future__ import annotations

from typing import Any

from psycopg.errors import UniqueViolation
from sqlalchemy import Connection, String, func
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.domain.custom_fields import field_of
from portal.engine.custom import index_name
from portal.engine.fields import Field
from portal.engine.spec import registry
from portal.engine.text import Text

_REPEATED = Text("已有记录的值重复，请先改正，再保存一次。 | Some records hold the same value: correct them, then save this once more.")
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


def prepare(session: Session, row: Any) -> Text | None:
    """Bring a field's indexes in line with its definition. Returns why they cannot be; runs again as often as you like."""
    engine, wanted, table = session.connection().engine, statements(row), registry()[row.entity].table.name
    session.rollback()  # it would wait for a transaction of its own
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("SET lock_timeout = 0")
        try:
            for name, statement in wanted.items():
                _settle(connection, name, statement)
        except IntegrityError as error:
            if isinstance(error.orig, UniqueViolation):
                return _REPEATED
            raise
        connection.exec_driver_sql(f'ANALYZE "{table}"')
    return None


def statements(row: Any) -> dict[str, str]:
    """Index name → how it is made; empty: it is not wanted."""
    table = registry()[row.entity].table
    each = field_of(row)
    value = _sql(each.within(table.c.extra))
    on = f'CONCURRENTLY "{{name}}" ON "{table.name}"'
    plain = f"CREATE INDEX {on} (({value}), id)"
    pairs = f"CREATE INDEX {on} USING gin ({_sql(func.portal_pairs(each.within(table.c.extra)))})"
    listed = f"CREATE INDEX {on} USING gin (({value}))" if isinstance(each.sql_type(), JSONB) else plain
    unique = f"CREATE UNIQUE INDEX {on} (({value})) WHERE deleted_at IS NULL AND {_filled(each, value)}"
    wanted = {
        index_name(row.entity, each.key, "list"): listed if row.is_filterable or row.is_sortable else "",
        index_name(row.entity, each.key, "search"): pairs if row.is_searched else "",
        index_name(row.entity, each.key, "unique"): unique if row.is_unique else "",
    }
    return {key: statement.replace("{name}", key) for key, statement in wanted.items()}


def _sql(expression: Any) -> str:
    return str(expression.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True, "render_postcompile": True}))


def _filled(each: Field, value: str) -> str:
    return f"({value}) <> ''" if isinstance(each.sql_type(), String) else f"({value}) IS NOT NULL"


def _settle(connection: Connection, name: str, statement: str) -> None:
    """An index that a crash or a repeated value left half built is of no use and is built anew."""
    valid = connection.exec_driver_sql(
        "SELECT i.indisvalid FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid WHERE c.relname = %(name)s", {"name": name}
    ).scalar()
    if valid is not None and (not statement or not valid):
        connection.exec_driver_sql(f'DROP INDEX CONCURRENTLY "{name}"')
        valid = None
    if statement and valid is None:
        connection.exec_driver_sql(statement.replace("%", "%%"))
