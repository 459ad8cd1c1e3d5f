"""What a network computes while it runs: activations, their inputs, pieces of the network."""
