"""Whether solutions are of one network: modules, their settings, the activation.

Weights do not tell: those of a GELU network fit the ReLU network of the same widths.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from landscape.networks import build
from landscape.networks.parameters import unwrapped
from landscape.networks.spec import network_spec
from landscape.records.trajectory import Trajectory

# What a module holds besides: no value of an evaluated network depends on it.
_IDLE = {
    "training", "inplace", "momentum", "dropout", "init", "name_or_path", "_is_hf_initialized",
    *vars(nn.Module()),
}  # fmt: skip
_PLAIN = (bool, int, float, complex, str, torch.dtype)
_ABSENT = "absent"
_SHOWN = 3

Facts = Mapping[str, str]


def check_one_network(places: Mapping[str, Any]) -> str:
    """Refuse solutions of different networks, as far as they tell theirs.

    A model tells its modules with their settings (slopes, eps, strides); momentum, dropout and
    ``inplace`` do not count. A trajectory tells ``network`` and ``activation`` of its settings. A
    vector and a state dict tell nothing.

    Args:
        places: solutions by the names that messages call them; the first one's network is the one
            that evaluates all.

    Returns:
        ``same``, or ``unknown`` where one does not tell.

    Raises:
        ValueError: if another network is found; the message says what differs.

    >>> check_one_network({"one": nn.ReLU(), "other": nn.ReLU(inplace=True)})
    'same'
    """
    (first, reference), *others = places.items()
    answer = "same"
    for name, place in others:
        pair = _comparable(reference, place)
        if pair is None:
            answer = "unknown"
            continue
        facts, others_facts = pair
        differing = [
            f"{key} is {facts.get(key, _ABSENT)} in {first}, "
            f"{others_facts.get(key, _ABSENT)} in {name}"
            for key in {**facts, **others_facts}
            if facts.get(key) != others_facts.get(key)
        ]
        if differing:
            differences = "; ".join(differing[:_SHOWN])
            differences += f" and {len(differing) - _SHOWN} more" if len(differing) > _SHOWN else ""
            raise ValueError(
                f"the solutions must be of one network, got two: {differences}. "
                "Sample each in its own network and compare them, or give weights alone "
                f"(a state dict or a vector) to evaluate them in the network of {first}"
            )
    return answer


def other_training(places: Mapping[str, Any]) -> list[str]:
    """Return in which of ``data`` and ``loss`` trajectories differ, as far as they tell."""
    paths = [place for place in places.values() if isinstance(place, Trajectory)]
    known = {key: [path.settings[key] for path in paths if key in path.settings]
             for key in ("data", "loss")}  # fmt: skip
    return [key for key, values in known.items() if any(v != values[0] for v in values)]


def structure_of(model: nn.Module) -> Facts:
    """Return the types of a model's modules and their settings, by name, as text.

    >>> structure_of(nn.LeakyReLU(0.1))
    {'the network': 'LeakyReLU', 'negative_slope': '0.1'}
    """
    facts: dict[str, str] = {}
    for name, module in unwrapped(model).named_modules():
        facts[name or "the network"] = type(module).__qualname__
        start = f"{name}." if name else ""
        idle = _IDLE | ({"p"} if isinstance(module, _DropoutNd) else set())
        settings = {key: _text(value) for key, value in vars(module).items() if key not in idle}
        facts |= {start + key: value for key, value in settings.items() if value is not None}
        # What is no plain attribute, a module of one's own may write.
        if not type(module).__module__.startswith("torch.") and (text := module.extra_repr()):
            facts[f"{start}settings"] = text
    return facts


def _comparable(first: Any, second: Any) -> tuple[Facts, Facts] | None:
    """Return what two solutions tell in one form; None where one tells nothing."""
    if isinstance(first, Trajectory) and isinstance(second, Trajectory):
        facts = _noted(first), _noted(second)
    else:
        facts = _modules(first), _modules(second)
    return None if facts[0] is None or facts[1] is None else (facts[0], facts[1])


def _modules(place: Any) -> Facts | None:
    if isinstance(place, nn.Module):
        return structure_of(place)
    network = place.settings.get("network") if isinstance(place, Trajectory) else None
    if not isinstance(network, Mapping):
        return None
    try:
        spec = network_spec(str(network["kind"]), **{k: network[k] for k in network if k != "kind"})
    except (KeyError, ValueError):
        return None
    return structure_of(build(spec))


def _noted(path: Trajectory) -> Facts | None:
    """Return what a run notes of its network, but for how it was initialised."""
    noted = {key: path.settings[key] for key in ("activation", "network") if key in path.settings}
    network = noted.pop("network", {})
    parts = network if isinstance(network, Mapping) else {"network": network}
    facts = {key: str(value) for key, value in {**parts, **noted}.items()}
    return {key: value for key, value in facts.items() if key != "initialisation"} or None


def _text(value: Any) -> str | None:
    """Return a setting as text; None for what is none: tensors, caches not yet filled, objects."""
    if isinstance(value, partial):
        parts = [_text(value.func), _text(value.args), _text(list(value.keywords.items()))]
        return None if None in parts else str(parts)
    if isinstance(value, tuple | list):
        texts = [_text(part) for part in value]
        return None if None in texts else f"({', '.join(map(str, texts))})"
    if isinstance(value, _PLAIN):
        return str(value)
    named = callable(value) and not isinstance(value, nn.Module)
    return getattr(value, "__name__", None) if named else None
