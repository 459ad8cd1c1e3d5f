"""Files of weights made to harm: each is refused in one line, with little memory and time."""

import copy
import io
import json
import os
import resource
import struct
import sys
import time
import zipfile
from pathlib import Path

import pytest
import torch

from landscape.training.recording.checkpoints import read_checkpoint

START = b"\x80\x04"


def refused(path: Path, match: str) -> None:
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    limits = resource.getrlimit(resource.RLIMIT_AS)
    with pytest.raises(ValueError, match=match) as caught:
        read_checkpoint(path)
    assert "\n" not in str(caught.value)
    assert time.perf_counter() - start < 60
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB
    assert resource.getrlimit(resource.RLIMIT_AS) == limits


def index(folder: Path, *names: object) -> Path:
    path = folder / "a.index.json"
    path.write_text(json.dumps({"weight_map": {str(i): name for i, name in enumerate(names)}}))
    return path


@pytest.mark.parametrize(
    "name", ["a.index.json", "..", ".", "", "sub", "../w.pt", "/etc/passwd", 1, None, "a\0b"]
)
def test_an_index_names_files_beside_it_and_nothing_else(tmp_path: Path, name: object) -> None:
    torch.save({"w": torch.ones(1)}, tmp_path / "w.pt")
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    for place in (tmp_path, folder / "sub"):
        torch.save({"w": torch.ones(1)}, place / "pytorch_model.bin")
    refused(index(folder, name), "must name files of weights beside it")


def test_indices_that_name_each_other_end(tmp_path: Path) -> None:
    for one, other in (("b", "c"), ("c", "b")):
        index(tmp_path, f"{other}.index.json").rename(tmp_path / f"{one}.index.json")
    refused(tmp_path / "b.index.json", "must name files of weights")


@pytest.mark.parametrize("content", [b"[" * 100_000, b"\xff\xfe{", b'{"weight_map": [[]]}', b"1"])
def test_what_is_no_index(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.index.json").write_bytes(content)
    refused(tmp_path / "a.index.json", "it lacks a weight_map")


def test_an_absurdly_large_index_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.index.json"
    path.touch()
    os.truncate(path, 1 << 36)
    refused(path, "no index of shards has")


@pytest.mark.parametrize(
    "content",
    [
        START + b".",
        START + b"0.",
        START + b"h\x05.",
        START + b"\x8e" + struct.pack("<Q", 1 << 62) + b"abc.",
        START + b"X" + struct.pack("<I", 0xFFFFFFFF) + b"abc.",
        START + b"]" * 50_000 + b"a" * 49_999 + b".",
    ],
)
def test_pickles_that_are_broken(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "w.pt").write_bytes(content)
    refused(tmp_path / "w.pt", "not a file of weights alone")


@pytest.mark.skipif(sys.platform != "linux", reason="no limit on memory there")
@pytest.mark.parametrize("size", [b"J\xff\xff\xff\x7f", b"\x8a\x06\0\0\0\0\0\x10"])
def test_pickles_that_ask_for_memory(tmp_path: Path, size: bytes) -> None:
    (tmp_path / "w.pt").write_bytes(START + b"cbuiltins\nbytearray\n(" + size + b"tR.")
    refused(tmp_path / "w.pt", "asking for more than")


def archive(path: Path, packing: int, *, shared: bool) -> None:
    """Write 20 tensors whose numbers are packed, or the same place of the file."""
    image = io.BytesIO()
    torch.save({f"w{i}": torch.zeros(1 << 14) for i in range(20)}, image)
    with zipfile.ZipFile(image) as whole, zipfile.ZipFile(path, "w", packing) as forged:
        for item in whole.infolist():
            first = next((i for i in forged.filelist if "/data/" in i.filename), None)
            if shared and first is not None and "/data/" in item.filename:
                again = copy.copy(first)
                again.filename = item.filename
                forged.filelist.append(again)
                forged._didModify = True  # type: ignore[attr-defined]
            else:
                forged.writestr(item.filename, whole.read(item))


def test_archives_that_unpack_to_more_than_they_are(tmp_path: Path) -> None:
    archive(tmp_path / "packed.pt", zipfile.ZIP_DEFLATED, shared=False)
    refused(tmp_path / "packed.pt", "packed, as torch does not write it")
    archive(tmp_path / "shared.pt", zipfile.ZIP_STORED, shared=True)
    refused(tmp_path / "shared.pt", "more than it has")
