from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from making import make_path, make_surface

from landscape import Grid, Panel, Surface, viz
from landscape.viz import offscreen


def test_contours_have_alpha_to_the_right_and_beta_up(oblong: Surface) -> None:
    figure = viz.contour(oblong, viz.Look(height="linear"))
    axes = figure.axes[0]
    assert axes.get_xlim() == (-1.0, 1.0)
    assert axes.get_ylim() == (-2.0, 2.0)
    mesh = axes.collections[0]
    drawn = np.asarray(mesh.get_array()).reshape(9, 5)
    np.testing.assert_array_equal(drawn, oblong.losses.T)


def test_contour_panels_share_one_range_of_colours(oblong: Surface) -> None:
    more = make_surface(oblong.losses * 50, oblong.grid)
    figure = viz.contour([oblong, more])
    first, second = (axes.collections[0].get_clim() for axes in figure.axes[:2])
    assert first == second == pytest.approx((0.0, np.log10(oblong.losses.max() * 50)))


def test_the_path_is_drawn_where_it_was_placed(oblong: Surface) -> None:
    coordinates = np.array([[-0.5, 1.5], [0.2, 0.3], [0.0, 0.0]])
    figure = viz.contour(Panel(oblong, paths=(make_path(coordinates, np.ones(3)),)))
    drawn = [line.get_xydata() for line in figure.axes[0].lines if len(line.get_xydata()) == 3]
    assert drawn
    for points in drawn:
        np.testing.assert_array_equal(points, coordinates)


@pytest.mark.parametrize("suffix", ["pdf", "svg", "png"])
def test_the_same_figure_gives_the_same_bytes(oblong: Surface, tmp_path: Path, suffix: str) -> None:
    first, second = (
        viz.save(viz.contour(oblong), tmp_path / f"{i}.{suffix}").read_bytes() for i in (1, 2)
    )
    assert first == second


def test_fonts_are_embedded_as_truetype_and_svg_text_stays_text(
    oblong: Surface, tmp_path: Path
) -> None:
    with matplotlib.rc_context({"pdf.compression": 0}):
        content = viz.save(
            viz.contour(Panel(oblong, title="ReLU")), tmp_path / "x.pdf"
        ).read_bytes()
    assert b"/FontFile2" in content
    assert b"/Type3" not in content
    svg = viz.save(viz.contour(Panel(oblong, title="ReLU")), tmp_path / "x.svg").read_text("utf-8")
    assert re.search(r"<text[^>]*>ReLU</text>", svg)


def test_a_figure_that_cannot_be_written_leaves_the_old_one(
    oblong: Surface, tmp_path: Path
) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(b"old")
    figure = viz.contour(oblong)

    def fail(*_args: Any, **_options: Any) -> None:
        raise OSError(28, "No space left on device")

    figure.savefig = fail
    with pytest.raises(OSError, match="No space"):
        viz.save(figure, path)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.png"]


def test_drawing_contours_needs_no_torch() -> None:
    script = (
        "import sys, numpy as np\n"
        "from landscape import Grid, Surface, viz\n"
        "grid = Grid.square(3)\n"
        "viz.contour(Surface(grid, {'losses': np.arange(1.0, 10.0).reshape(3, 3)},"
        " np.ones((3, 3), dtype=np.uint8)))\n"
        "assert 'torch' not in sys.modules and 'vtkmodules' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-P", "-W", "error", "-c", script], check=True, timeout=600)


@pytest.mark.parametrize("failure", ["crash", "hang"])
def test_a_machine_without_graphics_is_told_which_packages_are_missing(
    failure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[str]] = []

    def run(command: list[str], **options: Any) -> Any:
        calls.append(command)
        if failure == "hang":
            raise subprocess.TimeoutExpired(command, options["timeout"])
        return subprocess.CompletedProcess(command, -11)

    monkeypatch.setattr(subprocess, "run", run)
    # Earlier pictures may have chosen a window, and then it alone would be tried.
    monkeypatch.delenv("VTK_DEFAULT_OPENGL_WINDOW", raising=False)
    offscreen.ensure.cache_clear()
    with pytest.raises(RuntimeError, match="apt-get install -y libegl1 libgl1-mesa-dri"):
        offscreen.ensure()
    offscreen.ensure.cache_clear()
    assert len(calls) >= 3
    assert all(command[1] == "-P" for command in calls)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: viz.contour([]), "a contour figure shows 1 to 64 surfaces, got 0"),
        (lambda s: viz.save(viz.contour(s), "x.tiff"), r"\.pdf or \.png or \.svg"),
        (lambda s: viz.Style(elevation=120.0), "between 0 and 90"),
    ],
)
def test_wrong_calls_are_explained(call: Any, message: str, oblong: Surface) -> None:
    with pytest.raises(ValueError, match=message):
        call(oblong)


def test_cells_without_a_height_stay_empty() -> None:
    grid = Grid.square(5)
    losses = np.full(grid.shape, 2.0)
    losses[1, 2] = np.nan
    drawn = (
        viz.contour(make_surface(losses, grid), viz.Look(height="linear")).axes[0].collections[0]
    )
    assert np.ma.getmaskarray(drawn.get_array()).sum() == 1


def test_contours_of_different_windows_are_told_and_none_is_cropped(oblong: Surface) -> None:
    wide = make_surface(oblong.losses, Grid.rectangle((5, 9), (-3.0, 3.0), (-4.0, 4.0)))
    with pytest.warns(UserWarning, match="different windows"):
        figure = viz.contour([wide, oblong])
    assert [axes.get_xlim() for axes in figure.axes[:2]] == [(-3.0, 3.0), (-1.0, 1.0)]


@pytest.mark.parametrize("draw", [viz.contour, viz.figure, viz.compare])
@pytest.mark.parametrize("columns", [0, -1])
def test_panels_need_a_column(draw: Any, columns: int, oblong: Surface) -> None:
    with pytest.raises(ValueError, match=f"columns must be >= 1, got {columns}"):
        draw([oblong, oblong], columns=columns)


@pytest.mark.parametrize("width", [0.0, -1.0, 0.1, float("nan")])
def test_contours_need_a_width(width: float, oblong: Surface) -> None:
    with pytest.raises(ValueError, match=f"width must be at least 1.5 inches, got {width}"):
        viz.contour(oblong, width=width)


@pytest.mark.parametrize("draw", [viz.figure, viz.mosaic])
def test_figures_need_a_resolution(draw: Any, oblong: Surface) -> None:
    with pytest.raises(ValueError, match="dpi must be >= 1, got 0"):
        draw(oblong, dpi=0)


def test_another_height_is_proposed_only_where_it_helps(oblong: Surface) -> None:
    nothing = make_surface(np.full(oblong.grid.shape, np.nan), oblong.grid)
    with pytest.raises(ValueError, match=r"to draw: \d+ points NaN or infinite; sample a smaller"):
        viz.contour(nothing)
    with pytest.raises(ValueError, match=r"to draw: \d+ points not positive; use a linear height$"):
        viz.contour(make_surface(-oblong.losses, oblong.grid))


@pytest.mark.parametrize(("width", "columns"), [(3.25, 2), (5.5, 2), (6.75, 4), (None, 4)])
def test_four_contours_stand_two_by_two_in_one_column_of_a_page(
    oblong: Surface, width: float | None, columns: int
) -> None:
    figure = viz.contour([oblong] * 4, width=width, caption=False)
    figure.draw_without_rendering()
    left = {round(axes.get_position().x0, 3) for axes in figure.axes[:4]}
    assert len(left) == columns
