"""Films, read back frame by frame, and what is drawn in them."""

from __future__ import annotations

import re
import subprocess
import sys
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from close_ups import series
from making import make_path

from landscape import Panel, Projection, Surface, viz
from landscape.viz import HeightScale
from landscape.viz.films.descent import Walk
from landscape.viz.films.film import film_style
from landscape.viz.films.video import write_video
from landscape.viz.geometry.drape import heights_at, laid
from landscape.viz.geometry.frame import Frame
from landscape.viz.scenes.scene import panel_mesh
from landscape.viz.style import TESTING

PATH = make_path(
    np.array([[-0.8, -1.5], [0.0, 0.5], [0.4, 0.5], [0.8, 1.5]]), np.array([1e3, 1e2, 10.0, 1.0])
)
SMALL: dict[str, Any] = {"size": (184, 122), "fps": 5, "seconds": 1.0}


@pytest.fixture
def ffmpeg() -> Any:
    return pytest.importorskip("imageio_ffmpeg")


def read(ffmpeg: Any, path: Path) -> tuple[float, np.ndarray]:
    """Frames per second, and the frames [n, height, width, 3], by ffmpeg itself."""
    command = [ffmpeg.get_ffmpeg_exe(), "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24",
               "-fps_mode", "passthrough", "-"]  # fmt: skip
    done = subprocess.run(command, check=True, capture_output=True)
    told = done.stderr.decode()
    width, height = map(int, re.findall(r"Video: .*?, (\d+)x(\d+)", told)[0])
    rate = float(re.findall(r"([\d.]+) fps", told)[0])
    return rate, np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width, 3)


# -- the descent ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("rendering")
@pytest.mark.parametrize("suffix", ["mp4", "gif"])
def test_a_film_has_its_size_rate_and_every_frame(
    suffix: str, ffmpeg: Any, oblong: Surface, tmp_path: Path
) -> None:
    """A side that 16 does not divide stays as it is."""
    told: list[tuple[int, int]] = []
    file = viz.animate_descent(
        Panel(oblong, paths=(PATH,)),
        tmp_path / f"a.{suffix}",
        progress=lambda *n: told.append(n),
        **SMALL,
    )
    rate, frames = read(ffmpeg, file)
    assert rate == pytest.approx(5, abs=0.01)
    assert frames.shape == (5, 122, 184, 3)
    assert told == [(n, 5) for n in range(1, 6)]
    changes = np.abs(np.diff(frames.astype(int), axis=0)).mean(axis=(1, 2, 3))
    assert np.all(changes > 1)
    assert list(tmp_path.iterdir()) == [file]


def test_the_ball_walks_from_record_to_record_as_steps_go_by(oblong: Surface) -> None:
    frame = Frame.around([oblong], HeightScale.of([oblong], paths=[PATH]), TESTING)
    points = frame.points(PATH.coordinates, PATH.losses)
    walk = Walk.of(PATH, frame, "steps")
    for share, record, place in [(0.0, 0, points[0]), (1 / 3, 1, points[1]), (1.0, 3, points[3]),
                                 (0.5, 1, (points[1] + points[2]) / 2)]:  # fmt: skip
        way, done = walk.at(share)
        assert done == record
        np.testing.assert_allclose(way[-1], place, atol=1e-12)
        np.testing.assert_allclose(way[: done + 1], points[: done + 1])
    even = Walk.of(PATH, frame, "distance")
    heads = np.array([even.at(share)[0][-1] for share in np.linspace(0, 1, 200)])
    moved = np.linalg.norm(np.diff(heads, axis=0), axis=1)
    assert np.quantile(moved, 0.05) == pytest.approx(np.quantile(moved, 0.95), rel=1e-6)


def test_a_record_without_a_place_leaves_a_gap(oblong: Surface) -> None:
    path = make_path(PATH.coordinates, np.array([1e3, np.nan, 10.0, 1.0]))
    frame = Frame.around([oblong], HeightScale.of([oblong], paths=[path]), TESTING)
    way, _ = Walk.of(path, frame, "steps").at(0.9)
    assert np.isnan(way).any(axis=1).tolist() == [False, True, False, False]


def test_a_shadow_of_a_path_is_not_filmed(ffmpeg: Any, oblong: Surface, tmp_path: Path) -> None:
    far = make_path(PATH.coordinates, PATH.losses, off_plane=100.0)
    with pytest.raises(ValueError, match="of the path lies in this plane: its shadow would"):
        viz.animate_descent(Panel(oblong, paths=(far,)), tmp_path / "a.mp4", **SMALL)
    outside = make_path(PATH.coordinates + 10, PATH.losses)
    with pytest.raises(ValueError, match="a record with a finite loss inside"):
        viz.animate_descent(Panel(oblong, paths=(outside,)), tmp_path / "a.mp4", **SMALL)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.avi", {}, "a film is written as .mp4 or .gif, got 'a.avi'"),
        ("a.mp4", {"size": (185, 122)}, "even and >= 16 pixels, got 185x122"),
        ("a.mp4", {"size": (8, 122)}, "even and >= 16 pixels"),
        ("a.mp4", {"fps": 0}, "fps must be from 1 to 120"),
        ("a.mp4", {"seconds": 0}, "seconds up to 600, got 5 and 0"),
    ],
)
def test_what_makes_no_film_is_refused(
    name: str, options: dict[str, Any], message: str, oblong: Surface, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        viz.animate_descent(Panel(oblong, paths=(PATH,)), tmp_path / name, **{**SMALL, **options})


def test_another_colour_and_a_panel_without_a_path_are_refused(
    ffmpeg: Any, oblong: Surface, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="a film is coloured by the losses, got colour 'slope'"):
        viz.animate_descent(
            Panel(oblong, paths=(PATH,)), tmp_path / "a.mp4", viz.Look(colour="slope"), **SMALL
        )
    with pytest.raises(ValueError, match="a film needs a path to walk, got none"):
        viz.animate_descent(Panel(oblong), tmp_path / "a.mp4", **SMALL)


def test_an_unknown_pace_is_refused(ffmpeg: Any, oblong: Surface, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown pace 'time'; known: steps, distance"):
        viz.animate_descent(Panel(oblong, paths=(PATH,)), tmp_path / "a.mp4", pace="time", **SMALL)  # type: ignore[arg-type]


def test_without_the_package_the_remedy_is_named(
    monkeypatch: pytest.MonkeyPatch, oblong: Surface, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(ImportError, match=r"pip install 'lossoscope\[video\]'"):
        viz.animate_descent(Panel(oblong, paths=(PATH,)), tmp_path / "a.mp4", **SMALL)


def test_a_style_fills_a_film_of_any_size() -> None:
    for size in ((1280, 720), (184, 122), (640, 640)):
        style = film_style(size, None)
        assert style.panel_width * style.dpi == pytest.approx(size[0])
        assert style.panel_height * style.dpi == pytest.approx(size[1])


def without_losses(path: Projection) -> Projection:
    nan = np.full(len(path.steps), np.nan)
    return replace(path, losses=nan, plane_losses=nan, distances=nan, off_plane_distances=nan)


def test_a_path_without_losses_walks_on_the_surface_step_by_step(oblong: Surface) -> None:
    way = without_losses(PATH)
    frame = Frame.around([oblong], HeightScale.of([oblong], paths=[way]), TESTING)
    walk = Walk.of(laid(way, oblong, "log"), frame, "steps", on_surface=True)
    for share, record in [(0.0, 0), (1 / 3, 1), (0.5, 1), (2 / 3, 2), (1.0, 3)]:
        road, done = walk.at(share)
        assert walk.steps[done] == way.steps[record]
        head = road[-1]
        exact = 3 * share - record
        place = way.coordinates[record]
        if exact > 1e-9:
            place = place + exact * (way.coordinates[record + 1] - place)
        at = [float(frame.x(place[0])), float(frame.y(place[1]))]
        np.testing.assert_allclose(head[:2], at, atol=1e-9)
        on_it = frame.z(heights_at(place[None], oblong, "log"))
        np.testing.assert_allclose(head[2], on_it[0], atol=1e-9)
    assert len(walk.points) > len(way.steps)


def test_the_corner_says_whose_loss_it_is_and_what_is_not_known(oblong: Surface) -> None:
    frame = Frame.around([oblong], HeightScale.of([oblong], paths=[PATH]), TESTING)
    assert Walk.of(PATH, frame, "steps").corner_text(2) == [
        "step 2 of 3", "loss 10", "100 % of the way lies in this plane",
    ]  # fmt: skip
    way = without_losses(PATH)
    told = Walk.of(laid(way, oblong, "log"), frame, "steps", on_surface=True).corner_text(0)
    (height,) = heights_at(PATH.coordinates[:1], oblong, "log")
    assert told == ["step 0 of 3", f"loss of the surface {10**height:.3g}",
                    "(that of the path is not known)",
                    "its share in this plane is not known"]  # fmt: skip


def test_what_is_known_of_a_path_without_losses_stays_known(oblong: Surface) -> None:
    """Laid on the surface it lost its distances, and with them its share in the plane."""
    frame = Frame.around([oblong], HeightScale.of([oblong], paths=[PATH]), TESTING)
    way = make_path(PATH.coordinates, np.full(4, np.nan), off_plane=1.0)
    walk = Walk.of(laid(way, oblong, "log"), frame, "steps", on_surface=True)
    assert walk.captured == pytest.approx(way.captured, rel=1e-12)
    assert walk.corner_text(0)[-1] == f"{100 * way.captured:.0f} % of the way lies in this plane"
    shadow = make_path(PATH.coordinates, np.full(4, np.nan), off_plane=50.0)
    with pytest.raises(ValueError, match="of the path lies in this plane: its shadow would"):
        Walk.of(laid(shadow, oblong, "log"), frame, "steps", on_surface=True)


@pytest.mark.usefixtures("rendering")
def test_a_path_without_losses_is_filmed_in_any_style(
    ffmpeg: Any, oblong: Surface, tmp_path: Path
) -> None:
    panel = Panel(oblong, paths=(without_losses(PATH),))
    look = viz.Look(style="dark")
    file = viz.animate_descent(panel, tmp_path / "a.gif", look, turn=0.0, **SMALL)
    _, frames = read(ffmpeg, file)
    ground = np.array([0x14, 0x17, 0x1C])
    assert np.abs(frames[:, -1, -1].astype(int) - ground).max() < 12
    red = np.array([255, 90, 73])
    count = [(np.abs(f.astype(int) - red).max(axis=2) < 60).sum() for f in frames]
    assert count[-1] > count[0] > 0


@pytest.mark.usefixtures("rendering")
def test_the_surface_of_a_film_passes_through_the_end_of_the_path(
    ffmpeg: Any, oblong: Surface, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from landscape.viz.films import film

    shown: list[Any] = []
    drawn = film.draw_panel

    def draw(plotter: Any, panel: Any, frame: Any, *rest: Any, **options: Any) -> None:
        shown.append(panel_mesh(panel, frame, "flat", None, 0).points[-1])
        drawn(plotter, panel, frame, *rest, **options)

    monkeypatch.setattr(film, "draw_panel", draw)
    viz.animate_descent(Panel(oblong, paths=(PATH,)), tmp_path / "a.gif", **SMALL)
    frame = Frame.around([oblong], HeightScale.of([oblong], paths=[PATH]), TESTING)
    end = frame.points(PATH.coordinates, PATH.plane_losses)[-1]
    assert len(shown) == 5
    for point in shown:
        np.testing.assert_allclose(point[:2], end[:2], atol=1e-6)


def test_records_above_the_limit_of_a_clipped_scale_are_not_filmed(oblong: Surface) -> None:
    scale = HeightScale.of([oblong], kind="clipped", limit=50.0)
    frame = Frame.around([oblong], scale, TESTING)
    there = np.isfinite(Walk.of(PATH, frame, "steps").points).all(axis=1)
    assert there.tolist() == (PATH.losses <= 50.0).tolist()


# -- frames ---------------------------------------------------------------------------------------


def test_frames_are_written_as_they_come_and_not_kept(ffmpeg: Any, tmp_path: Path) -> None:
    alive: list[Any] = []
    most = 0
    rng = np.random.default_rng(0)

    def frames() -> Any:
        nonlocal most
        for _ in range(30):
            frame = rng.integers(0, 255, (32, 48, 3), dtype=np.uint8)
            alive.append(weakref.ref(frame))
            most = max(most, sum(ref() is not None for ref in alive))
            yield frame

    write_video(frames(), tmp_path / "a.mp4", size=(48, 32), fps=10)
    assert most <= 2
    assert len(read(ffmpeg, tmp_path / "a.mp4")[1]) == 30


def test_a_film_that_fails_leaves_the_old_file(ffmpeg: Any, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("mine")
    blank = np.full((32, 48, 3), 255, np.uint8)
    with pytest.raises(RuntimeError, match="a frame came out blank"):
        write_video(iter([blank]), tmp_path / "a.mp4", size=(48, 32), fps=10)
    with pytest.raises(RuntimeError, match=r"a frame must have shape \(32, 48, 3\)"):
        write_video(iter([blank[:30]]), tmp_path / "a.mp4", size=(48, 32), fps=10)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    assert (tmp_path / "a.mp4").read_text() == "mine"


# -- the zoom -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("rendering")
@pytest.mark.parametrize("suffix", ["mp4", "gif"])
def test_a_zoom_is_a_film_too(suffix: str, ffmpeg: Any, tmp_path: Path) -> None:
    """What its frames show: ``test_zoom_film.py``."""
    told: list[tuple[int, int]] = []
    rows = [series("relu", 0.003), series("gelu")]
    file = viz.animate_zoom(rows, tmp_path / f"a.{suffix}", progress=lambda *n: told.append(n),
                            **SMALL)  # fmt: skip
    rate, frames = read(ffmpeg, file)
    assert rate == pytest.approx(5, abs=0.01)
    assert frames.shape == (5, 122, 184, 3)
    assert np.all(np.abs(np.diff(frames.astype(int), axis=0)).mean(axis=(1, 2, 3)) > 1)
    assert told == [(n, 5) for n in range(1, 6)]
