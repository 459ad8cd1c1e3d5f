"""Files made to harm: each is refused, or does nothing."""

import os
import pickle
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from attacks.forgeries import ATTACKS, settings_of_another_kind
from attacks.forging import forged, written

from landscape import open_study
from landscape.store import StudyFile, child
from landscape.store.checking import check_file
from landscape.store.seal import put_seal


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return written(tmp_path)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.__name__)
@pytest.mark.parametrize("verify", [True, False])
def test_a_forged_file_is_refused_in_one_line(
    study: Path, attack: Callable[[h5py.File], None], verify: bool
) -> None:
    forged(study, attack)
    start, before = time.perf_counter(), _peak()
    with pytest.raises(ValueError, match=str(study)) as caught:
        StudyFile(study, verify=verify).surface("s")
    assert "\n" not in str(caught.value)
    assert time.perf_counter() - start < 60
    assert _peak() - before < 20_000  # kB


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_honest_packing_is_read(study: Path) -> None:
    wanted = open_study(study).surface("s").losses

    def pack(file: h5py.File) -> None:
        del file["surfaces/s/losses"]
        for name, packing in (("losses", "gzip"), ("accuracies", "lzf")):
            file["surfaces/s"].create_dataset(
                name, data=wanted, chunks=(2, 2), compression=packing, shuffle=True, fletcher32=True
            )

    forged(study, pack)
    found = StudyFile(study, verify=False).surface("s").losses
    np.testing.assert_array_equal(found, wanted)


def test_a_seal_made_elsewhere_is_no_reason_to_trust(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forged(study, lambda file: file.create_group("more"))
    asked: list[str] = []
    ask = child.ask

    def counted(task: str, path: Path, *more: str) -> object:
        asked.append(task)
        return ask(task, path, *more)

    monkeypatch.setattr(child, "ask", counted)
    for _ in range(2):
        assert open_study(study).surfaces() == ["s"]
    assert asked == ["check"]  # once: then it is known
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    for _ in range(2):
        assert open_study(study).surfaces() == ["s"]
    assert asked == ["check"] * 3
    forged(study, settings_of_another_kind)
    assert "surfaces/s" in open_study(study).problems


def test_a_configuration_that_is_none_is_told_in_one_line(study: Path) -> None:
    for text in ("[1, 2]", "{", '{"a": ' * 20_000):
        forged(study, lambda file, text=text: file.attrs.__setitem__("config", text))
        with pytest.raises(ValueError, match="its configuration is no JSON object"):
            _ = StudyFile(study, verify=False).config


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


def test_an_attribute_may_not_be_larger_than_the_format_allows(study: Path) -> None:
    # Newer files of HDF5 keep attributes apart, where there is no limit of 64 kB.
    with h5py.File(study, "r+", libver="latest") as file:
        creation = h5py.h5p.create(h5py.h5p.GROUP_CREATE)
        creation.set_attr_phase_change(0, 0)
        group = h5py.Group(h5py.h5g.create(file["surfaces"].id, b"t", gcpl=creation))
        group.attrs["record"] = np.zeros(1 << 20)
    put_seal(study)
    for verify in (True, False):
        with pytest.raises(ValueError, match="neither one text nor a few numbers"):
            StudyFile(study, verify=verify).surface("t")


def test_a_group_elsewhere_is_not_opened(study: Path) -> None:
    os.mkfifo(study.with_name("fifo.h5"))  # opening it would wait for ever

    def link(file: h5py.File) -> None:
        del file["surfaces"], file["digests"]
        for name in ("surfaces", "digests"):
            file[name] = h5py.ExternalLink("fifo.h5", "/")

    forged(study, link)
    for verify in (True, False):
        with pytest.raises(ValueError, match="links are not followed"):
            StudyFile(study, verify=verify).surfaces()


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
    command = [sys.executable, "-P", "-m", "landscape.cli", "check", str(study)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "surfaces/s is damaged: losses is not as published" in done.stdout
    assert not done.stderr
