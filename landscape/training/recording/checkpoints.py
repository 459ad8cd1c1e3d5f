"""Weights from the files that people save: found inside, by name, without running anything."""

from __future__ import annotations

import json
import pickle
import warnings
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from landscape.networks.parameter_roles import refuse_scripted
from landscape.networks.parameters import unwrapped
from landscape.records.presenting import one_line
from landscape.training.recording import inert
from landscape.training.recording.limits import growing_by
from landscape.training.recording.parameter_names import Ignored, clean_names, fitted
from landscape.training.recording.refusals import by_its_beginning, by_its_pickle

# Where a folder of Hugging Face keeps its weights, the first that is there.
FOLDER_FILES = (
    "model.safetensors", "model.safetensors.index.json",
    "pytorch_model.bin", "pytorch_model.bin.index.json",
)  # fmt: skip
_KEYS = ("state_dict", "model_state_dict", "model", "net", "network", "module", "weights", "params")
_AVERAGES = ("ema", "swa", "average")
# Memory for reading beside the tensors; and no index of any model comes near this size.
_SPARE, _INDEX_BYTES = 1 << 30, 1 << 26
# Of objects that are not read: how many are named, and how far.
_NAMES, _LONGEST_NAME = 6, 100
_BESIDE = ("optim", "sched", "scaler", "rng", "loops", "callbacks")


def read_checkpoint(path: Path | str, *, key: str | None = None) -> dict[str, Tensor]:
    """Return the weights in a checkpoint by name, on the CPU.

    Reads what ``torch.save`` writes (``.pt``, ``.pth``, ``.bin``, Lightning's ``.ckpt``),
    ``.safetensors``, an index of shards, and a folder of Hugging Face. A mapping of tensors is
    taken as it is; in a mapping with other things the weights are looked for, beside optimizer
    states and averaged weights. What wrapping added to names is taken off: ``_orig_mod.`` anywhere,
    ``module.`` if all begin with it. Files are read with ``weights_only=True``, which runs nothing;
    where that refuses a file for objects beside the weights (``argparse.Namespace``, paths, NumPy
    scalars, a configuration's class, a whole module), the tensors are read and a warning names what
    was not. Of a whole module the weights are taken by the names of its ``state_dict``.

    Args:
        path: the file or folder.
        key: the entry that holds the weights, as ``ema``; dots go deeper. None finds it.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is something else than weights (the message says what, and how to save
            weights), holds none, or several and no ``key`` is given.
        ModuleNotFoundError: for safetensors without the package of that name.
    """
    return clean_names(raw_weights(Path(path), key))


def load_into(
    model: nn.Module,
    path: Path | str,
    *,
    key: str | None = None,
    prefix: str | None = None,
    ignore: Iterable[str] = (),
) -> Ignored:
    """Load the weights of a checkpoint into a model; all of them, or none.

    Args:
        model: any module; of a wrapped one (DataParallel, DistributedDataParallel, AveragedModel,
            torch.compile) the module inside is filled.
        path: see :func:`read_checkpoint`.
        key: see :func:`read_checkpoint`.
        prefix: what the model's names begin with in the file, as ``model.`` in the checkpoints
            of a Lightning module that keeps its network there; None finds it.
        ignore: patterns of keys, as ``("head.*",)``: those in the checkpoint are not read, those of
            the model keep the values it was built with.

    Returns:
        The keys that were ignored; say so where you report a result.

    Raises:
        ValueError: if it cannot be read, or names or shapes are others than the model's; the
            message names the first few.
        FileNotFoundError: if there is no such file.
    """
    model = unwrapped(model)
    refuse_scripted(model)
    weights = raw_weights(Path(path), key)
    fitting, ignored = fitted(model, weights, place=str(path), prefix=prefix, ignore=ignore)
    # Those left out are tied to one that is there, or counters that old files do not have.
    model.load_state_dict(fitting, strict=False)
    return ignored


def raw_weights(path: Path, key: str | None = None) -> dict[str, Tensor]:
    """Return the weights in a checkpoint by the names they have there."""
    entries = contents(path)
    weights = _by_key(entries, key, path) if key is not None else _weights(entries, path)
    entries = {name: v.detach() for name, v in weights.items() if isinstance(v, Tensor)}
    for name, tensor in entries.items():
        if tensor.is_nested or tensor.layout != torch.strided or tensor.is_meta:
            what = "without values" if tensor.is_meta else "sparse or nested"
            raise ValueError(f"{path}: {name} is {what}; save plain tensors with their numbers")
    return entries


def contents(path: Path, *, mapped: bool = False) -> Mapping[str, Any]:
    """Return all that is in a checkpoint.

    Args:
        path: the file or folder.
        mapped: whether tensors are left in the file where that is possible; they are valid as
            long as it does not change.
    """
    if path.is_dir():
        path = _inside(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    if path.name.endswith(".index.json"):
        return _sharded(path)
    if _is_safetensors(path):
        return _safetensors(path)
    loaded, what = _from_torch(path, mapped=mapped)
    if what is None and not isinstance(loaded, Mapping):
        what = (
            f"a {type(loaded).__name__}, not tensors by name; save it with "
            "torch.save(model.state_dict(), path)"
        )
    if what is not None:
        raise ValueError(f"{path} is not a file of weights alone: it is {what}")
    return loaded  # type: ignore[no-any-return]


def _from_torch(path: Path, *, mapped: bool) -> tuple[Any, str | None]:
    """Return what torch reads, or why it does not."""
    what = by_its_beginning(path)
    if what is not None:
        return None, what
    archive = zipfile.is_zipfile(path)
    if path.suffix == ".safetensors" and not archive:
        return None, "a damaged safetensors file; copy or save it again"
    mapped = mapped and archive
    allowed = _SPARE + 4 * path.stat().st_size
    with warnings.catch_warnings(), growing_by(allowed):
        # Of pickles that torch did not write: they are refused below, or read all the same.
        warnings.filterwarnings("ignore", message="Detected pickle protocol")
        try:
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped), None
        except pickle.UnpicklingError:
            inertly = _inertly(path, mapped=mapped)
        except MemoryError:
            return None, f"asking for more than {allowed:,} bytes; save it again"
        except Exception as error:  # a hostile file may break its reader anywhere
            return None, f"damaged or of another kind ({type(error).__name__}); save it again"
    if inertly is None:
        return None, by_its_pickle(path)
    names = ", ".join(one_line(name)[:_LONGEST_NAME] for name in inertly.replaced[:_NAMES])
    more = f" and {len(inertly.replaced) - _NAMES} more" if len(inertly.replaced) > _NAMES else ""
    warnings.warn(
        f"the checkpoint holds more than tensors; what is not read: {names}{more}",
        UserWarning, stacklevel=2,
    )  # fmt: skip
    return inertly.value, None


def _inertly(path: Path, *, mapped: bool) -> inert.Read | None:
    """Return the tensors beside objects that torch does not load; None if there are none."""
    try:
        content = inert.read(path, mapped=mapped)
    except Exception:  # a hostile file may break its reader anywhere
        return None
    return content if content.tensors else None


def _inside(folder: Path) -> Path:
    for name in FOLDER_FILES:
        if (folder / name).is_file():
            return folder / name
    if (folder / "adapter_model.safetensors").is_file():
        raise ValueError(
            f"{folder} holds an adapter alone; save the weights of the whole model, by "
            "model.merge_and_unload().save_pretrained(folder)"
        )
    raise FileNotFoundError(f"{folder} holds none of {', '.join(FOLDER_FILES)}; name the file")


def _sharded(path: Path) -> dict[str, Any]:
    if path.stat().st_size > _INDEX_BYTES:
        raise ValueError(f"{path} has more than {_INDEX_BYTES:,} bytes; no index of shards has")
    try:
        names = sorted(set(json.loads(path.read_bytes())["weight_map"].values()))
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        raise ValueError(f"{path} is not an index of shards: it lacks a weight_map") from None
    weights: dict[str, Any] = {}
    for name in names:
        if not _is_shard(name, path.parent):
            raise ValueError(f"{path} must name files of weights beside it, got {str(name)[:80]!r}")
        weights.update(contents(path.parent / name))
    return weights


def _is_shard(name: object, folder: Path) -> bool:
    """Whether it names a file in the folder, and no further index, which might name the first."""
    if not isinstance(name, str) or "\0" in name or Path(name).name != name:
        return False
    return not name.endswith(".index.json") and not (folder / name).is_dir()


def _is_safetensors(path: Path) -> bool:
    """Whether the file begins as the format prescribes: length of a header, then JSON."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(9)
    fits = len(head) == 9 and int.from_bytes(head[:8], "little") + 8 <= size
    return fits and head[8:] == b"{"


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"{path} needs the package safetensors; pip install 'lossoscope[safetensors]'"
        ) from None
    try:
        return dict(load_file(path, device="cpu"))
    except SafetensorError as error:
        raise ValueError(f"{path} is a damaged safetensors file ({error}); copy it again") from None


def _is_weights(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and any(isinstance(v, Tensor) for v in value.values())
        and all(
            isinstance(k, str) and (isinstance(v, Tensor) or k.endswith("_extra_state"))
            for k, v in value.items()
        )
    )


def _weights(entries_of_file: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    places = _places(entries_of_file)
    not_averages = [k for k in places if not _has(k, _AVERAGES)] or list(places)
    known = [k for k in not_averages if k.rpartition(".")[2] in _KEYS] or not_averages
    if len(known) == 1:
        return places[known[0]]
    if not known:
        entries = ", ".join(map(repr, list(entries_of_file)[:8])) or "nothing"
        raise ValueError(
            f"{path} holds no weights: no entry is a mapping of names to tensors; it has {entries}"
        )
    raise ValueError(
        f"{path} holds several weights: {', '.join(known)}; choose with key={known[0]!r}"
    )


def _places(
    found: object, place: str = "", depth: int = 3, seen: set[int] | None = None
) -> dict[str, Mapping[str, Any]]:
    """Mappings of names to tensors inside ``found``, by where they are first."""
    seen = set() if seen is None else seen
    if not isinstance(found, Mapping) or id(found) in seen:
        return {}
    seen.add(id(found))
    if _is_weights(found):
        return {place: found}
    places: dict[str, Mapping[str, Any]] = {}
    if depth and "param_groups" not in found:
        for key, value in found.items():
            if isinstance(key, str) and not _has(key, _BESIDE):
                places.update(_places(value, f"{place}.{key}" if place else key, depth - 1, seen))
    return places


def _has(key: str, words: tuple[str, ...]) -> bool:
    return any(word in key.lower() for word in words)


def _by_key(content: Any, key: str, path: Path) -> Mapping[str, Any]:
    inner = content
    for part in key.split("."):
        if not isinstance(inner, Mapping) or part not in inner:
            entries = ", ".join(_places(content)) or "none"
            raise ValueError(f"{path} has no entry {key!r}; entries with weights: {entries}")
        inner = inner[part]
    if not _is_weights(inner):
        raise ValueError(f"{path}: the entry {key!r} is no mapping of names to tensors")
    return inner  # type: ignore[no-any-return]
