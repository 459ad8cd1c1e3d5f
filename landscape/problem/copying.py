"""Private copies of a network and of its loss, in another precision.

A loss is often a function that closes over something: class weights, a teacher network, the very
network that is evaluated (weight decay written into the loss). A network may keep tensors that are
no parameters or buffers, and functions that close over its own layers. All of these follow the
copy: tensors in its precision and on its device, modules as copies, the network itself as its copy.
"""

from __future__ import annotations

import copy
import sys
import types
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from landscape.problem.examples import cast, leaves

# Functions within objects within functions are followed so far.
_DEPTH = 6
_COPIED = (torch.strided, torch.sparse_coo)
_FOLLOWED = (Tensor, nn.Module, partial, types.MethodType, tuple, list, dict)
# What modules keep by themselves; recurrent layers renew their list of weights.
_STATE = frozenset({"_parameters", "_buffers", "_modules", "_flat_weights", "_flat_weight_refs"})


class Copies:
    """Copies of everything that takes part in a loss.

    Args:
        device: where the copies are.
        dtype: precision of their floating point tensors.

    Attributes:
        met_network: whether what followed refers to the network.
        met_weight: whether it refers to a parameter by itself.
        holds_weight: whether the network keeps a parameter of its own in a plain attribute.
    """

    def __init__(self, device: torch.device | str, dtype: torch.dtype) -> None:
        self._device = device
        self._dtype: torch.dtype | None = dtype
        self._memo: dict[int, Any] = {}
        self._alive: list[Any] = []  # An id is that of another object once its own is gone.
        self._owned: set[int] = set()
        self._seen: set[int] = set()  # What is a copy already.
        self.met_network = self.met_weight = self.holds_weight = False

    def of_network(self, model: nn.Module) -> nn.Module:
        """Return a copy of a network; what follows refers to the copy where it meant the network.

        Raises:
            Exception: whatever the network raises that cannot be copied.
        """
        twin, asked = self._deep(model), self._dtype
        # In its own precision a network may hold tensors in another one.
        self._dtype = None if next(model.parameters()).dtype == asked else asked
        twin._apply(self._tensor)  # type: ignore[no-untyped-call]
        self._owned = {id(part) for part in (*twin.modules(), *twin.parameters())}
        self.met_weight = False
        self._follow_state(twin)
        self.holds_weight, self._dtype = self.met_weight, asked
        self.met_network = self.met_weight = False
        return twin

    def keep(self, model: nn.Module) -> None:
        """Let a network stay as it is, wherever it is met."""
        parts = (*model.modules(), *model.parameters(), *model.buffers())
        self._memo |= {id(part): part for part in parts}
        self._owned = {id(part) for part in parts}

    def following(self, value: Any, depth: int = 0) -> Any:
        """Return what stands for a value in the copy: itself, if nothing in it has to change."""
        if id(value) in self._memo:
            value = self._memo[id(value)]
            if not isinstance(value, Tensor | nn.Module):
                return value
        if id(value) in self._owned:
            self.met_network = True
            self.met_weight |= isinstance(value, Tensor)
            return value
        if isinstance(value, Tensor):
            return self._tensor(value)
        if isinstance(value, nn.Module):
            return self._module(value)
        handler = self._handler(value)
        if handler is None or depth > _DEPTH or id(value) in self._seen:
            return value
        self._alive.append(value)
        self._memo[id(value)] = value  # What refers to itself ends here.
        followed = handler(value, depth + 1)
        self._memo[id(value)] = followed
        return followed

    def _deep(self, model: nn.Module) -> nn.Module:
        """Copy a network, with the tensors that torch does not copy deeply.

        These are results of an operation, as pruning and old weight norm keep them, and compressed
        sparse matrices.
        """
        for module in model.modules():
            for value in leaves([plain_state(module), dict(module._buffers)]):
                if isinstance(value, Tensor) and (
                    value.grad_fn is not None or value.layout not in _COPIED
                ):
                    self._memo[id(value)] = value.detach().clone()
        return copy.deepcopy(model, self._memo)

    def _follow_state(self, model: nn.Module) -> None:
        for module in model.modules():
            for name, value in plain_state(module).items():
                followed = self.following(value)
                if followed is not value:
                    module.__dict__[name] = followed

    def _tensor(self, values: Tensor) -> Tensor:
        dtype = self._dtype
        return values.to(self._device) if dtype is None else cast(values, self._device, dtype)

    def _module(self, module: nn.Module) -> nn.Module:
        """Return a copy of another network, as it is evaluated with the first: a teacher."""
        if id(module) in self._seen:
            return module
        try:
            twin = self._deep(module)
        except Exception:  # Whatever it raises that cannot be copied; then it takes part itself.
            return module
        shared = [p for p in (*twin.modules(), *twin.parameters()) if id(p) in self._owned]
        self.met_network |= bool(shared)
        self.met_weight |= any(isinstance(part, Tensor) for part in shared)
        if not shared:
            twin._apply(self._tensor)  # type: ignore[no-untyped-call]
            twin.requires_grad_(False)
        self._seen |= {id(part) for part in twin.modules()}
        self._follow_state(twin)
        return twin

    def _handler(self, value: Any) -> Callable[[Any, int], Any] | None:
        if isinstance(value, types.FunctionType):
            return self._function
        if isinstance(value, partial):
            return self._partial
        if isinstance(value, types.MethodType):
            return self._method
        if isinstance(value, tuple | list | dict):
            return self._collection
        return self._object if _is_own(value) else None

    def _function(self, function: types.FunctionType, depth: int) -> Any:
        cells = [_content(cell) for cell in function.__closure__ or ()]
        inside = [self.following(content, depth) for content in cells]
        defaults = self.following(function.__defaults__, depth)
        named = self.following(function.__kwdefaults__, depth)
        around = {
            name: followed
            for name, value in _globals_of(function)
            if (followed := self.following(value, depth)) is not value
        }
        same = all(a is b for a, b in zip(cells, inside, strict=True))
        if (
            same and not around and defaults is function.__defaults__
            and named is function.__kwdefaults__
        ):  # fmt: skip
            return function
        closure = tuple(
            cell if content is followed else types.CellType(followed)
            for cell, content, followed in zip(function.__closure__ or (), cells, inside,
                                               strict=True)
        )  # fmt: skip
        scope = {**function.__globals__, **around} if around else function.__globals__
        made = types.FunctionType(function.__code__, scope, function.__name__, defaults,
                                  closure or None)  # fmt: skip
        made.__kwdefaults__ = named
        made.__dict__.update(function.__dict__)
        return made

    def _partial(self, value: partial[Any], depth: int) -> Any:
        parts = value.func, value.args, value.keywords
        func, args, keywords = (self.following(part, depth) for part in parts)
        if all(a is b for a, b in zip(parts, (func, args, keywords), strict=True)):
            return value
        return partial(func, *args, **keywords)

    def _method(self, method: types.MethodType, depth: int) -> Any:
        owner = self.following(method.__self__, depth)
        return method if owner is method.__self__ else getattr(owner, method.__name__)

    def _collection(self, values: Any, depth: int) -> Any:
        if isinstance(values, dict):
            followed = {key: self.following(value, depth) for key, value in values.items()}
            if all(followed[key] is values[key] for key in values):
                return values
            twin = copy.copy(values)
            twin.update(followed)
            return twin
        several = [self.following(value, depth) for value in values]
        if all(a is b for a, b in zip(values, several, strict=True)):
            return values
        if hasattr(values, "_fields"):
            return type(values)(*several)
        return type(values)(several)

    def _object(self, value: Any, depth: int) -> Any:
        """Follow the attributes of an object that hold tensors, networks or functions."""
        changed = {
            name: followed
            for name, held in _attributes(value)
            if (followed := self.following(held, depth)) is not held
        }
        if not changed:
            return value
        twin = copy.copy(value)
        for name, held in changed.items():
            object.__setattr__(twin, name, held)
        return twin


def plain_state(module: nn.Module) -> dict[str, Any]:
    """Return the attributes of a module but for parameters, buffers and layers."""
    return {name: value for name, value in vars(module).items() if name not in _STATE}


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # Not bound yet.
        return None


def _globals_of(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield what a function names of its module, by name, but for classes and modules."""
    scope = function.__globals__
    for name in _names(function.__code__):
        value = scope.get(name)
        if isinstance(value, types.FunctionType):
            if value.__globals__ is scope:
                yield name, value
        elif isinstance(value, _FOLLOWED) or _is_own(value):
            yield name, value


def _is_own(value: Any) -> bool:
    """Tell whether a value is of somebody's own class, so that its attributes are followed."""
    if isinstance(value, type | types.ModuleType):
        return False
    root = type(value).__module__.partition(".")[0]
    foreign = root in sys.stdlib_module_names or root in ("torch", "numpy", "_pytest")
    return isinstance(value, types.SimpleNamespace) or not foreign


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    yield from vars(value).items() if hasattr(value, "__dict__") else ()
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                yield name, getattr(value, name)


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)
