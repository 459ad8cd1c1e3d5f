"""What of surfaces and paths a picture leaves out, for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from landscape.records.plurals import plural

if TYPE_CHECKING:
    from landscape.records.panel import Panel


def remarks(panels: Mapping[str, Panel], height: str) -> list[str]:
    """Name the paths that are not drawn, and say how many losses a log height has no place for.

    Args:
        panels: what is drawn, by the ids of the surfaces.
        height: of the picture, see :class:`viz.Look`.
    """
    return [*_paths(panels), *_losses(panels, height)]


def _paths(panels: Mapping[str, Panel]) -> list[str]:
    from landscape.viz.geometry.window import Window, lost_outside, visible

    off_plane, outside = [], []
    for name, panel in panels.items():
        if len(panel.surface.grid.shape) != 2:
            continue
        window = Window.around([panel.surface])
        off_plane += [f"{p.run} on {name}" for p in panel.paths if not visible(p)]
        outside += [f"{p.run} on {name}" for p in panel.paths if lost_outside(p, window)]
    return _told(off_plane, "less than 5 % of {} lies in the plane") + _told(
        outside, "all of {} lies outside the window"
    )


def _told(names: Sequence[str], why: str) -> list[str]:
    path, it = plural(len(names), "path"), plural(len(names), "it", "each")
    return [f"{path} not drawn, as {why.format(it)}: {', '.join(names)}"] if names else []


def _losses(panels: Mapping[str, Panel], height: str) -> list[str]:
    from landscape.viz.geometry.height import left_out, losses_shown, resolved

    texts = []
    for name, panel in panels.items():
        kind = resolved(height, losses_shown([panel.surface]))
        if cut := left_out([panel.surface], kind).get("not positive", 0):
            texts.append(
                f"{name}: {cut:,} of {panel.surface.grid.size:,} losses {plural(cut, 'is', 'are')} "
                "not positive and cut out, as a log height has no place for them; --height linear "
                "shows them"
            )
    return texts
