"""The commands of `python -m portal`."""
