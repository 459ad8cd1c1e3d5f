"""What the live explorer draws: one panel and its colour bar, redrawn in a window that stays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from landscape.records.choices import check_known
from landscape.records.panel import Panel
from landscape.records.residuals import Residual, remove_quadratic
from landscape.records.results import Projection
from landscape.records.surface import Status, Surface

from ..geometry.camera import aim
from ..geometry.centre_mark import centre_sentences
from ..geometry.differences import has_gradients
from ..geometry.frame import Frame
from ..geometry.height import HeightScale
from ..geometry.mesh import SHADINGS, Shading, surface_mesh
from ..scenes.arrangement import empty_picture
from ..scenes.colourbar import draw_colour_bar
from ..scenes.scene import DrawnPanel, draw_mesh, draw_panel
from ..scenes.text import text_2d
from ..style import PAPER, Style
from .line import corner, draw_curve, draw_line, letters_of
from .moment import Moment, Place

Shows = Literal["auto", "loss", "residual"]
SHOWS = ("auto", "loss", "residual")
HEIGHTS = ("log", "linear")
# With less than this share of the range of the losses left by a quadratic, a picture of the losses
# is that of the quadratic, and the residual is shown.
QUADRATIC = 0.1
_EXAGGERATIONS = (0.1, 10.0)
# Points of letters, on light and dark ground alike; in a narrower window they are smaller.
_LETTERS = 11.0
_DPI, _WIDE, _LEAST = 110, 800, 0.5


@dataclass(frozen=True, slots=True)
class LiveLook:
    """What the controls of the live explorer are set to.

    Attributes:
        shows: ``loss``; ``residual``, the losses without their best-fitting quadratic; ``auto``:
            the residual where it would not be seen in the losses.
        height: ``log`` or ``linear``; residuals are always linear.
        exaggeration: of the heights.
        shading: see :func:`viz.geometry.mesh.surface_mesh`.
        isolines: whether lines of equal height are drawn.
        paths: whether paths are drawn.
        style: name of a style.
    """

    shows: Shows = "auto"
    height: Literal["log", "linear"] = "log"
    exaggeration: float = 1.0
    shading: Shading = "flat"
    isolines: bool = True
    paths: bool = True
    style: str = "paper"

    def __post_init__(self) -> None:
        for name, known in (("shows", SHOWS), ("height", HEIGHTS), ("shading", SHADINGS)):
            check_known(name, getattr(self, name), known)
        low, high = _EXAGGERATIONS
        if not low <= self.exaggeration <= high:
            raise ValueError(
                f"the exaggeration must be between {low} and {high}, got {self.exaggeration:g}"
            )


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is drawn of a surface under a look.

    Attributes:
        surface: drawn; the residual's or the losses'.
        scale: of its heights.
        residual: if that is what is drawn.
        paths: drawn on it.
        note: what a reader must know; "" for nothing.
    """

    surface: Surface
    scale: HeightScale
    residual: Residual | None = None
    paths: tuple[Projection, ...] = ()
    note: str = ""

    @classmethod
    def of(cls, surface: Surface, look: LiveLook, paths: tuple[Projection, ...] = ()) -> Drawn:
        """Choose between losses and residual, and make the scale.

        Raises:
            ValueError: if there is no finite value to draw, or no residual where one is asked for.
        """
        residual = residual_of(surface, look.shows)
        if residual is not None:
            left = f"loss minus its best-fitting quadratic: {100 * residual.share:.2g} % of "
            note = left + f"the range of the losses, {residual.loss_range:.3g}"
            if not residual.resolved:
                note = "what the best-fitting quadratic leaves is rounding: drawn as 0"
            scale = HeightScale.of_residuals(residual.peak or 1.0)
            return cls(residual.surface(), scale, residual, (), note)
        drawn = paths if look.paths else ()
        kind, note = look.height, ""
        there = surface.losses[surface.status != Status.MISSING]
        if kind == "log" and not np.any(there > 0):
            kind, note = "linear", "no loss is positive: heights are linear"
        centre = [text.removesuffix(".") for text in centre_sentences([surface], [drawn], [None])]
        note = "; ".join([note, *centre] if note else centre)
        return cls(surface, HeightScale.of([surface], kind=kind, paths=drawn), None, drawn, note)


def residual_of(surface: Surface, shows: Shows) -> Residual | None:
    """Return what is left without the best-fitting quadratic if that is to be shown.

    Raises:
        ValueError: if it is asked for and there is none.
    """
    if shows == "loss":
        return None
    try:
        residual = remove_quadratic(surface)
    except ValueError:
        if shows == "residual":
            raise
        return None
    return residual if shows == "residual" or residual.share < QUADRATIC else None


class Scene:
    """A window with the surface on the left and its colour bar on the right.

    Args:
        off_screen: False to open a window on the display.
        size: of the window in pixels.

    Raises:
        RuntimeError: if nothing can be rendered here.
    """

    def __init__(self, *, off_screen: bool = True, size: tuple[int, int] = (960, 640)) -> None:
        self.plotter = empty_picture(PAPER, size, off_screen=off_screen, shape=(1, 2),
                                     col_weights=[0.86, 0.14])  # fmt: skip
        self.shown: Drawn | None = None
        self.frame: Frame | None = None
        self._surface: Surface | None = None
        self._corner: Any = None
        # The camera that fits the picture into the window, before the user turns it.
        self._aimed: tuple[Any, ...] = ()
        self._ratio = 1.0

    @property
    def aspect(self) -> float:
        """Width over height of the window."""
        width, height = self.plotter.window_size
        return float(width / max(height, 1))

    def resize(self, size: tuple[int, int], ratio: float = 1.0) -> bool:
        """Give the window another size in pixels; return whether it is to be drawn anew.

        Args:
            size: of the window.
            ratio: pixels to one of what it is shown on, by which letters and lines are larger.
        """
        if (*size, ratio) == (*self.plotter.window_size, self._ratio):
            return False
        self.plotter.render_window.SetSize(size)
        self._ratio = ratio
        return True

    def turn_back(self) -> None:
        """Put the camera back to where it was in the beginning."""
        if self._aimed:
            self._put_camera(self._aimed)

    def draw(self, moment: Moment, look: LiveLook, *, turn_back: bool = False) -> Drawn | None:
        """Draw a moment; the camera stays where the user turned it.

        Args:
            moment: what is shown.
            look: how.
            turn_back: whether the camera goes back to where it was in the beginning.

        Raises:
            ValueError: if the surface has no finite value to draw.
        """
        surface, place = moment.shown, moment.here
        if surface is None or place is None:
            return None
        # A window that is open would be drawn anew after each part.
        self.plotter.suppress_rendering = True
        try:
            return self._draw(surface, place, moment, look, turn_back=turn_back)
        finally:
            self.plotter.suppress_rendering = False

    def _draw(
        self, surface: Surface, place: Place, moment: Moment, look: LiveLook, *, turn_back: bool
    ) -> Drawn:
        drawn = Drawn.of(surface, look, place.paths)
        style = _style(look, self.plotter.window_size[0], self._ratio)
        camera = None if turn_back or self.shown is None else self._kept_camera()
        for column in (0, 1):
            self.plotter.subplot(0, column)
            self.plotter.renderer.clear_actors()
            self.plotter.renderer.set_background(style.background)
        self.plotter.subplot(0, 1)
        coloured = style if drawn.residual is None else style.of_residuals()
        draw_colour_bar(self.plotter, drawn.scale, coloured)
        self.plotter.subplot(0, 0)
        self._draw_surface(drawn, look, style, place.title)
        if moment.ends and moment.line_seen and self.frame is not None:
            draw_line(self.plotter, moment.ends, drawn.surface, self.frame, style)
        before, self._aimed = self._aimed, self._kept_camera()
        if camera is not None:
            # In this order what is not zoomed fits to the last digit.
            self._put_camera((*camera[:3], camera[3] / before[3] * self._aimed[3]))
        self.shown, self._surface = drawn, surface
        return drawn

    def _draw_surface(self, drawn: Drawn, look: LiveLook, style: Style, title: str) -> None:
        frame = self.frame = Frame.around([drawn.surface], drawn.scale, style)
        exact = look.shading != "gradient" or has_gradients(drawn.surface)
        shading = look.shading if exact else "differences"
        if drawn.residual is None:
            panel = DrawnPanel.of(Panel(drawn.surface, paths=drawn.paths, title=title), drawn.scale)
            draw_panel(self.plotter, panel, frame, style, shading=shading,
                       aspect=0.86 * self.aspect)  # fmt: skip
            return
        # Edges of triangles would look like creases.
        mesh = surface_mesh(drawn.surface, frame,
                            shading="differences" if shading == "flat" else shading)  # fmt: skip
        draw_mesh(self.plotter, mesh, frame, style.of_residuals().of_creases(), smooth=True)
        text_2d(self.plotter, title, (0.5, 0.96), style, size=1.2)
        aim(self.plotter.renderer, frame, style, aspect=0.86 * self.aspect)

    def _kept_camera(self) -> tuple[Any, ...]:
        camera = self.plotter.renderers[0].camera
        return camera.position, camera.focal_point, camera.up, camera.parallel_scale

    def _put_camera(self, kept: tuple[Any, ...]) -> None:
        camera = self.plotter.renderers[0].camera
        camera.position, camera.focal_point, camera.up, camera.parallel_scale = kept
        self.plotter.renderers[0].reset_camera_clipping_range()

    def pointed(self) -> tuple[float, float] | None:
        """Return (alpha, beta) of the surface under the pointer; None where there is none."""
        return self._under(*self.plotter.iren.interactor.GetEventPosition())

    def at(self, u: float, v: float) -> tuple[float, float] | None:
        """Return (alpha, beta) of the surface at a place of the picture; None where there is none.

        Args:
            u: share of its width, from the left.
            v: share of its height, from the top.
        """
        width, height = self.plotter.window_size
        return self._under(u * width, (1 - v) * height)

    def _under(self, x: float, y: float) -> tuple[float, float] | None:
        """Return (alpha, beta) of what lies at a pixel, counted from the lower left."""
        from vtkmodules.vtkRenderingCore import vtkCellPicker

        picker, frame = vtkCellPicker(), self.frame
        picker.SetTolerance(0.0)
        if frame is None or not picker.Pick(x, y, 0, self.plotter.renderers[0]):
            return None
        alpha, beta = (place / frame.unit + sum(ends) / 2
                       for place, ends in zip(picker.GetPickPosition(), (frame.alpha, frame.beta),
                                              strict=False))  # fmt: skip
        return float(alpha), float(beta)

    def write(self, text: str, more: str = "") -> None:
        """Write a line or two below, and more text at the upper left."""
        for name, words, place in (("told", text, "lower_left"), ("help", more, "upper_left")):
            self.plotter.subplot(0, 0)
            self.plotter.add_text(words, position=place, font_size=9, name=name, color="#222222")

    def chart(self, line: Surface | None, look: LiveLook) -> None:
        """Show the losses along a line in the upper left corner; None shows none any more."""
        if self._corner is None:
            if line is None:
                return
            self._corner = corner(self.plotter.render_window)
        self._corner.RemoveAllViewProps()
        if line is not None:
            draw_curve(self._corner, line, letters_of(self._surface), look.height)

    def close(self) -> None:
        """Free what the graphics hold."""
        self.plotter.close()


def _style(look: LiveLook, width: int, ratio: float) -> Style:
    style = Style.of(look.style)
    dpi = round(_DPI * ratio * min(max(width / ratio / _WIDE, _LEAST), 1.0))
    return replace(style, dpi=dpi, height=style.height * look.exaggeration,
                   isolines=look.isolines, font="sans", font_size=_LETTERS)  # fmt: skip
