"""What every flat figure must satisfy: no text over another, none cut off."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from landscape.viz.flat.contours import FIGURE_SETTINGS


def clashes(figure: Figure) -> list[str]:
    """Return the texts of a figure that overlap or leave it."""
    with matplotlib.rc_context(dict(FIGURE_SETTINGS)):
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        renderer = canvas.get_renderer()
        boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in shown(figure)]
    inside = figure.bbox.padded(1.0)
    cut = [
        f"{text!r} leaves the figure" for text, box in boxes
        if not (inside.x0 <= box.x0 and box.x1 <= inside.x1
                and inside.y0 <= box.y0 and box.y1 <= inside.y1)
    ]  # fmt: skip
    return cut + [
        f"{one!r} over {other!r}" for (one, a), (other, b) in combinations(boxes, 2)
        if a.padded(-0.5).overlaps(b.padded(-0.5))
    ]  # fmt: skip


def shown(figure: Figure) -> list[Text]:
    """Return the texts that are drawn; ticks outside of their axis are not."""
    hidden: set[int] = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            place = axis.get_transform().transform
            low, high = sorted(place(np.array(axis.get_view_interval())))
            room = 1e-9 * (high - low)
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                if not low - room <= place(np.array([tick.get_loc()]))[0] <= high + room:
                    hidden |= {id(tick.label1), id(tick.label2)}
    found: list[Any] = figure.findobj(Text)
    return [t for t in found if t.get_text().strip() and t.get_visible() and id(t) not in hidden
            and (t.axes is None or t.axes.axison)]  # fmt: skip
