"""What is found out about network, loss and data, once, on some of the examples.

Whether the network can be copied, whether network or loss write into their inputs, whether the loss
couples the examples of a batch.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from landscape.problem.coupling import beside, coupled
from landscape.problem.examples import Batches, Part, cast, count, map_tensors, tensors
from landscape.problem.network import CUT_OFF, Network

_LOG = logging.getLogger(__name__)
# Sums of losses in two precisions differ by so much of themselves.
_ROUNDING = {torch.float64: 1e-8, torch.float32: 1e-4}


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found out about network, loss and data.

    Attributes:
        private: whether a copy of the network can be evaluated in its place.
        in_place: whether network or loss write into the data they are given.
        cut_off: whether a checkpoint warns where it has no gradients.
        each: whether the loss gives one value for each example.
        coupled: whether the examples of a batch depend on each other; None if that is not known.
        together: whether a metric couples them.
    """

    private: bool
    in_place: bool
    cut_off: bool
    each: bool
    coupled: bool | None
    together: bool = False


def look(make: Callable[[bool], Network], few: Part, batches: Batches | None) -> Facts:
    """Look at network and loss on a few examples, and on more at the coupling.

    Args:
        make: makes the network, private or not.
        few: examples.
        batches: of the examples; None if they are one batch of a loss of (model, batch), whose
            coupling is not looked at.

    Raises:
        ValueError: if network or loss fail, or torch's loss broadcasts output and target.
    """
    network, private = _copied(make, few)
    _look_at(network, few)
    each = _gives_each(network, few)
    if network.batch_norm != "frozen":
        return Facts(private, network.in_place, network.cut_off, each, coupled=True)
    verdict, *others = [None] if batches is None else coupled(network, batches)
    if batches is not None and (verdict or any(others)):
        what = "loss" if verdict else "metric"
        _LOG.warning("the %s of an example depends on the others in its batch: %s", what,
                     _consequence(batches))  # fmt: skip
    return Facts(private, network.in_place, network.cut_off, each, verdict, together=any(others))


def _copied(make: Callable[[bool], Network], few: Part) -> tuple[Network, bool]:
    """Return the network, and whether it is a copy that gives what the user's own gives."""
    failure: ValueError | None = None
    try:
        network = make(True)
    except ValueError:
        raise
    except Exception as error:  # Whatever the user's model raises that cannot be copied.
        _LOG.warning("the model cannot be copied (%s); it is used itself, then restored", error)
        return make(False), False
    try:
        if _copied_right(network, few, beside(network)):
            return network, True
    except ValueError as error:
        failure = error
    network = make(False)
    if failure is not None and not _works(network, few):
        raise failure
    _LOG.warning(
        "a copy of the model does not give what the model gives (it reaches its own layers by "
        "another way than its attributes); the model is used itself, then restored"
    )
    return network, False


def _look_at(network: Network, part: Part) -> None:
    """See on a few examples whether network or loss write into their inputs, and what torch says.

    Raises:
        ValueError: where torch's loss broadcasts output and target against each other.
    """
    mine = map_tensors(torch.clone, part)
    before = map_tensors(torch.clone, mine)
    versions = [t._version for t in tensors(mine)]
    with torch.no_grad(), network.ready(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        network.sums(mine)
    warned = [str(warning.message) for warning in caught]
    _refuse_bent(warned)
    network.cut_off = any(CUT_OFF in text for text in warned)
    changed = [t._version for t in tensors(mine)] != versions
    pairs = zip(tensors(mine), tensors(before), strict=True)
    same = all(a.layout != torch.strided or _same(a, b) for a, b in pairs)
    network.in_place = changed or not same


def _refuse_bent(warned: list[str]) -> None:
    """Refuse an output and a target that torch's loss broadcasts against each other.

    Raises:
        ValueError: with torch's own words.
    """
    for text in warned:
        if text.startswith("Using a target size"):
            raise ValueError(
                f"the loss needs an output and a target of the same shape: {text.splitlines()[0]} "
                "Give the target the axes of the output (target.unsqueeze(-1), target.reshape)"
            )


def _copied_right(network: Network, part: Part, theta: Mapping[str, Tensor]) -> bool:
    """Tell whether a copy gives the losses that the user's own network and loss give.

    A network or a loss that reaches a layer or a weight in a way that cannot be followed would not.

    Args:
        network: the copy.
        part: a few examples.
        theta: parameters by their names in the network, not those the network was built with.
    """
    if network.meets_weight:
        return True  # Weights are written into the copy, and only swapped in the network itself.
    first = next(network.source.parameters())
    objective, batch_norm = network._asked
    themselves = Network(network.source, objective, dtype=first.dtype, batch_norm=batch_norm,
                  private=False)  # fmt: skip
    mine = map_tensors(lambda t: cast(t, first.device, first.dtype), part)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `look_at` shows them.
        with network.ready():
            network.write(theta)
            copied = network.sums(map_tensors(torch.clone, part))
        try:
            with themselves.ready():
                themselves.write(theta)
                wanted, again = (themselves.sums(map_tensors(torch.clone, mine)) for _ in range(2))
        except Exception as error:  # Half precision that the CPU does not have, and the like.
            _LOG.debug("the copy was not compared with the network: %s", error)
            return True
    close = max(_ROUNDING.get(d, 3e-2) for d in (first.dtype, network.dtype))
    # A random network differs from itself.
    return _near(copied, wanted, close) or not _near(wanted, again, close)


def _near(first: Tensor, second: Tensor, close: float) -> bool:
    first, second = (values.detach().double().cpu() for values in (first, second))
    return bool(torch.isclose(first, second, rtol=close, atol=close * 1e-2, equal_nan=True).all())


def _same(first: Tensor, second: Tensor) -> bool:
    return torch.equal(first.nan_to_num(), second.nan_to_num())


def _gives_each(network: Network, few: Part) -> bool:
    with torch.no_grad(), network.ready():
        output, few = network.output(few)
        return network.objective.gives_each(output, few[1], count(few))


def _works(network: Network, few: Part) -> bool:
    try:
        with torch.no_grad(), network.ready():
            network.sums(few)
    except ValueError:
        return False
    return True


def _consequence(batches: Batches) -> str:
    if batches.divisible or len(batches.parts) == 1:
        return f"all {batches.examples:,} examples are evaluated as one batch"
    sizes = f"{len(batches.parts):,} batches of up to {max(map(count, batches.parts)):,}"
    return (
        f"it is averaged over the {sizes} of the data; give all examples as one batch to get "
        "the loss over all of them"
    )
