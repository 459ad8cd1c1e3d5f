"""One activation in one figure: surface, path, a line through the solution, slope budgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from landscape.budget import SlopeBudget
from landscape.results import Projection
from landscape.surface import Surface
from viz.budget_bars import BENDS, KINKS, NOT_PASSED, REST, checks
from viz.captions import caption as caption_of
from viz.frame import Frame
from viz.height import HeightScale, Kind
from viz.hybrid import colour_bar, draw_hybrid, figure_style, flat_panel
from viz.line_figures import draw_lines, section
from viz.lines import between, drawing, grey, ground
from viz.mesh import Shading, check_shading
from viz.page import LABEL, ROOM, TITLE, place_axes
from viz.paper_axes import Margins
from viz.scene import Panel
from viz.style import Style
from viz.told import remember
from viz.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from viz.panels import Paths

LEAST_WIDTH = 5.0
_HEAD, _TITLE, _GAP = 0.24, 0.20, 0.12
_BAR, _BAR_RIGHT = 0.085, 0.56
_LINE_HEIGHT, _BELOW = 1.05, 0.36
_MOST_ROWS = 6


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What a mosaic shows.

    Attributes:
        surface: in 3D, with the paths on it.
        flat: as contours, with the paths on it.
        line: the loss along a line.
        budgets: one row each; may be empty.
        scale: of surface and contours.
    """

    surface: Panel
    flat: Panel
    line: Surface
    budgets: tuple[SlopeBudget, ...]
    scale: HeightScale

    @classmethod
    def of(
        cls,
        surface: Surface,
        path: Paths,
        flat: Surface | None,
        flat_path: Paths,
        line: Surface | None,
        budgets: Sequence[SlopeBudget],
        height: Kind | HeightScale,
    ) -> Parts:
        """Put the arguments of :func:`mosaic` together; raises like it."""
        if len(surface.grid.shape) != 2 or (flat is not None and len(flat.grid.shape) != 2):
            raise ValueError("a mosaic shows surfaces with 2 axes; give a line as line=")
        if len(budgets) > _MOST_ROWS:
            raise ValueError(f"a mosaic shows at most {_MOST_ROWS} budgets, got {len(budgets)}")
        solid = Panel(surface, _tuple(path), "random plane" if _random(surface) else "surface")
        shown = solid if flat is None else Panel(flat, _tuple(flat_path))
        surfaces = list(dict.fromkeys([surface, shown.surface]))
        paths = [*solid.paths] if flat is None else [*solid.paths, *shown.paths]
        scale = height if isinstance(height, HeightScale) else _common(surfaces, paths, height)
        return cls(solid, shown, section(surface) if line is None else line, tuple(budgets), scale)


def mosaic(
    surface: Surface,
    *,
    path: Paths = None,
    flat: Surface | None = None,
    flat_path: Paths = None,
    line: Surface | None = None,
    budgets: Sequence[SlopeBudget] = (),
    title: str = "",
    height: Kind | HeightScale = "log",
    shading: Shading = "flat",
    width: float = 6.75,
    dpi: int = 600,
    style: Style | str | None = None,
) -> Figure:
    """Draw what a study knows of one network: in 3D, as contours, along a line, and its budgets.

    Surface and contours share one scale and one colour bar. Made like :func:`viz.figure`: rendered
    where something hides something, text and lines elsewhere.

    Args:
        surface: in 3D, often over a random plane.
        path: on it: one or several placed trajectories.
        flat: as contours, often over the plane of the path; the same surface by default.
        flat_path: on that.
        line: along a line; by default the surface at the beta nearest to 0.
        budgets: up to 6 slope budgets of the network.
        title: above the figure.
        height: ``log``, ``linear`` or a scale.
        shading: see :func:`viz.mesh.surface_mesh`.
        width: of the figure in inches, at least 5.
        dpi: pixels per inch of what is rendered.
        style: colours and camera: a style, the name of one, or a file of one.

    Returns:
        A ``matplotlib.figure.Figure``; write it with :func:`viz.save`, below it
        :func:`viz.mosaic_caption`.

    Raises:
        RuntimeError: if nothing can be rendered here.
        ValueError: for surfaces of other shapes, too many budgets, or too small a width.
    """
    from matplotlib.figure import Figure

    check_shading(shading)
    if width < LEAST_WIDTH:
        raise ValueError(f"a mosaic needs a width of at least {LEAST_WIDTH:g} in, got {width:g}")
    parts = Parts.of(surface, path, flat, flat_path, line, budgets, height)
    style, scale = figure_style(style), parts.scale
    with drawing(style):
        frame = Frame.around([surface], scale, style)
        margins = Margins.of(frame, LABEL, 4)
        free = width - _BAR - _BAR_RIGHT - 2 * _GAP
        solid = 0.54 * free - margins.left - margins.right + 2 * ROOM
        view = View.of(frame, style, width=solid, room=ROOM)
        top = view.height + margins.bottom
        below = _TITLE + _LINE_HEIGHT + _BELOW + 0.18 * bool(parts.budgets)
        head = _HEAD if title else 0.0
        drawn = Figure(figsize=(width, head + _TITLE + top + _GAP + below), dpi=dpi)
        drawn.text(0.5, 1 - 0.03 / drawn.get_figheight(), title, ha="center", va="top",
                   fontsize=TITLE + 0.5)  # fmt: skip
        floor = below + _GAP
        axes = place_axes(drawn, (margins.left - ROOM, floor + margins.bottom),
                          (view.width, view.height))  # fmt: skip
        draw_hybrid(axes, parts.surface, view, frame, style, shading=shading, dpi=dpi)
        _flat(drawn, parts, style, (0.54 * free + _GAP, floor, 0.46 * free, top))
        bar = place_axes(drawn, (width - _BAR - _BAR_RIGHT, floor + 0.1 * top), (_BAR, 0.85 * top))
        colour_bar(bar, scale, style)
        _bottom(drawn, parts, width, below, "linear" if scale.kind == "linear" else "log")
        _write_titles(drawn, parts, free, head, below)
    remember(drawn, _told(parts, title, shading, style))
    return drawn


def _flat(
    figure: Figure, parts: Parts, style: Style, place: tuple[float, float, float, float]
) -> None:
    """Draw the contours as large as they fit into a place: left, bottom, width, height."""
    left, bottom, wide, tall = place
    alphas, betas = parts.flat.surface.grid.axes
    ratio = float(np.ptp(betas) / np.ptp(alphas))
    room = (wide - 0.42, tall - _BELOW - 0.1)
    side = min(room[0], room[1] / ratio)
    up = bottom + _BELOW + (room[1] - side * ratio) / 2
    axes = place_axes(figure, (left + 0.42 + (room[0] - side) / 2, up), (side, side * ratio))
    flat_panel(axes, parts.flat, parts.scale, style, named=True, legend=True)


def _bottom(figure: Figure, parts: Parts, width: float, below: float, height: Kind) -> None:
    """Draw the line, and the budgets at its right if there are any."""
    up = below - _TITLE - _LINE_HEIGHT
    long = (0.5 if parts.budgets else 1.0) * width - 1.0
    axes = place_axes(figure, (0.48, up), (long, _LINE_HEIGHT))
    draw_lines(axes, [parts.line], [""], height=height)
    if not parts.budgets:
        return
    left = 0.5 * width + 0.62
    bars = place_axes(figure, (left, up), (width - left - 0.12, _LINE_HEIGHT))
    draw_budget_rows(bars, parts.budgets)


def draw_budget_rows(axes: Axes, budgets: Sequence[SlopeBudget]) -> None:
    """Draw slope budgets of one network as one bar each: kinks, smooth bends, the rest."""
    from matplotlib.patches import Patch

    labels = []
    for row, budget in enumerate(budgets):
        kink, bend = 100 * budget.kink_share, 100 * budget.bend_share
        parts = ((0.0, kink, KINKS), (kink, bend - kink, BENDS), (bend, 100 - bend, grey(REST)))
        for start, long, colour in parts:
            axes.barh(row, long, left=start, height=0.62, color=colour, edgecolor=ground(),
                      linewidth=0, hatch=None if budget.passed else "////")  # fmt: skip
        labels.append(segment_name(budget) + ("" if budget.passed else f" {NOT_PASSED}"))
        axes.annotate(f"{bend:.0f}", (bend, row), (2, 0), textcoords="offset points",
                      va="center_baseline", fontsize=6.5, color=grey(0.2))  # fmt: skip
    axes.set_yticks(range(len(budgets)), labels)
    axes.set(xlim=(0, 100), ylim=(len(budgets) - 0.4, -0.6))
    axes.set_xlabel("share of all change of slope (%)", labelpad=1)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    names = ((KINKS, "in kinks"), (BENDS, "in smooth bends"), (grey(REST), "not in bends"))
    axes.legend(handles=[Patch(color=colour, label=name) for colour, name in names], ncols=3,
                loc="upper center", bbox_to_anchor=(0.44, -0.30), frameon=False, fontsize=6.5,
                handlelength=1.0, columnspacing=1.0, handletextpad=0.4,
                borderaxespad=0.0)  # fmt: skip


def segment_name(budget: SlopeBudget) -> str:
    """Return what the row of a budget is called: the step, or the kind of segment."""
    kind = str(budget.settings.get("segment", "segment"))
    return f"step {budget.settings['step']}" if "step" in budget.settings else kind


def _write_titles(figure: Figure, parts: Parts, free: float, head: float, below: float) -> None:
    width, height = (float(length) for length in figure.get_size_inches())
    line = _line_title(parts)
    titles = [(0.04, height - head, f"(a) {parts.surface.title}"),
              (0.54 * free + _GAP + 0.3, height - head, f"(b) {_name(parts.flat.surface)}"),
              (0.04, below, f"(c) {line}")]  # fmt: skip
    if parts.budgets:
        titles.append((0.5 * width + 0.14, below, "(d) what the change of slope is made of"))
    for left, top, text in titles:
        figure.text(left / width, (top - 0.03) / height, text, ha="left", va="top",
                    fontsize=TITLE)  # fmt: skip


def _line_title(parts: Parts) -> str:
    row = parts.line.settings.get("section_beta")
    if row is None:
        return "along a line"
    return f"along α in (a), at β = {float(row):.3g}".replace("-", "−")


def _name(surface: Surface) -> str:
    kind = str(surface.settings.get("kind", ""))
    return {"pca": "plane of the path", "random": "random plane"}.get(kind, "contours")


def _random(surface: Surface) -> bool:
    return surface.settings.get("kind") == "random"


def _common(surfaces: Sequence[Surface], paths: Sequence[Projection], height: Kind) -> HeightScale:
    """Return one scale of surfaces over different planes."""
    scales = [HeightScale.of([surface], kind=height) for surface in surfaces]
    low, high = min(s.low for s in scales), max(s.high for s in scales)
    shown = [path.losses[-1] for path in paths]
    if shown:
        ends = scales[0].of_losses(np.asarray(shown))
        ends = ends[np.isfinite(ends)]
        low, high = min([low, *ends]), max([high, *ends])
    return HeightScale(height, float(low), float(high))


def mosaic_caption(
    surface: Surface,
    *,
    path: Paths = None,
    flat: Surface | None = None,
    flat_path: Paths = None,
    line: Surface | None = None,
    budgets: Sequence[SlopeBudget] = (),
    title: str = "",
    height: Kind | HeightScale = "log",
    shading: Shading = "flat",
    style: Style | str | None = None,
) -> str:
    """Write the caption of :func:`mosaic`, given the same arguments; raises like it."""
    parts = Parts.of(surface, path, flat, flat_path, line, budgets, height)
    return _told(parts, title, shading, figure_style(style))


def _told(parts: Parts, title: str, shading: str, style: Style) -> str:
    surface, flat = parts.surface.surface, parts.flat.surface
    frame = Frame.around([surface], parts.scale, style)
    solid = caption_of(surface, parts.surface.paths, scale=parts.scale, frame=frame,
                       shading=shading)  # fmt: skip
    sentences = [f"{title}." if title else "", f"(a) {solid}"]
    if flat is surface:
        sentences.append("(b) The same as contours.")
    else:
        words = caption_of(flat, parts.flat.paths, scale=parts.scale, shading="")
        sentences.append(f"(b) {words} One scale of colours for both.")
    marked = parts.line.alphas[0] <= 0 <= parts.line.alphas[-1]
    dot = "; dot: the solution" if marked else ""
    dashed = "; dashed: accuracy" if "accuracies" in parts.line.fields else ""
    named = _line_title(parts)
    sentences.append(f"(c) The loss {named}{dot}{dashed}.")
    sentences += _of_budgets(parts.budgets)
    return " ".join(sentence for sentence in sentences if sentence)


def _of_budgets(budgets: Sequence[SlopeBudget]) -> list[str]:
    if not budgets:
        return []
    examples = between([budget.examples for budget in budgets])
    samples = between([budget.samples for budget in budgets])
    return [
        "(d) What the change of slope along each segment is made of: kinks, smooth bends of the "
        "activations, and the rest (products of weights, the loss). The number at a bar is its "
        "bend share in percent, kinks and smooth bends together; the kink share names a class of "
        f"activations, not an amount. {examples} examples, {samples} samples along each.",
        *checks({"the segments": budgets}),
    ]


def _tuple(paths: Paths) -> tuple[Projection, ...]:
    if paths is None:
        return ()
    return (paths,) if isinstance(paths, Projection) else tuple(paths)
