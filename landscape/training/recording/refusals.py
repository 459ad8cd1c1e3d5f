"""What a file is that holds no weights one may read, and how to save them so that it does.

Nothing of the file is run: its first bytes are looked at, its table of contents, and the names
that a pickle would import.
"""

from __future__ import annotations

import pickletools
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_SAVE = "save it with torch.save(model.state_dict(), path)"
# What a file of tensors alone may import; the rest is what torch refuses.
_HARMLESS = ("collections.OrderedDict", "torch.", "_codecs.encode")
# Bytes of instructions: names come early, and to look at each takes microseconds.
_LOOKED_AT = 1 << 21
_LUA = (
    "a file of Lua's Torch; read it with the Python package torchfile, and save its tensors by "
    "name with torch.save"
)
_STARTS = (
    (b"version https://git-lfs", "a pointer of Git LFS; fetch the file itself with git lfs pull"),
    (b"<!doctype html", "a web page, not what the page offers; download the file itself"),
    (b"<html", "a web page, not what the page offers; download the file itself"),
    (b"\x1f\x8b", "compressed by gzip; unpack it first"),
    (b"\x93numpy", "a NumPy array; " + _SAVE),
    (b"\x89hdf", "an HDF5 file; " + _SAVE),
    *((start, _LUA) for start in (b"\3\0\0\0\1\0\0\0", b"\4\0\0\0\1\0\0\0", b"3\n1\n", b"4\n1\n")),
)


def by_its_beginning(path: Path) -> str | None:
    """Return what a file is that can hold no weights of torch, with a remedy; None if it may."""
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        return "empty; it was not saved to the end"
    for start, what in _STARTS:
        if head.lstrip()[: len(start)].lower() == start:
            return what
    if head[257:262] == b"ustar":
        return "a tar archive of files; unpack it and give the file of weights"
    if head[:4] != b"PK\x03\x04":
        return None
    return _archive(path)


def _archive(path: Path) -> str | None:
    if not zipfile.is_zipfile(path):
        return "cut off; copy or save it again"
    try:
        with zipfile.ZipFile(path) as archive:
            items = archive.infolist()
    except zipfile.BadZipFile:
        return "damaged; copy or save it again"
    names = [item.filename.rpartition("/")[2] for item in items]
    if "constants.pkl" in names:
        return (
            "a TorchScript archive; save its weights with "
            "torch.save(torch.jit.load(path).state_dict(), new_path)"
        )
    if "data.pkl" not in names:
        arrays = all(name.endswith(".npy") for name in names)
        return f"a {'NumPy archive' if arrays else 'zip archive of something else'}; {_SAVE}"
    # torch stores numbers as they are; packed ones, or entries that share them, may be gigabytes.
    if any(item.compress_type != zipfile.ZIP_STORED for item in items):
        return f"packed, as torch does not write it; {_SAVE}"
    total = sum(item.file_size for item in items)
    if total > path.stat().st_size:
        return f"damaged: it claims {total:,} bytes, more than it has; copy or save it again"
    return None


def by_its_pickle(path: Path) -> str:
    """Return what a file is that torch refused to read as weights alone, with a remedy."""
    names = _refused(path)
    listed = ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
    if any(name.startswith("torch.nn.modules.") for name in names):
        return f"a whole module ({listed}), which only its own code can load; {_SAVE}"
    if names and all(name.startswith("numpy") for name in names):
        return (
            f"a file with NumPy values in it ({listed}); make them plain numbers or tensors: "
            "float(x), torch.from_numpy(x), and save it again"
        )
    if names:
        return f"a pickle that would run {listed}; {_SAVE}"
    return f"nothing that torch.load can read as weights; {_SAVE}"


def _refused(path: Path) -> list[str]:
    """Names that the pickles of a file import, without those of plain tensors."""
    imported: dict[str, None] = {}
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                inner = next(n for n in archive.namelist() if n.endswith("data.pkl"))
                with archive.open(inner) as file:
                    imported.update(dict.fromkeys(_imports(file)))
        else:
            with path.open("rb") as file:
                # The old format of torch is several pickles in a row, then the numbers.
                for _ in range(5):
                    for name in _imports(file):
                        imported[name] = None
    except Exception:  # noqa: S110 - a hostile file may break the parser anywhere; names suffice
        pass
    modules = [n for n in imported if n.startswith("torch.nn.modules.")]
    return modules + [n for n in imported if n not in modules and not n.startswith(_HARMLESS)]


def _imports(file: IO[bytes]) -> Iterator[str]:
    strings: list[str] = []
    memo: list[str] = []
    start = file.tell()
    for code, argument, place in pickletools.genops(file):
        if (place or 0) - start > _LOOKED_AT:
            return
        if code.name == "GLOBAL":
            yield str(argument).replace(" ", ".")
        elif code.name == "STACK_GLOBAL":
            yield ".".join(strings[-2:])
        elif code.name == "MEMOIZE":
            memo.append(strings[-1] if strings else "")
        elif code.name in ("BINGET", "LONG_BINGET") and int(str(argument)) < len(memo):
            strings.append(memo[int(str(argument))])
        elif "UNICODE" in code.name:
            strings.append(str(argument))
