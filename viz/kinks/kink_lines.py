"""Kink curves over the flat figure and over the 3D surface; a density where they are many."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from landscape.records.arrays import Floats
from landscape.records.kink_map import KinkMap
from landscape.records.panel import Panel, panels_of
from landscape.records.surface import Surface

from ..captions.told import caption_of, remember
from ..flat.contours import contour, write_caption
from ..geometry.drape import drape
from ..geometry.frame import Frame
from ..geometry.paths import draw_segments
from ..geometry.reference import check_window
from ..look import USUAL, Look
from ..scenes.arrangement import picture_of
from ..scenes.common import Common
from ..scenes.legends import names_of
from ..scenes.text import letter_shares, text_2d
from ..style import Style
from .density import kink_density, missing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
        count = len(np.unique(curve[self.drawn]))
        hidden = kinks.curves - count
        text = [
            f"Lines: places where a unit of an example passes a kink; {count:,} of "
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


def kink_contour(
    panel: Panel | Surface,
    kinks: KinkMap,
    look: Look = USUAL,
    *,
    least: float = 1e-3,
    most: int = 2000,
    width: float | None = None,
    caption: bool = True,
) -> Figure:
    """Draw the kink curves of a window over its contours, or their density if they are many.

    Args:
        panel: a surface over the map's window, with its title and paths.
        kinks: the map.
        look: see :func:`viz.contour`.
        least: curves whose jump is below this share of the largest are not drawn.
        most: more curves than this are drawn as a density.
        width: of the figure in inches.
        caption: whether its first sentence is drawn below.

    Returns:
        A ``matplotlib.figure.Figure``; write it with :func:`viz.save`.

    Raises:
        ValueError: if surface and map span different windows.
    """
    import matplotlib
    from matplotlib.collections import LineCollection

    (panel,) = panels_of(panel)
    check_window(panel.surface, kinks)
    if not kinks.listed or kinks.curves > most:
        return kink_density(kinks, look, panel=panel, most=most, width=width, caption=caption)
    drawn = DrawnKinks.of(kinks, least)
    style = Style.of(look.style)
    figure = contour(panel, look, width=width, caption=False)
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
        words = " ".join([caption_of(figure), *drawn.sentences()])
        if caption:
            write_caption(figure, words, style)
    remember(figure, words)
    return figure


def _legend(axes: Any, drawn: DrawnKinks) -> None:
    from matplotlib.lines import Line2D

    if not drawn.layers:
        return
    handles = [Line2D([], [], color=layer_colour(i), linewidth=1.5, label=drawn.kinks.layers[i])
               for i in drawn.layers]  # fmt: skip
    of_paths = axes.get_legend()
    if of_paths is not None:
        # A second legend would take its place.
        axes.add_artist(of_paths)
    axes.legend(handles=handles, loc="upper left" if of_paths else "upper right", fontsize=6.5,
                framealpha=0.85, handlelength=1.4, facecolor="#3b3f4a", labelcolor="white",
                edgecolor="none")  # fmt: skip


def kink_surface(
    panel: Panel | Surface,
    kinks: KinkMap,
    look: Look = USUAL,
    *,
    least: float = 1e-3,
    caption: bool = True,
    off_screen: bool = True,
) -> Any:
    """Draw a surface in 3D with its kink curves, which lie on its triangles exactly.

    Args:
        panel: a surface over the map's window, with its title and paths.
        kinks: the map, with its segments.
        look: see :func:`viz.surface`.
        least: curves whose jump is below this share of the largest are not drawn.
        caption: whether its first sentence is drawn below.
        off_screen: False to draw for a window at once, which ``.show()`` opens.

    Returns:
        A ``pyvista.Plotter``, as :func:`viz.surface`.

    Raises:
        RuntimeError: if nothing can be rendered here.
        ValueError: if surface and map span different windows, the map lists no segments, or the
            style is clay.
    """
    (panel,) = panels_of(panel)
    surface = panel.surface
    check_window(surface, kinks)
    drawn = DrawnKinks.of(kinks, least)
    if Style.of(look.style).material == "clay":
        raise ValueError("kink lines need a coloured surface, got style clay; take another style")
    common = Common.of([panel], look, Style.of(look.style))
    drawing, (whole,) = common.drawing(), common.drawn()
    names = names_of(whole.paths, whole.solutions, common.frame.window, common.style)
    # Lines of text that the title and the legend of the paths take.
    rows = 2.8 + 1.15 * len(names) if names else 1.2

    def draw(plotter: Any, number: int) -> None:
        drawing.draw(plotter, number)
        _draw_lines(plotter, drawn, surface, common.frame, common.style)
        draw_key(plotter, drawn, common.style, below=rows)

    words = " ".join([common.caption(), *drawn.sentences()])
    return picture_of([replace(drawing, draw=draw)], words, caption=caption, off_screen=off_screen)


def _draw_lines(
    plotter: Any, drawn: DrawnKinks, surface: Surface, frame: Frame, style: Style
) -> None:
    for layer, strength, mine in drawn.groups():
        points = drape(drawn.kinks.segments[mine], surface, frame)
        if len(points):
            line, opacity = weight_of(strength)
            draw_segments(plotter, points, style, line, layer_colour(layer), opacity=opacity)


def draw_key(plotter: Any, drawn: DrawnKinks, style: Style, *, below: float) -> None:
    """Write which colour is which layer, at the left, ``below`` so many lines of text."""
    letter, line = letter_shares(plotter, style)
    beside = 0.03 + letter
    for number, layer in enumerate(drawn.layers):
        place = 1.0 - (below + 1.3 * number) * line
        text_2d(plotter, "■", (0.02, place), style, size=1.0, align="left", colour="#555555")
        text_2d(plotter, "■", (0.0232, place), style, size=0.75, align="left",
                colour=layer_colour(layer))  # fmt: skip
        text_2d(plotter, drawn.kinks.layers[layer], (beside, place), style, size=0.85,
                align="left")  # fmt: skip
