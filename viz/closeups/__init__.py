"""The loss microscope: what the best-fitting quadratic leaves, down to a single step."""
