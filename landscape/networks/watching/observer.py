"""Every place where a network bends or kinks while it runs.

What kinks is done as torch does it and noted with its input; in-place forms are done out of place
first, so that the input is not lost.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Container, Sequence
from typing import Any

import torch
from torch import Tensor

from landscape.networks.watching import operations
from landscape.networks.watching.candidates import Candidates, candidates_along, pooled_candidates
from landscape.networks.watching.normalisers import WRITTEN_OUT
from landscape.networks.watching.operations import Arguments, JumpingError, Kinks, argument
from landscape.networks.watching.recurrent import RECURRENT
from landscape.networks.watching.sites import (
    Site,
    alone,
    depends_on_parameters,
    flat,
    per_example,
    target_of,
)
from landscape.networks.watching.watcher import Handler, Watcher


class Observer(Watcher):
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
        unseen: what may kink and could not be watched.
        moving: of every call that may kink, whether its input depends on the parameters.
    """

    written_out = WRITTEN_OUT

    def __init__(
        self,
        examples: int,
        place: Callable[[], str],
        *,
        probes: Sequence[Tensor] = (),
        moving: Sequence[bool] | None = None,
        secants: Callable[[Site, Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__(place)
        self.sites: list[Site] = []
        self.moving: list[bool] = []
        self._probes = list(probes)
        self._known = None if moving is None else list(moving)
        self._secants = secants
        self._examples = examples
        # Results of comparisons with their margins: true where the margin is above 0.
        self._masks: dict[int, tuple[Tensor, Tensor]] = {}
        self._indices: dict[int, tuple[Tensor, Site]] = {}
        # Outputs of sites, with their version: what is written into later is none any more.
        self._made: dict[int, tuple[weakref.ref[Tensor], int, int]] = {}

    def _follow_indices(self, name: str, args: Any) -> None:
        """Look where the indices of max pooling go."""
        for used in [self._indices[id(a)] for a in args if id(a) in self._indices]:
            if name.startswith("max_unpool"):
                used[1].moves_values = True
            elif name not in operations.HARMLESS and not name.startswith("get"):
                self._miss(f"indices of {used[1].operation} used by {name}")

    def _handler(self, name: str, arguments: Arguments) -> Handler | None:
        """Return what deals with a call, None for one that neither bends nor kinks."""
        args, kwargs = arguments
        self._follow_indices(name, args)
        if any(isinstance(a, Tensor) and id(a) in self._masks for a in args):
            return self._with_mask
        if name in RECURRENT:
            return self._recurrent
        if name not in operations.WATCHED or not self._moves(args, kwargs):
            return None
        if name in operations.EXTREMES and len(args) > 1 and isinstance(args[1], Tensor):
            return self._extreme
        handlers: tuple[tuple[Container[str], Handler], ...] = (
            (operations.JUMPING, self._refuse),
            (operations.OPAQUE, self._refuse),
            (operations.POOLING, self._pool),
            (operations.CLAMPS, self._clamp),
            (operations.ABSOLUTE_LOSSES, self._absolute_loss),
            (operations.ELEMENTWISE, self._elementwise),
            (operations.ALONG_DIMENSION, self._along),
            (operations.COMPARISONS, self._compare),
        )
        return next((handler for kind, handler in handlers if name in kind), None)

    def _moves(self, args: Any, kwargs: Any) -> bool:
        if self._known is not None:
            self.moving.append(self._known[len(self.moving)])
        else:
            self.moving.append(any(map(depends_on_parameters, flat((*args, *kwargs.values())))))
        return self.moving[-1]

    def _elementwise(self, func: Any, name: str, arguments: Arguments) -> Any:
        (inputs, *_), kwargs = arguments
        rule = operations.ELEMENTWISE[name]
        try:
            kinks = rule.kinks(arguments)
        except JumpingError as error:
            raise JumpingError(f"{error}, in {self._place()}; replace the activation") from None
        function = rule.function or alone(func, arguments)
        before = inputs.clone()
        site = self._note(name, before, kinks, bend=function if rule.curved else None)
        return self._result(site, function(before), target_of(func, inputs, kwargs))

    def _clamp(self, func: Any, name: str, arguments: Arguments) -> Any:
        inputs = arguments[0][0]
        bounds = {"min": 1, "max": 2}
        positions = {"clamp_min": {"min": 1}, "clamp_max": {"max": 1}}.get(name, bounds)
        given = {key: argument(arguments, i, key, None) for key, i in positions.items()}
        low, high = given.get("min"), given.get("max")
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
        return self._rectified(name, first, second, operations.EXTREMES[name])

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
        site = self._note(name, residual, operations.ABSOLUTE)
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
            return operations.POOLS[base](values.reshape(-1, *shape), *more, **kwargs)

        values, places = choose(before)
        # torch's places are within a channel.
        starts = torch.arange(0, before[0].numel(), before[0, 0].numel(), device=before.device)
        starts = starts.reshape(-1, *(1,) * space)
        site = self._note_choice(
            base, inputs, before, places + starts, lambda z: choose(z)[1] + starts,
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
            name, inputs, before, index, lambda z: choose(z)[1],
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
        given: Tensor,
        inputs: Tensor,
        index: Tensor,
        choose: Callable[[Tensor], Tensor],
        _candidates: Callable[[], Candidates],
    ) -> Site | None:
        """Note a choice among the entries of a row of inputs.

        Args:
            name: of the operation.
            given: the inputs as they were given, which may be the output of a site.
            inputs: candidates, [rows, ...]; an example may have several rows.
            index: where in its row each chosen one is, [rows, ...].
            choose: index as a function of the inputs.
            _candidates: returns who was chosen among whom.
        """
        rows, row = inputs.shape[0], inputs[0].numel()
        if rows % self._examples:
            self._miss(f"{name} of shape {tuple(inputs.shape)}, whose rows are not the examples,")
            return None
        each = rows // self._examples

        def of_example(index: Tensor) -> Tensor:
            start = torch.arange(len(index), device=index.device) % each * row
            return index + start.reshape(-1, *(1,) * (index.ndim - 1))

        site = self._note(
            name, inputs, Kinks(), index=of_example(index),
            choose=lambda z: of_example(choose(z)).reshape(len(z), -1),
        )  # fmt: skip
        made, version, number = self._made.get(id(given), (None, 0, None))
        if site is not None and made is not None and made() is given and given._version == version:
            site.source = number
        return site

    def _compare(self, func: Any, name: str, arguments: Arguments) -> Any:
        args, kwargs = arguments
        result = func(*args, **kwargs)
        self._masks[id(result)] = (result, (args[0] - args[1]) * operations.COMPARISONS[name])
        return result

    def _with_mask(self, func: Any, name: str, arguments: Arguments) -> Any:
        """Deal with a call that takes the result of a comparison."""
        args, kwargs = arguments
        mask, margin = next(self._masks[id(a)] for a in args if id(a) in self._masks)
        if name in operations.MASK_KEEPING or name in operations.INVERTING:
            result = func(*args, **kwargs)
            self._masks[id(result)] = (result, -margin if name in operations.INVERTING else margin)
            return result
        branches = self._branches(name, args)
        if branches is None:
            if name not in operations.HARMLESS and not func.__name__.startswith("__get"):
                self._miss(f"a comparison used by {name}")
            return func(*args, **kwargs)
        taken, other = torch.broadcast_tensors(*branches)  # type: ignore[no-untyped-call]
        margin = margin.expand_as(taken)
        state = mask.bool().expand_as(taken)
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
        taken, other = (a if isinstance(a, Tensor) else like.new_tensor(a) for a in (taken, other))
        return taken, other

    def _refuse(self, func: Any, name: str, arguments: Arguments) -> Any:
        if name in operations.JUMPING:
            raise JumpingError(
                f"{name} in {self._place()} jumps in value; a slope budget needs a continuous "
                "network, replace the activation"
            )
        self._miss(name)
        return func(*arguments[0], **arguments[1])

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
        site = Site(
            self._named(name), name, knots=kinks.knots, jumps=jumps, at=kinks.at, **calls, **rows
        )
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
