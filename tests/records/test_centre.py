from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from making import make_surface

from landscape import Grid, Plane, Surface
from landscape.records.centre import calibrated_loss, centre_of, hints, non_finite
from landscape.records.layout import Layout, Slot
from landscape.records.surface import Status


def bowl(points: int = 21, at: tuple[float, float] = (0.0, 0.0), **settings: Any) -> Surface:
    """Return a bowl with its lowest point, 0.2, somewhere."""
    grid = Grid.square(points)
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    plain = make_surface(0.2 + (a - at[0]) ** 2 + (b - at[1]) ** 2, grid)
    return replace(plain, settings={**plain.settings, **settings})


def of_accuracy(loss: float, accuracy: float, kind: str = "cross_entropy") -> Surface:
    surface = bowl(centre={"losses": loss, "accuracies": accuracy}, loss=kind)
    return replace(surface, fields={"losses": surface.losses - 0.2 + loss})


def test_the_centre_is_what_was_noted_or_else_the_grid_point() -> None:
    noted = centre_of(bowl(20, centre={"losses": 0.0114, "accuracies": 0.98}))
    assert noted is not None
    assert (noted.loss, noted.accuracy, noted.coordinates) == (0.0114, 0.98, (0.0, 0.0))
    assert noted.known
    assert not noted.on_grid
    there = centre_of(bowl(21))
    assert there is not None
    assert there.loss == 0.2
    assert np.isnan(there.accuracy)
    assert there.on_grid
    between = centre_of(bowl(20))
    assert between is not None
    assert not between.known
    assert np.isnan(between.loss)


@pytest.mark.parametrize(
    "settings", [{"kind": "segment"}, {"section_beta": 0.1}], ids=["segment", "section"]
)
def test_a_place_that_is_not_the_network_is_no_centre(settings: dict[str, Any]) -> None:
    assert centre_of(bowl(**settings)) is None
    nothing = replace(bowl(), settings={})
    assert centre_of(nothing) is None


def test_an_interpolated_point_has_no_known_centre() -> None:
    surface = bowl()
    centre = centre_of(replace(surface, status=np.full_like(surface.status, Status.INTERPOLATED)))
    assert centre is not None
    assert not centre.known


@pytest.mark.parametrize("noted", ["text", [1.0], {"losses": "0.1"}, {"losses": None}, 3])
def test_a_centre_of_another_form_is_not_known_and_stops_nothing(noted: Any) -> None:
    surface = bowl(20, centre=noted)
    centre = centre_of(surface)
    assert centre is not None
    assert np.isnan(centre.loss)
    assert hints(surface) == []


def test_a_minimum_at_the_centre_gives_no_hint() -> None:
    assert hints(bowl()) == []
    assert hints(bowl(20, centre={"losses": 0.2, "accuracies": 0.95}, loss="cross_entropy")) == []


def test_a_lower_loss_beside_the_centre_is_told_with_its_place() -> None:
    (text,) = hints(bowl(at=(0.2, -0.1)))
    assert "0.05 (20 %) lower at (0.2, -0.1) than at the centre, 0.25" in text
    assert "weights are loaded" in text


def test_a_lower_loss_on_a_grid_without_the_centre_is_found_too() -> None:
    (text,) = hints(bowl(20, at=(0.2, 0.0), centre={"losses": 0.24}))
    assert "than at the centre, 0.24" in text


def test_a_lower_loss_along_a_line_is_found_too() -> None:
    alphas = np.linspace(-1, 1, 21)
    line = Surface(Grid((alphas,)), {"losses": 0.2 + (alphas - 0.2) ** 2},
                   np.ones(21, dtype=np.uint8), settings={"kind": "random"})  # fmt: skip
    assert "lower at (0.2)" in hints(line)[0]


def test_a_minimum_far_from_the_centre_is_another_one() -> None:
    surface = bowl()
    losses = surface.losses.copy()
    losses[1, 1] = 0.01
    assert hints(replace(surface, fields={"losses": losses})) == []


def test_the_tilt_of_a_network_in_training_gives_no_hint() -> None:
    # 0.01 of 0.21: less than a twentieth.
    assert hints(bowl(at=(0.1, 0.0))) == []


@pytest.mark.parametrize("kind", ["pca", "update", "gradient", "hessian"])
def test_planes_along_the_slope_give_no_hint_of_a_slope(kind: str) -> None:
    assert hints(bowl(at=(0.3, 0.0), kind=kind)) == []


def test_noise_gives_no_hint() -> None:
    tilted = bowl(at=(0.2, 0.0))
    errors = np.full(tilted.grid.shape, 0.02)
    noisy = replace(tilted, fields={**tilted.fields, "standard_errors": errors})
    assert len(hints(tilted)) == 1
    assert hints(noisy) == []
    quiet = replace(tilted, fields={**tilted.fields, "standard_errors": errors / 10})
    assert len(hints(quiet)) == 1


def test_rounding_gives_no_hint() -> None:
    losses = np.full((21, 21), 1e-9)
    losses[10, 11] = 0.0
    surface = make_surface(losses, Grid.square(21))
    assert len(hints(surface)) == 1
    flat = make_surface(np.full((21, 21), -1.0), Grid.square(21))
    assert hints(flat) == []


def test_interpolated_and_missing_points_give_no_hint() -> None:
    surface = bowl(at=(0.2, -0.1), centre={"losses": 0.25})
    for status in (Status.INTERPOLATED, Status.MISSING):
        assert hints(replace(surface, status=np.full_like(surface.status, status))) == []


def test_a_window_beside_the_centre_gives_no_hint_of_a_slope() -> None:
    grid = Grid.rectangle((5, 5), (0.5, 1.0), (-1.0, 1.0))
    surface = make_surface(np.full((5, 5), 0.1), grid)
    surface = replace(surface, settings={**surface.settings, "centre": {"losses": 1.0}})
    assert hints(surface) == []


def test_a_window_that_begins_at_the_centre_is_read_on_its_one_side() -> None:
    grid = Grid.rectangle((11, 11), (0.0, 1.0), (0.0, 1.0))
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    assert "(0.2, 0)" in hints(make_surface(0.2 + (a - 0.2) ** 2 + b**2, grid))[0]


def test_a_high_loss_with_a_high_accuracy_is_told() -> None:
    # A digit CNN with pixels in [0, 1] instead of standardised ones: it had 0.040.
    (text,) = hints(of_accuracy(0.287, 0.985))
    assert "0.287, is 2.6 times the most that a calibrated network with accuracy 98.5 % has" in text
    assert "preprocessing" in text


@pytest.mark.parametrize(
    ("loss", "accuracy"), [(0.040, 0.985), (0.11, 0.985), (0.5, 0.9), (2.3, 0.1), (4.8, 0.07)]
)
def test_losses_that_fit_the_accuracy_are_not_told(loss: float, accuracy: float) -> None:
    assert hints(of_accuracy(loss, accuracy)) == []


def test_more_classes_allow_a_higher_loss() -> None:
    def plane(classes: int) -> Plane:
        layout = Layout((Slot("w", (classes, 2), 0), Slot("b", (classes,))))
        size = 3 * classes
        first, second = np.eye(2, size)
        return Plane(np.zeros(size), first, second, layout)

    surface = of_accuracy(1.4, 0.9)
    assert len(hints(surface, plane(3))) == 1
    assert hints(surface, plane(1000)) == []


def test_few_examples_allow_a_higher_loss() -> None:
    surface = of_accuracy(0.25, 1.0)
    assert len(hints(surface)) == 1
    few = replace(surface, settings={**surface.settings, "examples": 20})
    assert hints(few) == []


def test_the_accuracy_says_nothing_about_other_losses() -> None:
    assert hints(of_accuracy(3.0, 0.985, "mse")) == []


def test_the_bound_is_the_entropy_of_an_error_spread_evenly() -> None:
    spread = np.array([0.9, *np.full(9, 0.1 / 9)])
    assert calibrated_loss(0.1, 10) == pytest.approx(-np.sum(spread * np.log(spread)), rel=1e-12)
    assert calibrated_loss(0.0, 10) == 0.0
    draws = np.random.default_rng(0).dirichlet(np.full(10, 0.3), 2000)
    entropy = -np.sum(draws * np.log(draws.clip(1e-300)), axis=1).mean()
    assert entropy <= calibrated_loss(1 - float(draws.max(axis=1).mean()), 10)


def test_losses_that_are_not_finite_are_counted() -> None:
    surface = bowl()
    losses = surface.losses.copy()
    losses[0, :3] = (np.nan, np.inf, -np.inf)
    status = surface.status.copy()
    losses[5, 5], status[5, 5] = np.nan, Status.MISSING
    found = replace(surface, fields={"losses": losses}, status=status)
    assert non_finite(found) == 3
    assert hints(found) == [
        "3 of 441 losses are not finite: check the data and the weights for NaN, or sample a "
        "smaller window or in float64."
    ]


def test_a_surface_of_nan_alone_is_told() -> None:
    surface = bowl(centre={"losses": float("nan"), "accuracies": 0.9})
    nothing = replace(surface, fields={"losses": np.full(surface.grid.shape, np.nan)})
    (text,) = hints(nothing)
    assert "441 of 441 losses are not finite" in text
