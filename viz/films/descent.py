"""A film of an optimizer walking down its surface while the camera turns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from landscape.records.arrays import Floats
from landscape.records.choices import check_known
from landscape.records.panel import Panel
from landscape.records.results import Projection

from ..captions.normalising import in_short
from ..geometry.drape import laid, lossless
from ..geometry.frame import Frame
from ..geometry.paths import draw_ball, draw_tube, drawn_points, first_of_steps, pieces_of
from ..geometry.window import visible
from ..look import USUAL, Look
from ..scenes.scene import DrawnPanel
from ..style import Style
from .film import Image, Progress, Stage, counted, film_style, views, write_lines
from .video import check_video, write_video

Pace = Literal["steps", "distance"]
PACES = ("steps", "distance")
# At the end the film stands still for this share of its time, so that the last state can be read.
_HOLD = 0.12
_MARK = 0.032


def animate_descent(
    panel: Panel,
    file: Path | str,
    look: Look = USUAL,
    *,
    seconds: float = 6.0,
    fps: float = 24.0,
    turn: float = 120.0,
    size: tuple[int, int] = (1280, 720),
    pace: Pace = "steps",
    progress: Progress | None = None,
) -> Path:
    """Film the optimizer walking down its surface while the camera turns around it.

    The ball stands at the true loss of the recorded parameters; between two records it moves
    straight, as a picture's tube does. The surface passes through the path's end. Step and loss
    stand in the corner, with the share of the path that lies in the plane. A path without losses
    lies on the surface, and the corner says so.

    Args:
        panel: a surface with the path that is filmed, the first of its paths.
        file: ``.mp4`` (H.264) or ``.gif``.
        look: height, shading and style; a film is coloured by the losses.
        seconds: duration; the last eighth shows the end.
        fps: frames per second.
        turn: degrees by which the camera turns, through the style's view in the middle.
        size: width and height in pixels, even.
        pace: ``steps``, every optimizer step as long as every other, or ``distance``, always
            equally fast in the picture.
        progress: called with the frames done and their number, after each.

    Returns:
        The file.

    Raises:
        ImportError: without the package that writes films; the message has the command.
        RuntimeError: if nothing can be rendered here.
        ValueError: for options that make no film, another colour, a panel without a path, or a path
            without a drawable record.
    """
    file = Path(file)
    count = check_video(file, size, fps, seconds)
    look.check_plain("a film")
    check_known("pace", pace, PACES)
    if not isinstance(panel, Panel) or not panel.paths:
        raise ValueError(
            "a film needs a path to walk, got none; give Panel(surface, paths=(path,))"
        )
    surface, path = panel.surface, panel.paths[0]
    scale = look.scale([surface], [path])
    style = film_style(size, look.style)
    frame = Frame.around([surface], scale, style)
    walk = Walk.of(laid(path, surface, scale.kind), frame, pace, on_surface=lossless(path))
    empty = DrawnPanel(surface, (), panel.title, through=(path,))
    turned = views(style, turn, count)
    stage = Stage(size, style)
    moving = max(round(count * (1 - _HOLD)), 2)

    def frames() -> Iterator[Image]:
        stage.fix_scale(frame, turned)
        for i, view in enumerate(turned):
            stage.draw(empty, frame, view, look.shading)
            walk.draw(stage.plotter, min(i / (moving - 1), 1.0), frame, view,
                      in_short(surface.settings))  # fmt: skip
            yield stage.picture()

    with closing(stage):
        write_video(counted(frames(), count, progress), file, size=size, fps=fps)
    return file


@dataclass(frozen=True, slots=True)
class Walk:
    """A path in the picture and in time.

    Points between records, as of a path laid on a surface, belong to the record before them.

    Attributes:
        points: drawn records, [n, 3]; NaN where a record is not drawn.
        times: of each record, from 0 to 1.
        steps: optimizer steps of each.
        losses: true losses of each.
        captured: share of the path's squared displacement that lies in the plane; None where
            that is not known.
        on_surface: whether the losses are those of the surface, as the path's own are not known.
    """

    points: Floats
    times: Floats
    steps: NDArray[np.int64]
    losses: Floats
    captured: float | None
    on_surface: bool = False

    @classmethod
    def of(cls, path: Projection, frame: Frame, pace: Pace, *, on_surface: bool = False) -> Walk:
        """Place a path in a frame.

        Raises:
            ValueError: if it does not lie in the plane, or no record of it is drawn.
        """
        if not visible(path):
            raise ValueError(
                f"only {100 * path.captured:.2g} % of the path lies in this plane: its shadow "
                "would mislead; film it on a plane through it (pca)"
            )
        points = drawn_points(path, frame)
        if not np.isfinite(points).any():
            raise ValueError(
                "the path must have a record with a finite loss inside the surface's window to be "
                "filmed, got none"
            )
        times = _step_times(path)
        if pace == "distance":
            moved = np.linalg.norm(np.diff(points, axis=0), axis=1)
            times = np.concatenate([[0.0], np.cumsum(np.nan_to_num(moved))])
        times = times / times[-1] if times[-1] > 0 else times
        known = path.captured if np.isfinite(path.distances).any() else None
        return cls(points, times, path.steps, path.losses, known, on_surface)

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

    def draw(
        self, plotter: Any, share: float, frame: Frame, style: Style, notes: Sequence[str] = ()
    ) -> None:
        """Draw the way walked, its shadow, the ball at its head, the counter, and notes below."""
        way, done = self.at(share)
        colour = style.path_colours[0]
        for piece in pieces_of(way):
            if len(piece) > 1:
                draw_tube(plotter, piece, frame, style, colour)
        if np.all(np.isfinite(way[-1])):
            draw_ball(plotter, way[-1], _MARK, colour)
        write_lines(plotter, [*self.corner_text(done), *notes], style)

    def corner_text(self, record: int) -> list[str]:
        """Return what stands in the corner at a record."""
        loss = f"{self.losses[record]:.3g}"
        losses = [f"loss of the surface {loss}", "(that of the path is not known)"]
        captured = "its share in this plane is not known"
        if self.captured is not None:
            captured = f"{100 * self.captured:.0f} % of the way lies in this plane"
        return [f"step {self.steps[record]} of {self.steps[-1]}",
                *(losses if self.on_surface else [f"loss {loss}"]), captured]  # fmt: skip


def _step_times(path: Projection) -> Floats:
    """Return steps since the first, [T]; of points between records by the way to the next."""
    records: NDArray[np.int64] = first_of_steps(path.steps)
    moved = np.linalg.norm(np.diff(path.coordinates, axis=0), axis=1)
    gone = np.concatenate([[0.0], np.cumsum(np.nan_to_num(moved))])
    since: Floats = (path.steps - path.steps[0]).astype(np.float64)
    between = np.setdiff1d(np.arange(len(since)), records)
    since[between] = np.interp(gone[between], gone[records], since[records])
    return since
