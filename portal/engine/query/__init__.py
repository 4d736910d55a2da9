"""Filters, sorting, paging, counting, search: the list of any entity, one statement each."""
