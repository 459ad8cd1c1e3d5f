"""Damage is found, named, and mended where it can be; it never passes for a value."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import warm
from calling import accepted, refused
from small_study import SMALL, content, run_study

from landscape import Grid, Surface, open_study
from landscape.records.results import Analysis
from landscape.records.surface import Status
from landscape.store import StudyFile, StudyWriter
from landscape.store.checking import check_file
from landscape.store.salvage import salvage
from landscape.store.seal import BYTES, sealed

GRID = Grid.square(21)
LOSSES = np.random.default_rng(0).standard_normal(GRID.shape)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "study.h5"
    status = np.ones(GRID.shape, dtype=np.uint8)
    with StudyWriter(path, config={"seed": 1}) as writer:
        writer.put_record("surfaces/s", Surface(GRID, {"losses": LOSSES}, status))
        for name in "ab":
            analysis = Analysis("x", {"values": np.arange(1000.0) + 3}, {"name": name})
            writer.put_record(f"analyses/x/{name}", analysis)
    return path


def overwritten(path: Path, old: bytes, new: bytes) -> None:
    content = path.read_bytes()
    assert content.count(old) >= 1
    path.write_bytes(content.replace(old, new, 1))


def test_a_study_is_sealed_and_carries_digests(path: Path) -> None:
    assert sealed(path)
    found = check_file(path)
    assert (found.problems, found.records, found.digests, found.sealed) == ({}, 3, True, True)


def test_digests_are_those_of_the_specification(path: Path) -> None:
    import hashlib

    with h5py.File(path) as file:
        losses = file["surfaces/s/losses"]
        wanted = hashlib.sha256(b"<f8 21x21\n" + LOSSES.astype("<f8").tobytes()).hexdigest()
        assert losses.attrs["sha256"] == wanted
    body = path.read_bytes()
    assert body[-64:].decode() == hashlib.sha256(body[:-BYTES]).hexdigest()


def test_a_byte_anywhere_in_the_values_is_found_and_named(path: Path) -> None:
    whole = path.read_bytes()
    place = whole.index(LOSSES[10, 10].tobytes())
    for offset in (0, 3, 7):
        broken = bytearray(whole)
        broken[place + offset] ^= 1
        path.write_bytes(broken)
        assert not sealed(path)
        study = open_study(path)
        assert list(study.problems) == ["surfaces/s"]
        with pytest.raises(ValueError, match=r"surfaces/s is damaged: losses .* check --repair"):
            study.surface("s")
        np.testing.assert_array_equal(study.analysis("x", "a").arrays["values"][:2], [3, 4])
        with pytest.raises(ValueError, match=r"study.h5 is damaged \(surfaces/s"):
            StudyWriter(path)


def test_verifying_can_be_skipped(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["surfaces/s/losses"][0, 0] = 99.0
    assert open_study(path, verify=False).surface("s").losses[0, 0] == 99.0
    with pytest.raises(ValueError, match="is damaged"):
        open_study(path).surface("s")


def test_a_study_rewritten_by_another_program_is_still_verified(path: Path) -> None:
    copy = path.with_name("copy.h5")
    with h5py.File(path) as old, h5py.File(copy, "w") as new:
        for name, value in old.attrs.items():
            new.attrs[name] = value
        for name in old:
            old.copy(name, new)
    found = check_file(copy)
    assert (found.problems, found.sealed) == ({}, False)
    np.testing.assert_array_equal(open_study(copy).surface("s").losses, LOSSES)


def test_files_without_digests_are_read_and_get_them_when_they_grow(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["digests"], file.attrs["sha256"]

        def strip(_name: str, item: h5py.Group | h5py.Dataset) -> None:
            item.attrs.pop("sha256", None)

        file.visititems(strip)
        del file["surfaces/s/tile_sha256"]
    assert check_file(path).digests is False
    np.testing.assert_array_equal(open_study(path).surface("s").losses, LOSSES)
    with StudyWriter(path) as writer:
        writer.put_record("analyses/x/c", Analysis("x", {}, {}))
    found = check_file(path)
    assert (found.problems, found.digests, found.records) == ({}, True, 4)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda f: f.__delitem__("analyses/x/a"), "analyses/x/a: it is gone|it is gone"),
        (lambda f: f.attrs.__setitem__("config", "{}"), "its attributes are not as published"),
        (lambda f: f.__delitem__("digests"), "list of records is damaged"),
        (lambda f: f.attrs.__delitem__("sha256"), "its attributes are not as published"),
        (lambda f: f.move("analyses/x/a", "analyses/x/z"), "gone"),
        (lambda f: f["analyses/x/a"].attrs.__setitem__("settings", "{}"), "names or attributes"),
        (lambda f: f.copy("analyses/x/a", "analyses/x/z"), "names or attributes"),
    ],
)
def test_names_attributes_and_the_list_are_verified(path: Path, change: object, match: str) -> None:
    with h5py.File(path, "r+") as file:
        change(file)  # type: ignore[operator]
    assert any(part in check_file(path).said for part in match.split("|"))


def test_what_is_lost_is_listed_and_refused(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["surfaces/s"]
    study = open_study(path)
    assert study.surfaces() == ["s"]
    assert "surfaces/s" in study.paths()
    with pytest.raises(ValueError, match="surfaces/s is damaged: it is gone"):
        study.surface("s")


def test_repair_keeps_sound_tiles_and_marks_the_others_missing(path: Path) -> None:
    overwritten(path, LOSSES[10, 10].tobytes(), b"\x00" * 8)
    overwritten(path, np.array(1002.0).tobytes(), b"\x00" * 8)
    done = salvage(path)
    tile = next(t for t in GRID.tiles() if 10 * 21 + 10 in t)
    assert done.removed == ("analyses/x/a",)
    assert done.missing == {"surfaces/s": len(tile)}
    assert done.kept is not None
    assert done.kept.name == "study.h5.damaged"
    surface = open_study(path).surface("s")
    flat = np.isin(np.arange(GRID.size), tile).reshape(GRID.shape)
    np.testing.assert_array_equal(surface.status == Status.MISSING, flat)
    np.testing.assert_array_equal(surface.losses[~flat], LOSSES[~flat])
    assert np.isnan(surface.losses[flat]).all()
    assert check_file(path).problems == {}
    assert StudyFile(path).config == {"seed": 1}
    assert salvage(path).kept is None


def test_repair_takes_the_attributes_of_the_root_from_the_list(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file.attrs["config"] = '{"seed": 2}'
    with pytest.raises(ValueError, match="attributes are not as published"):
        open_study(path)
    salvage(path)
    assert open_study(path).config == {"seed": 1}
    assert open_study(path).surface("s").complete


def test_repair_computes_again_what_was_lost(tmp_path: Path) -> None:
    path = run_study(replace(SMALL, optimizers=("gd",)), tmp_path).path
    before = content(path)
    with h5py.File(path, "r+") as file:
        file["surfaces/relu-gd-seed0.random/losses"][2, 2] = 0.0
        file["runs/prelu-gd-seed0/thetas"][1] = 0.0
        del file["projections/relu-gd-seed0@relu-gd-seed0.pca"]
    said = accepted("check", "--repair", tmp_path)
    assert "surfaces/relu-gd-seed0.random: 35 points are missing now" in said
    assert "runs/prelu-gd-seed0: removed" in said
    assert content(path) == before


def test_options_of_repair_alone_are_refused(path: Path) -> None:
    before = path.read_bytes()
    assert "--no-recompute is of --repair; add --repair" in refused("check", "--no-recompute", path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("studies", "journals"), [(2, 6), pytest.param(8, 30, marks=pytest.mark.long)]
)
def test_random_damage_is_never_a_wrong_value(studies: int, journals: int) -> None:
    done = warm.run_module(
        "benchmarks.mutations", "--study", studies, "--sealed", studies, "--journal", journals,
        "--seed", 1,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"\nsealed studies: {studies} mutants" in done.stdout
    assert f"studies: {studies} mutants" in done.stdout
    assert f"journals: {journals} mutants" in done.stdout
