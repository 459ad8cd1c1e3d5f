"""The loss along lines: several runs in one figure, accuracy beside it, the barrier between two."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.records.arrays import Floats
from landscape.records.centre import centre_of
from landscape.records.choices import check_known
from landscape.records.grid import Grid
from landscape.records.panel import panels_of
from landscape.records.surface import Surface

from ..captions.surfaces import surface_caption
from ..captions.told import remember
from ..geometry.height import HeightScale, Kind, heights, losses_shown, resolved, surface_heights
from ..geometry.numbers import minus, number, power_of_ten, with_power
from ..look import USUAL, Look
from ..scenes.common import Panels
from ..scenes.cross import mark_centre
from .lines import check_count, drawing, grey, ground, line_colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ACCURACY = ("accuracies", "accuracy")
_HEIGHTS = ("auto", "log", "linear")
# In captions: what panels are called, and the kind of a plane that a sentence begins with.
_PANEL = re.compile(r"\bPanel(?=s? \d)")
_PLANE = re.compile(r"((?:^|\. )(?:Lines? [\d, and]+: )?\S+) plane\b")
# Two coordinates are one.
_SAME = 1e-12


@dataclass(frozen=True, slots=True)
class Barrier:
    """How far the loss rises between two solutions over the straight way between their losses.

    Attributes:
        alpha: where it is highest over it.
        height: by how much there, in loss; 0 if it never is.
        base: the straight way's loss there.
        complete: whether every loss between the two solutions is finite; else it may be higher.
    """

    alpha: float
    height: float
    base: float
    complete: bool = True


def barrier(surface: Surface) -> Barrier:
    """Return the barrier of a line from one solution (alpha 0) to another (alpha 1).

    Of the grid's points between the two; the ends are interpolated where the grid has no point.

    Raises:
        ValueError: for a surface that is not along a line, does not reach from 0 to 1, or has no
            finite loss there.

    References:
        Frankle, Dziugaite, Roy, Carbin (2020), Linear mode connectivity and the lottery ticket
        hypothesis, section 2.

    >>> line = Grid((np.linspace(0.0, 1.0, 5),))
    >>> losses = np.array([1.0, 2.0, 5.0, 3.0, 3.0])
    >>> barrier(Surface(line, {"losses": losses}, np.ones(5, dtype=np.uint8)))
    Barrier(alpha=0.5, height=3.0, base=2.0, complete=True)
    """
    _check_line(surface)
    alphas, losses = surface.alphas, surface.losses
    between = (alphas >= 0) & (alphas <= 1)
    inside = between & np.isfinite(losses)
    if not alphas[0] <= 0 < 1 <= alphas[-1]:
        raise ValueError(
            f"a barrier needs a line from alpha 0 to 1, got {alphas[0]:g} to {alphas[-1]:g}"
        )
    first, last = _ends(surface)
    if not np.isfinite([first, last]).all():
        raise ValueError(
            "a barrier needs finite losses at both solutions, alpha 0 and 1, got "
            f"{first:g} and {last:g}"
        )
    straight = (1 - alphas) * first + alphas * last
    place = int(np.argmax(np.where(inside, losses - straight, -np.inf)))
    height = max(float(losses[place] - straight[place]), 0.0)
    complete = bool(np.array_equal(between, inside))
    return Barrier(float(alphas[place]), height, float(straight[place]), complete)


def _ends(surface: Surface) -> Floats:
    """Return the losses at alpha 0 and 1, [2]; NaN or infinite where one beside them is."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.interp([0.0, 1.0], surface.alphas, surface.losses))


def section(surface: Surface, *, beta: float = 0.0) -> Surface:
    """Return the line along alpha through a surface, at the row of its grid nearest to ``beta``.

    The row's own beta is in ``settings["section_beta"]``.

    Raises:
        ValueError: for a surface without two axes, or a ``beta`` outside.
    """
    if len(surface.grid.shape) != 2:
        raise ValueError(f"a surface must have 2 axes to be cut, got {len(surface.grid.shape)}")
    betas = surface.betas
    if not betas[0] <= beta <= betas[-1]:
        raise ValueError(f"beta must be from {betas[0]:g} to {betas[-1]:g}, got {beta:g}")
    row = int(np.argmin(np.abs(betas - beta)))
    fields = {name: values[:, row] for name, values in surface.fields.items()}
    settings = {**surface.settings, "section_beta": float(betas[row])}
    return Surface(Grid((surface.alphas,)), fields, surface.status[:, row], surface.plane,
                   surface.run, settings)  # fmt: skip


def line(
    panels: Panels, look: Look = USUAL, *, width: float = 3.25, accuracy: bool = True
) -> Figure:
    """Draw the loss along lines, with the accuracy beside it where it was measured.

    The solution at 0 is marked, of lines between two solutions both. With one such line the barrier
    is drawn: from the straight way between the ends' losses to the highest loss over it.

    Args:
        panels: one or several surfaces along a line, with their titles for the legend; of a plane,
            :func:`section` is one.
        look: height, ``log`` or ``linear``, and style.
        width: of the figure in inches.
        accuracy: whether it is drawn, dashed, at the right axis.

    Returns:
        A ``matplotlib.figure.Figure``; write it with :func:`viz.save`.

    Raises:
        ValueError: for no line or too many, surfaces that are not along a line or without a finite
            value, another height, or another colour.
    """
    from matplotlib.figure import Figure

    look.check_plain("a line")
    chosen = panels_of(panels)
    surfaces = [panel.surface for panel in chosen]
    check_known("height of a line", look.height, _HEIGHTS)
    if look.limit is not None:
        raise ValueError(f"a line is drawn whole, got the limit {look.limit:g}; leave it out")
    height: Any = resolved(look.height, losses_shown(surfaces))  # type: ignore[arg-type]
    with drawing(look.style):
        figure = Figure(figsize=(width, 0.62 * width), layout="constrained")
        axes = figure.subplots()
        draw_lines(axes, surfaces, [panel.title for panel in chosen], height=height,
                   accuracy=accuracy)  # fmt: skip
        handles, names = axes.get_legend_handles_labels()
        if handles:
            columns = max(1, min(len(names), int(width / (0.35 + 0.055 * max(map(len, names))))))
            figure.legend(handles, names, loc="outside lower center", ncols=columns,
                          frameon=False, fontsize=7, handlelength=1.6)  # fmt: skip
    remember(figure, _caption(surfaces, height, accuracy=accuracy))
    return figure


def draw_lines(
    axes: Axes,
    surfaces: Sequence[Surface],
    titles: Sequence[str],
    *,
    height: Kind = "log",
    accuracy: bool = True,
) -> None:
    """Draw losses along lines into axes; raises like :func:`line`."""
    check_count(len(surfaces))
    check_known("height of a line", height, _HEIGHTS)
    for surface in surfaces:
        _check_line(surface)
    height = resolved(height, losses_shown(surfaces))
    scale = HeightScale.of(surfaces, kind=height)
    power = scale.power
    beside = axes.twinx() if accuracy and any(map(_accuracies, surfaces)) else None
    alpha_power = power_of_ten(max(float(np.abs(s.alphas).max()) for s in surfaces))
    for surface, title, colour in zip(surfaces, titles, line_colours(), strict=False):
        alphas = surface.alphas / 10.0**alpha_power
        there = np.isfinite(surface_heights(surface, height))
        losses = np.where(there, surface.losses, np.nan) / 10.0**power
        axes.plot(alphas, losses, color=colour, linewidth=1.1, label=title or None, zorder=3)
        if (place := _beside_grid(surface, height)) is not None:
            mark_centre(axes, (0.0, place / 10.0**power), colour, ground(), zorder=4)
        for k in marked(surface, height):
            axes.plot(alphas[k], losses[k], "o", color=colour, markersize=4,
                      markeredgecolor=ground(), markeredgewidth=0.6, zorder=4)  # fmt: skip
        name = _accuracies(surface)
        if beside is not None and name:
            beside.plot(alphas, 100 * surface.fields[name], color=colour, linewidth=0.8,
                        linestyle=(0, (3, 1.5)), alpha=0.75)  # fmt: skip
    if height == "log":
        axes.set_yscale("log")
        places = scale.ticks()
        axes.set_yticks(10.0**places, labels=[minus(t) for t in scale.labels(places)])
        axes.yaxis.set_minor_formatter(lambda *_: "")
    share = all(map(_is_segment, surfaces))
    axes.set_xlabel("share of the way from A to B" if share else with_power("α", alpha_power),
                    style="normal" if share else "italic", labelpad=1)  # fmt: skip
    axes.set_ylabel(scale.title)
    axes.margins(x=0.02)
    if len(surfaces) == 1 and _has_barrier(surfaces[0]):
        _draw_barrier(axes, surfaces[0], power, alpha_power)
    if beside is not None:
        beside.set_ylabel("accuracy (%), dashed")
        beside.set_ylim(0, 103)
        # Losses are what is read first: they lie over the accuracies.
        axes.set_zorder(beside.get_zorder() + 1)
        axes.patch.set_visible(False)


def _caption(every: Sequence[Surface], height: Kind, *, accuracy: bool) -> str:
    parts = [surface_caption(every, scale=HeightScale.of(every, kind=height), shading="")]
    parts[0] = parts[0].replace("Colours and isolines:", "Axis:")
    if not any("section_beta" in s.settings for s in every):
        parts[0] = _as_line(parts[0])
    rows = sorted(
        {float(s.settings["section_beta"]) for s in every if "section_beta" in s.settings}
    )
    if rows:
        parts.append("Along α at β = " + ", ".join(f"{row:.3g}" for row in rows) + ".")
    between = [s for s in every if _is_between(s)]
    dots = [len(marked(surface, height)) for surface in every]
    if between and all(count == 2 for count in dots):
        parts.append("Dots: the two solutions of each line.")
    elif any(dots):
        parts.append(f"Dot{'s: solutions' if max(dots) > 1 else ': the solution'}.")
    if len(every) == 1 and _has_barrier(every[0]):
        rise = barrier(every[0])
        least = "" if rise.complete else "at least "
        parts.append(
            f"Barrier: {least}{number(rise.height)} over the straight way between the losses of "
            f"the two solutions, at α = {rise.alpha:.3g}."
        )
    if accuracy and any(map(_accuracies, every)):
        parts.append("Dashed: accuracy.")
    return " ".join(parts)


def _as_line(text: str) -> str:
    """Name the lines of a caption that takes every surface for one over a plane, in its panel."""
    return _PLANE.sub(r"\1 line", _PANEL.sub("Line", text))


def _check_line(surface: Surface) -> None:
    axes = len(surface.grid.shape)
    if axes != 1:
        hint = "; viz.section(surface) is a line through it" if axes == 2 else ""
        raise ValueError(f"a surface along a line is needed, got one with {axes} axes{hint}")


def _accuracies(surface: Surface) -> str:
    """Return the name of a surface's field of accuracies, "" for none."""
    return next((name for name in _ACCURACY if name in surface.fields), "")


def _is_between(surface: Surface) -> bool:
    reaches = surface.alphas[0] <= 0 and surface.alphas[-1] >= 1
    return surface.settings.get("kind") == "between" and bool(reaches)


def _has_barrier(surface: Surface) -> bool:
    return _is_between(surface) and bool(np.isfinite(_ends(surface)).all())


def _is_segment(surface: Surface) -> bool:
    """Whether a line lies between two points of a plane: at its 0 and 1 are no solutions."""
    return surface.settings.get("kind") == "segment"


def marked(surface: Surface, height: Kind = "log") -> list[int]:
    """Return the points of a line that are solutions: alpha 0, and 1 between two of them.

    None on a segment between two points of a plane, where the grid has no point there, where the
    loss has no height, or if the line runs beside the solution, as the section of a surface whose
    grid has no row at beta 0.
    """
    if _is_segment(surface):
        return []
    if abs(float(surface.settings.get("section_beta", 0.0))) > _SAME:
        return []
    there = np.isfinite(surface_heights(surface, height))
    places = (0.0, 1.0) if _is_between(surface) else (0.0,)
    nearest = [int(np.argmin(np.abs(surface.alphas - place))) for place in places]
    return [k for k, place in zip(nearest, places, strict=True)
            if there[k] and abs(float(surface.alphas[k]) - place) <= _SAME]  # fmt: skip


def _beside_grid(surface: Surface, height: Kind) -> float | None:
    """Return the loss of the network itself where a line shows it and has no point there."""
    centre = centre_of(surface)
    if centre is None or centre.on_grid or not surface.alphas[0] <= 0 <= surface.alphas[-1]:
        return None
    return centre.loss if np.isfinite(heights(np.array(centre.loss), height)) else None


def _draw_barrier(axes: Axes, surface: Surface, power: int, alpha_power: int) -> None:
    rise = barrier(surface)
    ends = _ends(surface)
    along = np.linspace(0.0, 1.0, 101)
    unit, high = 10.0**-alpha_power, 10.0**-power
    axes.plot(along * unit, (ends[0] + along * (ends[1] - ends[0])) * high, color=grey(0.45),
              linewidth=0.7, linestyle=(0, (1, 1.5)), zorder=2)  # fmt: skip
    if not rise.height:
        return
    place, base = rise.alpha * unit, rise.base * high
    top = base + rise.height * high
    arrow: Any = {"arrowstyle": "<->", "shrinkA": 0, "shrinkB": 0, "linewidth": 0.7,
                  "color": grey(0.25), "mutation_scale": 6}  # fmt: skip
    axes.annotate("", (place, top), (place, base), arrowprops=arrow)
    middle = np.sqrt(base * top) if axes.get_yscale() == "log" and base > 0 else (base + top) / 2
    least = "" if rise.complete else "≥ "
    axes.annotate(f"barrier {least}{number(rise.height)}", (place, float(middle)), (4, 0),
                  textcoords="offset points", va="center", fontsize=7,
                  color=grey(0.15))  # fmt: skip
