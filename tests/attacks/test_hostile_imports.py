"""Files of other programs, made to harm or broken: each is refused in one line that names it."""

import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from landscape.store import child
from landscape.store.importing import import_files


def refused(file: Path, match: str) -> None:
    start, out = time.perf_counter(), file.with_name("study.h5")
    with pytest.raises(ValueError, match=match) as caught:
        import_files([file], out, name="s")
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert time.perf_counter() - start < 120


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("alpha,losses\nnan,0\n1,1\n", "alphas must be finite"),
        ("alpha,losses\n0,0\ninf,1\n", "alphas must be finite"),
        ("alpha,losses\n0,0\n1,1\n1,2\n", "a point more than once"),
        ("alpha,losses\n1_0,0\n2_0,1\n", "column alpha: could not convert"),
        ("alpha,losses,status\n0,0,257\n1,0,1\n", "column status: 0 to 3 needed"),
        ("alpha,losses,status\n0,0,nan\n1,0,1\n", "column status: 0 to 3 needed"),
        ("alpha,losses\n", "at least 2 points"),
        ("alpha," + "x," * 1_000_000 + "\n", "line 1: 1000002 columns needed"),
        (
            "alpha,losses," + ",".join(map(str, range(2000))) + "\n" + "0," * 2001 + "0\n",
            "2,001 fields",
        ),
        ("alpha,<script>,losses\n0,0,1\n1,0,2\n", "rename it"),
        ("run,step,alpha\n../../x,0,0\n", "rename it"),
        ("run,step,alphabet\na,0,1\n", "must have the columns run, step, alpha"),
        ("run,step,alpha\na,nan,1\n", "column step: whole numbers needed"),
        ("run,step,alpha\na,1e300,1\n", "column step: whole numbers needed"),
        ("run,step,alpha\na,0,nan\n", "must have finite coordinates"),
        ("run,step,alpha\n" + "".join(f"r{i},0,0\n" for i in range(30_000)), "30,000 runs"),
        ('alpha,losses\n"' + "9" * 200_000 + '",1\n', "is no CSV: field larger"),
        ("alpha,losses\n0,\0\n1,2\n", "column losses"),
    ],
)
def test_tables(tmp_path: Path, text: str, match: str) -> None:
    (tmp_path / "table.csv").write_text(text)
    refused(tmp_path / "table.csv", match)


def header(shape: tuple[int, ...]) -> bytes:
    told = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}"
    return b"\x93NUMPY\x01\x00v\x00" + told.encode().ljust(117) + b"\n"


@pytest.mark.parametrize(
    ("loss", "match"),
    [
        (header((10**12,)), "too much memory"),
        (header((10**6,)), "is damaged"),
        (bytes(1 << 20), "are no array"),
    ],
)
def test_archives_that_lie(tmp_path: Path, loss: bytes, match: str) -> None:
    path = tmp_path / "loss.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("loss.npy", loss)
        archive.writestr("coordinates.npy", header((1, 3)) + bytes(24))
    refused(path, match)


@pytest.mark.parametrize(
    ("loss", "coordinates", "match"),
    [
        (np.zeros(3, complex), np.arange(3.0)[None], "must be real numbers"),
        (np.array(["a", "b"]), np.arange(2.0)[None], "must be real numbers"),
        (np.array([1, None]), np.arange(2.0)[None], "holds Python objects"),
        (np.zeros(2), np.array([[0, np.nan]]), "must be finite"),
        (np.zeros(0), np.zeros((1, 0)), "at least 2 points"),
        (np.zeros((2,) * 4), np.zeros((4, 2)), "1 to 3 axes"),
    ],
)
def test_archives_of_other_things(
    tmp_path: Path, loss: np.ndarray, coordinates: np.ndarray, match: str
) -> None:
    np.savez(tmp_path / "loss.npz", loss=loss, coordinates=coordinates)
    refused(tmp_path / "loss.npz", match)


def test_an_archive_with_a_wrong_check_sum(tmp_path: Path) -> None:
    path = tmp_path / "loss.npz"
    np.savez(path, loss=np.arange(3.0), coordinates=np.arange(3.0)[None])
    content = bytearray(path.read_bytes())
    content[content.index(np.array(2.0).tobytes())] ^= 255
    path.write_bytes(content)
    refused(path, "Bad CRC-32")


def surface(file: h5py.File, **changes: Any) -> None:
    """Write a surface of Li et al.; None leaves a data set out."""
    axis = np.linspace(-1, 1, 3)
    whole = {"xcoordinates": axis, "ycoordinates": axis, "train_loss": np.zeros((3, 3))}
    for name, values in {**whole, **changes}.items():
        if values is not None:
            file[name] = values


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda f: surface(f, xcoordinates=1.0), "must have 1 axes"),
        (lambda f: surface(f, xcoordinates=np.zeros((3, 3))), "must have 1 axes"),
        (lambda f: surface(f, xcoordinates=np.array([0, np.nan, 1])), "alphas must be finite"),
        (lambda f: surface(f, xcoordinates=np.array([0, 1, np.inf])), "alphas must be finite"),
        (lambda f: surface(f, xcoordinates=np.zeros(0)), "must hold numbers, got 0"),
        (lambda f: surface(f, train_loss=np.zeros(4)), "must have .* values, got 4"),
        (lambda f: surface(f, train_loss=h5py.SoftLink("/train_loss")), "links are not followed"),
        (lambda f: surface(f, train_loss=None), "there is no field train_loss"),
        (lambda f: f.create_group("xdirection"), "it is empty"),
        (lambda f: f.__setitem__("xdirection/a", np.ones(3)), "are named 0, 1"),
        (lambda f: f.__setitem__("xdirection/0", np.full(3, np.nan)), "must be finite"),
        (lambda f: f.__setitem__("xdirection/0", np.zeros(3)), "must not be zero"),
        (lambda f: f.update({"X": 1.0, "Y": 1.0, "loss": 1.0}), "must have 2 axes"),
        (lambda f: f.update({n: np.zeros((0, 0)) for n in ("X", "Y", "loss")}), "got 0"),
        (lambda f: f.update({"space": np.arange(3.0), "<b>": np.zeros((3, 3)),
                             "loss": np.zeros((3, 3))}), "rename it"),
        (lambda f: f.attrs.__setitem__("format", np.zeros(3)), "none of the files that are known"),
    ],
)  # fmt: skip
def test_hdf5(tmp_path: Path, make: Callable[[h5py.File], None], match: str) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        make(file)
    refused(tmp_path / "other.h5", match)


def test_a_path_without_end_or_size(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "d_proj_lstsq.h5", "w") as file:
        file["proj_xcoord"], file["proj_ycoord"] = np.full(3, np.nan), np.zeros(3)
    refused(tmp_path / "d_proj_lstsq.h5", "must have finite coordinates")


def test_what_a_reader_does_not_expect_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise IndexError("list index\nout of range")

    monkeypatch.setattr("landscape.store.foreign.read_in_child", broken)
    monkeypatch.setattr("os._exit", lambda _code: None)
    monkeypatch.setattr(child, "_limit", lambda _seconds: None)
    child.serve("read", "60", "file.csv")
    assert capsys.readouterr().out == '{"refused": "file.csv: list index out of range"}'


def test_an_archive_of_very_many_arrays(tmp_path: Path) -> None:
    path = tmp_path / "loss.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(3000):
            archive.writestr(f"{number}.npy", "")
    with pytest.raises(ValueError, match="must hold loss and coordinates") as caught:
        import_files([path], tmp_path / "study.h5", name="s")
    assert len(str(caught.value)) < 300
