"""What of a record is drawn where: heights, windows, meshes, colours, and paths on them."""
