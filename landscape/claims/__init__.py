"""What is said of activations and descent, measured: one file per concept, and the statistics.

:mod:`landscape.claims.claim` is the registry: wording, control, measurement, verdict.
"""
