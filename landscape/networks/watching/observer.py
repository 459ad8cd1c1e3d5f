"""Watching a network run: every place where it bends or kinks, module or functional call.

A ``TorchFunctionMode`` sees each torch function that is called while the network runs. What kinks
is done as torch does it and noted with its input; in-place forms are done out of place first, so
that the input is not lost.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from landscape.networks.watching.candidates import Candidates, candidates_along, pooled_candidates
from landscape.networks.watching.normalisers import WRITTEN_OUT
from landscape.networks.watching.operations import (
    ALONG_DIMENSION,
    COMPARISONS,
    ELEMENTWISE,
    EXTREMES,
    HARMLESS,
    JUMPING,
    MASK_KEEPING,
    OPAQUE,
    POOLS,
    WATCHED,
    Arguments,
    JumpingError,
    Kinks,
    argument,
    base_name,
)
from landscape.networks.watching.recurrent import RECURRENT, is_packed, written_out
from landscape.networks.watching.sites import (
    Site,
    depends_on_parameters,
    flat,
    out_of_place,
    per_example,
    target_of,
)


@dataclass(slots=True)
class _Mask:
    """The result of a comparison: true where ``margin`` is above 0."""

    result: Tensor
    margin: Tensor


class Observer(TorchFunctionMode):
    """Notes every bend and kink of what runs inside it.

    Args:
        examples: number of examples n in the batch.
        place: returns the name of the module that is running.
        probes: zeros that are added to the outputs of the sites, in order, so that the gradients
            there can be found; the network runs as it did before, when ``moving`` was noted.
        moving: of an earlier run.
        secants: gives the output of a site another slope; None leaves the slopes as they are.

    Attributes:
        sites: in the order of the calls.
        unseen: what may kink and could not be watched, as sentences.
        moving: of every call that may kink, whether its input depends on the parameters.
        written_out: functions that are done in plain operations instead.
    """

    written_out: ClassVar[Mapping[Callable[..., Any], Callable[..., Tensor]]] = WRITTEN_OUT

    def __init__(
        self,
        examples: int,
        place: Callable[[], str],
        *,
        probes: Sequence[Tensor] = (),
        moving: Sequence[bool] | None = None,
        secants: Callable[[Site, Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.sites: list[Site] = []
        self.unseen: dict[str, None] = {}
        self.moving: list[bool] = []
        self._probes = list(probes)
        self._known = None if moving is None else list(moving)
        self._secants = secants
        self._examples = examples
        self._place = place
        self._calls: dict[str, int] = {}
        self._masks: dict[int, _Mask] = {}
        self._indices: dict[int, tuple[Tensor, Site]] = {}
        # Outputs of sites, with their version: what is written into later is none any more.
        self._made: dict[int, tuple[weakref.ref[Tensor], int, int]] = {}

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Do what was called, and note it if it bends or kinks."""
        kwargs = kwargs or {}
        name = base_name(func)
        self._follow_indices(name, args)
        handler = self._handler(name, args, kwargs)
        if handler is None:
            return self.written_out.get(func, func)(*args, **kwargs)
        return handler(func, name, (args, kwargs))

    def _follow_indices(self, name: str, args: Any) -> None:
        """Look where the indices of max pooling go."""
        for used in [self._indices[id(a)] for a in args if id(a) in self._indices]:
            if name.startswith("max_unpool"):
                used[1].moves_values = True
            elif name not in HARMLESS and not name.startswith("get"):
                self._miss(f"indices of {used[1].operation} used by {name}")

    def _handler(self, name: str, args: Any, kwargs: Any) -> Callable[..., Any] | None:
        """Return what deals with a call, None for one that neither bends nor kinks."""
        masked = [a for a in args if isinstance(a, Tensor) and id(a) in self._masks]
        if masked:
            return self._with_mask
        if name in RECURRENT:
            return self._recurrent
        if name not in WATCHED or not self._moves(args, kwargs):
            return None
        if name in JUMPING or name in OPAQUE:
            return self._refuse
        if name in POOLS or name.removesuffix("_with_indices") in POOLS:
            return self._pool
        if name in EXTREMES and len(args) > 1 and isinstance(args[1], Tensor):
            return self._extreme
        simple = {"clamp": self._clamp, "clip": self._clamp, "clamp_min": self._clamp,
                  "clamp_max": self._clamp, "l1_loss": self._absolute_loss,
                  "smooth_l1_loss": self._absolute_loss}  # fmt: skip
        if name in simple:
            return simple[name]
        if name in ELEMENTWISE:
            return self._elementwise
        if name in ALONG_DIMENSION:
            return self._along
        return self._compare if name in COMPARISONS else None

    def _moves(self, args: Any, kwargs: Any) -> bool:
        if self._known is not None:
            self.moving.append(self._known[len(self.moving)])
        else:
            self.moving.append(any(map(depends_on_parameters, flat((*args, *kwargs.values())))))
        return self.moving[-1]

    # -- what kinks ---------------------------------------------------------------------------

    def _elementwise(self, func: Any, name: str, arguments: Arguments) -> Any:
        (inputs, *more), kwargs = arguments
        rule = ELEMENTWISE[name]
        try:
            kinks = rule.kinks(arguments)
        except JumpingError as error:
            raise JumpingError(f"{error}, in {self._place()}; replace the activation") from None
        options = {k: v for k, v in kwargs.items() if k != "inplace"}
        call = rule.function or out_of_place(func)
        extra = () if rule.function else more
        options = {} if rule.function else options

        def alone(values: Tensor) -> Tensor:
            return call(values, *extra, **options)

        before = inputs.clone()
        site = self._note(name, before, kinks, bend=alone if rule.curved else None)
        return self._result(site, alone(before), target_of(func, inputs, kwargs))

    def _clamp(self, func: Any, name: str, arguments: Arguments) -> Any:
        inputs = arguments[0][0]
        low = high = None
        if name == "clamp_max":
            high = argument(arguments, 1, "max", None)
        else:
            low = argument(arguments, 1, "min", None)
            high = None if name == "clamp_min" else argument(arguments, 2, "max", None)
        result = inputs.clone()
        target = target_of(func, inputs, arguments[1])
        if isinstance(low, int | float) and isinstance(high, int | float) and low < high:
            both = Kinks((float(low), float(high)), (1.0, -1.0), (1.0, 0.0))
            site = self._note(name, result, both)
            return self._result(site, torch.clamp(result, low, high), target)
        for bound, sign in ((low, 1), (high, -1)):
            if bound is None:
                continue
            if isinstance(bound, Tensor):
                result = self._rectified(name, result, bound, sign)
            else:
                pair = Kinks((float(bound),), (float(sign),), (1.0 if sign > 0 else 0.0,))
                site = self._note(name, result, pair)
                limits = {"min": bound} if sign > 0 else {"max": bound}
                result = self._result(site, torch.clamp(result, **limits), None)
        return result if target is None else target.copy_(result)

    def _extreme(self, _: Any, name: str, arguments: Arguments) -> Any:
        first, second = arguments[0][:2]
        return self._rectified(name, first, second, EXTREMES[name])

    def _rectified(self, name: str, first: Tensor, second: Tensor, sign: int) -> Tensor:
        """Return the larger (sign 1) or smaller (-1) of two tensors."""
        first, second = torch.broadcast_tensors(first, second)  # type: ignore[no-untyped-call]
        margin = first - second
        site = self._note(name, margin, Kinks((0.0,), (1.0,)))
        if sign > 0:
            return second + self._result(site, torch.relu(margin), None)
        return first - self._result(site, torch.relu(margin), None)

    def _absolute_loss(self, func: Any, name: str, arguments: Arguments) -> Any:
        """Take a loss of absolute values apart: its kinks are at residual 0."""
        args, kwargs = arguments
        if name == "smooth_l1_loss" and argument(arguments, 5, "beta", 1.0) != 0:
            return func(*args, **kwargs)
        reduction = argument(arguments, 4, "reduction", "mean")
        if kwargs.get("weight") is not None:
            return self._refuse(func, name, arguments)
        residual = args[0] - args[1]
        site = self._note(name, residual, Kinks((0.0,), (2.0,), (0.5,)))
        values = self._result(site, residual.abs(), None)
        return {"mean": values.mean, "sum": values.sum}.get(reduction, lambda: values)()

    def _pool(self, func: Any, name: str, arguments: Arguments) -> Any:
        base = name.removesuffix("_with_indices")
        (inputs, *more), kwargs = arguments
        wanted = name != base or bool(kwargs.get("return_indices"))
        kwargs = {k: v for k, v in kwargs.items() if k != "return_indices"}
        space = int(base[-2])
        if inputs.ndim != space + 2:
            return self._refuse(func, name, arguments)
        before = inputs.clone()
        shape = before.shape[1:]

        def choose(values: Tensor) -> tuple[Tensor, Tensor]:
            return POOLS[base](values.reshape(-1, *shape), *more, **kwargs)

        values, places = choose(before)
        site = self._note_choice(
            base, before, places, space, lambda z: choose(z)[1], inputs,
            lambda: pooled_candidates(base, arguments, before, places),
        )  # fmt: skip
        result = self._result(site, values, None)
        if site is not None:
            self._indices[id(places)] = (places, site)
        return (result, places) if wanted else result

    def _along(self, func: Any, name: str, arguments: Arguments) -> Any:
        inputs = arguments[0][0]
        dim = argument(arguments, 1, "dim", None)
        if not isinstance(dim, int) or dim % inputs.ndim == 0:
            return self._refuse(func, name, arguments)
        keep = bool(argument(arguments, 2, "keepdim", False))
        before, dim = inputs.clone(), dim % inputs.ndim
        extreme = torch.max if name.endswith("max") else torch.min
        shape = before.shape[1:]

        def choose(values: Tensor) -> tuple[Tensor, Tensor]:
            rows = values.reshape(-1, *shape)
            places = torch.arange(rows[0].numel(), device=rows.device).reshape(1, *shape)
            chosen = extreme(rows, dim=dim, keepdim=True)[1]
            return chosen, places.expand_as(rows).gather(dim, chosen)

        places, index = choose(before)
        site = self._note_choice(
            name, before, index, 0, lambda z: choose(z)[1], inputs,
            lambda: candidates_along(before, places, dim, smallest=extreme is torch.min),
        )  # fmt: skip
        result = self._result(site, before.gather(dim, places), None)
        if not keep:
            result, places = result.squeeze(dim), places.squeeze(dim)
        both = torch.return_types.max if extreme is torch.max else torch.return_types.min
        return both((result, places)) if name in ("max", "min") else result

    def _note_choice(
        self,
        name: str,
        inputs: Tensor,
        places: Tensor,
        space: int,
        choose: Callable[[Tensor], Tensor],
        given: Tensor,
        _candidates: Callable[[], Candidates],
    ) -> Site | None:
        """Note a choice among the entries of a row of inputs.

        Args:
            name: of the operation.
            inputs: candidates, [rows, ...]; an example may have several rows.
            places: where in the row the chosen ones are, within the channel if there are spatial
                axes.
            space: number of spatial axes, 0 for none.
            choose: places as a function of the inputs.
            given: the inputs as they were given, which may be the output of a site.
            _candidates: returns who was chosen among whom.
        """
        rows, row, channels = inputs.shape[0], inputs[0].numel(), inputs.shape[1]
        if rows % self._examples:
            self._miss(f"{name} of shape {tuple(inputs.shape)}, whose rows are not the examples,")
            return None

        def index(places: Tensor, each: int) -> Tensor:
            device = places.device
            number = torch.arange(len(places), device=device) % each
            found = places + (number * row).reshape(-1, *(1,) * (places.ndim - 1))
            if not space:
                return found
            channel = torch.arange(channels, device=device) * (row // channels)
            return found + channel.reshape(-1, *(1,) * space)

        each = rows // self._examples
        site = self._note(
            name, inputs, Kinks(), index=index(places, each),
            choose=lambda z: index(choose(z), each).reshape(len(z), -1),
        )  # fmt: skip
        made, version, number = self._made.get(id(given), (None, 0, None))
        if site is not None and made is not None and made() is given and given._version == version:
            site.source = number
        return site

    def _recurrent(self, _: Any, name: str, arguments: Arguments) -> Any:
        """Do a recurrent layer step by step, and watch each."""
        if is_packed(name, arguments[0]):
            self._miss(f"{name} of packed sequences")
            return written_out(name, arguments[0])
        with self:
            return written_out(name, arguments[0])

    # -- branches on comparisons --------------------------------------------------------------

    def _compare(self, func: Any, name: str, arguments: Arguments) -> Any:
        args, kwargs = arguments
        result = func(*args, **kwargs)
        margin = (args[0] - args[1]) * COMPARISONS[name]
        self._masks[id(result)] = _Mask(result, margin)
        return result

    def _with_mask(self, func: Any, name: str, arguments: Arguments) -> Any:
        """Deal with a call that takes the result of a comparison."""
        args, kwargs = arguments
        mask = next(self._masks[id(a)] for a in args if id(a) in self._masks)
        if name in MASK_KEEPING:
            result = func(*args, **kwargs)
            self._masks[id(result)] = _Mask(result, mask.margin)
            return result
        if name in ("logical_not", "invert", "bitwise_not"):
            result = func(*args, **kwargs)
            self._masks[id(result)] = _Mask(result, -mask.margin)
            return result
        branches = self._branches(name, args)
        if branches is None:
            if name not in HARMLESS and not func.__name__.startswith("__get"):
                self._miss(f"a comparison used by {name}")
            return func(*args, **kwargs)
        taken, other = torch.broadcast_tensors(*branches)  # type: ignore[no-untyped-call]
        margin = mask.margin.expand_as(taken)
        state = mask.result.bool().expand_as(taken)
        site = self._note(name, margin, Kinks(), gap=taken - other, state=state)
        result = self._result(site, torch.where(state, taken, other), None)
        target = target_of(func, args[0], kwargs)
        return result if target is None else target.copy_(result)

    def _branches(self, name: str, args: tuple[Any, ...]) -> tuple[Tensor, Tensor] | None:
        """Return the values of the two branches where a mask chooses, None where it does not."""
        masked = [isinstance(a, Tensor) and id(a) in self._masks for a in args]
        if sum(masked) > 1:
            return None
        if name == "where" and len(args) == 3 and not masked[2]:
            taken, other = (args[1], args[2]) if masked[0] else (args[0], args[2])
        elif name in ("mul", "multiply", "rmul", "imul") and len(args) == 2:
            taken, other = args[masked.index(False)], 0.0
        elif name == "masked_fill" and masked[1]:
            taken, other = args[2], args[0]
        else:
            return None
        like = next(a for a in (taken, other) if isinstance(a, Tensor))
        tensors = (a if isinstance(a, Tensor) else like.new_tensor(a) for a in (taken, other))
        first, second = tensors
        return first, second

    # -- what cannot be dealt with ------------------------------------------------------------

    def _refuse(self, func: Any, name: str, arguments: Arguments) -> Any:
        if name in JUMPING:
            raise JumpingError(
                f"{name} in {self._place()} jumps in value; a slope budget needs a continuous "
                "network, replace the activation"
            )
        self._miss(name)
        return func(*arguments[0], **arguments[1])

    def _miss(self, what: str) -> None:
        self.unseen[f"{what} in {self._place()}"] = None

    # -- noting -------------------------------------------------------------------------------

    def _note(self, name: str, inputs: Tensor, kinks: Kinks, **more: Any) -> Site | None:
        """Note a call; None if its examples cannot be told apart."""
        calls = {key: more.pop(key, None) for key in ("bend", "choose")}
        if not (kinks.knots or calls["bend"] or more):
            return None
        rows: dict[str, Any] = {key: per_example(value, self._examples)
                for key, value in {"inputs": inputs, **more}.items()}  # fmt: skip
        if any(value is None for value in rows.values()):
            self._miss(f"{name} of shape {tuple(inputs.shape)}, no axis of which counts examples,")
            return None
        jumps = kinks.jumps
        if isinstance(jumps, Tensor):
            # Those of a row of inputs; an example may have several.
            jumps = jumps.reshape(1, -1).repeat(1, rows["inputs"].shape[1] // jumps.numel())
        layer = self._place()
        key = f"{layer}:{name}"
        self._calls[key] = self._calls.get(key, 0) + 1
        if self._calls[key] > 1:
            layer = f"{layer}#{self._calls[key]}"
        site = Site(layer, name, knots=kinks.knots, jumps=jumps, at=kinks.at, **calls, **rows)
        self.sites.append(site)
        return site

    def _result(self, site: Site | None, values: Tensor, target: Tensor | None) -> Tensor:
        """Return the output, which later in-place operations may overwrite."""
        if site is not None:
            site.shape = tuple(values.shape)
            if self._secants is not None:
                values = self._secants(site, values)
            if self._probes:
                values = values + self._probes[len(self.sites) - 1]
        result = values.clone() if target is None else target.copy_(values)
        if site is not None:
            self._made[id(result)] = (weakref.ref(result), result._version, len(self.sites) - 1)
        return result
