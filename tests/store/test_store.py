"""Study files: round trips, resumption, refusal; failures of the obvious ways as tests."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from landscape import Grid, Plane, Projection, Surface, Trajectory, open_study
from landscape.records.layout import Layout, Slot
from landscape.records.results import Analysis
from landscape.records.surface import Status
from landscape.store import StudyFile, StudyWriter, codec

LAYOUT = Layout((Slot("w", (2, 2), 0), Slot("b", (2,))))


def trajectory() -> Trajectory:
    facts = np.array([1.0, np.nan, np.inf])
    return Trajectory(
        np.arange(18, dtype=np.float32).reshape(3, 6), np.array([0, 2, 3]), np.array([3.0, 2, -1]),
        facts, facts, facts, facts, LAYOUT, accuracies=np.array([0.1, 0.5, 1.0]),
        buffers={"norm.running_mean": np.ones(3, dtype=np.float32), "norm.count": np.array(7)},
        diverged_at=3, settings={"activation": "relu", "nested": {"a": [1, 2]}},
    )  # fmt: skip


def plane() -> Plane:
    unit = np.eye(6)
    return Plane(np.ones(6), unit[0] * 3, unit[1] + unit[0], LAYOUT, "random", {"seed": 3})


def surface(losses: np.ndarray | None = None) -> Surface:
    grid = Grid.rectangle((3, 5), (0, 1), (-2, 2))
    if losses is None:
        losses = np.array([0.0, -1.0, np.nan, np.inf, -np.inf] * 3).reshape(3, 5)
    status = np.full((3, 5), Status.EVALUATED, dtype=np.uint8)
    status[0, 0] = Status.INTERPOLATED
    return Surface(grid, {"losses": losses, "accuracies": losses}, status, "p", "r", {"n": 1})


def projection() -> Projection:
    one = np.arange(3.0)
    return Projection("r", "p", np.arange(3), np.ones((3, 2)), one, one, one, one)


RECORDS = {
    "runs/relu-gd-seed0": trajectory(),
    "planes/p": plane(),
    "surfaces/s": surface(),
    "projections/r@p": projection(),
    "analyses/summary/r": Analysis("summary", {"a": np.arange(3)}, {"x": None}),
}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def same(first: object, second: object) -> None:
    assert type(first) is type(second)
    for name in first.__dataclass_fields__:  # type: ignore[attr-defined]
        a, b = getattr(first, name), getattr(second, name)
        if isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b)
            assert a.dtype == b.dtype
        elif isinstance(a, Grid):
            for x, y in zip(a.axes, b.axes, strict=True):
                np.testing.assert_array_equal(x, y)
        elif hasattr(a, "items") and any(isinstance(v, np.ndarray) for v in a.values()):
            assert sorted(a) == sorted(b)
            for key in a:
                np.testing.assert_array_equal(a[key], b[key])
        else:
            assert a == b, name


def test_every_record_comes_back_as_it_was(tmp_path: Path) -> None:
    with StudyWriter(tmp_path / "study.h5", config={"seed": 1}) as writer:
        for path, record in RECORDS.items():
            assert not writer.has(path)
            writer.put_record(path, record)
            assert writer.has(path)
    study = open_study(tmp_path)
    assert study.paths() == list(RECORDS)
    for path, record in RECORDS.items():
        same(record, study.any_record(path))
    assert study.config == {"seed": 1}
    assert names(tmp_path) == ["study.h5"]


@settings(max_examples=25, deadline=None)
@given(
    hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=1, max_dims=3, min_side=2, max_side=5),
        elements=st.floats(allow_nan=True, allow_infinity=True, width=64),
    )
)
def test_any_values_survive(losses: np.ndarray) -> None:
    axes = tuple(np.arange(float(n)) for n in losses.shape)
    status = np.ones(losses.shape, dtype=np.uint8)
    before = Surface(Grid(axes), {"losses": losses}, status)
    with h5py.File.in_memory() as file:
        codec.write(file.create_group("x"), before)
        same(before, codec.read(file["x"]))


def test_values_of_0_and_below_and_nan_are_done_and_not_computed_again(tmp_path: Path) -> None:
    path = tmp_path / "study.h5"
    with StudyWriter(path, config={}) as writer:
        writer.put_record("surfaces/s", Surface.empty(Grid.rectangle((3, 5), (0, 1), (0, 1))))
        values = np.array([-1.0, 0.0, np.nan, np.inf, -np.inf] * 3)
        writer.put_tile("surfaces/s", np.arange(15), {"losses": values})
        assert writer.has("surfaces/s")
    with StudyWriter(path, config={}) as writer:
        assert writer.has("surfaces/s")
    np.testing.assert_array_equal(StudyFile(path).surface("s").losses.ravel(), values)


def test_an_unfinished_surface_is_kept_and_continued(tmp_path: Path) -> None:
    path = tmp_path / "study.h5"
    with StudyWriter(path, config={}) as writer:
        writer.put_record("surfaces/s", Surface.empty(Grid.square(3)))
        writer.put_tile("surfaces/s", np.array([4, 0]), {"losses": np.array([1.0, 2.0])})
    half = StudyFile(path).surface("s")
    assert half.status.sum() == 2
    assert np.isnan(half.losses).sum() == 7
    with StudyWriter(path, config={}) as writer:
        assert not writer.has("surfaces/s")
        rest = np.array([1, 2, 3, 5, 6, 7, 8])
        writer.put_tile("surfaces/s", rest, {"losses": rest * 10.0})
    np.testing.assert_array_equal(
        StudyFile(path).surface("s").losses.ravel()[[4, 0, 8]], [1, 2, 80]
    )


def test_a_kill_loses_nothing_that_was_put(tmp_path: Path) -> None:
    script = textwrap.dedent(f"""
        import numpy as np, os, signal
        from landscape.records.grid import Grid
        from landscape.store import StudyWriter
        from landscape.records.surface import Surface
        writer = StudyWriter({str(tmp_path / "study.h5")!r}, config={{"a": 1}})
        writer.put_record("surfaces/s", Surface.empty(Grid.square(3)))
        for i in range(5):
            writer.put_tile("surfaces/s", np.array([i]), {{"losses": np.array([i + 0.5])}})
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    done = subprocess.run([sys.executable, "-P", "-c", script], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "study.h5").exists()
    with StudyWriter(tmp_path / "study.h5", config={"a": 1}) as writer:
        found = writer.find("surfaces/s")
        assert isinstance(found, Surface)
        np.testing.assert_array_equal(found.losses.ravel()[:5], np.arange(5) + 0.5)
    assert names(tmp_path) == ["study.h5"]
    with pytest.raises(ValueError, match="a is 1 there, 2 here"):
        StudyWriter(tmp_path / "study.h5", config={"a": 2})


def test_ctrl_c_publishes_what_is_done_and_leaves_no_half_file(tmp_path: Path) -> None:
    def interrupted() -> None:
        with StudyWriter(tmp_path / "study.h5", config={}) as writer:
            writer.put_record("planes/p", plane())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert names(tmp_path) == ["study.h5"]
    assert open_study(tmp_path).planes() == ["p"]


def test_another_experiment_is_refused_with_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "study.h5"
    with StudyWriter(path, config={"steps": 3, "data": {"name": "digits"}}, facts={"sha": "x"}):
        pass
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r'data.name is "digits" there, "wine" here; sha is "x"'):
        StudyWriter(path, config={"steps": 3, "data": {"name": "wine"}}, facts={"sha": "y"})
    assert path.read_bytes() == before
    with StudyWriter(path) as writer:
        writer.put_record("planes/p", plane())
    assert StudyFile(path).config["steps"] == 3


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    with (
        StudyWriter(tmp_path / "study.h5", config={}),
        pytest.raises(BlockingIOError, match="another process is writing"),
    ):
        StudyWriter(tmp_path / "study.h5", config={})


def test_a_write_that_fails_leaves_the_old_study_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "study.h5"
    with StudyWriter(path, config={}) as writer:
        writer.put_record("planes/p", plane())
    before = path.read_bytes()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    def fill() -> None:
        with StudyWriter(path, config={}) as writer:
            writer.put_record("planes/q", plane())
            monkeypatch.setattr(os, "write", full)

    with pytest.raises(OSError, match="no room for the study"):
        fill()
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert names(tmp_path) == ["study.h5", "study.h5.journal"]
    with StudyWriter(path, config={}):
        pass
    assert StudyFile(path).planes() == ["p", "q"]


def test_a_tile_before_its_surface_is_refused(tmp_path: Path) -> None:
    with (
        StudyWriter(tmp_path / "study.h5", config={}) as writer,
        pytest.raises(KeyError, match="put the surface"),
    ):
        writer.put_tile("surfaces/s", np.array([0]), {"losses": np.array([1.0])})


def test_anything_else_than_a_study_is_one_clear_line(tmp_path: Path) -> None:
    missing, text, other, cut = (tmp_path / n for n in ("no.h5", "text.h5", "other.h5", "cut.h5"))
    with pytest.raises(FileNotFoundError, match=r"there is no study file .*no\.h5; make one with"):
        open_study(missing)
    text.write_text("hello")
    with pytest.raises(ValueError, match="is not a study file: it is not HDF5"):
        open_study(text)
    with h5py.File(other, "w") as file:
        file["x"] = 1
    with pytest.raises(ValueError, match="is HDF5, but not a study file"):
        open_study(other)
    with StudyWriter(tmp_path / "study.h5", config={}) as writer:
        writer.put_record("planes/p", plane())
    cut.write_bytes((tmp_path / "study.h5").read_bytes()[:2000])
    with pytest.raises(ValueError, match="damaged or truncated"):
        open_study(cut)
    cut.write_bytes((tmp_path / "study.h5").read_bytes().replace(b"TREE", b"BUSH"))
    with pytest.raises(ValueError, match=r"cut\.h5 is damaged"):
        open_study(cut).planes()
    with h5py.File(tmp_path / "study.h5", "r+") as file:
        file.attrs["format_version"] = 99
    with pytest.raises(ValueError, match="format version 99, this program reads 1"):
        open_study(tmp_path)


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    path = tmp_path / "study.h5"
    with StudyWriter(path, config={}) as writer:
        writer.put_record("planes/p", plane())
        writer.put_record("surfaces/s", surface())
    with h5py.File(path, "r+") as file:
        del file["planes/p/origin"]
        del file["surfaces/s/losses"]
        file["surfaces/s/losses"] = np.ones((5, 3))
    with pytest.raises(ValueError, match=r"planes/p is damaged: .* lacks a part: origin"):
        StudyFile(path).plane("p")
    with pytest.raises(ValueError, match=r"surfaces/s is damaged: losses is not as published"):
        StudyFile(path).surface("s")
    with pytest.raises(ValueError, match=r"surfaces/s is damaged: .*got \(5, 3\)"):
        StudyFile(path, verify=False).surface("s")
    with pytest.raises(KeyError, match="has no planes/q; known: p"):
        StudyFile(path).plane("q")


def test_data_are_checked_and_lost_chunks_do_not_read_as_zeros(tmp_path: Path) -> None:
    with StudyWriter(tmp_path / "study.h5", config={}) as writer:
        writer.put_record("surfaces/s", surface())
    with h5py.File(tmp_path / "study.h5") as file:
        losses = file["surfaces/s/losses"]
        assert losses.fletcher32
        assert losses.chunks is not None
        assert np.isnan(losses.fillvalue)
        assert losses.attrs["units"] == "loss"
        versions = json.loads(file.attrs["versions"])
        assert {"python", "torch", "numpy", "h5py"} <= set(versions)


def test_settings_and_configuration_are_json_without_nan_and_infinity(tmp_path: Path) -> None:
    strange = {"loss": float("inf"), "nested": {"rates": [float("nan"), 1.5, -float("inf")]}}
    wanted = {"loss": None, "nested": {"rates": [None, 1.5, None]}}
    path = tmp_path / "study.h5"
    with StudyWriter(path, config=strange) as writer:
        writer.put_record("analyses/summary/r", Analysis("summary", {}, strange))
        writer.publish()
    with h5py.File(path) as file:
        texts = [file["analyses/summary/r"].attrs["settings"], file.attrs["config"]]
    for text in texts:
        assert not {"NaN", "Infinity"} & set(text.replace("-", " ").replace(",", " ").split())
        assert json.loads(text) == wanted
    assert dict(open_study(path).analysis("summary", "r").settings) == wanted


def test_large_layouts_are_no_attributes(tmp_path: Path) -> None:
    slots = tuple(Slot(f"some.rather.long.name.of.layer.{i}.weight", (1,)) for i in range(2000))
    layout = Layout(slots)
    unit = np.eye(2, 2000)
    large = Plane(np.zeros(2000), unit[0], unit[1], layout)
    with StudyWriter(tmp_path / "study.h5", config={}) as writer:
        writer.put_record("planes/p", large)
    assert open_study(tmp_path).plane("p").layout == layout


def test_reading_needs_no_torch(tmp_path: Path) -> None:
    with StudyWriter(tmp_path / "study.h5", config={}) as writer:
        writer.put_record("surfaces/s", surface())
    script = (
        "import sys; from landscape import open_study; "
        f"open_study({str(tmp_path)!r}).surface('s'); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-P", "-c", script], check=False).returncode == 0
