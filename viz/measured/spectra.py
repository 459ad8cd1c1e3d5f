"""Spectral densities of Hessians beside each other, with the ends of each spectrum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.records.arrays import Floats
from landscape.records.results import Analysis

from ..captions.normalising import loss_name
from ..captions.references import methods
from ..captions.told import remember
from ..flat.lines import arrays_of, between, check_count, drawing, grey, line_colours
from ..flat.titles import fitted
from ..geometry.numbers import a_range, minus, number
from ..geometry.rows import per_row
from ..style import Style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SHAPES = {"nodes": "SM", "weights": "SM", "residuals": "SM"}
# Of the range of all spectra.
_WIDTH = 0.01
_POINTS = 801


@dataclass(frozen=True, slots=True, eq=False)
class Density:
    """A spectral density, broadened.

    Attributes:
        nodes: of the quadrature, [S, M].
        weights: of each, [S, M].
        parameters: how many eigenvalues there are.
        top: the largest node, and within how much of it an eigenvalue lies.
        bottom: likewise the smallest.
        scale: of the cloud that the loss was averaged over; None is autograd's Hessian.
    """

    nodes: Floats
    weights: Floats
    parameters: int
    top: tuple[float, float]
    bottom: tuple[float, float]
    scale: float | None = None

    @classmethod
    def of(cls, analysis: Analysis) -> Density:
        """Read an analysis ``spectrum``; raises ValueError for another."""
        arrays = arrays_of(analysis, "spectrum", _SHAPES)
        nodes, residuals = arrays["nodes"].ravel(), arrays["residuals"].ravel()
        high, low = int(np.argmax(nodes)), int(np.argmin(nodes))
        return cls(
            arrays["nodes"], arrays["weights"], int(analysis.settings["parameters"]),
            (float(nodes[high]), float(residuals[high])),
            (float(nodes[low]), float(residuals[low])),
            analysis.settings.get("scale"),
        )  # fmt: skip

    def at(self, places: Floats, width: float) -> Floats:
        """Return the density at ``places`` [X], every node a Gaussian of standard deviation width.

        Its integral is 1.
        """
        starts = len(self.nodes)
        away = (places[:, None] - self.nodes.reshape(1, -1)) / width
        peaks = np.exp(-0.5 * away**2) / (width * math.sqrt(2 * math.pi))
        return np.asarray(peaks @ self.weights.ravel() / starts)


def spectrum(
    analyses: Sequence[Analysis],
    *,
    titles: Sequence[str],
    columns: int | None = None,
    width: float = 5.5,
    style: Style | str | None = None,
) -> Figure:
    """Draw spectral densities of Hessians side by side, on shared axes.

    Every node of the quadrature is a Gaussian, as wide as a hundredth of the range of all spectra.
    The density is logarithmic down to a tenth of what a single eigenvalue is drawn as, so that
    lone outliers are seen. Triangles mark the two ends of each spectrum, written above; that of a
    loss averaged over a cloud has none, as it does not hold for single eigenvalues.

    Args:
        analyses: ``spectrum`` of each network, see :func:`landscape.spectral_density`.
        titles: of the panels.
        columns: panels per row; by default at most 3.
        width: of the figure in inches.
        style: its fonts, ink and background: a style, the name of one, or a file of one.

    Returns:
        A ``matplotlib.figure.Figure``; write it with :func:`viz.save`.

    Raises:
        ValueError: for no spectrum, more than 8, titles of another number, or an analysis of
            another kind.
    """
    from matplotlib.figure import Figure

    check_count(len(analyses), "analyses", titles=titles)
    densities = [Density.of(analysis) for analysis in analyses]
    in_row = per_row(len(densities), columns, 3)
    rows = math.ceil(len(densities) / in_row)
    places, sigma = _axis(densities)
    with drawing(style):
        panel_width = (width - 0.5) / in_row
        heads = fitted(titles, 0.9 * panel_width, 8.0)
        tall = rows * (0.72 * panel_width + 0.30 + 0.12 * heads.lines) + 0.35
        figure = Figure(figsize=(width, tall), layout="constrained")
        grid = figure.subplots(rows, in_row, squeeze=False, sharex=True, sharey=True)
        for place, axes in enumerate(grid.ravel()):
            if place >= len(densities):
                axes.set_axis_off()
                continue
            _panel(axes, densities[place], places, sigma, line_colours()[place])
            # The ends are written between the title and the panel.
            axes.set_title(heads.texts[place], fontsize=heads.size, pad=13)
            if place % in_row == 0:
                axes.set_ylabel("density")
            if place + in_row >= len(densities):
                axes.set_xlabel("eigenvalue")
                axes.tick_params(labelbottom=True)
        least = min(
            1 / (density.parameters * sigma * math.sqrt(2 * math.pi)) for density in densities
        )
        most = max(float(density.at(places, sigma).max()) for density in densities)
        grid[0, 0].set_ylim(least / 10, 2 * most)
    remember(figure, _caption(analyses, densities))
    return figure


def _axis(densities: Sequence[Density]) -> tuple[Floats, float]:
    """Return the places where densities are drawn, and how wide a node is."""
    low = min(density.bottom[0] for density in densities)
    high = max(density.top[0] for density in densities)
    span = high - low or max(abs(high), 1.0)
    sigma = _WIDTH * span
    # Fine enough that no peak falls between two places.
    return np.linspace(low - 4 * sigma, high + 4 * sigma, _POINTS), sigma


def _panel(axes: Axes, density: Density, places: Floats, sigma: float, colour: str) -> None:
    values = density.at(places, sigma)
    axes.set_yscale("log")
    axes.fill_between(places, 1e-300, values, color=colour, alpha=0.25, linewidth=0)
    axes.plot(places, values, color=colour, linewidth=1.0)
    axes.axvline(0, color=grey(0.6), linewidth=0.5, zorder=0)
    if density.scale is not None:
        return
    for value, _ in (density.bottom, density.top):
        axes.plot([value], [0.0], marker="^", markersize=4.0, color=colour, clip_on=False,
                  markeredgewidth=0, transform=axes.get_xaxis_transform(), zorder=5)  # fmt: skip
    text = minus(f"{density.bottom[0]:.3g} to {density.top[0]:.3g}")
    axes.text(0.5, 1.02, text, transform=axes.transAxes, ha="center", va="bottom", fontsize=6.5,
              color=grey(0.3))  # fmt: skip


def _hessian(densities: Sequence[Density]) -> str:
    plain = "autograd's Hessian (without the kinks)"
    averaged = "the Hessian, averaged over a cloud of parameters (with the kinks),"
    clouds = [density.scale is not None for density in densities]
    return averaged if all(clouds) else f"{plain} or {averaged}" if any(clouds) else plain


def _ends(densities: Sequence[Density]) -> list[str]:
    """Say what triangles mark, where there are any."""
    plain = [density for density in densities if density.scale is None]
    if not plain:
        return []
    ends = max(max(density.top[1], density.bottom[1]) for density in plain)
    worst = f" (to {number(ends)} at worst)" if ends else ""
    whose = "" if len(plain) == len(densities) else " of autograd's Hessian"
    return [f" Triangles and numbers: the smallest and the largest eigenvalue{whose}{worst}."]


def _clouds(settings: Sequence[dict[str, Any]]) -> list[str]:
    """Say of each averaged Hessian over what it was, and how well it was checked."""
    some = []
    for place, known in enumerate(settings, start=1):
        if known.get("scale") is None:
            continue
        step = known.get("scale_step")
        size = number(known["scale"]) + ("" if step is None else f" (the length of step {step})")
        check = f", {known['check']['text']}" if "check" in known else ""
        some.append((f"panel {place}: " if len(settings) > 1 else "") + size + check)
    if not some:
        return []
    return [" Size of the cloud (root mean square length of its steps in parameter space), and a "
            f"Monte Carlo check of curvatures: {'; '.join(some)}. It holds for means over random "
            "directions, not for single eigenvalues."]  # fmt: skip


def _caption(analyses: Sequence[Analysis], densities: Sequence[Density]) -> str:
    _, sigma = _axis(densities)
    settings: list[dict[str, Any]] = [dict(analysis.settings) for analysis in analyses]
    losses = sorted(set(map(loss_name, settings)))
    # What is drawn as 0 is not counted, whatever its sign.
    shares = sorted(
        float(np.sum(density.weights[density.nodes < -sigma]) / len(density.nodes))
        for density in densities
    )
    ends = [f"{share:.1%}" for share in shares]
    parts = [
        f"Spectral density of {_hessian(densities)} of the mean "
        f"{losses[0] if len(losses) == 1 else 'loss'}",
        f" over {between([int(known['examples']) for known in settings], 'example')}, "
        f"{between([density.parameters for density in densities], 'parameter')}.",
        f" By stochastic Lanczos quadrature: "
        f"{between([int(known['steps']) for known in settings], 'step')} from "
        f"{between([int(known['starts']) for known in settings], 'random vector')}, each node a "
        f"Gaussian of standard deviation {number(sigma)}; the integral is 1.",
        *_ends(densities),
        f" Share of eigenvalues below −{number(sigma)}: {a_range(ends)}.",
        *_clouds(settings),
        *(f" {text}" for text in methods(["ghorbani2019"])),
    ]  # fmt: skip
    return "".join(parts)
