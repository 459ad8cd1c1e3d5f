"""Whether the loss of an example depends on the others in its batch.

A mean over the examples can be cut into batches that fit. The mean of a loss with class weights, a
root of a mean, an overlap (Dice), a correlation, a contrastive loss, a mean over the tokens that
count cannot: cut, it is another loss. Examples are drawn over the whole data set, with every value
of the targets among them, and evaluated in one batch and in small ones, at the network's parameters
and beside them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from landscape.networks.randomness import keyed_generator
from landscape.problem.examples import Batches, count, take, tensors
from landscape.problem.network import Network

# So many examples are drawn, in so many draws.
_DRAWN, _DRAWS = 256, 2
# Values of targets that are looked for, each.
_VALUES = 64
_CUT = 16
# Means of the same examples in other batches differ by rounding.
_ROUNDING = {torch.float64: 1e-9, torch.float32: 2e-5}
_BESIDE = 0.1


Verdict = bool | None


def coupled(network: Network, batches: Batches) -> list[Verdict]:
    """Tell of the loss, and of each metric, whether it couples the examples of a batch.

    Of batches that cannot be joined the largest is looked at. It cannot be decided (None) where
    that holds other things than tensors, there is one example alone, every value is NaN or
    infinite, or the network is random: it gives another loss for the same batch.
    """
    fields = len(network.objective.fields)
    if not batches.joinable:
        batches = Batches((max(batches.parts, key=count),))
    if not batches.joinable or batches.examples < 2 or _lengths(batches) > 1:
        return [None] * fields
    every = batches.joined()
    seen: list[list[Verdict]] = []
    for draw in range(_DRAWS):
        some = take(every, _drawn(every, batches.examples, draw))
        with torch.no_grad(), network.ready():
            for parameters in (now(network), beside(network, draw)):
                network.write(parameters)
                seen.append(_differs(network, Batches((some,))))
    return [_joint(of_field) for of_field in zip(*seen, strict=True)]


def _joint(verdicts: Sequence[Verdict]) -> Verdict:
    if any(verdicts):
        return True
    return None if all(verdict is None for verdict in verdicts) else False


def _differs(network: Network, whole: Batches) -> list[Verdict]:
    together, cut, again = (
        network.totals(b).tolist() for b in (whole, whole.cut(_size(whole)), whole)
    )
    if together[0] != again[0] and math.isfinite(together[0]):
        return [None] * len(together)
    close = _ROUNDING.get(network.dtype, 1e-2)
    # The loss may be a difference of larger numbers: rounding is counted from 1 an example up.
    least = close * 1e-3 * whole.examples
    return [
        None if not (math.isfinite(a) and math.isfinite(b)) else
        False if math.isclose(a, b, rel_tol=close, abs_tol=least) else
        True if a == c else None
        for a, b, c in zip(together, cut, again, strict=True)
    ]  # fmt: skip


def _size(whole: Batches) -> int:
    return min(_CUT, -(-whole.examples // 2))


def _lengths(batches: Batches) -> int:
    return len({tensor.shape[:1] for tensor in tensors(batches.parts[0])})


def _drawn(part: tuple[object, object], examples: int, draw: int) -> Tensor:
    """Return the numbers of the examples drawn, every value of the targets among them."""
    order = torch.randperm(examples, generator=keyed_generator(draw, "coupling"))
    chosen = [order[:_DRAWN]]
    for target in tensors(part[1]):
        rows = target.to_dense() if target.layout != torch.strided else target
        rows = rows.detach().cpu().reshape(examples, -1)[order]
        for value in _values(rows):
            hit = rows.isnan() if value is None else rows == value
            chosen.append(order[hit.any(dim=1).nonzero().flatten()[:1]])
    numbers: Tensor = torch.unique(torch.cat(chosen))
    return numbers[torch.randperm(len(numbers), generator=keyed_generator(draw, "coupling order"))]


def _values(rows: Tensor) -> list[float | None]:
    """Return values that are looked for: of classes each, of numbers what is missing."""
    if rows.dtype.is_complex:
        return []
    if rows.dtype.is_floating_point:
        return [None] if bool(rows.isnan().any()) else []
    return [float(v) for v in torch.unique(rows)[:_VALUES]]


def now(network: Network) -> dict[str, Tensor]:
    """Return the parameters that the user's network has now, by their names in the copy."""
    named = zip(network.layout.slots, network.source.parameters(), strict=True)
    return {slot.name: p.detach().to(network.device, network.dtype) for slot, p in named}


def beside(network: Network, draw: int = 0) -> dict[str, Tensor]:
    """Return parameters beside them, a tenth of their size away in a random direction."""
    parameters = {}
    for name, values in now(network).items():
        noise = torch.randn(values.shape, generator=keyed_generator(draw, "beside", name))
        scale = values.square().mean().sqrt() if values.numel() else 0.0
        parameters[name] = values + _BESIDE * (scale + _BESIDE) * noise.to(values)
    return parameters
