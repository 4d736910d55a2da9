"""JSON as the doors take and answer it: written by a library that needs a tenth of the standard one's time."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Response
from flask.json.provider import DefaultJSONProvider

from portal.engine.given import json_of

_HOW = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATETIME


class JsonProvider(DefaultJSONProvider):
    """Keys keep the order they are declared in, texts stay readable; days and amounts are written as Flask writes them.

    A body that the database could not hold is no JSON of ours.
    """

    def loads(self, s: str | bytes, **_: Any) -> Any:
        return json_of(s)

    def dumps(self, obj: Any, **options: Any) -> str:
        """Whoever asks for a layout of his own, and numbers beyond 64 bits, get the standard library."""
        return super().dumps(obj, **options) if options else self._written(obj).decode()

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """What `jsonify` answers."""
        body = self._written(self._prepare_response_obj(args, kwargs))
        answer: Any = self._app.response_class
        return answer(body, mimetype=self.mimetype)  # type: ignore[no-any-return]

    def _written(self, obj: Any) -> bytes:
        try:
            return orjson.dumps(obj, self.default, _HOW)
        except TypeError:
            return super().dumps(obj).encode()
