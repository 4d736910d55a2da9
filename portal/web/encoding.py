"""JSON as the doors answer it: written by a library that takes a tenth of the standard one's time."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Response
from flask.json.provider import DefaultJSONProvider

_HOW = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATETIME


class JsonProvider(DefaultJSONProvider):
    """Keys keep the order they are declared in, texts stay readable; days and amounts are written as Flask writes them."""

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
