"""Points and directions of parameter space, in the forms in which users have them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from landscape.networks.parameters import flatten, layout_of
from landscape.records.arrays import Floats
from landscape.records.choices import known_names
from landscape.records.layout import Layout
from landscape.records.trajectory import Trajectory

# What names a point: a model, a path's solution, a vector [P], or tensors by name.
Place = nn.Module | Trajectory | ArrayLike | Mapping[str, Any]
# What names a direction: a vector [P], or tensors by name.
Vector = ArrayLike | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Point:
    """One point of parameter space.

    Attributes:
        theta: parameters, [P].
        buffers: the buffers that came with it, by name; None where it came without.
    """

    theta: Floats
    buffers: Mapping[str, NDArray[Any]] | None = None


@dataclass(frozen=True, slots=True)
class Space:
    """Which parameters there are, and which other names a state dict may hold.

    Attributes:
        layout: names and shapes of the P parameters.
        others: names of buffers, and second names of shared parameters.
    """

    layout: Layout
    others: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def of(cls, places: Sequence[Place], layout: Layout | None) -> Space:
        """Find the space of some points.

        Raises:
            ValueError: if none tells its layout, or two differ.
        """
        layouts = [layout] if layout is not None else []
        others: set[str] = set()
        for place in places:
            if isinstance(place, nn.Module):
                layouts.append(layout_of(place))
                others |= set(place.state_dict()) | {name for name, _ in place.named_buffers()}
            elif isinstance(place, Trajectory):
                layouts.append(place.layout)
                others |= set(place.buffers)
        if not layouts:
            raise ValueError(
                "vectors and state dicts do not tell the shapes of the parameters; give "
                "layout=landscape.networks.parameters.layout_of(model)"
            )
        for another in layouts[1:]:
            _check_same(layouts[0], another)
        return cls(layouts[0], frozenset(others - {slot.name for slot in layouts[0].slots}))

    def point(self, place: Place, name: str) -> Point:
        """Return a point.

        Args:
            place: a model, a trajectory (its solution), a vector [P], or all parameters by name.
            name: by which messages call it.

        Raises:
            ValueError: for another length or shape, missing or unknown names, NaN or infinity.
        """
        if isinstance(place, nn.Module):
            buffers = {key: _array(b) for key, b in place.named_buffers()}
            return Point(flatten(place), buffers)
        if isinstance(place, Trajectory):
            return Point(_finite(place.solution, name), dict(place.buffers))
        if isinstance(place, Mapping):
            missing = [slot.name for slot in self.layout.slots if slot.name not in place]
            if missing:
                raise ValueError(f"{name} must hold every parameter, {missing[0]} is missing")
            held = {key: _array(place[key]) for key in self.others if key in place}
            return Point(self.vector(place, name), held or None)
        return Point(self.vector(place, name))

    def vector(self, values: Vector, name: str) -> Floats:
        """Return a vector [P]. Of tensors by name, those that are missing are zero.

        Raises:
            ValueError: for another length or shape, unknown names, NaN or infinity.
        """
        if not isinstance(values, Mapping):
            vector = np.array(_array(values), dtype=np.float64)
            if vector.shape != (self.layout.size,):
                raise ValueError(
                    f"{name} must have shape ({self.layout.size},), got {vector.shape}; give "
                    "tensors by name, or join them in the order of the layout"
                )
            return _finite(vector, name)
        known = {slot.name for slot in self.layout.slots}
        unknown = [key for key in values if key not in known | self.others]
        if unknown:
            raise ValueError(
                f"{name} must hold parameters by name, got {unknown[0]!r}; "
                f"{known_names(slot.name for slot in self.layout.slots)}"
            )
        vector = np.zeros(self.layout.size)
        for slot, part in self.layout.parts():
            if slot.name in values:
                entry = _array(values[slot.name])
                if entry.shape != slot.shape:
                    raise ValueError(
                        f"{slot.name} of {name} must have shape {slot.shape}, got {entry.shape}"
                    )
                vector[part] = _finite(entry.reshape(-1), f"{slot.name} of {name}")
        return vector


def batch_statistics(points: Iterable[Point]) -> str:
    """Tell whether points come with the same buffers.

    Returns:
        ``none`` without buffers, ``same``, ``differ``, or ``unknown`` where a point came without.
    """
    buffers = [point.buffers for point in points]
    if all(held is not None and not held for held in buffers):
        return "none"
    known = [held for held in buffers if held is not None]
    if len(known) < len(buffers):
        return "unknown"
    first = known[0]
    same = all(
        held.keys() == first.keys()
        and all(np.array_equal(held[key], first[key], equal_nan=True) for key in first)
        for held in known[1:]
    )
    return "same" if same else "differ"


def _array(values: Any) -> NDArray[Any]:
    if isinstance(values, Tensor):
        values = values.detach().cpu()
        values = values.to(torch.float64) if values.dtype.is_floating_point else values
        return np.asarray(values.numpy())
    return np.asarray(values)


def _finite(vector: NDArray[Any], name: str) -> Floats:
    values = np.asarray(vector, dtype=np.float64)
    if not np.all(np.isfinite(values)):
        raise ValueError(f"{name} must be finite; it holds NaN or infinity")
    return values


def _check_same(first: Layout, second: Layout) -> None:
    if first == second:
        return
    pairs = zip(first.slots, second.slots, strict=False)
    different = next((f"{a.name} {a.shape} and {b.name} {b.shape}" for a, b in pairs if a != b), "")
    detail = f"; first difference: {different}" if different else ""
    raise ValueError(
        f"the points must belong to one network, got {first.size} and {second.size} parameters"
        f"{detail}"
    )
