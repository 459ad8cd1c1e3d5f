"""A film of the way from whole surfaces down to one optimizer step, networks side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from landscape.records.choices import check_known
from landscape.records.close_up import REMOVED, CloseUp, Removed
from landscape.records.kink_cut_surface import KinkCutSurface

from ..captions.normalising import in_short
from ..closeups.blocks import VIEW, Block, View, draw_block
from ..closeups.clay import check_series, colour_of, log_heights
from ..closeups.cropping import cropped
from ..look import USUAL, Look
from ..scenes.arrangement import empty_picture
from ..scenes.text import text_2d
from ..style import Style
from .film import Image, Progress, counted, film_style
from .video import check_video, write_video

# Shares of the time in which the film stands at its widest, and moves.
_START, _MOVING = 0.08, 0.80


def animate_zoom(
    series: Sequence[Sequence[CloseUp]],
    file: Path | str,
    look: Look = USUAL,
    *,
    seconds: float = 10.0,
    fps: float = 24.0,
    turn: float = 40.0,
    size: tuple[int, int] = (1280, 720),
    removing: Removed = "tilt",
    progress: Progress | None = None,
) -> Path:
    """Film the way from whole surfaces down to one optimizer step, networks side by side.

    The window shrinks by equal factors in equal times. Each is cropped out of the narrowest
    close-up that holds it, and drawn to the same height. At full scale heights are logarithmic;
    on the way to the second close-up they become linear and lose their tilt. Creases are edges of
    the mesh with the exact gradient on each side, so that none is smoothed.

    A single close-up of each is an orbit around that window, with all networks on one scale.

    Args:
        series: for each network its close-ups, widest first.
        file: ``.mp4`` (H.264) or ``.gif``.
        look: its style gives letters and background.
        seconds: duration; its ends stand still.
        fps: frames per second.
        turn: degrees by which the camera turns.
        size: width and height in pixels, even.
        removing: what is removed below full scale: ``nothing``, ``tilt`` or ``quadratic``.
        progress: called with the frames done and their number, after each.

    Returns:
        The file.

    Raises:
        ImportError: without the package that writes films; the message has the command.
        RuntimeError: if nothing can be rendered here.
        ValueError: for options that make no film, no network, or networks with other windows.
    """
    file = Path(file)
    count = check_video(file, size, fps, seconds)
    check_known("what is removed", removing, REMOVED)
    rows = check_series(series)
    widths = [closeup.width for closeup in rows[0]]
    style = film_style(size, look.style)
    stage = _Stage(rows, size, style, removing)

    def frames() -> Iterator[Image]:
        for i in range(count):
            time = i / (count - 1)
            share = float(np.clip((time - _START) / _MOVING, 0.0, 1.0))
            width = widths[0] * (widths[-1] / widths[0]) ** share
            # A whole turn does not stop where it began.
            around = time if len(widths) > 1 else i / count
            stage.draw(width, VIEW[0] + turn * (around - 0.5))
            yield stage.picture()

    with closing(stage):
        write_video(counted(frames(), count, progress), file, size=size, fps=fps)
    return file


class _Stage:
    """One window with a renderer for each network."""

    def __init__(
        self, rows: list[list[CloseUp]], size: tuple[int, int], style: Style, removing: Removed
    ) -> None:
        self.rows, self.style, self.removing = rows, style, removing
        self.aspect = size[0] / len(rows) / size[1]
        self.plotter = empty_picture(style, size, shape=(1, len(rows)))

    def draw(self, width: float, azimuth: float) -> None:
        """Draw the window of a width in place of what stood there."""
        self.plotter.suppress_rendering = True
        surfaces = [_seen(closeups, width, self.removing) for closeups in self.rows]
        largest = max(float(np.ptp(surface.losses)) for surface in surfaces)
        one_scale = {"largest": largest} if len(self.rows[0]) == 1 else {}
        for column, (closeups, surface) in enumerate(zip(self.rows, surfaces, strict=True)):
            self.plotter.subplot(0, column)
            renderer = self.plotter.renderer
            renderer.clear_actors()
            draw_block(self.plotter, Block.of(surface, **one_scale), colour_of(closeups[0]))
            View.all_around(azimuth, self.aspect).aim(self.plotter)
            text_2d(self.plotter, closeups[0].title, (0.5, 0.97), self.style, size=1.6,
                    vertical="top", colour=self.style.legible(colour_of(closeups[0])))  # fmt: skip
            words = [_words(closeups[-1], width), *in_short(closeups[-1].surface.settings)]
            text_2d(self.plotter, "; ".join(words), (0.5, 0.05), self.style)

    def picture(self) -> Image:
        """Render and return what stands there, [height, width, 3]."""
        self.plotter.suppress_rendering = False
        self.plotter.render()
        image: Image = np.asarray(self.plotter.screenshot(return_img=True))[..., :3]
        return image

    def close(self) -> None:
        """Free the window."""
        self.plotter.close()


def _seen(closeups: Sequence[CloseUp], width: float, removing: Removed) -> KinkCutSurface:
    """Return what is drawn of a window: log heights at full scale, closer in what is left."""
    holding = [closeup for closeup in closeups if closeup.width >= width * (1 - 1e-9)]
    surface = cropped(holding[-1].surface, width)
    degree = REMOVED.index(removing)
    left = surface.minus(surface.polynomial(degree)) if degree else surface
    if len(closeups) > 1 and width > closeups[1].width:
        share = np.log(closeups[0].width / width) / np.log(closeups[0].width / closeups[1].width)
        return _between(log_heights(surface), left, float(share))
    return left


def _between(first: KinkCutSurface, second: KinkCutSurface, share: float) -> KinkCutSurface:
    """Return heights between those of two surfaces, each over its own range, and their slopes."""
    parts: list[tuple[float, KinkCutSurface]] = [(1 - share, first), (share, second)]
    scaled: list[tuple[float, Any]] = [(w / (float(np.ptp(s.losses)) or 1.0), s) for w, s in parts]
    return replace(
        first,
        losses=sum(w * (s.losses - s.losses.min()) for w, s in scaled),
        gradients=sum(w * s.gradients for w, s in scaled),
    )


def _words(closeup: CloseUp, width: float) -> str:
    factor = closeup.full_width / width if closeup.full_width else 1.0
    text = f"{float(f'{factor:.2g}'):,.0f} × closer" if factor >= 1.05 else "whole surface"
    if not closeup.step_width:
        return text
    steps = float(f"{width / closeup.step_width:.2g}")
    return f"{text}, {'one step' if steps == 1 else f'{steps:,g} steps'} wide"
