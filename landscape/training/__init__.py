"""Training, and trajectories of training loops that are not this package's."""
