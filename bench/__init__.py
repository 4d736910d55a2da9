"""How fast the portal is, against the bare limit: the same necessary work by hand, measured in the same run."""
