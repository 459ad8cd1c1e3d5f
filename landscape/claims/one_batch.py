"""A network and all its examples as one batch, for what looks at all of them in one pass."""

from __future__ import annotations

from landscape.problem import Problem
from landscape.problem.examples import Part
from landscape.problem.losses import resolve_loss
from landscape.problem.network import Network


def in_one_batch(problem: Problem) -> tuple[Network, Part]:
    """Return a private network with its loss, in the problem's precision, and all the examples.

    Raises:
        ValueError: for a loss of (model, batch), batches of different forms, several batches of a
            loss that couples the examples of each, or statistics that are not frozen.
    """
    resolve_loss(problem.loss)
    evaluator = problem.evaluator(metrics={}, standard_errors=False)
    network, batches = evaluator.network, evaluator.batches
    if network.batch_norm != "frozen":
        raise ValueError(
            f"this needs statistics that are frozen, got batch_norm {network.batch_norm!r}; take "
            "batch_norm='frozen', or a network without batch normalisation"
        )
    several = len(batches.parts) > 1
    if several and (not batches.joinable or problem.coupled):
        reason = "of different forms" if not batches.joinable else "for a loss that couples them"
        raise ValueError(
            f"this needs all examples as one batch, got {len(batches.parts)} batches {reason}; "
            "give a pair (inputs, targets)"
        )
    return network, batches.joined()
