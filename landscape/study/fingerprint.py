"""What decides the values of a surface: it is continued by the same, or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
from torch import Tensor

from landscape.evaluation.engine import PlaneEvaluator
from landscape.networks.parameters import unwrapped
from landscape.problem.examples import Batches, map_tensors
from landscape.records.surface import Surface
from landscape.store.digests import array_digest

NAME = "fingerprint"
_WORDS = {
    "weights": "the weights", "buffers": "the buffers", "directions": "the directions",
    "data": "the data", "loss": "the loss", "dtype": "the precision", "device": "the device",
}  # fmt: skip


def fingerprint(evaluator: PlaneEvaluator) -> dict[str, str]:
    """Return digests and names of all that a surface's values depend on, besides its grid."""
    settings, plane = evaluator.settings, evaluator.plane
    buffers = dict(unwrapped(evaluator.problem.model).named_buffers())
    return {
        "weights": array_digest(plane.origin),
        "buffers": _tensors_digest(buffers),
        "directions": array_digest(plane.directions),
        "data": _data_digest(evaluator.batches),
        "loss": str(settings["loss"]),
        "dtype": str(settings["dtype"]),
        "device": str(settings["device"]),
    }


def check_same(
    surface: Surface, now: Mapping[str, str], identifier: str, *, finished: bool = False
) -> None:
    """Check that an unfinished surface is continued by what began it.

    Args:
        surface: as it is stored.
        now: what would continue it.
        identifier: its id.
        finished: whether a finished surface is compared too; where and how precisely it is
            evaluated may then differ.

    Raises:
        ValueError: if something differs; the message tells what.
    """
    then = surface.settings.get(NAME)
    if (surface.complete and not finished) or not isinstance(then, Mapping):
        return
    free = ("dtype", "device") if surface.complete else ()
    different = [n for n in now if n not in free and then.get(n, now[n]) != now[n]]
    if different:
        differences = "; ".join(
            f"{_WORDS[name]} {_short(then[name])} then, {_short(now[name])} now"
            for name in different
        )
        what = ("surface", "made") if surface.complete else ("unfinished surface", "begun")
        raise ValueError(
            f"the {what[0]} {identifier} was {what[1]} with something else: {differences}. "
            f"Give another --name, or what it was {what[1]} with"
        )


def _short(value: str) -> str:
    return value if len(value) < 64 else value[:12]


def _data_digest(batches: Batches) -> str:
    digest = hashlib.sha256()

    def add(values: Tensor) -> Tensor:
        digest.update(_plain(values).encode())
        return values

    for part in batches.parts:
        map_tensors(add, part)
    return digest.hexdigest()


def _tensors_digest(tensors: dict[str, Tensor]) -> str:
    text = "\n".join(f"{name} {_plain(values)}" for name, values in sorted(tensors.items()))
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(values: Tensor) -> str:
    """Digest a tensor; formats that numpy does not know by their bytes."""
    plain = values.detach().cpu().contiguous()
    try:
        return array_digest(plain.numpy())
    except TypeError:
        return array_digest(np.frombuffer(bytes(plain.untyped_storage()), dtype=np.uint8))
