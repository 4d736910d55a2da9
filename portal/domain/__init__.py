"""What the business decides: plain functions, one module per area."""

from importlib import import_module
from pkgutil import iter_modules


def load() -> None:
    """Import every area, so that its verbs are declared before the doors are made."""
    for area in iter_modules(__path__):
        import_module(f"{__name__}.{area.name}")
