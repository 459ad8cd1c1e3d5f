"""What is left of the losses in a window when their best-fitting quadratic is removed.

A smooth loss is its quadratic but for terms of third order, which vanish faster than the window. A
crease is not: it is what stands out. Needs numpy alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from landscape.records.arrays import Floats, Json, as_floats, freeze
from landscape.records.grid import Grid
from landscape.records.presenting import Presented
from landscape.records.surface import Status, Surface

# 1, a, b, a^2, a b, b^2.
TERMS = 6
# Below so many times the rounding of the losses a residual is noise.
RESOLVED = 4.0
# Rounding of a mean loss over epsilon times its value; a trial with logits of 10 gave 6.
_ROUNDINGS = 8.0
_SLOPES = ("gradient_alpha", "gradient_beta")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Residual(Presented):
    """The losses of a window minus their best-fitting quadratic.

    Attributes:
        grid: the window, in multiples of the directions.
        values: losses minus the quadratic, [A, B]; NaN where the loss is not finite.
        coefficients: of 1, a, b, a^2, a b, b^2, [6], with (a, b) the coordinates from ``centre``;
            loss per power of the multiple.
        centre: (alpha, beta) of the middle of the window.
        rms: root mean square of the values, in units of the loss.
        quadratic_rms: root mean square of the part of second degree of the quadratic, made
            orthogonal over the grid to constants and linear functions.
        loss_range: largest minus smallest finite loss of the window.
        rounding: root mean square to be expected of rounding alone.
        slopes: fields ``gradient_alpha`` and ``gradient_beta`` [A, B] minus the quadratic's, if the
            surface had them; loss per multiple.
        run: name of the run, None for an imported surface.
        settings: of the surface, plain JSON values.
    """

    grid: Grid
    values: Floats
    coefficients: Floats
    centre: tuple[float, float]
    rms: float
    quadratic_rms: float
    loss_range: float
    rounding: float
    slopes: Mapping[str, Floats] = field(default_factory=dict)
    run: str | None = None
    settings: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        freeze(self, {"values": self.grid.shape, "coefficients": (TERMS,)})
        slopes = {name: as_floats(s, name, self.grid.shape) for name, s in self.slopes.items()}
        object.__setattr__(self, "slopes", MappingProxyType(slopes))

    @property
    def width(self) -> float:
        """Full width of the window along alpha, in multiples of the direction."""
        return float(np.ptp(self.grid.axes[0]))

    @property
    def peak(self) -> float:
        """Largest absolute value; 0 if none is finite."""
        return float(np.nanmax(np.abs(self.values), initial=0.0))

    @property
    def ratio(self) -> float:
        """``rms`` over ``quadratic_rms``; infinite for losses without curvature."""
        return self.rms / self.quadratic_rms if self.quadratic_rms > 0 else float("inf")

    @property
    def share(self) -> float:
        """Largest minus smallest value, as a share of the range of the losses."""
        spread = float(np.nanmax(self.values) - np.nanmin(self.values))
        return spread / self.loss_range if self.loss_range > 0 else 0.0

    @property
    def resolved(self) -> bool:
        """Whether the residual is more than rounding."""
        return self.rms > RESOLVED * self.rounding

    @property
    def shown(self) -> Floats:
        """The values to be drawn, [A, B]: what is only rounding is 0."""
        return self.values if self.resolved else np.where(np.isfinite(self.values), 0.0, np.nan)

    def surface(self) -> Surface:
        """Return what is shown, and its slopes if there are any, as a surface to be drawn."""
        status = np.full(self.grid.shape, Status.EVALUATED, dtype=np.uint8)
        slopes = {n: s if self.resolved else np.zeros_like(s) for n, s in self.slopes.items()}
        fields = {"losses": self.shown, **slopes}
        settings = {**self.settings, "residual": True}
        return Surface(self.grid, fields, status, run=self.run, settings=settings)


def remove_quadratic(surface: Surface, *, rounding: float | None = None) -> Residual:
    """Remove the least-squares quadratic in (alpha, beta) from the losses of a window.

    The fit is made in float64 in coordinates from -1 to 1 by orthogonalisation, and refined once,
    so that a quadratic leaves rounding only. Losses that are not finite take no part and are NaN in
    the residual.

    Args:
        surface: two-dimensional, every point evaluated. Interpolated points are refused: what
            interpolates also smooths.
        rounding: root mean square error of the losses by rounding; None takes 8 times the machine
            epsilon of the surface's setting ``dtype`` (float64 without one) times the largest
            loss. :func:`landscape.kinks.microscope.rounding_of` measures it.

    Returns:
        The residual.

    Raises:
        ValueError: for a surface without two axes, with missing or interpolated points, or with
            too few finite losses to determine the six coefficients.
    """
    if surface.losses.ndim != 2:
        raise ValueError(f"the microscope needs a surface of 2 axes, got {surface.losses.ndim}")
    others = int(np.sum(surface.status != Status.EVALUATED))
    if others:
        raise ValueError(
            f"every point must be evaluated, got {others:,} of {surface.grid.size:,} that are "
            "missing, failed or interpolated; sample the window without resampling"
        )
    centre, (u, v) = _scaled(surface.grid)
    half = np.array([np.ptp(axis) / 2 for axis in surface.grid.axes])
    there = np.isfinite(surface.losses)
    fit = Fit.on(u[there], v[there])
    # In a power of 2 near the largest loss, which costs no digit: squares could overflow.
    unit = _unit(surface.losses[there])
    losses = surface.losses[there] / unit
    parts, left = fit.split(losses[None])
    values = np.full(surface.grid.shape, np.nan)
    values[there] = left[0] * unit
    powers = np.array([1.0, half[0], half[1], half[0] ** 2, half[0] * half[1], half[1] ** 2])
    coefficients = fit.coefficients(parts[0]) / powers
    epsilon = float(np.finfo(surface.settings.get("dtype", "float64")).eps)
    largest = float(np.abs(losses).max())
    with np.errstate(over="ignore"):
        return Residual(
            surface.grid, values, coefficients * unit, centre,
            rms=float(_rms(left)[0]) * unit,
            quadratic_rms=float(fit.second_degree_rms(parts)[0]) * unit,
            loss_range=float(np.ptp(losses)) * unit,
            rounding=_ROUNDINGS * epsilon * largest * unit if rounding is None else rounding,
            slopes=_slopes(surface, coefficients, unit, centre), run=surface.run,
            settings=surface.settings,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Least squares of quadratics at fixed points, by an orthonormal basis.

    Attributes:
        basis: orthonormal columns for 1, u, v, u^2, u v, v^2 in this order, [n, 6].
        triangle: the monomials in terms of the basis, [6, 6].
    """

    basis: Floats
    triangle: Floats

    @classmethod
    def on(cls, u: Floats, v: Floats) -> Fit:
        """Prepare for the points (u, v), [n] each, of the order of 1.

        Raises:
            ValueError: if they do not determine a quadratic.
        """
        terms = monomials(u, v)
        if len(u) >= TERMS:
            basis, triangle = np.linalg.qr(terms)
            if np.abs(np.diag(triangle)).min() > 1e-9 * np.sqrt(len(u)):
                return cls(basis, triangle)
        raise ValueError(
            "a quadratic needs finite losses on at least 3 x 3 points, "
            f"got {len(u)} of them that do not determine it; move the window or shrink it"
        )

    def split(self, losses: Floats) -> tuple[Floats, Floats]:
        """Return the parts along the basis [K, 6] and what is left [K, n] of ``losses`` [K, n]."""
        means = losses.mean(axis=1, keepdims=True)
        left = losses - means
        parts = np.zeros((len(losses), TERMS))
        # The second round removes what the first left by rounding.
        for _ in range(2):
            more = left @ self.basis
            left = left - more @ self.basis.T
            parts += more
        parts[:, :1] += means * self.basis[:, :1].sum()
        return parts, left

    def coefficients(self, parts: Floats) -> Floats:
        """Return the coefficients [6] of the monomials from the parts [6]."""
        return np.asarray(np.linalg.solve(self.triangle, parts))

    def second_degree_rms(self, parts: Floats) -> Floats:
        """Return the root mean square [K] of the part of second degree from parts [K, 6]."""
        return np.asarray(np.linalg.norm(parts[:, 3:], axis=1) / np.sqrt(len(self.basis)))


def monomials(a: Floats, b: Floats) -> Floats:
    """Return 1, a, b, a^2, a b, b^2 at n points, [n, 6]."""
    return np.stack([np.ones_like(a), a, b, a * a, a * b, b * b], axis=1)


def _unit(losses: Floats) -> float:
    """Return a power of 2 of the order of the largest loss; 1 for losses of 0."""
    largest = float(np.abs(losses).max())
    return float(2.0 ** (np.frexp(largest)[1] - 1)) if largest > 0 else 1.0


def _rms(values: Floats) -> Floats:
    return np.asarray(np.sqrt(np.mean(values**2, axis=-1)))


def _scaled(grid: Grid) -> tuple[tuple[float, float], tuple[Floats, Floats]]:
    """Middle of the grid, and its coordinates [A, B] from -1 to 1."""
    middles = [float(axis[0] + axis[-1]) / 2 for axis in grid.axes]
    scaled = [(axis - m) / (np.ptp(axis) / 2) for axis, m in zip(grid.axes, middles, strict=True)]
    u, v = np.meshgrid(*scaled, indexing="ij")
    return (middles[0], middles[1]), (u, v)


def _slopes(
    surface: Surface, coefficients: Floats, unit: float, centre: tuple[float, float]
) -> dict[str, Floats]:
    """Slopes of the residual where the surface has those of the loss; coefficients in a unit."""
    if not set(_SLOPES) <= set(surface.fields):
        return {}
    a, b = np.meshgrid(surface.alphas - centre[0], surface.betas - centre[1], indexing="ij")
    _, ca, cb, caa, cab, cbb = coefficients
    of_quadratic = (ca + 2 * caa * a + cab * b, cb + cab * a + 2 * cbb * b)
    return {n: surface.fields[n] - q * unit for n, q in zip(_SLOPES, of_quadratic, strict=True)}
