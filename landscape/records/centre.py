"""The centre of a surface: the network's own weights, and what is suspicious about them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from landscape.records.arrays import Floats
from landscape.records.plane import Plane
from landscape.records.plurals import plural
from landscape.records.surface import Status, Surface

ACCURACIES = ("accuracies", "accuracy")
# Two coordinates are one.
_SAME = 1e-12
# Near the centre: this share of the way to the nearest end of the window, or one grid point.
_NEAR = 0.3
# A lower loss near the centre is told from this share of the centre's on. A quarter of the way
# through training random planes have less than 2 %, with wrong inputs often 5 to 35 % (MLPs and
# CNNs on digits).
_LOWER = 0.05
# Of planes that are made of the path or the slope, the loss falls along an axis by construction;
# along the steepest eigenvectors optimizers bounce.
_SLOPING = ("pca", "update", "gradient", "hessian")
# Times the bound of a calibrated classifier. MLPs on digits stay below 1.8 at every step of
# training, whatever the activation; sigmoid on the 178 wines reaches 3.4 for a while. Inputs that
# are 4 to 16 times too small give 2 to 13, labels of other images 3 and more.
_TOO_HIGH = 2.5
# A smaller error rate is taken as this one, and as that of one example: more is not known of it.
_LEAST_ERROR = 0.01
_USUAL_CLASSES = 10
_CHECK = (
    "compare with the loss of training, and check that the weights are loaded, the preprocessing "
    "of the data, eval mode, BatchNorm's statistics and the dtype"
)


@dataclass(frozen=True, slots=True)
class Centre:
    """The plane's origin: the network's own weights.

    Attributes:
        loss: there; NaN if it is not known.
        accuracy: there, 0 to 1; NaN if not known.
        coordinates: alpha, beta, ...: all 0.
        on_grid: whether a grid point is there.
        known: whether the loss was evaluated there.
    """

    loss: float
    accuracy: float
    coordinates: tuple[float, ...]
    on_grid: bool
    known: bool

    @property
    def words(self) -> str:
        """Loss and accuracy as text, "" for a loss that is not known.

        >>> Centre(0.01142, 0.985, (0.0, 0.0), True, True).words
        'loss 0.0114, accuracy 98.5 %'
        """
        if not self.known:
            return ""
        loss = f"loss {self.loss:.3g}" if math.isfinite(self.loss) else "loss not finite"
        known = not math.isnan(self.accuracy)
        return f"{loss}, accuracy {100 * self.accuracy:.3g} %" if known else loss


def centre_of(surface: Surface) -> Centre | None:
    """Return the centre of a surface.

    Its values are ``settings["centre"]``, or those of the grid point there.

    Returns:
        None where (0, 0) is not the network: on a line between two points of a plane, on a row
        or a slice beside the centre, and on surfaces that nothing is known of. None where a
        quadratic was removed: values are no losses there.
    """
    settings = surface.settings
    if settings.get("kind") == "segment" or settings.get("residual"):
        return None
    beside = (settings.get(name) for name in ("section_beta", "section_gamma"))
    if any(abs(float(place or 0.0)) > _SAME for place in beside):
        return None
    if not {"centre", "kind", "imported"} & set(settings):
        return None
    place = _grid_point(surface)
    noted = settings.get("centre")
    values = noted if isinstance(noted, Mapping) else _values_at(surface, place)
    named = next((values[name] for name in ACCURACIES if name in values), None)
    return Centre(
        loss=_number(values.get("losses")),
        accuracy=_number(named),
        coordinates=(0.0,) * len(surface.grid.shape),
        on_grid=place is not None,
        known="losses" in values,
    )


def non_finite(surface: Surface) -> int:
    """Count the points whose loss was sampled and is NaN or infinite."""
    there = surface.status != Status.MISSING
    return int(np.sum(there & ~np.isfinite(surface.losses)))


def hints(surface: Surface, plane: Plane | None = None) -> list[str]:
    """Say what is suspicious about a surface, and what to check; nothing where all is usual.

    A loss near the centre that is lower than at the centre; a loss that is high for the accuracy;
    losses that are not finite. A hint is no proof: a network far from a minimum may have one too.

    Args:
        surface: of any number of axes.
        plane: its plane, whose last parameter says how many classes there are; 10 without.
    """
    centre = centre_of(surface)
    texts = [] if centre is None else [_lower(surface, centre), _unlikely(surface, centre, plane)]
    return [text for text in [*texts, _lost(surface)] if text]


def calibrated_loss(error: float, classes: int) -> float:
    """Return the largest mean cross-entropy of a calibrated classifier, in nats.

    A classifier that is right as often as it says has its own mean entropy as loss, and of all
    distributions with the largest probability 1 - e the entropy is at most
    h(e) + e log(classes - 1), with h(e) = -e log e - (1 - e) log(1 - e), which is concave in e.

    Args:
        error: share of wrong predictions e, 0 to 1.
        classes: number of classes, at least 2.

    References:
        Cover, Thomas (2006), Elements of information theory, section 2.10 (Fano's inequality).

    >>> round(calibrated_loss(0.015, 10), 3), round(calibrated_loss(0.9, 10), 3)
    (0.111, 2.303)
    """
    parts = (p * math.log(p) for p in (error, 1.0 - error) if p > 0)
    return error * math.log(classes - 1) - sum(parts)


def _lower(surface: Surface, centre: Centre) -> str:
    """Say where near the centre the loss is lower, beyond noise and the tilt of training."""
    if not math.isfinite(centre.loss) or surface.settings.get("kind") in _SLOPING:
        return ""
    there = _near(surface) & (surface.status == Status.EVALUATED) & np.isfinite(surface.losses)
    if not there.any():
        return ""
    place = np.unravel_index(np.argmin(np.where(there, surface.losses, np.inf)), there.shape)
    lowest = float(surface.losses[place])
    by = centre.loss - lowest
    if by <= max(_LOWER * abs(centre.loss), _noise(surface, centre, place)):
        return ""
    at = ", ".join(f"{axis[k]:.3g}" for axis, k in zip(surface.grid.axes, place, strict=True))
    share = f" ({by / abs(centre.loss):.0%})".replace("%", " %") if centre.loss else ""
    return (
        f"The loss is {by:.3g}{share} lower at ({at}) than at the centre, {centre.loss:.4g}. A "
        f"trained network is usually the lowest point near it: {_CHECK}."
    )


def _unlikely(surface: Surface, centre: Centre, plane: Plane | None) -> str:
    """Say where the loss is higher than the accuracy lets expect."""
    if surface.settings.get("loss") != "cross_entropy" or math.isnan(centre.accuracy):
        return ""
    classes = _classes(plane)
    examples = _number(surface.settings.get("examples"))
    least = max(_LEAST_ERROR, 1.0 / examples if examples >= 1 else 0.0)
    error = min(max(1.0 - centre.accuracy, least), 1.0)
    bound = calibrated_loss(error, classes)
    # Also false for a loss of NaN.
    if not centre.loss > _TOO_HIGH * bound:
        return ""
    return (
        f"The loss at the centre, {centre.loss:.3g}, is {centre.loss / bound:.2g} times the most "
        f"that a calibrated network with accuracy {100 * centre.accuracy:.3g} % has. Wrongly "
        f"scaled inputs look like that, and so does the beginning of training: {_CHECK}."
    )


def _lost(surface: Surface) -> str:
    """Say how many losses are not finite."""
    count = non_finite(surface)
    if not count:
        return ""
    verb = plural(count, "is", "are")
    return (
        f"{count:,} of {surface.grid.size:,} losses {verb} not finite: check the data and the "
        "weights for NaN, or sample a smaller window or in float64."
    )


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _grid_point(surface: Surface) -> tuple[int, ...] | None:
    """Return the index of the grid point at the centre; None if there is none."""
    place = tuple(int(np.argmin(np.abs(axis))) for axis in surface.grid.axes)
    there = all(abs(axis[k]) <= _SAME for axis, k in zip(surface.grid.axes, place, strict=True))
    return place if there else None


def _values_at(surface: Surface, place: tuple[int, ...] | None) -> Mapping[str, float]:
    if place is None or surface.status[place] != Status.EVALUATED:
        return {}
    return {name: float(values[place]) for name, values in surface.fields.items()}


def _near(surface: Surface) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return which points of the grid lie near the centre; none where it lies outside."""
    sides = []
    for axis in surface.grid.axes:
        if not axis[0] <= 0 <= axis[-1]:
            return np.zeros(surface.grid.shape, dtype=np.bool_)
        end = min(side for side in (-axis[0], axis[-1]) if side > 0)
        beside = np.abs(np.arange(len(axis)) - np.searchsorted(axis, 0.0)) <= 1
        sides.append((np.abs(axis) <= _NEAR * end) | beside)
    return np.asarray(np.logical_and.reduce(np.meshgrid(*sides, indexing="ij")))


def _noise(surface: Surface, centre: Centre, place: tuple[Any, ...]) -> float:
    """Return by how much two losses may differ by the draw of examples, or by rounding."""
    errors: Floats | None = surface.fields.get("standard_errors")
    if errors is not None:
        return 2.0 * math.sqrt(2.0) * float(errors[place])
    epsilon = float(np.finfo(surface.settings.get("dtype") or "float64").eps)
    return 8.0 * epsilon * abs(centre.loss)


def _classes(plane: Plane | None) -> int:
    """Return the outputs of a network's last layer."""
    shape = plane.layout.slots[-1].shape if plane is not None and plane.layout.slots else ()
    return max(shape[0], 2) if shape else _USUAL_CLASSES
