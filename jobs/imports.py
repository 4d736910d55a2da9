"""Imports in the background, as the person who asked."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

from flask import current_app

from portal.domain import imports
from portal.engine.fields import View
from portal.engine.importing import read_mapping
from portal.engine.intake import Shape
from portal.engine.work import RunHandle, work


@work("import")
def run_import(run: RunHandle) -> None:
    """Import the uploaded file; the result names the list and the file of refused rows."""
    given = run.arguments
    config = current_app.extensions["portal_config"]
    files = Path(config.home) / "files"
    shape = Shape(given["encoding"], given["delimiter"], tuple(given["header"]), given["header_row"], given["row_count"])
    done = imports.run(
        run,
        files / given["file"],
        shape,
        read_mapping(given["mapping"]),
        acting_user=run.principal,
        refused=files / f"{given['file']}-refused-{run.id}",
        view=View(given["language"], ZoneInfo(config.time_zone), run.now),
        dry_run=given["dry_run"],
    )
    result = imports.result_of(done, dry_run=given["dry_run"], entity=given["entity"])
    if done.told:
        result["refused_href"] = f"/{given['entity']}/import/{run.id}/refused.csv"
    run.finish(result)
