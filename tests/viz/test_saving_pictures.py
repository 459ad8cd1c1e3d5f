"""3D pictures are written whole or not at all, and nothing of them stays behind."""

from __future__ import annotations

import gc
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from making import make_path, make_surface

from landscape import Grid, Panel, Surface, viz
from landscape.viz.style import TESTING

pytestmark = pytest.mark.usefixtures("rendering")


@pytest.fixture
def small() -> Surface:
    grid = Grid.square(5)
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    return make_surface(0.1 + a**2 + b**2, grid)


def fail(*_args: Any, **_options: Any) -> None:
    raise OSError(28, "No space left on device")


def half(_image: Any, file: Path, **_options: Any) -> None:
    Path(file).write_bytes(b"half of a picture")
    fail()


@pytest.mark.parametrize(
    ("target", "failure"), [("PIL.Image.Image.save", half), ("pathlib.Path.replace", fail)]
)
def test_a_picture_that_cannot_be_written_leaves_the_old_one_and_no_pieces(
    target: str, failure: Any, small: Surface, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(b"old")
    plotter = viz.surface(small, viz.Look(style=TESTING))
    monkeypatch.setattr(target, failure)
    with pytest.raises(OSError, match="No space left"):
        viz.save(plotter, path)
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.png"]
    assert plotter.render_window is None


def test_a_blank_picture_does_not_replace_a_good_one(tmp_path: Path) -> None:
    import pyvista

    path = tmp_path / "x.png"
    path.write_bytes(b"good")
    plotter = pyvista.Plotter(off_screen=True, window_size=[40, 30])
    with pytest.raises(RuntimeError, match="came out blank"):
        viz.save(plotter, path)
    assert path.read_bytes() == b"good"
    assert plotter.render_window is None


def test_comparisons_are_not_blank_and_the_same_every_time(small: Surface, tmp_path: Path) -> None:
    from PIL import Image

    path = make_path(np.array([[0.7, -0.5], [0.3, 0.1], [0.0, 0.0]]), np.array([0.9, 0.3, 0.1]))
    files = [
        viz.save(
            viz.compare(
                [Panel(small, paths=(path,), title="a"), Panel(small, title="b")],
                viz.Look(style=TESTING),
            ),
            tmp_path / f"{i}.png",
        )
        for i in (1, 2)
    ]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert np.asarray(Image.open(files[0])).std() > 5


def left_behind() -> Counter[str]:
    """Count what is still alive of VTK and PyVista, by type."""
    gc.collect()
    kinds = [type(thing) for thing in gc.get_objects()]
    ours = [k for k in kinds if str(k.__module__).startswith(("vtkmodules", "pyvista"))]
    return Counter(k.__name__ for k in ours)


def test_nothing_of_a_saved_picture_stays_in_memory(small: Surface, tmp_path: Path) -> None:
    from pyvista.plotting.plotter import _ALL_PLOTTERS

    path = make_path(np.array([[0.7, -0.5], [0.3, 0.1], [0.0, 0.0]]), np.array([0.9, 0.3, 0.1]))

    def draw() -> None:
        plotter = viz.compare([Panel(small, paths=(path,)), small], viz.Look(style=TESTING))
        viz.save(plotter, tmp_path / "x.png")

    open_before = set(_ALL_PLOTTERS)
    draw()  # the first picture of a process also fills caches
    before = left_behind()
    draw()
    assert set(_ALL_PLOTTERS) == open_before
    assert not left_behind() - before
