"""The cast in a database of its own, and a browser without JavaScript for it."""

from tests.domain.conftest import cast, template

__all__ = ["cast", "template"]
