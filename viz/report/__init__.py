"""One page with the answers."""
