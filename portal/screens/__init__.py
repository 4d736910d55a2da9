"""Screens no declaration can say; each is listed in `portal/views.py`."""
