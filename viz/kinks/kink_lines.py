"""Kink curves over the flat figure and over the 3D surface; a density where they are many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from landscape.records.kink_map import KinkMap
from landscape.records.panel import Panel
from landscape.records.surface import Surface

from ..captions.surfaces import surface_caption
from ..captions.told import remember
from ..flat.contours import contour, write_caption
from ..geometry.camera import aim
from ..geometry.centre_mark import crossed
from ..geometry.drape import drape
from ..geometry.frame import Frame
from ..geometry.height import HeightScale, Kind, scale_of
from ..geometry.mesh import Shading, check_shading, surface_mesh
from ..look import Look
from ..scenes.arrangement import Drawing, arranged
from ..scenes.cross import draw_cross
from ..scenes.legends import draw_heading
from ..scenes.scene import draw_mesh
from ..scenes.text import text_2d
from ..style import Style
from .density import kink_density, missing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
# Of the layers; told apart on the colours of the loss and by the colour-blind.
LAYER_COLOURS = ("#ffffff", "#ff6f3c", "#ff9de2", "#ffe14d", "#9ff2ff", "#c0c0c0")
_STEPS = 6
# Widths in points of the weakest and the strongest curve.
_WIDTHS = (0.25, 1.5)
_OPACITIES = (0.25, 1.0)


@dataclass(frozen=True, slots=True)
class DrawnKinks:
    """What is drawn of a map.

    Attributes:
        kinks: the map.
        strength: of each segment, 0 at the threshold, 1 at the largest jump, on a log scale, [S].
        drawn: which segments are drawn, [S].
        least: threshold, as a share of the largest jump.
    """

    kinks: KinkMap
    strength: Floats
    drawn: NDArray[np.bool_]
    least: float

    @classmethod
    def of(cls, kinks: KinkMap, least: float) -> DrawnKinks:
        """Choose what is drawn.

        Raises:
            ValueError: for a threshold that is not between 0 and 1, or a map without segments.
        """
        if not 0 < least < 1:
            raise ValueError(f"least must be between 0 and 1, got {least}; 1e-3 is usual")
        if not kinks.listed:
            raise ValueError(
                f"the map lists no segments, {kinks.found:,} were too many; draw its density"
            )
        weights = kinks.weights
        largest = weights.max(initial=0.0)
        share = weights / largest if largest > 0 else weights
        with np.errstate(divide="ignore"):
            strength = 1 - np.log10(share) / np.log10(least)
        drawn = share >= least
        return cls(kinks, np.clip(np.where(drawn, strength, 0.0), 0, 1), drawn, least)

    def groups(self) -> list[tuple[int, float, NDArray[np.int64]]]:
        """Return (layer, strength, segments) of lines that look alike, the weakest first."""
        step = np.minimum((self.strength * _STEPS).astype(int), _STEPS - 1)
        groups = []
        for k in range(_STEPS):
            for layer in range(len(self.kinks.layers)):
                mine = self.drawn & (step == k) & (self.kinks.layer == layer)
                if mine.any():
                    groups.append((layer, (k + 1) / _STEPS, np.flatnonzero(mine)))
        return groups

    @property
    def layers(self) -> list[int]:
        """Layers of which something is drawn."""
        return sorted({int(v) for v in self.kinks.layer[self.drawn]})

    def sentences(self) -> list[str]:
        """Say what is drawn."""
        kinks = self.kinks
        if not kinks.curves:
            return ["No unit of an example passes a kink here.", *missing(kinks)]
        curve = kinks.curve_of()
        shown = len(np.unique(curve[self.drawn]))
        hidden = kinks.curves - shown
        text = [
            f"Lines: places where a unit of an example passes a kink; {shown:,} of "
            f"{kinks.curves:,} curves are drawn, width by the jump of the gradient "
            f"(largest {kinks.weights.max(initial=0.0):.2g})."
        ]
        if hidden:
            stay = "stays" if hidden == 1 else "stay"
            text.append(f"{hidden:,} {stay} below {self.least:g} of the largest jump.")
        names = [f"{kinks.layers[i]} ({len(np.unique(curve[kinks.layer == i])):,})"
                 for i in range(len(kinks.layers))]  # fmt: skip
        text.append(f"Layers: {', '.join(names)}.")
        return text + missing(kinks)


def weight_of(strength: float) -> tuple[float, float]:
    """Return width in points and opacity of a line of this strength."""
    low, high = _WIDTHS
    faint, full = _OPACITIES
    return low + (high - low) * strength**2, faint + (full - faint) * strength


def layer_colour(layer: int) -> str:
    """Return the colour of a layer."""
    return LAYER_COLOURS[layer % len(LAYER_COLOURS)]


def check_window(surface: Surface, kinks: KinkMap) -> None:
    """Raise ValueError if surface and map do not show the same window."""
    if len(surface.grid.shape) != 2:
        raise ValueError(f"a surface must have 2 axes to be drawn, got {len(surface.grid.shape)}")
    ends = np.array([(axis[0], axis[-1]) for axis in surface.grid.axes])
    room = 1e-9 * np.ptp(ends, axis=1, keepdims=True)
    if np.any(np.abs(ends - np.array(kinks.window)) > room):
        found = tuple(tuple(float(v) for v in pair) for pair in ends)
        raise ValueError(
            f"surface and map must span one window, the map's is {kinks.window}, got {found}; "
            "sample the surface on the map's window"
        )


def kink_contour(
    surface: Surface,
    kinks: KinkMap,
    *,
    title: str = "",
    height: Kind | HeightScale = "log",
    least: float = 1e-3,
    most: int = 2000,
    width: float | None = None,
    caption: bool = True,
    style: Style | str | None = None,
) -> Figure:
    """Draw the kink curves of a window over its contours, or their density if they are many.

    Args:
        surface: of the map's window.
        kinks: the map.
        title: above the figure.
        height: ``log``, ``linear`` or a scale.
        least: curves whose jump is below this share of the largest are not drawn.
        most: more curves than this are drawn as a density.
        width: of the figure in inches.
        caption: whether the caption is drawn below.
        style: colours.

    Returns:
        A ``matplotlib.figure.Figure``; write it with :func:`viz.save`.

    Raises:
        ValueError: if surface and map span different windows.
    """
    import matplotlib
    from matplotlib.collections import LineCollection

    check_window(surface, kinks)
    style = Style.of(style)
    if not kinks.listed or kinks.curves > most:
        return kink_density(kinks, surface=surface, title=title, height=height, most=most,
                            width=width, caption=caption, style=style)  # fmt: skip
    drawn = DrawnKinks.of(kinks, least)
    figure = contour(Panel(surface, title=title), Look(height=height, style=style), width=width,
                     caption=False)  # fmt: skip
    axes = figure.axes[0]
    ends = kinks.segments.reshape(-1, 2, 2)
    with matplotlib.rc_context(dict(style.figure_settings)):
        for layer, strength, mine in drawn.groups():
            line, opacity = weight_of(strength)
            axes.add_collection(LineCollection(
                list(ends[mine]), colors=layer_colour(layer), linewidths=line, alpha=opacity,
                capstyle="butt",
            ))  # fmt: skip
        _legend(axes, drawn)
        scale = scale_of(height, [surface])
        words = " ".join([surface_caption(surface, scale=scale, shading=""), *drawn.sentences()])
        if caption:
            write_caption(figure, words, font=style.font)
    remember(figure, words)
    return figure


def _legend(axes: Any, drawn: DrawnKinks) -> None:
    from matplotlib.lines import Line2D

    if not drawn.layers:
        return
    handles = [Line2D([], [], color=layer_colour(i), linewidth=1.5, label=drawn.kinks.layers[i])
               for i in drawn.layers]  # fmt: skip
    axes.legend(handles=handles, loc="upper right", fontsize=6.5, framealpha=0.85,
                handlelength=1.4, facecolor="#3b3f4a", labelcolor="white",
                edgecolor="none")  # fmt: skip


def kink_surface(
    surface: Surface,
    kinks: KinkMap,
    *,
    title: str = "",
    height: Kind | HeightScale = "log",
    shading: Shading = "flat",
    least: float = 1e-3,
    caption: bool = True,
    style: Style | str | None = None,
    off_screen: bool = True,
) -> Any:
    """Draw a surface in 3D with its kink curves, which lie on its triangles exactly.

    Args:
        surface: of the map's window.
        kinks: the map, with its segments.
        title: above the picture.
        height: ``log``, ``linear`` or a scale.
        shading: see :func:`viz.geometry.mesh.surface_mesh`.
        least: curves whose jump is below this share of the largest are not drawn.
        caption: whether the caption is drawn below.
        style: how it looks.
        off_screen: False to draw for a window at once, which ``.show()`` opens.

    Returns:
        A ``pyvista.Plotter``; write it with :func:`viz.save`, or ``.show()`` it in a notebook or,
            where there is a display, in a window.

    Raises:
        RuntimeError: if nothing can be rendered here.
        ValueError: if surface and map span different windows, or the map lists no segments.
    """
    check_shading(shading)
    check_window(surface, kinks)
    drawn = DrawnKinks.of(kinks, least)
    style = Style.of(style)
    scale = scale_of(height, [surface])
    frame = Frame.around([surface], scale, style)
    text = surface_caption(surface, scale=scale, frame=frame, shading=shading)

    def draw(plotter: Any, _number: int) -> None:
        mesh = surface_mesh(surface, frame, shading=shading)
        draw_mesh(plotter, mesh, frame, style, smooth=shading != "flat")
        _draw_lines(plotter, drawn, surface, frame, style)
        if crossed(surface, ()):
            draw_cross(plotter, surface, frame, style)
        draw_heading(plotter, title, (), style)
        draw_key(plotter, drawn, style)
        aim(plotter.renderer, frame, style, aspect=style.panel_width / style.panel_height)

    words = " ".join([text, *drawn.sentences()])
    plotter = arranged([Drawing(draw, 1, scale, style)], words if caption else "",
                       off_screen=off_screen)  # fmt: skip
    remember(plotter, words)
    return plotter


def _draw_lines(
    plotter: Any, drawn: DrawnKinks, surface: Surface, frame: Frame, style: Style
) -> None:
    import pyvista

    for layer, strength, mine in drawn.groups():
        points = drape(drawn.kinks.segments[mine], surface, frame)
        if len(points):
            line, opacity = weight_of(strength)
            plotter.add_mesh(pyvista.line_segments_from_points(points), lighting=False,
                             color=layer_colour(layer), opacity=opacity,
                             line_width=style.pixels(line))  # fmt: skip


def draw_key(plotter: Any, drawn: DrawnKinks, style: Style) -> None:
    """Write which colour is which layer, at the upper left."""
    line = style.font_size / 72 / style.panel_height
    beside = 0.03 + style.font_size / 72 / style.panel_width
    for number, layer in enumerate(drawn.layers):
        place = 1.0 - (1.2 + 1.3 * number) * line
        text_2d(plotter, "■", (0.02, place), style, size=1.0, align="left", colour="#555555")
        text_2d(plotter, "■", (0.0232, place), style, size=0.75, align="left",
                colour=layer_colour(layer))  # fmt: skip
        text_2d(plotter, drawn.kinks.layers[layer], (beside, place), style, size=0.85,
                align="left")  # fmt: skip
