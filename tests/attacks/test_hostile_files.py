"""Files made to harm: each is refused, or does nothing."""

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from landscape.grid import Grid
from landscape.results import Analysis
from landscape.store import StudyFile, StudyWriter, open_study
from landscape.store.checking import check_file
from landscape.store.seal import put_seal
from landscape.surface import Surface

SECRET = np.full((3, 3), 42.0)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "study.h5"
    grid = Grid.square(3)
    losses = np.arange(9.0).reshape(3, 3)
    with StudyWriter(path, config={"seed": 1}) as writer:
        record = Surface(grid, {"losses": losses}, np.ones((3, 3), dtype=np.uint8))
        writer.put_record("surfaces/s", record)
        writer.put_record("analyses/summary/r", Analysis("summary", {"a": np.arange(3)}, {}))
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["losses"] = SECRET
    return path


def forged(path: Path, change: Callable[[h5py.File], None]) -> None:
    """Change a study, and seal it again as its maker would: the seal is no signature."""
    with h5py.File(path, "r+") as file:
        change(file)
    put_seal(path)


def soft_link(file: h5py.File) -> None:
    del file["surfaces/s/losses"]
    file["surfaces/s/losses"] = h5py.SoftLink("/analyses/summary/r/a")


def external_link(file: h5py.File) -> None:
    del file["surfaces/s/losses"]
    file["surfaces/s/losses"] = h5py.ExternalLink("secret.h5", "/losses")


def external_group(file: h5py.File) -> None:
    del file["surfaces"]
    file["surfaces"] = h5py.ExternalLink("secret.h5", "/")


def virtual(file: h5py.File) -> None:
    del file["surfaces/s/losses"]
    layout = h5py.VirtualLayout((3, 3), "f8")
    layout[:] = h5py.VirtualSource("secret.h5", "losses", (3, 3))
    file["surfaces/s"].create_virtual_dataset("losses", layout)


def external_storage(file: h5py.File) -> None:
    del file["surfaces/s/losses"]
    where = Path(file.filename).parent / "secret.h5"
    outside = [(str(where), 0, 72)]
    file["surfaces/s"].create_dataset("losses", (3, 3), "f8", external=outside)


def huge(file: h5py.File) -> None:
    del file["surfaces/s/losses"]
    file["surfaces/s"].create_dataset("losses", (1 << 20, 1 << 20), "f8", chunks=(64, 64))


def bomb(file: h5py.File) -> None:
    del file["surfaces/s/losses"]
    file["surfaces/s"].create_dataset("losses", (1 << 20, 1 << 14), "f8", compression="gzip")


def huge_chunk(file: h5py.File) -> None:
    del file["surfaces/s/losses"]
    file["surfaces/s"].create_dataset(
        "losses", (3, 3), "f8", chunks=(1 << 14, 1 << 14), maxshape=(None, None)
    )


def reference(file: h5py.File) -> None:
    del file["surfaces/s/losses"]
    file["surfaces/s"].create_dataset("losses", (3, 3), h5py.ref_dtype)


def text_for_numbers(file: h5py.File) -> None:
    del file["surfaces/s/losses"]
    file["surfaces/s"].create_dataset("losses", data=["a"] * 9)


def group_for_data(file: h5py.File) -> None:
    del file["surfaces/s/losses"]
    file["surfaces/s"].create_group("losses")


def fields_elsewhere(file: h5py.File) -> None:
    file["surfaces/s"].attrs["fields"] = '["losses", "../../analyses/summary/r/a"]'


def link_as_path(file: h5py.File) -> None:
    file["surfaces/s"].attrs["plane"] = "../../etc/passwd"


def link_as_markup(file: h5py.File) -> None:
    file["surfaces/s"].attrs["run"] = "<script>alert(1)</script>"


def terminal_codes(file: h5py.File) -> None:
    file["surfaces/s"].attrs["settings"] = '{"loss": "\\u001b]0;owned\\u0007"}'


def deep_json(file: h5py.File) -> None:
    file["surfaces/s"].attrs["settings"] = "[" * 20_000


def settings_of_another_kind(file: h5py.File) -> None:
    file["surfaces/s"].attrs["settings"] = np.zeros(3)


ATTACKS = [
    soft_link, external_link, external_group, virtual, external_storage, huge, bomb, huge_chunk,
    reference, text_for_numbers, group_for_data, fields_elsewhere, link_as_path, link_as_markup,
    terminal_codes, deep_json, settings_of_another_kind,
]  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.__name__)
@pytest.mark.parametrize("verify", [True, False])
def test_a_forged_file_is_refused_in_one_line(
    study: Path, attack: Callable[[h5py.File], None], verify: bool
) -> None:
    forged(study, attack)
    start = time.perf_counter()
    with pytest.raises(ValueError, match=str(study)) as caught:
        StudyFile(study, verify=verify).surface("s")
    assert "\n" not in str(caught.value)
    assert time.perf_counter() - start < 20


@pytest.mark.parametrize("name", ["..", "a b", "<b>", "x\x1b[2J", "ä"])
def test_names_that_are_no_ids_are_refused(study: Path, name: str) -> None:
    forged(study, lambda file: file["surfaces"].create_group(name))
    for verify in (True, False):
        with pytest.raises(ValueError, match="damaged") as caught:
            StudyFile(study, verify=verify).surfaces()
        assert str(caught.value).isprintable()


def test_what_is_asked_for_is_no_path(study: Path) -> None:
    for name in ("../analyses/summary/r", "/etc/passwd", "s/losses", ""):
        with pytest.raises(ValueError, match="surface ids use only"):
            open_study(study).surface(name)


def test_a_group_that_contains_itself_ends(study: Path) -> None:
    def loop(file: h5py.File) -> None:
        file["surfaces/s/again"] = file["surfaces"]
        file["surfaces/s2"] = file["surfaces"]

    forged(study, loop)
    assert check_file(study).problems
    with pytest.raises(ValueError, match="damaged"):
        StudyFile(study, verify=False).surface("s2")


def test_reading_a_linked_file_does_not_touch_the_other_file(study: Path) -> None:
    fifo = study.with_name("fifo.h5")
    os.mkfifo(fifo)  # opening it would wait for ever

    def link(file: h5py.File) -> None:
        file["surfaces/t"] = h5py.ExternalLink("fifo.h5", "/")

    forged(study, link)
    with pytest.raises(ValueError, match="links are not followed"):
        StudyFile(study, verify=False).surface("t")
    assert any("links are not followed" in p for p in check_file(study).problems.values())


class Hostile:
    def __reduce__(self) -> tuple[object, ...]:
        return (os.system, ("touch owned",))


def test_pickles_are_never_loaded(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(study.parent)
    study.write_bytes(pickle.dumps(Hostile()))
    for verify in (True, False):
        with pytest.raises(ValueError, match="it is not HDF5"):
            StudyFile(study, verify=verify)
    assert not Path("owned").exists()


def test_the_command_names_the_part_and_ends_with_1(study: Path) -> None:
    with h5py.File(study, "r+") as file:
        file["surfaces/s/losses"][0, 0] = 7.0
    command = [sys.executable, "-P", "-m", "landscape", "check", str(study)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "surfaces/s is damaged: losses is not as published" in done.stdout
