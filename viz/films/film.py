"""What films have in common: one window drawn into again and again, views that turn, text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry.camera import aim
from ..geometry.frame import Frame
from ..geometry.mesh import Shading
from ..scenes.arrangement import empty_picture
from ..scenes.scene import DrawnPanel, draw_panel
from ..scenes.text import text_2d
from ..style import Style

Image = NDArray[np.uint8]
Progress = Callable[[int, int], None]
# Lines of text in a picture of a film's height.
_LINES = 34


def film_style(size: tuple[int, int], style: Style | str | None) -> Style:
    """Return a style whose panel has ``size`` pixels, with letters of a film."""
    style = Style.of(style)
    dpi = max(round(size[1] * 72 / (_LINES * style.font_size)), 1)
    return replace(style, panel_width=size[0] / dpi, panel_height=size[1] / dpi, dpi=dpi)


class Stage:
    """One window that draws picture after picture."""

    def __init__(self, size: tuple[int, int], style: Style) -> None:
        self._scale = 0.0
        self.plotter = empty_picture(style, size)

    def fix_scale(self, frame: Frame, views: Sequence[Style]) -> None:
        """Keep one scale, at which a frame fits in every view: the camera only turns."""
        for view in views:
            aim(self.plotter.renderer, frame, view)
            self._scale = max(self._scale, self.plotter.camera.parallel_scale)

    def draw(self, panel: DrawnPanel, frame: Frame, view: Style, shading: Shading) -> None:
        """Draw a panel in place of what stood there."""
        # Otherwise the whole picture is rendered for each thing that is added: 4 s instead of 0.3.
        self.plotter.suppress_rendering = True
        self.plotter.clear_actors()
        draw_panel(self.plotter, panel, frame, view, shading=shading)
        self.plotter.camera.parallel_scale = self._scale

    def picture(self) -> Image:
        """Render and return what stands there, [height, width, 3]."""
        self.plotter.suppress_rendering = False
        self.plotter.render()
        image: Image = np.asarray(self.plotter.screenshot(return_img=True))[..., :3]
        return image

    def close(self) -> None:
        """Free the window."""
        self.plotter.close()


def views(style: Style, turn: float, count: int) -> list[Style]:
    """Return the view of each frame: the camera turns evenly through that of the style."""
    shares = np.linspace(-0.5, 0.5, count)
    return [replace(style, azimuth=style.azimuth + turn * float(share)) for share in shares]


def write_lines(plotter: Any, lines: Sequence[str], style: Style) -> None:
    """Write lines in the upper left corner."""
    high = style.font_size / 72 / style.panel_height
    for i, text in enumerate(lines):
        text_2d(plotter, text, (0.02, 1.0 - (1.2 + 1.4 * i) * high), style, align="left",
                vertical="top")  # fmt: skip


def counted(frames: Iterator[Image], count: int, progress: Progress | None) -> Iterator[Image]:
    """Yield the frames, and tell of each once it is written."""
    for done, frame in enumerate(frames, start=1):
        yield frame
        if progress is not None:
            progress(done, count)
