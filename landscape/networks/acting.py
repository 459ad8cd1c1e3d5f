"""The weights that act: what a layer computes with, where that is not the parameter itself.

A pruned layer multiplies its parameter by a mask, weight normalisation divides it by its norm, and
any parametrisation may compute the weight from it. A direction is scaled to the weight that acts
and is then carried back to the parameter. The derivative of the weight tells how.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils import parametrize, prune
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from landscape.networks.parameters import evaluation_mode, flatten, layout_of, unflatten, unwrapped
from landscape.records.arrays import Floats
from landscape.records.layout import Layout

# Relative differences below this are taken for rounding.
_ROUNDING = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class Acting:
    """The weights that act, and how far a parameter moves when they move by one.

    Attributes:
        weights: the weight that acts, at the place of the parameter it is computed from, [P]. A
            plain parameter acts itself.
        units: change of the parameter for a unit change of the weight, [P]: 1 for a plain
            parameter, ``||v|| / g`` for weight norm's v, 0 for entries that do not act.
    """

    weights: Floats
    units: Floats

    def norms(
        self, theta: Floats, directions: Sequence[Floats], layout: Layout
    ) -> dict[str, list[float]]:
        """Return norms of the parameters that do not act themselves, by name.

        Args:
            theta: the parameters at which the weights were found, [P].
            directions: scaled directions, each [P].
            layout: of the P parameters.

        Returns:
            For each, the norm of the weight, and that of its change along each direction.
        """
        norms = {}
        for slot, part in layout.parts():
            weights, units = self.weights[part], self.units[part]
            if (weights != theta[part]).any() or (units != 1).any():
                changes = [direction[part] * _inverse(units) for direction in directions]
                norms[slot.name] = [float(np.linalg.norm(v)) for v in (weights, *changes)]
        return norms


class _Use(NamedTuple):
    """A weight that is computed from parameters.

    Attributes:
        weight: the weight w that acts.
        cotangents: two arrays u of random numbers of its shape.
        products: of both u and the derivative of w, by id of each parameter, in its shape.
        only: id of the parameter in whose place w stands, if it is one alone.
    """

    weight: Floats
    cotangents: tuple[Floats, ...]
    products: Mapping[int, tuple[Floats, ...]]
    only: int | None


def acting_weights(model: nn.Module, theta: Floats | None = None) -> Acting:
    """Find the weights that act in a model.

    Known are the masks of ``torch.nn.utils.prune``, the weight norm and the spectral norm of
    ``torch.nn.utils``, and every parametrisation of ``torch.nn.utils.parametrize``. Let q be the
    product of the derivative of the weight w and random numbers u. The parameter p is of one of
    these kinds:

    - q p = u w entry by entry: w is p times fixed numbers (a mask is one), and these are 1 / unit.
    - The sum of q p vanishes over each block of entries along some axes: w stays if a block is
      rescaled (Euler's theorem). Where w = t p with one t for each block, 1 / t is the unit; where
      not, the norm of the block is.
    - The sum of q p is k times that of u w: w is homogeneous of degree k in p, which acts itself.
    - None of these, as in orthogonal parametrisations: w acts, and its change is taken for p's. A
      parameter that w does not stand for (of an adapter) acts itself.
    - q vanishes everywhere, or w cannot be computed in float64 on the CPU: nothing is known, and
      p acts itself.

    A parameter that some layer uses as it is acts itself. What a layer computes in its own
    ``forward`` is not found. Entries where q vanishes do not act.

    Args:
        model: any module; only read.
        theta: its parameters, [P]; None takes the present ones.

    Raises:
        ValueError: for a model without parameters, or with parameters that are not finite or not
            plain arrays of real floating point numbers.
    """
    inner, layout = unwrapped(model), layout_of(model)
    theta = flatten(model) if theta is None else theta
    if not _parametrised(inner) and not any(list(_hooks(layer)) for layer in inner.modules()):
        return Acting(theta, np.broadcast_to(1.0, theta.shape))
    values = unflatten(torch.from_numpy(np.array(theta)), layout)
    by_id = {id(p): values[name] for name, p in inner.named_parameters()}
    uses, plain = list(_uses(inner, by_id)), _plain(inner)
    weights, units = np.array(theta), np.ones(layout.size)
    for (_, part), (key, value) in zip(layout.parts(), by_id.items(), strict=True):
        mine = [use for use in uses if key in use.products]
        if mine and key not in plain:
            weights[part], units[part] = _joined([_carried(value.numpy(), u, key) for u in mine])
    return Acting(weights, units)


def hidden_weights(layout: Layout) -> tuple[str, ...]:
    """Return the parameters whose names tell that they are masked or parametrised.

    >>> from landscape.records.layout import Slot
    >>> hidden_weights(Layout((Slot("0.weight", (2,)), Slot("1.weight_orig", (2,)))))
    ('1.weight_orig',)
    """
    names = [slot.name for slot in layout.slots]
    return tuple(
        name
        for name in names
        if "parametrizations" in name.split(".")
        or name.endswith("_orig")
        or (name.endswith("_v") and f"{name[:-2]}_g" in names)
    )


def _plain(model: nn.Module) -> set[int]:
    """Return the ids of the parameters that some layer uses as they are."""
    inside = {id(m) for parametrised in _parametrised(model) for m in parametrised.modules()}
    return {
        id(parameter)
        for layer in model.modules()
        if id(layer) not in inside
        for name, parameter in layer.named_parameters(recurse=False)
        if not any(name in names for _, names in _hooks(layer))
    }


def _parametrised(model: nn.Module) -> list[parametrize.ParametrizationList]:
    return [m for m in model.modules() if isinstance(m, parametrize.ParametrizationList)]


def _hooks(layer: nn.Module) -> Iterator[tuple[Callable[[Any], Tensor], tuple[str, ...]]]:
    """Yield what computes a weight before the layer runs, and the parameters it reads."""
    for hook in layer._forward_pre_hooks.values():
        if isinstance(hook, prune.BasePruningMethod):
            yield hook.apply_mask, (f"{hook._tensor_name}_orig",)
        elif isinstance(hook, WeightNorm):
            yield hook.compute_weight, (f"{hook.name}_g", f"{hook.name}_v")
        elif isinstance(hook, SpectralNorm):
            yield partial(hook.compute_weight, do_power_iteration=False), (f"{hook.name}_orig",)


def _uses(model: nn.Module, values: Mapping[int, Tensor]) -> Iterator[_Use]:
    """Yield every weight of the model that is computed from parameters, whose values are given."""
    inside = _parametrised(model)
    for parametrised in inside:
        yield from _use(partial(_run, parametrised), _leaves(parametrised, values))
    for layer in model.modules():
        if layer in inside:
            continue
        for compute, names in _hooks(layer):
            leaves = {n: leaf for n, leaf in _leaves(layer, values).items() if n in names}
            yield from _use(partial(_hooked, compute, _buffers(layer)), leaves)


def _leaves(layer: nn.Module, values: Mapping[int, Tensor]) -> dict[str, tuple[int, Tensor]]:
    """Return id and float64 value of each parameter in a layer, by its name there."""
    named = layer.named_parameters()
    return {name: (id(p), values[id(p)].clone().requires_grad_()) for name, p in named}


def _buffers(layer: nn.Module) -> dict[str, Tensor]:
    """Return copies of a layer's buffers, floating ones in float64."""
    copies = {name: buffer.detach().cpu().clone() for name, buffer in layer.named_buffers()}
    return {n: b.double() if b.is_floating_point() else b for n, b in copies.items()}


def _hooked(
    compute: Callable[[Any], Tensor], buffers: Mapping[str, Tensor], leaves: Mapping[str, Tensor]
) -> Tensor:
    return compute(SimpleNamespace(**buffers, **leaves))


def _run(parametrised: parametrize.ParametrizationList, leaves: Mapping[str, Tensor]) -> Tensor:
    # A pruned original is an attribute that a hook sets.
    before = dict(vars(parametrised))
    try:
        with evaluation_mode(parametrised):
            weight: Tensor = functional_call(parametrised, {**_buffers(parametrised), **leaves}, ())
    finally:
        vars(parametrised).update(before)
    return weight


def _use(
    compute: Callable[[dict[str, Tensor]], Tensor], leaves: Mapping[str, tuple[int, Tensor]]
) -> Iterator[_Use]:
    tensors = {name: leaf for name, (_, leaf) in leaves.items()}
    try:
        with torch.enable_grad():
            weight = compute(tensors)
        draws = torch.Generator().manual_seed(0)
        cotangents = torch.randn((2, *weight.shape), generator=draws, dtype=torch.float64)
        inputs = list(tensors.values())
        gradients = [
            torch.autograd.grad(weight, inputs, u, retain_graph=True, allow_unused=True)
            for u in cotangents
        ]
    except RuntimeError:
        # Another device or precision inside, or no derivative.
        return
    products = {
        key: tuple(np.zeros(leaf.shape) if q is None else q.numpy() for q in pair)
        for (key, leaf), *pair in zip(leaves.values(), *gradients, strict=True)
    }
    originals = [key for name, (key, _) in leaves.items() if "." not in name]
    only = originals[0] if len(originals) == 1 else None
    yield _Use(weight.detach().numpy(), tuple(u.numpy() for u in cotangents), products, only)


def _joined(uses: Sequence[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """Return weights and units of a parameter of several layers: what acts in one of them acts."""
    weights, units = (np.array(values).reshape(-1) for values in uses[0])
    for other, unit in uses[1:]:
        missing = units == 0
        weights[missing], units[missing] = other.reshape(-1)[missing], unit.reshape(-1)[missing]
    return weights, units


def _carried(value: Floats, use: _Use, key: int) -> tuple[Floats, Floats]:
    """Return the weights that act and their units, in the shape of the parameter."""
    weight, cotangent, product = use.weight, use.cotangents[0], use.products[key][0]
    acts = product != 0
    if not acts.any():
        known = not weight.any()
        return np.where(known, 0.0, value), np.full(value.shape, 0.0 if known else 1.0)
    scale = float(np.abs(weight * cotangent).max())
    if value.shape == weight.shape and _close(product * value, cotangent * weight, scale):
        return weight, _inverse(product / cotangent)
    alive = np.where(acts, value, 0.0)
    axes = _block_axes(alive * product, scale) if alive.any() else None
    if axes is None:
        stands = (
            use.only == key and value.shape == weight.shape and not _homogeneous(alive, use, key)
        )
        return weight if stands else alive, acts.astype(np.float64)
    squares = (alive * alive).sum(axes, keepdims=True)
    if value.shape == weight.shape:
        factor = (weight * alive).sum(axes, keepdims=True) * _inverse(squares)
        if _close(factor * alive, weight, float(np.abs(weight).max())):
            return weight, np.where(acts, _inverse(factor), 0.0)
    norms = np.sqrt(squares)
    return alive * _inverse(norms), np.where(acts, norms, 0.0)


def _homogeneous(value: Floats, use: _Use, key: int) -> bool:
    """Return whether a factor of the parameter is a power of it as a factor of the weight."""
    ours = [float((value * q).sum()) for q in use.products[key]]
    weights = [float((use.weight * u).sum()) for u in use.cotangents]
    first, second = ours[0] * weights[1], ours[1] * weights[0]
    return abs(first - second) <= _ROUNDING * max(abs(first), abs(second)) and any(ours)


def _block_axes(products: Floats, scale: float) -> tuple[int, ...] | None:
    """Return the axes along which the smallest blocks lie whose sums vanish, None for no blocks."""
    for summed in range(products.ndim + 1):
        for axes in combinations(range(products.ndim), summed):
            sums = products.sum(axes) if axes else products
            if _close(sums, 0.0, scale):
                return axes
    return None


def _close(first: Floats, second: Floats | float, scale: float) -> bool:
    return bool(np.abs(first - second).max() <= _ROUNDING * scale)


def _inverse(values: Floats) -> Floats:
    """Return 1 / values, and 0 for 0."""
    return np.where(values != 0, 1 / np.where(values != 0, values, 1.0), 0.0)
