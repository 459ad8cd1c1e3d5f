"""A place where a network bends or kinks, and what a call of a torch function tells of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.autograd.forward_ad as forward_ad
import torch.nn.functional as functional
from torch import Tensor

from landscape.networks.watching.operations import Arguments, JumpingError


@dataclass(slots=True)
class Site:
    """One call of an operation that bends or kinks, for n examples and U units each.

    Attributes:
        layer: name of the module it happened in, with a number from its second call on.
        operation: torch's name.
        inputs: what is compared with the knots, [n, U]; of a choice the candidates, [n, M].
        knots: places of the kinks.
        jumps: of the derivative, one for each knot, or [1, U] for a single knot.
        at: see :class:`landscape.networks.watching.operations.Kinks`.
        gap: for a branch, the difference of its two values, [n, U].
        state: for a branch, which is taken, [n, U].
        index: for a choice among several, which candidate, [n, U].
        choose: for such a choice, index as a function of candidates [m, M], [m, U].
        moves_values: for such a choice, whether its index places values, as unpooling does.
        source: for such a choice, which earlier site's output its candidates are.
        shape: of the output.
        bend: the operation as a function of its input alone, if it bends.
    """

    layer: str
    operation: str
    inputs: Tensor
    knots: tuple[float, ...] = ()
    jumps: tuple[float, ...] | Tensor = ()
    at: tuple[float, ...] = ()
    gap: Tensor | None = None
    state: Tensor | None = None
    index: Tensor | None = None
    choose: Callable[[Tensor], Tensor] | None = None
    moves_values: bool = False
    source: int | None = None
    shape: tuple[int, ...] = ()
    bend: Callable[[Tensor], Tensor] | None = None


def check_choice(site: Site, *, jumps: bool) -> None:
    """Refuse a choice whose indices place values, if it changes.

    Raises:
        JumpingError: if it does.
    """
    if site.moves_values and jumps:
        raise JumpingError(
            f"the indices of {site.operation} in {site.layer} place values, which jump when "
            "another entry becomes the largest; use unpooling without indices"
        )


def per_example(values: Tensor, examples: int) -> Tensor | None:
    """Return a tensor as [n, U], None if no axis of it counts the examples."""
    if values.ndim and values.shape[0] and values.shape[0] % examples == 0:
        return values.reshape(examples, -1)
    axes = [i for i, size in enumerate(values.shape) if size == examples]
    if len(axes) != 1:
        return None
    return values.movedim(axes[0], 0).reshape(examples, -1)


def out_of_place(func: Any) -> Callable[..., Tensor]:
    """Return the form of a torch function that leaves its input alone."""
    name = str(func.__name__)
    if not name.endswith("_") or name.startswith("__"):
        return func  # type: ignore[no-any-return]
    plain = name.rstrip("_")
    home = next(h for h in (functional, torch, Tensor) if hasattr(h, plain))
    return getattr(home, plain)  # type: ignore[no-any-return]


def alone(func: Any, arguments: Arguments) -> Callable[[Tensor], Tensor]:
    """Return a call of a torch function as a function of its input alone, out of place."""
    (_, *more), kwargs = arguments
    options = {key: value for key, value in kwargs.items() if key != "inplace"}
    plain = out_of_place(func)
    return lambda inputs: plain(inputs, *more, **options)


def target_of(func: Any, inputs: Tensor, kwargs: Any) -> Tensor | None:
    """Return the tensor that an in-place call overwrites."""
    name = str(func.__name__)
    private = name.startswith("_")
    return inputs if kwargs.get("inplace") or (name.endswith("_") and not private) else None


def flat(values: Sequence[Any]) -> Iterator[Any]:
    """Yield the values of nested tuples and lists."""
    for value in values:
        if isinstance(value, tuple | list):
            yield from flat(value)
        else:
            yield value


def depends_on_parameters(value: Any) -> bool:
    """Return whether a tensor depends on the parameters."""
    if not isinstance(value, Tensor) or not value.is_floating_point():
        return False
    dual = forward_ad.unpack_dual(value)  # type: ignore[no-untyped-call]
    return value.requires_grad or dual.tangent is not None
