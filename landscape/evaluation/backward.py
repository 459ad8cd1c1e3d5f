"""First derivatives of a loss by the network's parameters, whatever the network does on the way.

Gradients are taken by ``torch.autograd.grad``. Where that does not reach a parameter (reentrant
checkpoints, functions of the user's own whose backward pass runs a part of the network again) they
are taken by ``backward()`` into private parameters.

References:
    Chen, Xu, Zhang, Guestrin (2016), Training deep nets with sublinear memory cost (checkpoints).
    Gomez, Ren, Urtasun, Grosse (2017), The reversible residual network.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction

from landscape.problem.examples import Part, count, map_tensors
from landscape.problem.network import CUT_OFF, Network

_LOG = logging.getLogger(__name__)
_REENTRANT = "CheckpointFunctionBackward"
# By how much parameters without a gradient are moved, to see whether the loss depends on them.
_NUDGE = 1e-2
_NO_GRAPH = (
    "derivatives need a loss that depends on the parameters through autograd, got one without a "
    "graph; remove torch.no_grad or detach from the network and the loss"
)


@dataclass(frozen=True, slots=True)
class Backward:
    """How the derivatives of a network's loss are taken; made by :func:`look`.

    Attributes:
        network: with the point's parameters in place.
        reentrant: whether there are reentrant checkpoints, which have first derivatives alone.
        functions: names of the user's own functions on the way.
        from_inputs: whether inputs have to ask for gradients, so that a checkpoint gets any.
    """

    network: Network
    reentrant: bool = False
    functions: tuple[str, ...] = ()
    from_inputs: bool = False

    def leaves(self, varied: Mapping[str, bool]) -> AbstractContextManager[dict[str, Tensor]]:
        """Let parameters require gradients for a while; yields them by name.

        A function of the user's own may differentiate by any of them: then all do.
        """
        return self.network.leaves(dict.fromkeys(varied, True) if self.functions else varied)

    def parts(self, part: Part) -> list[Tensor]:
        """Return every field summed over a batch, the first, the loss, with its graph.

        Raises:
            ValueError: if the loss has no graph.
        """
        if self.from_inputs:
            part = (map_tensors(_asking, part[0]), part[1])
        parts = self.network.parts(part)
        if not parts[0].requires_grad:
            raise ValueError(_NO_GRAPH)
        return parts

    def gradients(self, loss: Tensor, leaves: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the gradients by name; parameters that take no part in the loss have none.

        Args:
            loss: with its graph.
            leaves: those to differentiate by.
        """
        every: Iterable[Tensor | None]
        if not (self.reentrant or self.functions):
            every = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
        else:
            for leaf in leaves.values():
                leaf.grad = None
            loss.backward()  # type: ignore[no-untyped-call]
            every = [leaf.grad for leaf in leaves.values()]
        return {n: g.detach() for n, g in zip(leaves, every, strict=True) if g is not None}

    def refuse_second(self) -> None:
        """Refuse what has no second derivative.

        Raises:
            ValueError: for reentrant checkpoints.
        """
        if self.reentrant:
            raise ValueError(
                "second derivatives need a network without reentrant checkpoints, got "
                "torch.utils.checkpoint with use_reentrant=True; say use_reentrant=False"
            )


def look(network: Network, part: Part) -> Backward:
    """See how derivatives are to be taken, on a batch at the parameters that are in place.

    Args:
        network: ready, with a point's parameters.
        part: a few examples.

    Raises:
        ValueError: for a loss without a graph, or a reentrant checkpoint that gradients do not
            reach.
    """
    names = {slot.name: True for slot in network.layout.slots}
    backward = Backward(network)
    with network.leaves(names) as leaves, torch.enable_grad():
        loss, cut_off = _watched(backward, part)
        if cut_off:
            backward = Backward(network, from_inputs=True)
            loss, cut_off = _watched(backward, part)
        if cut_off:
            raise ValueError(
                "gradients do not reach the parameters inside a reentrant checkpoint none of whose "
                "inputs needs a gradient; say use_reentrant=False in torch.utils.checkpoint"
            )
        nodes = list(_nodes(loss))
        backward = Backward(
            network,
            reentrant=any(node.name() == _REENTRANT for node in nodes),
            functions=tuple(dict.fromkeys(
                node.name().removesuffix("Backward") for node in nodes
                if _is_own(node) and node.name() != _REENTRANT
            )),
            from_inputs=backward.from_inputs,
        )  # fmt: skip
        reached = backward.gradients(loss, leaves)
    unreached = [name for name in leaves if name not in reached]
    if unreached and _moves(network, part, unreached, float(loss.detach())):
        _LOG.warning(
            "the loss depends on %s, but autograd finds no path to it (detach, no_grad or a "
            "rounded value in between): its derivatives are taken as zero", _listed(unreached),
        )  # fmt: skip
    return backward


def _watched(backward: Backward, part: Part) -> tuple[Tensor, bool]:
    """Return the loss of a batch, and whether a checkpoint was cut off from all parameters."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loss = backward.parts(part)[0]
    return loss, any(CUT_OFF in str(warning.message) for warning in caught)


def _asking(values: Tensor) -> Tensor:
    values = values.detach().clone()
    return values.requires_grad_() if values.dtype.is_floating_point else values


def _nodes(loss: Tensor) -> Iterator[torch.autograd.graph.Node]:
    seen, todo = set(), [loss.grad_fn]
    while todo:
        node = todo.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        yield node
        todo += [following for following, _ in node.next_functions]


def _is_own(node: Any) -> bool:
    """Whether a node is the backward pass of a torch.autograd.Function written in Python."""
    return isinstance(node, BackwardCFunction)


def _moves(network: Network, part: Part, names: list[str], loss: float) -> bool:
    """Tell whether the loss depends on parameters that have no gradient."""
    before = {name: network.parameter(name).detach().clone() for name in names}
    moved = {name: v + _NUDGE * (1 + v.abs()) for name, v in before.items()}
    with torch.no_grad():
        network.write(moved)
        other = float(network.sums(part)[0])
        network.write(before)
    return abs(other - loss) > 1e-6 * max(abs(loss), count(part) * 1e-9)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 3} more parameters" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
