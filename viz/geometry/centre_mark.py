"""Where the network's own weights are marked in a picture, and what is said of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from landscape.records.arrays import Floats
from landscape.records.centre import Centre, centre_of
from landscape.records.plane import Plane
from landscape.records.results import Projection
from landscape.records.surface import Surface

from .solution_points import Solution, places_of, solutions_of
from .window import Window

ORIGIN = np.zeros((1, 2))
# Marks that are nearer, in widths of the window, would lie over one another.
_APART = 0.02
# What one panel says, and several; the first is also said where no loss is known.
WORDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "cross": ("Cross: the network's own weights", "Crosses: the networks' own weights"),
        "path": ("The path ends at the network's own weights",
                 "Paths end at the networks' own weights"),
        "solution": ("A is the network itself", "A is the network itself"),
        "line": ("At α = 0 are the network's own weights",
                 "At α = 0 are the networks' own weights"),
        "outside": ("The network's own weights lie outside the window",
                    "The networks' own weights lie outside the windows"),
    }
)  # fmt: skip


def crossed(
    surface: Surface, paths: Sequence[Projection], solutions: Sequence[Solution] = ()
) -> bool:
    """Return whether a cross marks the centre: where no path ends and no solution is marked.

    Args:
        surface: two-dimensional.
        paths: drawn on it.
        solutions: marked on it.
    """
    return centre_of(surface) is not None and place_of(surface, paths, solutions) == "cross"


def centre_sentences(
    surfaces: Sequence[Surface],
    drawn: Sequence[Sequence[Projection]],
    planes: Sequence[Plane | None],
) -> list[str]:
    """Say what marks the network's own weights, and their loss.

    Args:
        surfaces: of the panels, along a line or over a plane.
        drawn: the paths of each.
        planes: of each, or None.
    """
    centres_at: dict[str, list[Centre]] = {}
    for surface, paths, plane in zip(surfaces, drawn, planes, strict=True):
        centre = centre_of(surface)
        if centre is not None:
            place = place_of(surface, paths, solutions_of(surface, plane))
            centres_at.setdefault(place, []).append(centre)
    sentences = []
    for place, centres in centres_at.items():
        values = _values([centre for centre in centres if centre.known])
        if values or place == "cross":
            sentences.append(f"{WORDS[place][len(centres) > 1]}{values}.")
    return sentences


def place_of(
    surface: Surface, paths: Sequence[Projection], solutions: Sequence[Solution] = ()
) -> str:
    """Return what stands at the centre, by a key of the words.

    Args:
        surface: along a line or over a plane.
        paths: drawn on it.
        solutions: marked on it.
    """
    if len(surface.grid.shape) != 2:
        return "line" if surface.alphas[0] <= 0 <= surface.alphas[-1] else "outside"
    window = Window.around([surface])
    if not window.inside(ORIGIN)[0]:
        return "outside"
    if _near(places_of(solutions), window):
        return "solution"
    ends = np.array([path.coordinates[-1] for path in paths if len(path.steps)])
    return "path" if _near(ends.reshape(-1, 2), window) else "cross"


def _near(places: Floats, window: Window) -> bool:
    """Return whether one of some places [K, 2] lies at the centre."""
    width = max(float(np.ptp(ends)) for ends in (window.alpha, window.beta))
    return bool(np.any(np.linalg.norm(places, axis=1) < _APART * width))


def _values(centres: Sequence[Centre]) -> str:
    """Write the loss and accuracy of one network, or their ranges; "" if none is known."""
    if len(centres) < 2:
        return f", {centres[0].words}" if centres else ""
    losses = sorted(centre.loss for centre in centres if np.isfinite(centre.loss))
    if not losses:
        return ", losses not finite"
    ends = dict.fromkeys([f"{losses[0]:.3g}", f"{losses[-1]:.3g}"])
    return f", losses {' to '.join(ends)}"
