"""A film of the way into the microscope, from a whole surface down to single kinks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from landscape.records.arrays import Floats
from landscape.records.grid import Grid
from landscape.records.panel import Panel, panels_of
from landscape.records.residuals import Residual, remove_quadratic
from landscape.records.surface import Surface

from ..captions.normalising import in_short
from ..geometry.frame import Frame
from ..geometry.height import HeightScale
from ..geometry.numbers import number
from ..look import USUAL, Look
from ..scenes.scene import DrawnPanel
from ..style import Style
from .film import Image, Progress, Stage, counted, film_style, views, write_lines
from .video import check_video, write_video

# A window must be seen through at least so many samples each way.
_FEWEST = 12
# Shares of the time in which the film stands at its widest, and moves.
_START, _MOVING = 0.06, 0.88


def animate_zoom(
    levels: Sequence[Panel | Surface],
    file: Path | str,
    look: Look = USUAL,
    *,
    seconds: float = 10.0,
    fps: float = 24.0,
    turn: float = 60.0,
    size: tuple[int, int] = (1280, 720),
    step: float | None = None,
    progress: Progress | None = None,
) -> Path:
    """Film the way from a whole surface down to single kinks, always with the quadratic removed.

    The window shrinks by equal factors in equal times. What is shown is the loss minus the
    best-fitting quadratic of the window seen, on a scale of its own; the corner tells what share
    of the losses' range it is. It vanishes where the loss is smooth, and stays where it is kinked.
    Each window is cut out of the smallest level that holds it; at its rim the samples are
    interpolated linearly.

    Args:
        levels: surfaces around one centre, widest first, each sampled densely enough to be seen
            until the next one begins: at least 12 samples across. The first one's title stands
            above the picture.
        file: ``.mp4`` (H.264) or ``.gif``.
        look: shading, view, letters and background; heights are linear.
        seconds: duration; its ends stand still.
        fps: frames per second.
        turn: degrees by which the camera turns.
        size: width and height in pixels, even.
        step: width of one optimizer step, in which the window is also counted.
        progress: called with the frames done and their number, after each.

    Returns:
        The file.

    Raises:
        ImportError: without the package that writes films; the message has the command.
        RuntimeError: if nothing can be rendered here.
        ValueError: for options that make no film, another colour, levels around different centres,
            or that leave a gap.
    """
    file = Path(file)
    count = check_video(file, size, fps, seconds)
    look.check_plain("a film")
    panels = panels_of(levels)
    surfaces = [panel.surface for panel in panels]
    widths = _checked_levels(surfaces)
    style = film_style(size, look.style).of_residuals()
    turned = views(style, turn, count)
    stage = Stage(size, style)

    def frames() -> Iterator[Image]:
        for i, view in enumerate(turned):
            share = np.clip((i / (count - 1) - _START) / _MOVING, 0.0, 1.0)
            width = float(widths[0] * (widths[-1] / widths[0]) ** share)
            residual = remove_quadratic(window_of(surfaces, width))
            frame = _residual_frame(residual, view)
            if not i:
                stage.fix_scale(frame, turned)
            stage.draw(DrawnPanel(residual.surface(), (), panels[0].title), frame, view,
                       look.shading)  # fmt: skip
            write_lines(stage.plotter, _window_text(residual, width, step), view)
            yield stage.picture()

    with closing(stage):
        write_video(counted(frames(), count, progress), file, size=size, fps=fps)
    return file


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
    # A neighbour that is not used must not spread its NaN; infinite ones make NaN between them.
    with np.errstate(invalid="ignore"):
        mixed = low + share * (high - low)
    return np.where(share == 1, high, np.where(share == 0, low, mixed))


def window_of(levels: Sequence[Surface], width: float) -> Surface:
    """Return the window of a width, cut out of the smallest level that holds it."""
    fitting = [s for s in levels if min(np.ptp(a) for a in s.grid.axes) >= width * (1 - 1e-9)]
    return cut_out(fitting[-1], width)


def _residual_frame(residual: Residual, style: Style) -> Frame:
    """Return the frame of a residual on a scale of its own."""
    limit = float(np.nanmax(np.abs(residual.shown), initial=0.0)) or 1.0
    return Frame.around([residual.surface()], HeightScale.of_residuals(limit), style)


def _window_text(residual: Residual, width: float, step: float | None) -> list[str]:
    lines = [f"window {number(width)}"]
    if step:
        steps = number(width / step)
        lines.append(f"{steps} optimizer {'step' if steps == '1' else 'steps'} wide")
    lines.append("loss − its best quadratic:")
    share = f"{number(100 * residual.share)} % of the losses' range"
    return [*lines, share if residual.resolved else "rounding only", *in_short(residual.settings)]
