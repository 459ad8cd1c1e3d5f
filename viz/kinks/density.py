"""How much kink there is in each cell of a window, where the curves are too many to be drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.records.kink_map import KinkMap
from landscape.records.panel import Panel
from landscape.records.plurals import counted
from landscape.records.surface import Surface

from ..captions.normalising import statistics_used
from ..captions.told import remember
from ..flat.contour_axes import draw_isolines
from ..flat.contours import write_caption
from ..flat.ticks import label_window
from ..geometry.centre_mark import centre_sentences, crossed
from ..geometry.height import HeightScale, surface_heights
from ..look import USUAL, Look
from ..scenes.cross import mark_centre
from ..style import Style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOUR_MAP = "magma"
# A range of more than this factor is shown on a log scale.
_WIDE = 30.0


def kink_density(
    kinks: KinkMap,
    look: Look = USUAL,
    *,
    panel: Panel | None = None,
    title: str = "",
    most: int | None = None,
    width: float | None = None,
    caption: bool = True,
) -> Figure:
    """Draw the density of a map: jump of the gradient times length of curve, per area.

    Args:
        kinks: the map.
        look: height of the isolines, and style.
        panel: a surface over the same window, for isolines of the loss, with its title.
        title: above the figure, where there is no panel.
        most: number of curves from which a density is drawn, for the caption.
        width: of the figure in inches.
        caption: whether its first sentence is drawn below.

    Returns:
        A ``matplotlib.figure.Figure``; write it with :func:`viz.save`.
    """
    import matplotlib
    from matplotlib.colors import LogNorm, Normalize
    from matplotlib.figure import Figure

    style, surface = Style.of(look.style), panel.surface if panel else None
    scale = look.scale([surface]) if surface else None
    across = width or 4.2 * style.letters
    ratio = float(np.ptp(kinks.betas) / np.ptp(kinks.alphas))
    least, high = _range(kinks)
    norm = LogNorm(least, high) if least else Normalize(0, high)
    with matplotlib.rc_context(dict(style.figure_settings)):
        figure = Figure(figsize=(across, (across - 1.3) * ratio + 0.6), layout="constrained")
        figure.get_layout_engine().set(h_pad=0.08)  # type: ignore[union-attr,call-arg]
        axes = figure.subplots()
        colours = matplotlib.colormaps[_COLOUR_MAP].with_extremes(bad=style.missing)
        masked = np.ma.masked_where(kinks.density <= 0, kinks.density)
        image = axes.pcolormesh(kinks.alphas, kinks.betas, masked.T, cmap=colours, norm=norm,
                                rasterized=True)  # fmt: skip
        if np.any(kinks.density > 0):
            bar = figure.colorbar(image, ax=axes, shrink=0.9, aspect=30, pad=0.02)
            bar.set_label(r"kink density (loss / unit of $\alpha$, $\beta$ squared)")
        if surface is not None and scale is not None:
            height = np.ma.masked_invalid(surface_heights(surface, scale.kind))
            draw_isolines(axes, surface.grid, height, scale.levels(), colors="white",
                          linewidths=style.isoline_width, alpha=0.8)  # fmt: skip
            if crossed(surface, ()):
                mark_centre(axes, (0.0, 0.0), style.ink, style.background, zorder=3.9)
        axes.set(title=panel.title if panel else title, aspect="equal", xlim=kinks.window[0],
                 ylim=kinks.window[1])  # fmt: skip
        label_window(axes, kinks.window, across - 1.3)
        text = density_caption(kinks, surface, scale, most)
        if caption:
            write_caption(figure, text, style)
    remember(figure, text)
    return figure


def density_caption(
    kinks: KinkMap, surface: Surface | None, scale: HeightScale | None, most: int | None
) -> str:
    """Write the caption of a density."""
    cells = " x ".join(str(n) for n in kinks.density.shape)
    many = f", more than the {most:,} that are drawn as lines" if most is not None else ""
    text = [
        f"Kink density: size of the jump of the gradient times length of kink curve, per area, in "
        f"{cells} cells; mean {_mean(kinks, kinks.density):.3g}, with signs "
        f"{_mean(kinks, kinks.signed_density):.3g}.",
        f"{counted(kinks.curves, 'curve')} ({counted(kinks.examples, 'example')}){many}.",
        *([f"Layers: {', '.join(kinks.layers)}."] if kinks.layers else []),
    ]
    if not kinks.listed:
        text.append("Jumps as at the centres of the cells.")
    if np.any(kinks.density <= 0):
        text.append("Grey: no kink.")
    least, _ = _range(kinks)
    faint = int(np.sum((kinks.density > 0) & (kinks.density < least)))
    if faint:
        text.append(f"Colours begin at {least:.3g}: {faint:,} cells with kinks are below.")
    if surface is not None and scale is not None:
        text.append(f"Isolines: {'log loss' if scale.kind == 'log' else 'loss'}.")
        text += [statistics_used(surface.settings)] * bool(statistics_used(surface.settings))
        text += centre_sentences([surface], [()], [None])
    return " ".join([*text, *missing(kinks)])


def missing(kinks: KinkMap) -> list[str]:
    """Say what is not on a map."""
    text = []
    if kinks.left_out:
        text.append(f"Not on the map: switches of {', '.join(kinks.left_out)}.")
    if kinks.unseen:
        text.append(f"Could not be watched: {', '.join(kinks.unseen)}.")
    return text


def _range(kinks: KinkMap) -> tuple[float, float]:
    """Return where colours begin and end: at 0, or above it on a log scale if the range is wide.

    The lowest hundredth of the values does not stretch a log scale.
    """
    positive = kinks.density[kinks.density > 0]
    if not len(positive):
        return 0.0, 1.0
    high = float(positive.max())
    wide = high > _WIDE * positive.min()
    return (float(max(np.quantile(positive, 0.01), high * 1e-6)) if wide else 0.0), high


def _mean(kinks: KinkMap, density: Any) -> float:
    areas = np.multiply.outer(np.diff(kinks.alphas), np.diff(kinks.betas))
    return float((density * areas).sum() / areas.sum())
