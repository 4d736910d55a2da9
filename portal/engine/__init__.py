"""How any entity works. Knows kinds and columns, no entity by name; rights reach it as arguments."""
