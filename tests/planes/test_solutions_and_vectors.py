"""Planes through solutions and along the user's own vectors."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import landscape
from landscape import (
    Problem,
    Trajectory,
    custom_plane,
    line_between,
    plane_through,
    project,
    sample,
    update_plane,
)
from landscape.networks.parameters import flatten, layout_of
from landscape.planes.orthogonal import CollinearError, orthogonalised
from landscape.records.layout import Layout, Slot

SIX = Layout((Slot("weight", (2, 2), 0), Slot("bias", (2,))))


def net(seed: int, *, norm: bool = False) -> nn.Sequential:
    torch.manual_seed(seed)
    middle = nn.BatchNorm1d(5) if norm else nn.Tanh()
    return nn.Sequential(nn.Linear(4, 5), middle, nn.Linear(5, 3))


def path(thetas: np.ndarray, steps: np.ndarray | None = None, layout: Layout = SIX) -> Trajectory:
    steps = np.arange(len(thetas)) if steps is None else steps
    facts = np.ones(int(steps[-1]))
    return Trajectory(thetas, steps, np.ones(len(thetas)), facts, facts, facts, facts, layout)


# -- lines ----------------------------------------------------------------------------------------
def test_a_line_starts_at_the_first_solution_and_ends_at_the_second() -> None:
    one, two = net(0), net(1)
    line = line_between(one, two)
    np.testing.assert_array_equal(line.points(np.array([[0.0]]))[0], flatten(one))
    np.testing.assert_allclose(line.points(np.array([[1.0]]))[0], flatten(two), atol=1e-15)
    assert line.kind == "between"
    assert line.settings["distance"] == pytest.approx(np.linalg.norm(flatten(two) - flatten(one)))
    assert line.settings["batch_statistics"] == "none"


def test_the_loss_at_the_ends_of_a_line_is_that_of_the_solutions(
    examples: tuple[torch.Tensor, torch.Tensor],
) -> None:
    one, two = net(0).double(), net(1).double()
    surface = sample(
        Problem(one, "cross_entropy", examples),
        line_between(one, two),
        grid=landscape.Grid.cube((3,)),
    )
    for model, loss in ((one, surface.losses[1]), (two, surface.losses[2])):
        wanted = nn.functional.cross_entropy(model(examples[0]), examples[1])
        assert loss == pytest.approx(wanted.item(), rel=1e-12)


AS: dict[str, Callable[[nn.Module], object]] = {
    "model": lambda m: m,
    "vector": flatten,
    "tensor": lambda m: torch.from_numpy(flatten(m)),
    "state dict": lambda m: m.state_dict(),
    "named arrays": lambda m: {n: p.detach().numpy() for n, p in m.named_parameters()},
    "trajectory": lambda m: path(np.stack([flatten(m) + 1, flatten(m)]), layout=layout_of(m)),
}


@pytest.mark.parametrize("form", AS)
def test_solutions_are_taken_in_any_form(form: str) -> None:
    one, two = net(0), net(1)
    line = line_between(AS[form](one), AS[form](two), layout=layout_of(one))
    np.testing.assert_array_equal(line.origin, flatten(one))
    np.testing.assert_allclose(line.origin + line.d_alpha, flatten(two), atol=1e-15)


def test_the_layout_comes_from_whichever_solution_has_one() -> None:
    one, two = net(0), net(1)
    assert line_between(flatten(one), two).layout == layout_of(two)
    with pytest.raises(ValueError, match="give layout="):
        line_between(flatten(one), flatten(two))


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: nn.BatchNorm1d(3), "same"),
        (lambda: nn.Linear(3, 3), "none"),
    ],
)
def test_equal_batch_statistics_are_told(make: Callable[[], nn.Module], told: str) -> None:
    one, two = make(), make()
    with torch.no_grad():
        next(two.parameters()).add_(1.0)
    assert line_between(one, two).settings["batch_statistics"] == told


def test_different_batch_statistics_are_told() -> None:
    one, two = net(0, norm=True), net(1, norm=True)
    two(torch.randn(8, 4))
    assert line_between(one, two).settings["batch_statistics"] == "differ"
    assert line_between(one, two.state_dict()).settings["batch_statistics"] == "differ"
    assert line_between(one, flatten(two)).settings["batch_statistics"] == "unknown"


def test_a_line_from_a_point_to_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="two different points"):
        line_between(net(0), net(0))


def test_solutions_of_different_networks_are_refused() -> None:
    with pytest.raises(ValueError, match=r"one network, got 43 and 15 .*0\.weight \(5, 4\)"):
        line_between(net(0), nn.Sequential(nn.Linear(4, 3)))


# -- planes through three points -----------------------------------------------------------------
@pytest.mark.parametrize("orthogonal", [False, True])
def test_a_plane_through_three_solutions_contains_them(orthogonal: bool) -> None:
    models = [net(seed) for seed in range(3)]
    thetas = np.stack([flatten(m) for m in models])
    plane = plane_through(*models, orthogonal=orthogonal)
    coordinates, off, _ = project(thetas, plane)
    np.testing.assert_allclose(off, 0, atol=1e-14)
    np.testing.assert_allclose(plane.settings["points"], coordinates, atol=1e-14)
    np.testing.assert_allclose(plane.points(np.array(plane.settings["points"])), thetas, atol=1e-14)
    np.testing.assert_array_equal(plane.origin, thetas[0])


def test_oblique_coordinates_are_the_unit_ones() -> None:
    plane = plane_through(*[net(seed) for seed in range(3)])
    assert plane.settings["points"] == [[0, 0], [1, 0], [0, 1]]
    assert abs(plane.cosines[0]) > 0.1


def test_the_orthogonal_basis_shows_true_distances() -> None:
    models = [net(seed) for seed in range(3)]
    plane = plane_through(*models, orthogonal=True)
    assert plane.cosines[0] == pytest.approx(0, abs=1e-15)
    unit = np.linalg.norm(plane.d_alpha)
    assert np.linalg.norm(plane.d_beta) == pytest.approx(unit, rel=1e-14)
    drawn = np.array(plane.settings["points"]) * unit
    for i in range(3):
        for j in range(i):
            true = np.linalg.norm(flatten(models[i]) - flatten(models[j]))
            assert np.linalg.norm(drawn[i] - drawn[j]) == pytest.approx(true, rel=1e-13)


@pytest.mark.parametrize("third", [0.0, 0.3, 1.0, -2.0])
@pytest.mark.parametrize("orthogonal", [False, True])
def test_three_points_on_a_line_are_refused(third: float, orthogonal: bool) -> None:
    one, two = flatten(net(0)), flatten(net(1))
    between = one + third * (two - one)
    with pytest.raises(CollinearError, match="three points on a line"):
        plane_through(one, two, between, layout=layout_of(net(0)), orthogonal=orthogonal)


# -- orthogonal directions -----------------------------------------------------------------------
@given(st.integers(0, 10**6), st.floats(1e-6, 1e6), st.floats(1e-4, 1.0))
def test_orthogonalised_vectors_are_orthogonal_whatever_their_lengths(
    seed: int, length: float, sine: float
) -> None:
    draws = np.random.default_rng(seed)
    against = draws.standard_normal(30)
    noise = draws.standard_normal(30)
    vector = length * (against + sine * noise)
    left = orthogonalised(vector, against)
    cosine = left @ against / np.linalg.norm(left) / np.linalg.norm(against)
    assert abs(cosine) < 1e-14
    # Only a multiple of the first direction was taken away.
    taken = vector - left
    parallel = against * (taken @ against / (against @ against))
    np.testing.assert_allclose(taken, parallel, atol=1e-13 * np.linalg.norm(vector))


def test_parallel_vectors_have_no_orthogonal_part() -> None:
    with pytest.raises(CollinearError, match="must not be parallel"):
        orthogonalised(np.full(50, 3.0), np.full(50, 0.1))


# -- the user's vectors --------------------------------------------------------------------------
def test_vectors_and_names_make_the_same_plane() -> None:
    model = net(0)
    draws = [net(seed).state_dict() for seed in (1, 2)]
    vectors = [flatten(net(seed)) for seed in (1, 2)]
    named, flat = custom_plane(model, draws), custom_plane(model, vectors)
    np.testing.assert_array_equal(named.directions, flat.directions)
    np.testing.assert_array_equal(named.origin, flatten(model))
    assert named.kind == "custom"


def test_parameters_that_are_not_named_do_not_move() -> None:
    model = net(0)
    plane = custom_plane(model, [{"2.bias": torch.tensor([1.0, 2.0, 3.0])}])
    np.testing.assert_array_equal(plane.d_alpha, [*np.zeros(40), 1, 2, 3])
    assert plane.axes == 1


def test_three_vectors_are_made_orthogonal(rng: np.random.Generator) -> None:
    vectors = list(rng.standard_normal((3, 6)) + 3)
    plane = custom_plane(np.zeros(6), vectors, layout=SIX, orthogonal=True, settings={"by": "me"})
    np.testing.assert_allclose(plane.cosines, 0, atol=1e-14)
    np.testing.assert_array_equal(plane.d_alpha, vectors[0])
    assert dict(plane.settings) == {"orthogonal": True, "by": "me"}


def test_buffers_of_a_state_dict_and_second_names_of_shared_weights_are_no_mistakes() -> None:
    model = net(0, norm=True)
    plane = custom_plane(model, [net(1, norm=True).state_dict()])
    np.testing.assert_array_equal(plane.d_alpha, flatten(net(1, norm=True)))
    tied = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    tied[1].weight = tied[0].weight
    np.testing.assert_array_equal(custom_plane(tied, [tied.state_dict()]).d_alpha, flatten(tied))


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        ([np.ones(5)], r"directions\[0\] must have shape \(6,\), got \(5,\)"),
        ([{"wieght": np.ones((2, 2))}], r"directions\[0\] .* got 'wieght'; known: weight, bias"),
        ([np.eye(6)[0], {"weight": np.ones((2, 3))}],
         r"weight of directions\[1\] must have shape \(2, 2\), got \(2, 3\)"),
        ([{"bias": [1.0, np.nan]}], r"bias of directions\[0\] must be finite"),
        ([np.full(6, np.inf)], r"directions\[0\] must be finite"),
        ([np.eye(6)[0], np.zeros(6)], r"directions\[1\] must not be zero everywhere"),
        ([{}], r"directions\[0\] must not be zero everywhere"),
        ([np.ones(6), -2 * np.ones(6)], "must not be parallel"),
        ([np.eye(6)[0], np.eye(6)[1], np.eye(6)[0] + np.eye(6)[1]], "must not lie in one plane"),
        ([], "1 to 3 directions are needed, got 0"),
        (list(np.eye(6)[:4]), "1 to 3 directions are needed, got 4"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("orthogonal", [False, True])
def test_unusable_vectors_are_named(vectors: list, message: str, orthogonal: bool) -> None:
    with pytest.raises(ValueError, match=message):
        custom_plane(np.zeros(6), vectors, layout=SIX, orthogonal=orthogonal)


def test_an_origin_by_name_needs_every_parameter() -> None:
    with pytest.raises(ValueError, match="origin must hold every parameter, bias is missing"):
        custom_plane({"weight": np.ones((2, 2))}, [np.ones(6)], layout=SIX)


# -- updates -------------------------------------------------------------------------------------
def test_the_last_records_lie_where_the_last_steps_say(rng: np.random.Generator) -> None:
    run = path(rng.standard_normal((5, 6)))
    plane = update_plane(run)
    coordinates, off, _ = project(run.thetas[-3:], plane)
    np.testing.assert_allclose(coordinates, [[-1, -1], [-1, 0], [0, 0]], atol=1e-13)
    np.testing.assert_allclose(off, 0, atol=1e-13)
    assert plane.kind == "update"
    assert plane.settings["step"] == 4


def test_a_step_over_skipped_records_is_their_mean(rng: np.random.Generator) -> None:
    run = path(rng.standard_normal((3, 6)), np.array([0, 5, 15]))
    plane = update_plane(run)
    np.testing.assert_allclose(10 * plane.d_alpha, run.thetas[2] - run.thetas[1])
    np.testing.assert_allclose(5 * plane.d_beta, run.thetas[1] - run.thetas[0])
    assert plane.settings["steps_averaged"] == 10


def test_an_earlier_record_can_be_the_origin(rng: np.random.Generator) -> None:
    run = path(rng.standard_normal((5, 6)))
    for record in (3, -2):
        plane = update_plane(run, record=record, second="displacement")
        np.testing.assert_array_equal(plane.origin, run.thetas[3])
        np.testing.assert_allclose(plane.d_beta, run.thetas[3] - run.thetas[0])


def test_the_second_direction_can_be_random_and_orthogonal(rng: np.random.Generator) -> None:
    run = path(rng.standard_normal((4, 6)))
    oblique = update_plane(run, second="random", seed=3)
    plane = update_plane(run, second="random", seed=3, orthogonal=True)
    assert abs(oblique.cosines[0]) > 1e-3
    assert plane.cosines[0] == pytest.approx(0, abs=1e-14)
    np.testing.assert_array_equal(plane.d_alpha, oblique.d_alpha)
    # Filter normalisation leaves biases where they are, and gives rows the norms of the weights'.
    np.testing.assert_array_equal(oblique.d_beta[4:], 0)
    np.testing.assert_allclose(
        np.linalg.norm(oblique.d_beta[:4].reshape(2, 2), axis=1),
        np.linalg.norm(run.solution[:4].reshape(2, 2), axis=1),
    )


@pytest.mark.parametrize(
    ("thetas", "options", "message"),
    [
        (np.eye(6)[:1], {}, "no step leads to the first record"),
        (np.eye(6)[:2], {}, "no step leads to the first record"),
        (np.eye(6)[[0, 1, 1]], {}, "must be finite and not zero"),
        (np.outer(np.arange(4), np.ones(6)), {}, "must not be parallel"),
        (np.eye(6)[:3], {"second": "next"}, "known: previous, displacement, random"),
    ],
)
def test_paths_without_such_a_plane_are_refused(
    thetas: np.ndarray, options: dict, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        update_plane(path(thetas.astype(float)) if len(thetas) > 1 else one_record(), **options)


def one_record() -> Trajectory:
    nothing = np.zeros(0)
    return Trajectory(np.ones((1, 6)), np.zeros(1), np.ones(1), nothing, nothing, nothing, nothing,
                      SIX)  # fmt: skip
