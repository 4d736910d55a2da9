"""The cast in a database of its own, for work that happens by itself."""

from tests.domain.conftest import cast, template

__all__ = ["cast", "template"]
