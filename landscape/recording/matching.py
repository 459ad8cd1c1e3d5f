"""The names in a checkpoint and the names of a model, brought together."""

from __future__ import annotations

import difflib

from torch import Tensor, nn

_SHOWN = 3


def clean_names(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Take off what torch.compile, DataParallel and averaging added to names.

    >>> list(clean_names({"module.a": 1, "module.b._orig_mod.c": 2, "n_averaged": 3}))
    ['a', 'b.c']
    """
    found = {name.replace("_orig_mod.", ""): value for name, value in weights.items()}
    own = {name: value for name, value in found.items() if name != "n_averaged"}
    while own and all(name.startswith("module.") for name in own):
        own = found = {name.removeprefix("module."): value for name, value in own.items()}
    return found


def fitted(
    model: nn.Module, weights: dict[str, Tensor], *, place: str, prefix: str | None = None
) -> dict[str, Tensor]:
    """Return the weights by the model's names.

    Names are taken as they are if they fit, otherwise without what wrapping added, otherwise
    without a common beginning that makes them fit. Under such a beginning everything must fit;
    what lies beside it belongs to other parts of the module that was saved. May be absent: a name
    that shares its parameter with one that is there, and the counters of BatchNorm.

    Args:
        model: the module.
        weights: by the names in the checkpoint.
        place: where they are from, for messages.
        prefix: the beginning; None finds it.

    Raises:
        ValueError: if names or shapes differ, or several beginnings fit.
    """
    wanted = {n: v for n, v in model.state_dict(keep_vars=True).items() if isinstance(v, Tensor)}
    clean = clean_names(weights)
    if prefix is not None:
        found = _inside(clean, prefix)
        if not found:
            raise ValueError(
                f"{place} has no names that begin with {prefix!r}; they are {_few(list(clean))}"
            )
    elif not _lacking(wanted, weights):
        found = weights
    elif not _lacking(wanted, clean):
        found = clean
    else:
        found = _without_beginning(clean, wanted, place)
    _check_names(found, wanted, place)
    _check_values(found, wanted, place)
    return found


def _lacking(wanted: dict[str, Tensor], found: dict[str, Tensor]) -> list[str]:
    """Names that should be there; tied ones share the tensor of another name."""
    there = {id(wanted[name]) for name in found if name in wanted}
    return [
        name
        for name, value in wanted.items()
        if name not in found and id(value) not in there and not name.endswith("num_batches_tracked")
    ]


def _inside(weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): v for n, v in weights.items() if n.startswith(prefix)}


def _without_beginning(
    weights: dict[str, Tensor], wanted: dict[str, Tensor], place: str
) -> dict[str, Tensor]:
    beginnings = {
        name.removesuffix(own): None
        for name in weights
        for own in wanted
        if name.endswith(f".{own}")
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


def _check_names(found: dict[str, Tensor], wanted: dict[str, Tensor], place: str) -> None:
    lacking = _lacking(wanted, found)
    others = [name for name in found if name not in wanted and not name.endswith("_extra_state")]
    said = []
    if lacking:
        near = [
            f"{name} (it has {close[0]})"
            if (close := difflib.get_close_matches(name, others, 1))
            else name
            for name in lacking[:_SHOWN]
        ]
        said.append(f"it lacks {len(lacking)} of {len(wanted)} names, {_few(near, len(lacking))}")
    if others:
        said.append(f"it has {len(others)} that the model has not, {_few(others)}")
    if not said:
        return
    remedy = "Build the model that was saved"
    if all(".lora_" in name for name in found):
        remedy = (
            "These are the weights of an adapter alone; save those of the whole model, by "
            "model.merge_and_unload().save_pretrained(folder)"
        )
    raise ValueError(f"{place} does not fit the model: {'; '.join(said)}. {remedy}")


def _check_values(found: dict[str, Tensor], wanted: dict[str, Tensor], place: str) -> None:
    shapes = [
        f"{name} is {tuple(value.shape)} there, {tuple(wanted[name].shape)} in the model"
        for name, value in found.items()
        if name in wanted and value.shape != wanted[name].shape
    ]
    if shapes:
        raise ValueError(f"{place} does not fit the model: {_few(shapes)}")
    for name, value in found.items():
        if wanted[name].is_floating_point() and not value.is_floating_point():
            raise ValueError(
                f"{place} does not fit the model: {name} is {value.dtype} there; "
                "de-quantise the weights first"
            )


def _few(names: list[str], total: int | None = None) -> str:
    more = (total or len(names)) - len(names[:_SHOWN])
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more else "")
