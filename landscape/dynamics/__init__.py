"""What is said of activations and descent, measured: one file per claim, and the statistics."""
