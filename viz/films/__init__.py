"""Films: the optimizer's way down, and the way to single kinks."""
