"""The names in a checkpoint and the names of a model, brought together."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from torch import Tensor, nn

from landscape.records.plurals import counted

_SHOWN = 3
_REMEDY = (
    "Build the model that was saved, or leave keys out, with --ignore-keys PATTERN on the command "
    "line and ignore=(PATTERN,) in Python"
)


@dataclass(frozen=True, slots=True)
class Ignored:
    """What was left out, by wish, when weights were brought together with a model.

    Attributes:
        there: names in the checkpoint that were not read.
        kept: names of the model that kept the values it was built with.
    """

    there: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = []
        if self.there:
            parts.append(f"ignored {_keys(self.there, 'of the checkpoint')}")
        if self.kept:
            parts.append(f"kept as built: {_keys(self.kept, 'of the model')}")
        return "; ".join(parts) or "ignored no keys: no key matches a pattern"


def _keys(names: Sequence[str], whose: str) -> str:
    return f"{counted(len(names), 'key')} {whose}: {', '.join(names)}"


def clean_names(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Take off what torch.compile, DataParallel and averaging added to names.

    >>> list(clean_names({"module.a": 1, "module.b._orig_mod.c": 2, "n_averaged": 3}))
    ['a', 'b.c']
    """
    cleaned = {name.replace("_orig_mod.", ""): value for name, value in weights.items()}
    weights_alone = {name: value for name, value in cleaned.items() if name != "n_averaged"}
    while weights_alone and all(name.startswith("module.") for name in weights_alone):
        weights_alone = cleaned = {
            name.removeprefix("module."): value for name, value in weights_alone.items()
        }
    return cleaned


def fitted(
    model: nn.Module,
    weights: dict[str, Tensor],
    *,
    place: str,
    prefix: str | None = None,
    ignore: Iterable[str] = (),
) -> tuple[dict[str, Tensor], Ignored]:
    """Return the weights by the model's names, and what was ignored.

    Names are taken as they are if they fit, otherwise without what wrapping added, otherwise
    without a common beginning that makes them fit. Under such a beginning everything must fit;
    what lies beside it belongs to other parts of the module that was saved. May be absent: a name
    that shares its parameter with one that is there, and the counters of BatchNorm.

    Args:
        model: the module.
        weights: by the names in the checkpoint.
        place: where they are from, for messages.
        prefix: the beginning; None finds it.
        ignore: patterns, as ``head.*``, of names in the checkpoint that are not read, and of names
            of the model that keep the model's own values.

    Raises:
        ValueError: if names or shapes differ, or several beginnings fit.
    """
    patterns = _patterns(ignore)
    tensors = {n: v for n, v in model.state_dict(keep_vars=True).items() if isinstance(v, Tensor)}
    wanted = _without(tensors, patterns)
    first = _without(weights, patterns)
    inside = _named_alike(first, wanted, place, prefix)
    read_weights = _without(inside, patterns)
    _check_names(read_weights, wanted, place)
    _check_values(read_weights, wanted, place)
    there = [n for n in weights if n not in first] + [n for n in inside if n not in read_weights]
    read = {id(tensors[n]) for n in read_weights}
    kept = {n: v.detach() for n, v in tensors.items() if n not in wanted and id(v) not in read}
    return {**read_weights, **kept}, Ignored(tuple(there), tuple(kept))


def _named_alike(
    weights: dict[str, Tensor], wanted: dict[str, Tensor], place: str, prefix: str | None
) -> dict[str, Tensor]:
    """Return the weights by names that are the model's, as far as possible."""
    clean = clean_names(weights)
    if prefix is not None:
        inside = _inside(clean, prefix)
        if not inside:
            raise ValueError(
                f"{place} has no names that begin with {prefix!r}; they are {_few(list(clean))}"
            )
        return inside
    if not _lacking(wanted, weights):
        return weights
    return clean if not _lacking(wanted, clean) else _without_beginning(clean, wanted, place)


def _patterns(ignore: Iterable[str]) -> tuple[str, ...]:
    if isinstance(ignore, str):
        raise ValueError(f"ignore must be several patterns, got {ignore!r}; write ({ignore!r},)")
    return tuple(ignore)


def _without(names: dict[str, Tensor], patterns: Sequence[str]) -> dict[str, Tensor]:
    return {n: v for n, v in names.items() if not any(fnmatchcase(n, p) for p in patterns)}


def _lacking(wanted: dict[str, Tensor], weights: dict[str, Tensor]) -> list[str]:
    """Names that should be there; tied ones share the tensor of another name."""
    there = {id(wanted[name]) for name in weights if name in wanted}
    return [
        name
        for name, value in wanted.items()
        if name not in weights
        and id(value) not in there
        and not name.endswith("num_batches_tracked")
    ]


def _inside(weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): v for n, v in weights.items() if n.startswith(prefix)}


def _without_beginning(
    weights: dict[str, Tensor], wanted: dict[str, Tensor], place: str
) -> dict[str, Tensor]:
    beginnings = {
        name.removesuffix(model_name): None
        for name in weights
        for model_name in wanted
        if name.endswith(f".{model_name}")
    }
    fit = [b for b in beginnings if not _lacking(wanted, _inside(weights, b))]
    # Where a whole model fits, parts of it that look alike inside do not count.
    fit = [b for b in fit if not any(b != other and b.startswith(other) for other in fit)]
    if len(fit) > 1:
        raise ValueError(
            f"{place} fits the model under several beginnings, {_few(fit)}; "
            f"choose with prefix={fit[0]!r}"
        )
    if fit:
        return _inside(weights, fit[0])
    # Nothing fits: compare with what comes nearest.
    tries = [weights, *(_inside(weights, b) for b in beginnings)]
    return max(tries, key=lambda names: len(wanted.keys() & names.keys()))


def _check_names(weights: dict[str, Tensor], wanted: dict[str, Tensor], place: str) -> None:
    lacking = _lacking(wanted, weights)
    others = [name for name in weights if name not in wanted and not name.endswith("_extra_state")]
    differences = []
    if lacking:
        near = [
            f"{name} (it has {close[0]})"
            if (close := difflib.get_close_matches(name, others, 1))
            else name
            for name in lacking[:_SHOWN]
        ]
        differences.append(
            f"it lacks {len(lacking)} of {len(wanted)} names, {_few(near, len(lacking))}"
        )
    if others:
        differences.append(f"it has {len(others)} that the model has not, {_few(others)}")
    if not differences:
        return
    remedy = _REMEDY
    if all(".lora_" in name for name in weights):
        remedy = (
            "These are the weights of an adapter alone; save those of the whole model, by "
            "model.merge_and_unload().save_pretrained(folder)"
        )
    raise ValueError(f"{place} does not fit the model: {'; '.join(differences)}. {remedy}")


def _check_values(weights: dict[str, Tensor], wanted: dict[str, Tensor], place: str) -> None:
    shapes = [
        f"{name} is {tuple(value.shape)} there, {tuple(wanted[name].shape)} in the model"
        for name, value in weights.items()
        if name in wanted and value.shape != wanted[name].shape
    ]
    if shapes:
        raise ValueError(f"{place} does not fit the model: {_few(shapes)}. {_REMEDY}")
    for name, value in weights.items():
        if wanted[name].is_floating_point() and not value.is_floating_point():
            raise ValueError(
                f"{place} does not fit the model: {name} is {value.dtype} there; "
                "de-quantise the weights first"
            )


def _few(names: list[str], total: int | None = None) -> str:
    more = (total or len(names)) - len(names[:_SHOWN])
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more else "")
