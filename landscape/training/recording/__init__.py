"""Trajectories of training loops that are not this package's.

``recorder`` writes the weights down while a loop of the user's runs, ``lightning`` and
``huggingface`` do so inside those trainers; ``series`` makes a trajectory of checkpoints that a
run has left; ``losses`` evaluates the loss of every record afterwards. Nothing is imported here:
reading a recording needs no torch.
"""
