"""Which parameters a direction moves: a choice by name, pattern or layer, as a list of names."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray
from torch import nn

from landscape.networks.parameters import unwrapped, unwrapped_name
from landscape.records.layout import Layout

Which = str | nn.Module | Iterable[str | nn.Module]


def select(model: nn.Module, which: Which = "all") -> tuple[str, ...]:
    """Return the names of the chosen parameters, in the order of the model's layout.

    Args:
        model: any module, wrapped (DataParallel, compile) or not.
        which: ``all``; ``trainable``, those that require a gradient; the name of a parameter or of
            a layer (all parameters below it); a pattern like ``layer4.*`` or ``*.weight``; a layer
            of the model itself; or a list of those. A parameter shared by several layers is found
            under each of its names.

    Raises:
        ValueError: for a name, pattern or layer that chooses nothing; the message lists similar
            names.

    >>> net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1, bias=False))
    >>> select(net, "*.weight")
    ('0.weight', '1.weight')
    >>> select(net, net[0])
    ('0.weight', '0.bias')
    """
    inner = unwrapped(model)
    parameters = dict(inner.named_parameters())
    if isinstance(which, str) and which == "all":
        return tuple(parameters)
    if isinstance(which, str) and which == "trainable":
        names = tuple(name for name, p in parameters.items() if p.requires_grad)
        if not names:
            raise ValueError("no parameter requires a gradient; choose parameters by their names")
        return names
    wanted = [which] if isinstance(which, str | nn.Module) else list(which)
    if not wanted:
        raise ValueError("the list of parameters to choose is empty; 'all' chooses every one")
    chosen = set[int]()
    for item in wanted:
        chosen |= _of_layer(inner, item) if isinstance(item, nn.Module) else _called(inner, item)
    return tuple(name for name, p in parameters.items() if id(p) in chosen)


def mask(layout: Layout, names: Iterable[str]) -> NDArray[np.bool_]:
    """Return which entries of a parameter vector belong to the parameters ``names``, [P].

    Raises:
        ValueError: if the layout has no parameter of such a name.
    """
    wanted = set(names)
    unknown = wanted - {slot.name for slot in layout.slots}
    if unknown:
        raise ValueError(f"the layout has no parameter called {', '.join(sorted(unknown))}")
    return np.repeat(
        [slot.name in wanted for slot in layout.slots], [slot.size for slot in layout.slots]
    )


def _of_layer(model: nn.Module, layer: nn.Module) -> set[int]:
    layer = unwrapped(layer)
    if layer is not model and not any(layer is module for module in model.modules()):
        raise ValueError(
            f"{type(layer).__name__} is no layer of this model; give a layer of the model itself, "
            "as in which=model.layer4"
        )
    parameters = {id(p) for p in layer.parameters()}
    if not parameters:
        raise ValueError(f"{type(layer).__name__} has no parameters; choose another layer")
    return parameters


def _called(model: nn.Module, wanted: str) -> set[int]:
    """Return the ids of the parameters of that name, below a layer of it, or of that pattern."""
    if not isinstance(wanted, str):
        raise TypeError(f"parameters are chosen by names and layers, got {wanted!r}")
    # Under all of its names: a shared parameter has several.
    every = list(model.named_parameters(remove_duplicate=False))
    for name in (wanted, unwrapped_name(wanted)):
        parameters = {
            id(p) for n, p in every if n == name or n.startswith(f"{name}.") or fnmatchcase(n, name)
        }
        if parameters:
            return parameters
    raise ValueError(_nothing_called(wanted, [n for n, _ in every]))


def _nothing_called(wanted: str, names: list[str]) -> str:
    layers = {n.rpartition(".")[0] for n in names} - {""}
    similar = get_close_matches(wanted.replace("*", "").strip("."), [*names, *sorted(layers)], n=5)
    listed = similar or names[:5]
    more = "" if similar or len(names) <= len(listed) else f" and {len(names) - len(listed)} more"
    return (
        f"no parameter is called or matches {wanted!r}; "
        f"{'similar' if similar else 'known'}: {', '.join(listed)}{more}"
    )
