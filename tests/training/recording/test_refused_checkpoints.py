"""Files that hold no weights alone are told apart, and nothing in them is run."""

from __future__ import annotations

import io
import os
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from training.recording.loops import network

from landscape.training.recording.checkpoints import load_into, read_checkpoint


class Hostile:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.target}",)


def _bytes(values: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    torch.save(values, file, **options)
    return file.getvalue()


def _zip(**files: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "."), data)
    return file.getvalue()


def _tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("weights.pt"))
    return file.getvalue()


REFUSED: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "hostile": (lambda p: _bytes({"w": Hostile(p)}), r"a pickle that would run (posix|nt)\.system"),
    "hostile, old format": (
        lambda p: _bytes({"w": Hostile(p)}, _use_new_zipfile_serialization=False),
        r"a pickle that would run (posix|nt)\.system",
    ),
    "hostile, protocol 4": (
        lambda p: pickle.dumps({"w": Hostile(p)}, protocol=4),
        r"a pickle that would run (posix|nt)\.system",
    ),
    "numpy pickle": (lambda _: pickle.dumps({"w": np.ones(2)}), r"NumPy values in it .*from_numpy"),
    "pointer": (
        lambda _: b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
        "a pointer of Git LFS; fetch the file itself with git lfs pull",
    ),
    "web page": (lambda _: b"\n<!DOCTYPE html><html></html>", "a web page"),
    "empty": (lambda _: b"", "empty; it was not saved to the end"),
    "cut off": (lambda _: _bytes(network().state_dict())[:900], "cut off; copy or save it again"),
    "cut off, old format": (
        lambda _: _bytes(network().state_dict(), _use_new_zipfile_serialization=False)[:-40],
        "damaged or of another kind",
    ),
    "npz": (lambda _: _zip(a__npy=b"", b__npy=b""), "a NumPy archive"),
    "zip": (lambda _: _zip(a__txt=b""), "a zip archive of something else"),
    "gzip": (lambda _: b"\x1f\x8b\x08\x00", "compressed by gzip"),
    "npy": (lambda _: b"\x93NUMPY\x01\x00", "a NumPy array"),
    "Lua table": (
        lambda _: b"\3\0\0\0\1\0\0\0\2\0\0\0", r"a file of Lua's Torch; read it .* torchfile",
    ),
    "Lua object": (lambda _: b"\4\0\0\0\1\0\0\0\3\0\0\0V 1", "a file of Lua's Torch"),
    "Lua in ASCII": (lambda _: b"4\n1\n3\nV 1\n17\ntorch.DoubleTensor\n", "a file of Lua's Torch"),
    "tar": (lambda _: _tar(), "a tar archive of files; unpack it"),
    "text": (lambda _: b"import torch\n", "nothing that torch.load can read as weights"),
    "random": (lambda _: bytes(range(256)) * 9, "save it"),
    "list": (lambda _: _bytes([torch.ones(2)]), "a list, not tensors by name"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_holds_no_weights_is_said_and_not_run(kind: str, tmp_path: Path) -> None:
    make, message = REFUSED[kind]
    path, target = tmp_path / "model.pt", tmp_path / "it-ran"
    path.write_bytes(make(target))
    for read in (read_checkpoint, lambda p: load_into(network(), p)):
        with pytest.raises(ValueError, match=f"is not a file of weights alone: it is .*{message}"):
            read(path)
    assert not target.exists()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_torchscript_is_refused_with_the_line_that_converts_it(tmp_path: Path) -> None:
    torch.jit.script(nn.Linear(2, 2)).save(tmp_path / "model.pt")
    with pytest.raises(ValueError, match=r"TorchScript archive; .*torch\.jit\.load\(path\)"):
        read_checkpoint(tmp_path / "model.pt")


def test_absent_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_checkpoint(tmp_path / "model.pt")
    with pytest.raises(FileNotFoundError, match=r"holds none of model\.safetensors"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize(
    "weight",
    [torch.zeros(2, 3).to_sparse(), torch.zeros(2, 3, device="meta")],
    ids=["sparse", "meta"],
)
def test_tensors_that_are_not_plain_are_refused(tmp_path: Path, weight: torch.Tensor) -> None:
    torch.save({"weight": weight, "bias": torch.zeros(2)}, tmp_path / "w.pt")
    with pytest.raises(
        ValueError, match=r"w\.pt: weight is (sparse or nested|without values); save"
    ):
        load_into(nn.Linear(3, 2), tmp_path / "w.pt")


def test_a_file_that_unpacks_to_more_than_it_is_is_not_unpacked(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1 << 20)}, tmp_path / "w.pt")
    bomb = tmp_path / "bomb.pt"
    with (
        zipfile.ZipFile(tmp_path / "w.pt") as honest,
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in honest.namelist():
            packed.writestr(name, honest.read(name))
    assert bomb.stat().st_size < 20_000
    with pytest.raises(ValueError, match="it is packed, as torch does not write it; save it with"):
        read_checkpoint(bomb)


def test_weights_of_any_size_that_share_one_number_are_compared_first(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1).expand(1 << 20, 1 << 20)}, tmp_path / "w.pt")
    with pytest.raises(ValueError, match=r"weight is \(1048576, 1048576\) there, \(2, 3\) in"):
        load_into(nn.Linear(3, 2, bias=False), tmp_path / "w.pt")
