import numpy as np
import pytest

from landscape import Grid, Plane, Projection, Surface, Trajectory
from landscape.records.layout import Layout, Slot
from landscape.records.naming import RunKey, check_identifier, check_name
from landscape.records.surface import Status

LAYOUT = Layout((Slot("w", (2, 2), 0), Slot("b", (2,))))


def surface(**changes: object) -> Surface:
    grid = Grid.rectangle((3, 5), (-1, 1), (-1, 1))
    values = {"grid": grid, "fields": {"losses": np.ones((3, 5))}, "status": np.ones((3, 5))}
    return Surface(**{**values, **changes})  # type: ignore[arg-type]


def test_transposed_losses_are_refused_with_the_remedy() -> None:
    with pytest.raises(ValueError, match=r"must have shape \(3, 5\), got \(5, 3\); transpose it"):
        surface(fields={"losses": np.ones((5, 3))})


def test_surface_without_losses_is_refused() -> None:
    with pytest.raises(ValueError, match="needs the field 'losses'"):
        surface(fields={"accuracies": np.ones((3, 5))})


def test_records_cannot_be_written_through() -> None:
    with pytest.raises(ValueError, match="read-only"):
        surface().losses[0, 0] = 2.0


def test_missing_is_a_status_and_any_number_is_a_value() -> None:
    empty = Surface.empty(Grid.square(3))
    values = np.array([0.0, -1.0, np.nan, np.inf])
    some = empty.with_points(np.arange(4), {"losses": values}, Status.EVALUATED)
    np.testing.assert_array_equal(some.losses.ravel()[:4], values)
    assert some.status.sum() == 4
    assert not some.complete
    assert not empty.status.any()


@pytest.mark.parametrize("name", ["Relu", "leaky-relu", "", "a/b", "a b"])
def test_names_have_a_closed_alphabet(name: str) -> None:
    with pytest.raises(ValueError, match="names use only"):
        check_name(name, "activation")


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "/etc", "a b", "<b>"])
def test_identifiers_cannot_be_paths_or_markup(name: str) -> None:
    with pytest.raises(ValueError, match="ids use only"):
        check_identifier(name, "plane")


def test_run_names_round_trip() -> None:
    key = RunKey("smelu_0.01", "sgd", 12)
    assert RunKey.parse(key.name) == key
    with pytest.raises(ValueError, match="a run is named"):
        RunKey.parse("relu-sgd")


def test_plane_says_what_is_wrong_with_its_directions() -> None:
    unit = np.eye(6)
    with pytest.raises(ValueError, match="parallel"):
        Plane(np.zeros(6), unit[0], -2 * unit[0], LAYOUT)
    with pytest.raises(ValueError, match="zero everywhere"):
        Plane(np.zeros(6), unit[0], 0 * unit[0], LAYOUT)
    with pytest.raises(ValueError, match="must be finite"):
        Plane(np.full(6, np.nan), unit[0], unit[1], LAYOUT)
    with pytest.raises(ValueError, match=r"\(6,\), got \(5,\)"):
        Plane(np.zeros(5), unit[0], unit[1], LAYOUT)


def test_cosine_is_reported() -> None:
    unit = np.eye(6)
    assert Plane(np.zeros(6), unit[0], unit[0] + unit[1], LAYOUT).cosines[0] == pytest.approx(
        0.5**0.5
    )


def test_trajectory_shapes_are_checked() -> None:
    facts = {n: np.ones(2) for n in ("step_losses", "gradient_norms", "step_lengths",
                                     "learning_rates")}  # fmt: skip
    good = {"thetas": np.zeros((2, 6)), "steps": np.array([0, 2]), "losses": np.ones(2), **facts}
    Trajectory(**good, layout=LAYOUT)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"\(T, P\) = \(T, 6\)"):
        Trajectory(**{**good, "thetas": np.zeros((2, 5))}, layout=LAYOUT)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=">= 0 and increasing"):
        Trajectory(**{**good, "steps": np.array([2, 1])}, layout=LAYOUT)  # type: ignore[arg-type]


def test_captured_share_weighs_squared_displacements() -> None:
    placed = Projection(
        "r", "p", np.arange(3), np.zeros((3, 2)), np.array([3.0, 0.0, 0.0]),
        np.array([5.0, 5.0, 0.0]), np.ones(3), np.ones(3),
    )  # fmt: skip
    assert placed.captured == pytest.approx(1 - 9 / 50)
