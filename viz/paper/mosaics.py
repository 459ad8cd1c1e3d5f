"""One activation in one figure: surface, path, a line through the solution, slope budgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from landscape.records.budget import SlopeBudget
from landscape.records.kink_map import KinkMap
from landscape.records.panel import Panel, panels_of
from landscape.records.surface import Surface

from ..captions.normalising import statistics_used
from ..captions.plane_words import segment_text
from ..captions.surfaces import surface_caption
from ..captions.told import remember
from ..flat.line_figures import draw_lines, marked, section
from ..flat.lines import drawing
from ..geometry.colouring import Colours
from ..geometry.frame import Frame
from ..geometry.height import HeightScale, Kind, losses_shown, resolved, scale_of
from ..geometry.matching import settings_of
from ..geometry.viewport import View
from ..look import USUAL, Look
from ..measured.budget_bars import budget_sentences, draw_budget_rows
from ..scenes.scene import DrawnPanel
from ..style import Style
from .hybrid import check_dpi, figure_style
from .layer import Solid
from .page import BAR, LABEL, ROOM, TITLE, bar_room, place_axes
from .paper_axes import Margins
from .paper_panels import bar_texts, colour_bar, draw_hybrid, flat_panel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEAST_WIDTH = 5.0
_HEAD, _TITLE, _GAP = 0.24, 0.20, 0.12
_LINE_HEIGHT, _BELOW = 1.05, 0.36
_MOST_ROWS = 6


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What a mosaic shows.

    Attributes:
        solid: in 3D, with the paths on it.
        flat: as contours, with the paths on it.
        line: the loss along a line.
        budgets: one row each; may be empty.
        look: of surface and contours.
        style: that of the look, for small panels.
        scale: of surface and contours.
        colours: of surface and contours, in this order; None for those of the losses.
    """

    solid: Panel
    flat: Panel
    line: Surface
    budgets: tuple[SlopeBudget, ...]
    look: Look
    style: Style
    scale: HeightScale
    colours: Colours | None = None

    @classmethod
    def of(
        cls,
        panel: Panel | Surface,
        look: Look,
        flat: Panel | Surface | None,
        line: Surface | None,
        budgets: Sequence[SlopeBudget],
    ) -> Parts:
        """Put the arguments of :func:`mosaic` together; raises like it."""
        (solid,) = panels_of(panel)
        (below,) = panels_of(solid if flat is None else flat)
        surfaces = list(dict.fromkeys([solid.surface, below.surface]))
        if any(len(surface.grid.shape) != 2 for surface in surfaces):
            raise ValueError("a mosaic shows surfaces with 2 axes; give a line as line=")
        if len(budgets) > _MOST_ROWS:
            raise ValueError(f"a mosaic shows at most {_MOST_ROWS} budgets, got {len(budgets)}")
        if len(surfaces) == 2 and isinstance(look.reference, Surface | KinkMap):
            raise ValueError(
                "a mosaic over two planes needs two references, of the surface and of the "
                "contours, got one; give reference=(first, second)"
            )
        if look.limit is not None or look.height == "clipped":
            raise ValueError(
                "a mosaic shows whole surfaces, a limit cuts them; give a height of log or linear"
            )
        kind = str(settings_of(solid.surface, solid.plane).get("kind"))
        style, scale = figure_style(look.style).over([kind]), _common([solid, below], look)
        colours = look.colours(surfaces, scale, style)
        along = section(solid.surface) if line is None else line
        return cls(solid, below, along, tuple(budgets), look, style, scale, colours)

    @property
    def title(self) -> str:
        """What stands above the surface."""
        random = self.solid.surface.settings.get("kind") == "random"
        return "random plane" if random else "surface"

    @property
    def kind(self) -> Kind:
        """Height of the line."""
        return "linear" if self.scale.kind == "linear" else "log"


def mosaic(
    panel: Panel | Surface,
    look: Look = USUAL,
    *,
    flat: Panel | Surface | None = None,
    line: Surface | None = None,
    budgets: Sequence[SlopeBudget] = (),
    width: float = 6.75,
    dpi: int = 600,
) -> Figure:
    """Draw what a study knows of one network: in 3D, as contours, along a line, and its budgets.

    Surface and contours share one scale and one colour bar. Made like :func:`viz.figure`: rendered
    where something hides something, text and lines elsewhere.

    Args:
        panel: in 3D, often over a random plane; its title stands above the figure.
        look: height (``log``, ``linear`` or a scale), colour, shading and style of surface and
            contours. A field must be in both. With ``flat`` a reference is one of the surface and
            one of the contours.
        flat: as contours, often over the plane of the path; the same panel by default.
        line: along a line; by default the surface at the beta nearest to 0.
        budgets: up to 6 slope budgets of the network.
        width: of the figure in inches, at least 5.
        dpi: pixels per inch of what is rendered.

    Returns:
        A ``matplotlib.figure.Figure``; write it with :func:`viz.save`.

    Raises:
        RuntimeError: if nothing can be rendered here.
        ValueError: for surfaces of other shapes, too many budgets, a clipped height, an unknown
            field, a reference that does not fit, or too small a width.
    """
    from matplotlib.figure import Figure

    check_dpi(dpi)
    if width < LEAST_WIDTH:
        raise ValueError(f"a mosaic needs a width of at least {LEAST_WIDTH:g} in, got {width:g}")
    parts = Parts.of(panel, look, flat, line, budgets)
    style, scale, title = parts.style, parts.scale, parts.solid.title
    with drawing(style):
        frame = Frame.around([parts.solid.surface], scale, style)
        margins = Margins.of(frame, LABEL, 4)
        right = bar_room(bar_texts(scale, parts.colours))
        free = width - BAR - right - 2 * _GAP
        inner = 0.54 * free - margins.left - margins.right + 2 * ROOM
        view = View.of(frame, style, width=inner, room=ROOM)
        top = view.height + margins.bottom
        below = _TITLE + _LINE_HEIGHT + _BELOW + 0.18 * bool(parts.budgets)
        head = _HEAD if title else 0.0
        drawn = Figure(figsize=(width, head + _TITLE + top + _GAP + below), dpi=dpi)
        drawn.text(0.5, 1 - 0.03 / drawn.get_figheight(), title, ha="center", va="top",
                   fontsize=TITLE + 0.5)  # fmt: skip
        floor = below + _GAP
        axes = place_axes(drawn, (margins.left - ROOM, floor + margins.bottom),
                          (view.width, view.height))  # fmt: skip
        shown = DrawnPanel.of(parts.solid, scale)
        draw_hybrid(axes, Solid(shown, frame, view, style, look.shading, dpi, parts.colours))
        _flat(drawn, parts, (0.54 * free + _GAP, floor, 0.46 * free, top))
        bar = place_axes(drawn, (width - BAR - right, floor + 0.1 * top), (BAR, 0.85 * top))
        colour_bar(bar, scale, style, colours=parts.colours)
        _bottom(drawn, parts, width, below)
        _write_titles(drawn, parts, free, head, below)
    remember(drawn, _caption(parts))
    return drawn


def _flat(figure: Figure, parts: Parts, place: tuple[float, float, float, float]) -> None:
    """Draw the contours as large as they fit into a place: left, bottom, width, height."""
    left, bottom, wide, tall = place
    alphas, betas = parts.flat.surface.grid.axes
    ratio = float(np.ptp(betas) / np.ptp(alphas))
    room = (wide - 0.42, tall - _BELOW - 0.1)
    side = min(room[0], room[1] / ratio)
    up = bottom + _BELOW + (room[1] - side * ratio) / 2
    axes = place_axes(figure, (left + 0.42 + (room[0] - side) / 2, up), (side, side * ratio))
    flat_panel(
        axes,
        DrawnPanel.of(parts.flat, parts.scale),
        parts.scale,
        parts.style,
        named=True,
        legend=True,
        colours=parts.colours,
        number=int(parts.flat.surface is not parts.solid.surface),
    )


def _bottom(figure: Figure, parts: Parts, width: float, below: float) -> None:
    """Draw the line, and the budgets at its right if there are any."""
    up = below - _TITLE - _LINE_HEIGHT
    long = (0.5 if parts.budgets else 1.0) * width - 1.0
    axes = place_axes(figure, (0.48, up), (long, _LINE_HEIGHT))
    draw_lines(axes, [parts.line], [""], height=parts.kind)
    if not parts.budgets:
        return
    left = 0.5 * width + 0.62
    bars = place_axes(figure, (left, up), (width - left - 0.12, _LINE_HEIGHT))
    draw_budget_rows(bars, parts.budgets)


def _write_titles(figure: Figure, parts: Parts, free: float, head: float, below: float) -> None:
    width, height = (float(length) for length in figure.get_size_inches())
    line = _line_title(parts)
    titles = [(0.04, height - head, f"(a) {parts.title}"),
              (0.54 * free + _GAP + 0.3, height - head, f"(b) {_name(parts.flat.surface)}"),
              (0.04, below, f"(c) {line}")]  # fmt: skip
    if parts.budgets:
        titles.append((0.5 * width + 0.14, below, "(d) what the change of slope is made of"))
    for left, top, text in titles:
        figure.text(left / width, (top - 0.03) / height, text, ha="left", va="top",
                    fontsize=TITLE)  # fmt: skip


def _line_title(parts: Parts) -> str:
    settings = parts.line.settings
    row = settings.get("section_beta")
    if row is None and settings.get("kind") == "segment":
        return "along the line from A to B"
    if row is None:
        return "between two solutions" if settings.get("kind") == "between" else "along a line"
    return f"along α in (a), at β = {float(row):.3g}".replace("-", "−")


def _name(surface: Surface) -> str:
    kind = str(surface.settings.get("kind", ""))
    return {"pca": "plane of the path", "random": "random plane"}.get(kind, "contours")


def _common(panels: Sequence[Panel], look: Look) -> HeightScale:
    """Return one scale of panels over different planes, with what is drawn of their paths."""
    if isinstance(look.height, HeightScale):
        return look.height
    losses = [values for panel in panels for values in losses_shown([panel.surface], panel.paths)]
    kind = resolved(look.height, losses)
    scales = [scale_of(kind, [panel.surface], panel.paths) for panel in panels]
    return HeightScale(kind, min(s.low for s in scales), max(s.high for s in scales))


def _caption(parts: Parts) -> str:
    surface, flat = parts.solid.surface, parts.flat.surface
    frame = Frame.around([surface], parts.scale, parts.style)
    solid = surface_caption(parts.solid, scale=parts.scale, frame=frame,
                            shading=parts.look.shading)  # fmt: skip
    title = parts.solid.title
    sentences = [f"{title}." if title else "", f"(a) {solid}"]
    if flat is surface:
        sentences.append("(b) The same as contours.")
    else:
        # What is said of the colours counts both surfaces, and follows once.
        plain = None if parts.colours is None else replace(parts.colours, sentences=())
        words = surface_caption(parts.flat, scale=parts.scale, shading="", colours=plain)
        sentences.append(f"(b) {words} One scale of colours for both.")
    sentences += parts.colours.sentences if parts.colours else ()
    count = len(marked(parts.line, parts.kind))
    dot = f"; dot{'s: the two solutions' if count > 1 else ': the solution'}" if count else ""
    dashed = "; dashed: accuracy" if "accuracies" in parts.line.fields else ""
    settings = parts.line.settings
    segment = settings.get("kind") == "segment"
    named = f"along the {segment_text(settings)}" if segment else _line_title(parts)
    sentences.append(f"(c) The loss {named}{dot}{dashed}.")
    if (used := statistics_used(settings)) != statistics_used(surface.settings):
        sentences.append(used)
    sentences += budget_sentences(parts.budgets)
    return " ".join(sentence for sentence in sentences if sentence)
