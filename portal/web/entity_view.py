"""The pages of any entity: one view class, specialised by a spec."""

from __future__ import annotations

from typing import Any

from flask import Response, make_response, redirect, render_template, request
from flask_appbuilder import BaseView, expose

from portal.engine import custom
from portal.engine.errors import NotAllowed, NotFound, Refused
from portal.engine.spec import Spec
from portal.engine.text import Text
from portal.security import policy
from portal.web import actions, arguments, board_page, charts_page, exports, files, form_page, imports, pickers, prints, records, undoing
from portal.web.detail_page import DetailPageBuilder
from portal.web.language import view as reader
from portal.web.list_page import ListPageBuilder
from portal.web.records import granted
from portal.web.said import say_next


class EntityView(BaseView):  # type: ignore[misc]
    """Derived per entity by `view_of`; routes come from Flask-AppBuilder, rows through the gate."""

    declared: Spec

    @property
    def spec(self) -> Spec:
        """As this request has it, with the fields added at run time."""
        return custom.current(self.declared)

    @expose("/")
    @granted("read")
    def list(self) -> str:
        given = request.args.to_dict()
        query = arguments.parse(self.spec, given, known=arguments.PAGE)
        page = ListPageBuilder(self.spec, records.rights(), reader(), query, given).build()
        return render_template("list.html", page=page)

    @expose("/count")
    @granted("read")
    def count(self) -> str:
        """How many the list's arguments find, put wherever its page tells so."""
        given = request.args.to_dict()
        query = arguments.parse(self.spec, given, known=arguments.PAGE)
        total = ListPageBuilder(self.spec, records.rights(), reader(), query, given).count()
        return render_template("parts/total.html", total=total)

    @expose("/charts")
    @granted("read")
    def charts(self) -> str:
        if not self.spec.screen.charts:
            raise NotFound
        given = request.args.to_dict()
        query = arguments.parse(self.spec, given, known=arguments.BESIDE)
        return render_template("charts.html", page=charts_page.build(self.spec, records.rights(), reader(), query, given))

    @expose("/export.csv")
    @granted("export")
    def export(self) -> Response:
        records.require(self.spec, "read")
        return exports.export(self.spec)

    @expose("/import", methods=("GET", "POST"))
    @granted("import")
    def import_file(self) -> Response:
        return imports.page(self.spec)

    @expose("/import/<int:run_id>", methods=("GET", "POST"))
    @granted("import")
    def import_run(self, run_id: int) -> Response:
        return imports.run_page(self.spec, run_id)

    @expose("/import/<int:run_id>/refused.csv")
    @granted("import")
    def import_refused(self, run_id: int) -> Response:
        return imports.refused(self.spec, run_id)

    @expose("/pick")
    @granted("read")
    def pick(self) -> Response:
        return pickers.pick(self.spec)

    @expose("/new", methods=("GET", "POST"))
    @granted("create")
    def create(self) -> Response | str:
        door = form_page.FormDoor(self.spec)
        return door.submit() if request.method == "POST" else door.show()

    @expose("/<int:record_id>")
    @granted("read")
    def show(self, record_id: int) -> Response:
        view = reader()
        may_restore = records.principal().may(f"{self.spec.name}:delete") and self.spec.archived
        row: dict[str, Any] | None
        try:
            row = records.row_of(self.spec, record_id, view, with_deleted=may_restore or self.spec.mergeable)
        except NotFound:
            row = None
        if row is None or (row.get("deleted_at") is not None and not may_restore and not row.get("merged_into_id")):
            why = policy.explain_denial(records.principal(), self.spec)
            return make_response(render_template("error.html", status=404, text=why.in_(view.language), rule="not_found"), 404)
        if row.get("deleted_at") is not None and not policy.reads(records.principal(), self.spec, row):
            raise NotFound
        page = DetailPageBuilder(self.spec, row, records.rights(), view).build()
        return make_response(render_template("detail.html", page=page))

    @expose("/<int:record_id>/reveal", methods=("POST",))
    @granted("reveal")
    def reveal(self, record_id: int) -> Response:
        """The record page with one masked value in full, this once."""
        key = request.form.get("field", "")
        value = records.reveal(self.spec, record_id, key, request.form.get("reason", ""))
        row, view = records.row_of(self.spec, record_id, reader()), reader()
        page = DetailPageBuilder(self.spec, row, records.rights(), view, revealed={key: value}).build()
        return make_response(render_template("detail.html", page=page))

    @expose("/<int:record_id>/edit", methods=("GET", "POST"))
    @granted("edit")
    def edit(self, record_id: int) -> Response | str:
        record = records.find(self.spec, record_id)
        values = records.values_of(record)
        if not policy.writes(records.principal(), self.spec, values):
            raise NotAllowed
        if request.method == "GET" and not self.spec.is_open(values):
            raise Refused("现在的状态不能修改。 | It cannot be changed in its present state.", rule="state")
        if request.method == "GET" and (desk := records.rights().desk(self.spec, record_id)):
            return make_response(redirect(desk, 303))
        door = form_page.FormDoor(self.spec, record)
        return door.submit() if request.method == "POST" else door.show()

    @expose("/<int:record_id>/delete", methods=("POST",))
    @granted("delete")
    def delete(self, record_id: int) -> Response:
        return form_page.delete(self.spec, record_id)

    @expose("/<int:record_id>/restore", methods=("POST",))
    @granted("delete")
    def restore(self, record_id: int) -> Response:
        return form_page.restore(self.spec, record_id)

    @expose("/<int:record_id>/files", methods=("POST",))
    @granted("read")
    def upload(self, record_id: int) -> Response:
        files.upload(self.spec, record_id)
        return self._to(record_id)

    @expose("/<int:record_id>/files/<int:file_id>")
    @granted("read")
    def download(self, record_id: int, file_id: int) -> Response:
        return files.download(self.spec, record_id, file_id)

    @expose("/<int:record_id>/files/<int:file_id>/remove", methods=("POST",))
    @granted("read")
    def remove_file(self, record_id: int, file_id: int) -> Response:
        gone = files.remove(self.spec, record_id, file_id)
        words = Text("已移除“{name}” | “{name}” removed", name=gone.name)
        say_next(words, undo_href=f"/{self.spec.name}/{record_id}/files/{file_id}/restore")
        return self._to(record_id)

    @expose("/<int:record_id>/files/<int:file_id>/restore", methods=("POST",))
    @granted("read")
    def restore_file(self, record_id: int, file_id: int) -> Response:
        back = files.restore(self.spec, record_id, file_id)
        say_next(Text("已恢复“{name}” | “{name}” is back", name=back.name))
        return self._to(record_id)

    def _to(self, record_id: int) -> Response:
        return make_response(redirect(f"/{self.spec.name}/{record_id}", 303))

    @expose("/verb/<verb>", methods=("POST",))
    @granted("read")
    def verb(self, verb: str) -> Response:
        return actions.page_verb(self.spec, verb)

    @expose("/undo/<batches>", methods=("POST",))
    @granted("read")
    def undo(self, batches: str) -> Response:
        return undoing.page(self.spec, batches)


class BoardView(EntityView):
    """The pages of an entity that declares a board: the same, and its records as cards in columns."""

    @expose("/board")
    @granted("read")
    def board(self) -> str:
        declared = self.spec.screen.board
        if declared is None:
            raise NotFound
        if not records.rights().has_board(self.spec):
            raise NotAllowed
        given = request.args.to_dict()
        query = arguments.parse(self.spec, {key: value for key, value in given.items() if key != "within"}, known=arguments.BESIDE)
        group = board_page.group_from(given.get("within", ""))
        page = board_page.BoardPageBuilder(self.spec, declared, records.rights(), reader(), query, given, group).build()
        return render_template("entity_board.html", page=page)


class PrintedView(EntityView):
    """The pages of an entity that is offered on paper."""

    @expose("/<int:record_id>/print.pdf")
    @granted("read")
    def print_pdf(self, record_id: int) -> Response:
        return prints.of_record(self.spec, record_id)


def view_of(spec: Spec) -> type[EntityView]:
    """The view class of an entity."""
    name = "".join(part.title() for part in spec.name.split("_")) + "View"
    settings: dict[str, Any] = {
        "declared": spec,
        "route_base": f"/{spec.name}",
        "class_permission_name": spec.name,
        "default_view": "list",
        "endpoint": name,
    }
    from portal.web.merge_page import MergeView  # noqa: PLC0415 - it is one of these views itself

    offered = ((MergeView, spec.mergeable), (BoardView, spec.screen.board), (PrintedView, spec.screen.prints))
    return type(name, tuple(view for view, declared in offered if declared) or (EntityView,), settings)
