"""Films: an optimizer walking down while the camera turns, and the way into the microscope."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from landscape.grid import Grid
from landscape.residuals import remove_quadratic
from landscape.results import Projection
from landscape.surface import Surface
from viz.frame import Frame
from viz.height import HeightScale, Kind, label, number
from viz.mesh import Shading, check_shading
from viz.offscreen import ensure
from viz.paths import TUBE
from viz.relief import COLOURS
from viz.scene import Panel, draw_panel
from viz.style import Style
from viz.text import text_2d
from viz.video import check_video, write_video

Floats = NDArray[np.float64]
Image = NDArray[np.uint8]
Progress = Callable[[int, int], None]
Pace = Literal["steps", "distance"]
PACES = ("steps", "distance")
# At the end the film stands still for this share of its time, so that the last state can be read.
_HOLD = 0.12
_MARK = 0.032
# Lines of text in a picture of a film's height.
_LINES = 34
# A window must be seen through at least so many samples each way.
_FEWEST = 12


def animate_descent(
    surface: Surface,
    path: Projection,
    file: Path | str,
    *,
    seconds: float = 6.0,
    fps: float = 24.0,
    turn: float = 120.0,
    size: tuple[int, int] = (1280, 720),
    pace: Pace = "steps",
    title: str = "",
    height: Kind | HeightScale = "log",
    shading: Shading = "flat",
    style: Style | None = None,
    progress: Progress | None = None,
) -> Path:
    """Film the optimizer walking down its surface while the camera turns around it.

    The ball stands at the true loss of the recorded parameters; between two records it moves
    straight, as a picture's tube does. Step and loss are written above.

    Args:
        surface: two-dimensional.
        path: the trajectory placed on its plane.
        file: ``.mp4`` (H.264) or ``.gif``.
        seconds: duration; the last eighth shows the end.
        fps: frames per second.
        turn: degrees by which the camera turns, through the style's view in the middle.
        size: width and height in pixels, even.
        pace: ``steps``, every optimizer step as long as every other, or ``distance``, always
            equally fast in the picture.
        title: above the picture.
        height: ``log``, ``linear`` or a scale shared with other pictures.
        shading: see :func:`viz.mesh.surface_mesh`.
        style: colours and view.
        progress: called with the frames done and their number, after each.

    Returns:
        The file.

    Raises:
        ImportError: without the package that writes films; the message has the command.
        RuntimeError: if nothing can be rendered here.
        ValueError: for options that make no film, or a path without a drawable record.
    """
    file = Path(file)
    count = check_video(file, size, fps, seconds)
    check_shading(shading)
    if pace not in PACES:
        raise ValueError(f"unknown pace {pace!r}; known: {', '.join(PACES)}")
    scale = height if isinstance(height, HeightScale) else HeightScale.of(
        [surface], kind=height, paths=[path]
    )  # fmt: skip
    style = film_style(size, style)
    frame = Frame.around([surface], scale, style)
    walk = _Walk.of(path, frame, pace)
    stage = _Stage(size)
    moving = max(round(count * (1 - _HOLD)), 2)

    def frames() -> Iterator[Image]:
        for i in range(count):
            share = min(i / (moving - 1), 1.0)
            view = replace(style, azimuth=style.azimuth + turn * (i / (count - 1) - 0.5))
            stage.clear()
            draw_panel(stage.plotter, Panel(surface, (), title), frame, view, shading=shading,
                       aspect=size[0] / size[1])  # fmt: skip
            walk.draw(stage.plotter, share, frame, view)
            yield stage.picture()

    with closing(stage):
        write_video(_counted(frames(), count, progress), file, size=size, fps=fps)
    return file


def animate_zoom(
    levels: Sequence[Surface],
    file: Path | str,
    *,
    seconds: float = 10.0,
    fps: float = 24.0,
    turn: float = 60.0,
    size: tuple[int, int] = (1280, 720),
    step: float | None = None,
    title: str = "",
    style: Style | None = None,
    progress: Progress | None = None,
) -> Path:
    """Film the way from a whole surface down to single kinks, always with the quadratic removed.

    The window shrinks by equal factors in equal times. What is shown is the loss minus the
    best-fitting quadratic of the window seen, on a scale of its own, which is written above with
    its share of the losses' range: what vanishes is smooth, what stays is kinked. Each window is
    cut out of the smallest level that holds it; at its rim the samples are interpolated linearly.

    Args:
        levels: surfaces around one centre, widest first, each sampled densely enough to be seen
            until the next one begins: at least 12 samples across.
        file: ``.mp4`` (H.264) or ``.gif``.
        seconds: duration; its ends stand still.
        fps: frames per second.
        turn: degrees by which the camera turns.
        size: width and height in pixels, even.
        step: width of one optimizer step, in which the window is also counted.
        title: above the picture.
        style: view.
        progress: called with the frames done and their number, after each.

    Returns:
        The file.

    Raises:
        ImportError: without the package that writes films; the message has the command.
        RuntimeError: if nothing can be rendered here.
        ValueError: for options that make no film, levels around different centres, or that leave
            a gap.
    """
    file = Path(file)
    count = check_video(file, size, fps, seconds)
    widths = _checked_levels(levels)
    style = replace(film_style(size, style), colour_map=COLOURS, isolines=False, ambient=0.15,
                    diffuse=0.95)  # fmt: skip
    stage = _Stage(size)

    def frames() -> Iterator[Image]:
        for i in range(count):
            share = np.clip((i / (count - 1) - 0.06) / 0.88, 0.0, 1.0)
            width = float(widths[0] * (widths[-1] / widths[0]) ** share)
            view = replace(style, azimuth=style.azimuth + turn * (i / (count - 1) - 0.5))
            stage.clear()
            _draw_window(stage.plotter, levels, width, view, size, title, step)
            yield stage.picture()

    with closing(stage):
        write_video(_counted(frames(), count, progress), file, size=size, fps=fps)
    return file


def film_style(size: tuple[int, int], style: Style | None) -> Style:
    """Return a style whose panel has ``size`` pixels, with letters of a film."""
    style = style or Style(azimuth=-58.0)
    dpi = max(round(size[1] * 72 / (_LINES * style.font_size)), 1)
    return replace(style, panel_width=size[0] / dpi, panel_height=size[1] / dpi, dpi=dpi)


class _Stage:
    """One window that draws picture after picture."""

    def __init__(self, size: tuple[int, int]) -> None:
        ensure()
        import pyvista

        self._size = size
        self.plotter: Any = pyvista.Plotter(
            off_screen=True, window_size=list(size), lighting="none", border=False
        )
        self.plotter.set_background("white")
        self.plotter.enable_anti_aliasing("ssaa")

    def clear(self) -> None:
        """Take everything away."""
        self.plotter.clear_actors()

    def picture(self) -> Image:
        """Render and return what stands there, [height, width, 3]."""
        self.plotter.render()
        image: Image = np.asarray(self.plotter.screenshot(return_img=True))[..., :3]
        return image

    def close(self) -> None:
        """Free the window."""
        self.plotter.close()


@dataclass(frozen=True, slots=True)
class _Walk:
    """A path in the picture and in time.

    Attributes:
        points: drawn records, [n, 3]; NaN where a record is not drawn.
        times: of each record, from 0 to 1.
        steps: optimizer steps of each.
        losses: true losses of each.
    """

    points: Floats
    times: Floats
    steps: NDArray[np.int64]
    losses: Floats

    @classmethod
    def of(cls, path: Projection, frame: Frame, pace: Pace) -> _Walk:
        points = frame.points(path.coordinates, path.losses)
        there = frame.window.inside(path.coordinates) & np.all(np.isfinite(points), axis=1)
        if not np.any(there):
            raise ValueError(
                "the path must have a record with a finite loss inside the surface's window to be "
                "filmed, got none"
            )
        points = np.where(there[:, None], points, np.nan)
        times = (path.steps - path.steps[0]).astype(np.float64)
        if pace == "distance":
            moved = np.linalg.norm(np.diff(points, axis=0), axis=1)
            times = np.concatenate([[0.0], np.cumsum(np.nan_to_num(moved))])
        return cls(points, times / times[-1] if times[-1] > 0 else times, path.steps, path.losses)

    def at(self, share: float) -> tuple[Floats, int]:
        """Return the way walked until a share of the time [k, 3], its head last, and the record."""
        done = int(np.searchsorted(self.times, share, side="right")) - 1
        way = self.points[: done + 1]
        if done + 1 < len(self.points):
            span = self.times[done + 1] - self.times[done]
            part = (share - self.times[done]) / span if span > 0 else 0.0
            head = self.points[done] + part * (self.points[done + 1] - self.points[done])
            way = np.concatenate([way, head[None]])
        return way, done

    def draw(self, plotter: Any, share: float, frame: Frame, style: Style) -> None:
        """Draw the way walked, its shadow, the ball at its head, and the counter."""
        import pyvista

        way, done = self.at(share)
        colour = style.path_colours[0]
        for piece in _pieces(way):
            if np.any(np.ptp(piece, axis=0) > 0):
                moved = np.append(True, np.any(np.diff(piece, axis=0) != 0, axis=1))
                line = pyvista.lines_from_points(piece[moved])
                tube = line.tube(radius=TUBE, n_sides=16)
                plotter.add_mesh(tube, color=colour, ambient=0.75, diffuse=0.35,
                                 smooth_shading=True)  # fmt: skip
            shadow = piece * [1, 1, 0] + [0, 0, frame.floor + 0.002]
            if len(piece) > 1:
                plotter.add_mesh(pyvista.lines_from_points(shadow), color=colour,
                                 line_width=style.pixels(1.0))  # fmt: skip
        head = way[-1]
        if np.all(np.isfinite(head)):
            plotter.add_mesh(pyvista.Sphere(radius=_MARK, center=tuple(head)), color=colour,
                             ambient=0.7, diffuse=0.4, smooth_shading=True)  # fmt: skip
        text = f"step {self.steps[done]} of {self.steps[-1]},  loss {label(self.losses[done])}"
        _counter(plotter, text, style)


def _pieces(way: Floats) -> list[Floats]:
    """Cut a way where records are missing."""
    there = np.all(np.isfinite(way), axis=1)
    breaks = np.flatnonzero(np.diff(there.astype(np.int8))) + 1
    return [run for run in np.split(way, breaks) if len(run) and np.isfinite(run[0, 0])]


def _checked_levels(levels: Sequence[Surface]) -> Floats:
    """Return the widths of the levels."""
    if len(levels) < 1:
        raise ValueError("zooming needs at least one surface, got none")
    middles, widths = [], []
    for level in levels:
        if len(level.grid.shape) != 2:
            raise ValueError(f"a level must have 2 axes, got {len(level.grid.shape)}")
        ends = [(float(axis[0]), float(axis[-1])) for axis in level.grid.axes]
        middles.append([sum(pair) / 2 for pair in ends])
        widths.append(min(high - low for low, high in ends))
    if np.any(np.diff(widths) >= 0):
        raise ValueError(f"levels must be ever narrower, got the widths {widths}")
    off = np.abs(np.array(middles) - middles[-1]).max()
    if off > 1e-6 * widths[-1]:
        raise ValueError(
            f"levels must have one centre, these are {off:.3g} apart; sample them around one point"
        )
    for wide, narrow in zip(levels[:-1], widths[1:], strict=True):
        seen = min(int(np.sum(np.abs(axis - middle) <= narrow / 2))
                   for axis, middle in zip(wide.grid.axes, middles[-1], strict=True))  # fmt: skip
        if seen < _FEWEST:
            raise ValueError(
                f"a level must have at least {_FEWEST} samples across the next one, got {seen}; "
                "sample it more densely, or put a level between"
            )
    last = min(len(levels[-1].alphas), len(levels[-1].betas))
    if last < _FEWEST:
        raise ValueError(f"the last level needs at least {_FEWEST} samples a side, got {last}")
    return np.array(widths)


def cut_out(surface: Surface, width: float) -> Surface:
    """Return the window of a width around a surface's centre, its rim interpolated linearly."""
    losses, axes = surface.losses, []
    status = surface.status
    for along, axis in enumerate(surface.grid.axes):
        middle = (axis[0] + axis[-1]) / 2
        half = min(width, float(axis[-1] - axis[0])) / 2
        room = 1e-9 * half
        inner = axis[(axis > middle - half + room) & (axis < middle + half - room)]
        new = np.concatenate([[middle - half], inner, [middle + half]])
        losses = _between(losses, axis, new, along)
        nearest = np.abs(axis[:, None] - new).argmin(axis=0)
        status = np.take(status, nearest, axis=along)
        axes.append(new)
    return Surface(Grid(tuple(axes)), {"losses": losses}, status, run=surface.run,
                   settings=surface.settings)  # fmt: skip


def _between(values: Floats, axis: Floats, new: Floats, along: int) -> Floats:
    """Interpolate linearly along one axis."""
    after = np.clip(np.searchsorted(axis, new), 1, len(axis) - 1)
    share = np.clip((new - axis[after - 1]) / (axis[after] - axis[after - 1]), 0.0, 1.0)
    share = np.where(share > 1 - 1e-9, 1.0, share).reshape([-1, 1] if along == 0 else [1, -1])
    low, high = np.take(values, after - 1, axis=along), np.take(values, after, axis=along)
    # A neighbour that is not used must not spread its NaN.
    return np.where(share == 1, high, np.where(share == 0, low, low + share * (high - low)))


def _draw_window(
    plotter: Any,
    levels: Sequence[Surface],
    width: float,
    style: Style,
    size: tuple[int, int],
    title: str,
    step: float | None,
) -> None:
    fitting = [s for s in levels if min(np.ptp(a) for a in s.grid.axes) >= width * (1 - 1e-9)]
    residual = remove_quadratic(cut_out(fitting[-1], width))
    limit = float(np.nanmax(np.abs(residual.shown), initial=0.0)) or 1.0
    shown = residual.surface()
    scale = HeightScale("linear", -limit, limit, "residual")
    frame = Frame.around([shown], scale, style)
    draw_panel(plotter, Panel(shown, (), title), frame, style, shading="flat",
               aspect=size[0] / size[1])  # fmt: skip
    steps = f" = {number(width / step)} optimizer steps" if step else ""
    left = f"{number(100 * residual.share)} % of the losses' range is no quadratic"
    text = f"window {number(width)}{steps},  {left if residual.resolved else 'rounding only'}"
    _counter(plotter, text, style)


def _counter(plotter: Any, text: str, style: Style) -> None:
    line = style.font_size / 72 / style.panel_height
    text_2d(plotter, text, (0.5, 1.0 - 2.6 * line), style, vertical="top")


def _counted(frames: Iterator[Image], count: int, progress: Progress | None) -> Iterator[Image]:
    for done, frame in enumerate(frames, start=1):
        yield frame
        if progress is not None:
            progress(done, count)
