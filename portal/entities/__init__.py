"""What exists: the declarations, one module per area."""
