"""The loss at many parameter vectors, without moving the network."""
