"""What the handbooks put in figures: the kinds a figure can be of, and every figure with its default, by area."""
