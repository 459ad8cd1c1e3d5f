"""Residuals of windows against closed forms, and how they scale."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import make_surface

import landscape
from landscape import (
    Grid,
    Plane,
    Surface,
    Trajectory,
    remove_quadratic,
    residual_scaling,
    window_of_step,
)
from landscape.kinks.microscope import rounding_of, zoom_series
from landscape.records.layout import Layout, Slot
from landscape.records.residuals import Residual
from landscape.records.results import Analysis
from landscape.records.surface import Status
from landscape.records.window_scaling import ResidualScaling

Values = Callable[[np.ndarray, np.ndarray], np.ndarray]


def window(values: Values, grid: Grid) -> Surface:
    return make_surface(values(*np.meshgrid(*grid.axes, indexing="ij")), grid)


def removed(values: Values, grid: Grid) -> Residual:
    return remove_quadratic(window(values, grid))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(-5, 5), min_size=6, max_size=6), st.floats(1e-3, 10), st.floats(-3, 3))
def test_a_quadratic_leaves_rounding_and_gives_its_coefficients(
    c: list[float], width: float, middle: float
) -> None:
    # Not square, not centred: axes must not be mixed up.
    grid = Grid.rectangle((9, 7), (middle, middle + width), (-2 * width, 0.0))
    residual = removed(
        lambda a, b: c[0] + c[1] * a + c[2] * b + c[3] * a * a + c[4] * a * b + c[5] * b * b, grid
    )
    size = max(map(abs, c)) * max(1.0, abs(middle) + width, 2 * width) ** 2
    assert np.abs(residual.values).max() <= 1e-14 * size + 1e-300
    ma, mb = residual.centre
    assert (ma, mb) == pytest.approx((middle + width / 2, -width))
    rough = {"rel": 1e-6, "abs": 1e-11 * size / width**2}
    assert residual.coefficients[3:] == pytest.approx(c[3:], **rough)
    assert residual.coefficients[1] == pytest.approx(c[1] + 2 * c[3] * ma + c[4] * mb, **rough)
    assert residual.coefficients[2] == pytest.approx(c[2] + 2 * c[5] * mb + c[4] * ma, **rough)


def test_a_quadratic_is_only_rounding_and_a_crease_is_not() -> None:
    grid = Grid.square(21, span=1e-3)
    assert not removed(lambda a, b: 3 + a - b + 7 * a * b, grid).resolved
    flat = removed(lambda a, b: 3 + a - b + 7 * a * b, grid)
    assert not flat.shown.any()
    creased = removed(lambda a, b: 3 + a - b + 1e-6 * np.abs(a), grid)
    assert creased.resolved
    np.testing.assert_array_equal(creased.shown, creased.values)


@pytest.mark.parametrize("width", [2e-4, 0.5, 20.0])
def test_a_crease_through_the_middle(width: float) -> None:
    # On [-1, 1]: |x| = 1/2 + 5/8 P2 + r, Legendre's P2; mean r^2 = 1/3 - 1/4 - 5/64 = 1/192.
    residual = removed(lambda a, b: np.abs(a), Grid.square(401, span=width / 2))
    assert residual.width == pytest.approx(width)
    assert residual.rms == pytest.approx(width / 2 * np.sqrt(1 / 192), rel=1e-2)
    assert residual.quadratic_rms == pytest.approx(width / 2 * np.sqrt(5 / 64), rel=1e-2)
    assert residual.ratio == pytest.approx(np.sqrt(1 / 15), rel=1e-2)
    # It is largest in the middle, where 0 is 3/16 less than 1/2 - 5/16, and 1/16 at 1/2 + 5/8.
    assert residual.peak == pytest.approx(width / 2 * 3 / 16, rel=2e-2)


def test_a_cubic_leaves_its_third_legendre_polynomial() -> None:
    # x^3 = 3/5 P1 + 2/5 P3; mean P3^2 = 1/7.
    residual = removed(lambda a, b: b**3, Grid.square(401, span=0.5))
    assert residual.rms == pytest.approx(0.5**3 * 2 / 5 / np.sqrt(7), rel=1e-2)
    assert residual.quadratic_rms < 1e-12
    with_curvature = removed(lambda a, b: b**3 + 4 * b * b, Grid.square(401, span=0.5))
    assert with_curvature.rms == pytest.approx(residual.rms)
    assert with_curvature.quadratic_rms == pytest.approx(4 * 0.25 * np.sqrt(4 / 45), rel=1e-2)


def test_the_part_of_second_degree_is_free_of_constants_and_slopes() -> None:
    grid = Grid.rectangle((15, 11), (3.0, 4.0), (-1.0, 5.0))
    plain = removed(lambda a, b: a * a + a * b, grid)
    tilted = removed(lambda a, b: a * a + a * b + 100 - 30 * a + 20 * b, grid)
    assert tilted.quadratic_rms == pytest.approx(plain.quadratic_rms, rel=1e-9)


def test_slopes_lose_those_of_the_quadratic() -> None:
    grid = Grid.rectangle((9, 7), (0.5, 1.5), (-1.0, 1.0))
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    fields = {"losses": 2 + a + 3 * a * b - b * b, "gradient_alpha": 1 + 3 * b,
              "gradient_beta": 3 * a - 2 * b}  # fmt: skip
    residual = remove_quadratic(Surface(grid, fields, np.ones(grid.shape, dtype=np.uint8)))
    for slope in residual.slopes.values():
        np.testing.assert_allclose(slope, 0, atol=1e-12)
    assert set(residual.surface().fields) == set(fields)


def test_share_and_record() -> None:
    residual = removed(lambda a, b: 100 * a + np.abs(b), Grid.square(201, span=0.01))
    # From -1/16 to 3/16 of the half width, against 200 half widths and the crease's own.
    assert residual.share == pytest.approx((3 / 16 + 1 / 16) / 201, rel=0.1)
    for array in (residual.values, residual.coefficients):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    assert residual.surface().settings["loss"] == "cross_entropy"


def test_losses_that_are_not_finite_take_no_part() -> None:
    grid = Grid.square(9)
    whole = window(lambda a, b: 1 + a * a - b, grid)
    losses = whole.losses.copy()
    losses[0, 3], losses[4, 4] = np.nan, np.inf
    residual = remove_quadratic(make_surface(losses, grid))
    holes = np.isnan(residual.values)
    assert holes.sum() == 2
    assert holes[0, 3]
    assert holes[4, 4]
    assert np.abs(residual.values[~holes]).max() < 1e-14
    assert np.isfinite(residual.loss_range)


@pytest.mark.parametrize("factor", [2.0**996, 2.0**-1000])
def test_huge_and_tiny_losses_leave_as_much_of_themselves(factor: float) -> None:
    """Squares of losses near 1e300 are infinite, and of those near 1e-300 are 0."""

    def creased(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return 3 + a - b + 7 * a * b + np.abs(a)

    grid = Grid.square(21, span=1e-2)
    plain, scaled = (removed(lambda a, b, f=f: f * creased(a, b), grid) for f in (1.0, factor))
    np.testing.assert_array_equal(scaled.values, factor * plain.values)
    np.testing.assert_array_equal(scaled.coefficients, factor * plain.coefficients)
    for name in ("rms", "quadratic_rms", "loss_range", "rounding", "peak"):
        assert getattr(scaled, name) == factor * getattr(plain, name) > 0
    assert (scaled.ratio, scaled.share) == (plain.ratio, plain.share)
    assert scaled.resolved


def test_slopes_of_a_huge_quadratic_are_those_of_the_losses() -> None:
    grid = Grid.square(9, span=1e-5)
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    fields = {
        "losses": 1e300 * (1 + a + 3 * a * a + 2 * a * b),
        "gradient_alpha": 1e300 * (1 + 6 * a + 2 * b),
        "gradient_beta": 2e300 * a,
    }
    residual = remove_quadratic(Surface(grid, fields, np.ones(grid.shape, dtype=np.uint8)))
    for left in residual.slopes.values():
        # What rounding of the losses is over the window's width.
        assert np.abs(left).max() < 1e300 * 1e-15 / 1e-5


def test_what_cannot_be_fitted_is_refused() -> None:
    grid = Grid.square(5)
    with pytest.raises(ValueError, match="2 axes, got 1"):
        remove_quadratic(make_surface(np.zeros(5), Grid.line(5)))
    with pytest.raises(ValueError, match="at least 3 x 3 points, got 6"):
        removed(lambda a, b: a, Grid.rectangle((2, 3), (0, 1), (0, 1)))
    with pytest.raises(ValueError, match="got 0 of them"):
        removed(lambda a, b: np.nan * a, grid)
    status = np.ones(grid.shape, dtype=np.uint8)
    status[2, 2] = Status.INTERPOLATED
    smoothed = Surface(grid, {"losses": np.ones(grid.shape)}, status)
    with pytest.raises(ValueError, match=r"1 of 25 .* without resampling"):
        remove_quadratic(smoothed)


# Scaling. Off-centre creases would leave windows empty: all centres lie on the crease.
ON_THE_CREASE = np.stack([np.zeros(20), np.linspace(-0.5, 0.5, 20)], axis=1)
WIDTHS = np.geomspace(1e-4, 1.0, 9)


def scaling_of(values: Values) -> ResidualScaling:
    return residual_scaling(lambda c: values(c[:, 0], c[:, 1]), ON_THE_CREASE, WIDTHS)


def test_a_smooth_loss_has_slope_1_and_its_residual_slope_3() -> None:
    scaling = scaling_of(lambda a, b: 1 + 5 * a * a + b * b + a**3)
    assert scaling.slope() == pytest.approx(1.0, abs=1e-3)
    seen = scaling.resolved
    logs = np.log10(scaling.residual_quartiles[1][seen])
    assert np.diff(logs) / np.diff(np.log10(WIDTHS[seen])) == pytest.approx(3.0, abs=0.1)


def test_a_crease_has_slope_minus_1_where_curvature_is_not_its_own_and_0_where_it_is() -> None:
    # Residual c h; removed h^2 and c h: equal at h = c up to factors of order 1.
    scaling = scaling_of(lambda a, b: b * b + 1e-2 * np.abs(a))
    assert scaling.slope(low=0.3) == pytest.approx(-1.0, abs=0.05)
    assert scaling.slope(high=1.1e-3) == pytest.approx(0.0, abs=0.05)
    growth = np.diff(np.log10(scaling.residual_quartiles[1])) / np.diff(np.log10(WIDTHS))
    assert growth == pytest.approx(1.0, abs=1e-6)


def test_where_only_rounding_is_left_nothing_is_resolved() -> None:
    scaling = scaling_of(lambda a, b: 1e3 + np.sin(a) + b * b)
    assert np.median(scaling.rounding) < 1e-12
    assert not scaling.resolved[0]
    assert scaling.resolved[-1]
    # The slope is not that of the noise, which would be -2.
    assert scaling.slope() == pytest.approx(1.0, abs=0.1)
    assert scaling.floor[0] > scaling.floor[-1]


def test_measured_rounding_is_that_of_the_losses() -> None:
    noise = np.random.default_rng(0)
    measured = rounding_of(
        lambda c: 2 + c[:, 0] ** 2 + 1e-9 * noise.standard_normal(len(c)), (0.1, 0.2), 0.1
    )
    assert measured == pytest.approx(1e-9, rel=0.3)
    grid = Grid.square(9, span=1e-3)
    surface = window(lambda a, b: 2 + a * a + 1e-9 * noise.standard_normal(a.shape), grid)
    assert not remove_quadratic(surface, rounding=measured).resolved
    assert remove_quadratic(surface).resolved


def test_scaling_goes_through_an_analysis_and_leaves_nan_out() -> None:
    values = scaling_of(lambda a, b: np.where(b > 0.4, np.nan, 1 + a * a + a**3 + b * b))
    assert np.isnan(values.ratios).any()
    assert np.isfinite(values.ratio_quartiles).all()
    again = ResidualScaling.from_analysis(values.to_analysis())
    np.testing.assert_array_equal(again.residual_rms, values.residual_rms)
    assert again.settings["points"] == 9
    with pytest.raises(ValueError, match="residual_scaling, got 'other'"):
        ResidualScaling.from_analysis(Analysis("other", {}))


def test_scaling_refuses_what_it_cannot_measure() -> None:
    def evaluate(c: np.ndarray) -> np.ndarray:
        return np.asarray(c[:, 0])

    with pytest.raises(ValueError, match=r"at least 20 centres .* got 19"):
        residual_scaling(evaluate, ON_THE_CREASE[:19], WIDTHS)
    with pytest.raises(ValueError, match=r"centres must have shape \(20, 2\)"):
        residual_scaling(evaluate, ON_THE_CREASE[:, :1], WIDTHS)
    for widths in (WIDTHS[::-1], np.array([0.0, 1.0]), np.array([])):
        with pytest.raises(ValueError, match="positive and increasing"):
            residual_scaling(evaluate, ON_THE_CREASE, widths)
    with pytest.raises(ValueError, match="4 x 4 points, got 3"):
        residual_scaling(evaluate, ON_THE_CREASE, WIDTHS, points=3)
    with pytest.raises(ValueError, match=r"must return float64 losses .* got float32"):
        residual_scaling(lambda c: evaluate(c).astype(np.float32), ON_THE_CREASE, WIDTHS)
    with pytest.raises(ValueError, match="got float64 of shape"):
        residual_scaling(lambda c: c, ON_THE_CREASE, WIDTHS)


# Windows.
LAYOUT = Layout((Slot("w", (2,)),))


def run(lengths: list[float]) -> Trajectory:
    steps = np.asarray(lengths)
    return Trajectory(np.zeros((1, 2)), np.array([0]), np.zeros(1), steps, steps, steps, steps,
                      LAYOUT)  # fmt: skip


def plane() -> Plane:
    return Plane(np.zeros(2), np.array([3.0, 4.0]), np.array([0.0, 1.0]), LAYOUT)


def test_the_window_is_the_median_step_of_the_first_kinked_run_of_the_first_optimizer() -> None:
    runs = {"gelu-gd-seed0": run([9.0]), "relu-adam-seed0": run([7.0]),
            "leaky_relu-gd-seed0": run([1.0, 2.0, 300.0, np.nan]),
            "relu-gd-seed0": run([8.0])}  # fmt: skip
    found = window_of_step(runs, plane())
    assert (found.run, found.step_length, found.steps) == ("leaky_relu-gd-seed0", 2.0, 3)
    assert found.width == pytest.approx(2.0 / 5.0)
    grid = found.grid(11)
    assert grid.shape == (11, 11)
    assert (grid.axes[0][0], grid.axes[0][-1]) == pytest.approx((-0.2, 0.2))


def test_without_a_kinked_run_the_first_is_taken() -> None:
    runs = {"gelu-gd-seed0": run([5.0]), "relu-adam-seed0": run([7.0]), "elu-gd-seed0": run([6.0])}
    assert window_of_step(runs, plane()).run == "gelu-gd-seed0"


@pytest.mark.parametrize("lengths", [[], [np.nan], [0.0, 0.0]])
def test_a_run_without_steps_gives_no_window(lengths: list[float]) -> None:
    with pytest.raises(ValueError, match="relu-gd-seed0 must have steps of positive length"):
        window_of_step({"relu-gd-seed0": run(lengths)}, plane())


def test_window_of_step_needs_runs_by_name() -> None:
    with pytest.raises(ValueError, match="at least one trajectory"):
        window_of_step({}, plane())
    with pytest.raises(ValueError, match="a run is named"):
        window_of_step({"relu": run([1.0])}, plane())


def test_zooming_goes_down_by_about_equal_factors() -> None:
    widths = zoom_series(2.0, 7.68e-4, levels=6)
    assert (widths[0], widths[-1]) == (2.0, 7.68e-4)
    factors = widths[:-1] / widths[1:]
    assert factors == pytest.approx((2 / 7.68e-4) ** (1 / 5), rel=0.1)
    for full, narrow, levels in ((1.0, 2.0, 3), (2.0, 1.0, 1), (np.inf, 1.0, 3), (1.0, 0.0, 3)):
        with pytest.raises(ValueError, match="at least 2 levels"):
            zoom_series(full, narrow, levels=levels)


def test_minibatch_noise_is_the_deviation_of_the_changes() -> None:
    slopes = [1.0, 2.0, 6.0]
    batches = [lambda c, s=s: 5 + s * c[:, 0] + 100 * c[:, 1] for s in slopes]
    assert landscape.minibatch_noise(batches, 0.2) == pytest.approx(0.2 * np.std(slopes, ddof=1))
    with pytest.raises(ValueError, match="at least 2 minibatches, got 1"):
        landscape.minibatch_noise(batches[:1], 0.2)
