"""What a page may cost, on ten thousand leads: statements, bytes, plans."""
