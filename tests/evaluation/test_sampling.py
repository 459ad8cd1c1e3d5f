"""The loss over a plane: closed forms, and regression tests named after published errors."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from landscape import (
    Grid,
    Plane,
    Problem,
    SamplingConfig,
    Trajectory,
    hessian_eigenpairs,
    line_between,
    pca_plane,
    place,
    plane_through,
    project,
    random_plane,
    random_segment,
    sample,
    slope_budget,
)
from landscape.claims.saturation import example_gradients
from landscape.evaluation.engine import PlaneEvaluator
from landscape.evaluation.sampling import empty_surface, fill
from landscape.evaluation.usual_window import fitted_grid
from landscape.networks.parameters import flatten
from landscape.problem.reading import GivenData
from landscape.records.layout import Layout, Slot
from landscape.records.surface import Status


class Parameters(nn.Module):
    """Outputs its two parameters, so that the loss can be any function of them."""

    def __init__(self) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.zeros(2, dtype=torch.float64))

    def forward(self, inputs: Tensor) -> Tensor:
        return self.theta.expand(len(inputs), 2)


def asymmetric(output: Tensor, _target: Tensor) -> Tensor:
    return output[:, 0] ** 3 + 10 * output[:, 1]


AXES = Plane(np.zeros(2), np.array([1.0, 0]), np.array([0, 1.0]), Layout((Slot("theta", (2,)),)))
ONE = (torch.zeros(1, 1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64))


@pytest.mark.parametrize("strategy", ["loop", "copy", "vmap"])
def test_non_square_grids_are_not_scrambled_and_axes_not_transposed(strategy: str) -> None:
    grid = Grid.rectangle((5, 7), (-1, 1), (0, 3))
    engine = SamplingConfig(strategy=strategy, chunk=3)  # type: ignore[arg-type]
    surface = sample(Problem(Parameters(), asymmetric, ONE), AXES, grid=grid, engine=engine)
    wanted = surface.alphas[:, None] ** 3 + 10 * surface.betas[None, :]
    np.testing.assert_allclose(surface.losses, wanted, atol=1e-14)
    assert surface.complete


def walked(*thetas: tuple[float, float]) -> Trajectory:
    """A path through points of the plane, with losses of its own."""
    nothing = np.zeros(0)
    return Trajectory(
        np.array(thetas), np.arange(len(thetas)), np.full(len(thetas), 7.0), nothing, nothing,
        nothing, nothing, AXES.layout,
    )  # fmt: skip


def test_with_paths_it_returns_a_panel_ready_to_draw() -> None:
    """On a plane that holds every point, the loss in the plane is that at the points."""
    problem, grid = Problem(Parameters(), asymmetric, ONE), Grid.rectangle((3, 4), (-1, 1), (0, 3))
    engine = SamplingConfig(strategy="loop")
    first, second = walked((0.5, 0.25), (-0.5, 0.5)), walked((1.0, 2.0))
    panel = sample(problem, AXES, grid=grid, engine=engine, paths={"gd": first, "adam": second})
    plain = sample(problem, AXES, grid=grid, engine=engine)
    np.testing.assert_array_equal(panel.surface.losses, plain.losses)
    assert panel.plane is AXES
    assert panel.title == ""
    assert [path.run for path in panel.paths] == ["gd", "adam"]
    gd = panel.paths[0]
    np.testing.assert_allclose(gd.coordinates, first.thetas, atol=1e-15)
    np.testing.assert_array_equal(gd.losses, [7.0, 7.0])
    np.testing.assert_allclose(gd.plane_losses, [0.125 + 2.5, -0.125 + 5.0], atol=1e-14)
    alone = place(problem, AXES, first, name="gd", engine=engine)
    np.testing.assert_array_equal(alone.plane_losses, gd.plane_losses)


def test_a_single_named_path_is_the_title_and_others_are_numbered() -> None:
    problem, grid = Problem(Parameters(), asymmetric, ONE), Grid.square(3)
    path = walked((0.5, 0.25))
    named = sample(problem, AXES, grid=grid, paths={"ReLU": path})
    assert (named.title, named.paths[0].run) == ("ReLU", "ReLU")
    counted = sample(problem, AXES, grid=grid, paths=[path, path])
    assert [one.run for one in counted.paths] == ["path 1", "path 2"]
    assert counted.title == ""


def bowl(output: Tensor, _target: Tensor) -> Tensor:
    """The lowest loss lies at (1.5, 0)."""
    return 0.5 + (output[:, 0] - 1.5) ** 2 + output[:, 1] ** 2


def test_the_usual_window_of_a_pca_plane_holds_paths_and_minimum() -> None:
    """A path that ends short of the minimum, and one that strays far from it."""
    paths = [walked((-3.0, 1.0), (-1.0, 0.4), (0.0, 0.0)), walked((-3.0, 1.0), (-2.0, 4.0))]
    problem, engine = Problem(Parameters(), bowl, ONE), SamplingConfig(strategy="loop")
    for length in ("unit", "displacement"):
        plane = pca_plane(*paths, length=length)
        panel = sample(problem, plane, paths=paths, engine=engine)
        minimum = project(np.array([[1.5, 0.0]]), plane)[0]
        places = np.concatenate([minimum, *(path.coordinates for path in panel.paths)])
        assert panel.surface.grid.shape == (51, 51)
        extent = np.ptp(places, axis=0).max()
        for axis, mine in zip(panel.surface.grid.axes, places.T, strict=True):
            assert 0.0 in axis
            # With room, and not much more than that.
            assert mine.max() + 0.1 * extent < axis[-1] < mine.max() + 0.7 * extent
            assert mine.min() - 0.7 * extent < axis[0] < mine.min() - 0.1 * extent
        lowest = np.unravel_index(np.argmin(panel.surface.losses), (51, 51))
        assert min(lowest) > 0
        assert max(lowest) < 50


def test_the_usual_window_of_a_plane_through_solutions_holds_all_three() -> None:
    far = plane_through(*map(np.array, ([0.0, 0.0], [1.0, 0.0], [0.3, 5.0])),
                        layout=AXES.layout, orthogonal=True)  # fmt: skip
    surface = sample(Problem(Parameters(), asymmetric, ONE), far)
    assert surface.alphas[0] < 0 < 1 < surface.alphas[-1]
    assert surface.betas[0] < 0 < 5 < surface.betas[-1] < 8


def test_the_usual_line_goes_from_before_one_solution_to_behind_the_other() -> None:
    line = line_between(np.zeros(2), np.ones(2), layout=AXES.layout)
    surface = sample(Problem(Parameters(), asymmetric, ONE), line)
    assert (surface.alphas[0], surface.alphas[-1], len(surface.alphas)) == (-0.5, 1.5, 101)


def test_a_window_around_losses_that_are_not_finite_holds_the_paths() -> None:
    plane = pca_plane(walked((-3.0, 1.0), (-1.0, 0.4), (0.0, 0.0)))
    grid = fitted_grid(plane, (5, 5), lambda places: np.full(len(places), np.nan))
    for axis, low, high in zip(grid.axes, *plane.settings["extent"], strict=True):
        assert axis[0] < low
        assert axis[-1] > high


def test_losses_that_a_path_does_not_know_are_evaluated_where_it_is_placed() -> None:
    path = replace(walked((0.5, 0.25), (-0.5, 0.5)), losses=np.full(2, np.nan))
    placed = place(Problem(Parameters(), asymmetric, ONE), AXES, path)
    np.testing.assert_allclose(placed.losses, [0.125 + 2.5, -0.125 + 5.0])


def test_quadratic_bowl_has_its_closed_form(rng: np.random.Generator) -> None:
    root = rng.normal(size=(4, 4))
    hessian = torch.from_numpy(root @ root.T)

    class Bowl(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.theta = nn.Parameter(torch.zeros(4, dtype=torch.float64))

        def forward(self, inputs: Tensor) -> Tensor:
            return (0.5 * self.theta @ hessian @ self.theta).expand(len(inputs))

    directions = rng.normal(size=(2, 4))
    plane = Plane(np.zeros(4), *directions, Layout((Slot("theta", (4,)),)))
    grid = Grid.rectangle((4, 6), (-2, 1), (0, 1))
    surface = sample(Problem(Bowl(), lambda output, _: output, ONE), plane, grid=grid)
    points = grid.coordinates(np.arange(24))
    form = directions @ hessian.numpy() @ directions.T
    wanted = 0.5 * np.einsum("ki,ij,kj->k", points, form, points)
    np.testing.assert_allclose(surface.losses.ravel(), wanted, rtol=1e-12)


def test_every_point_is_origin_plus_its_directions_whatever_the_order(
    model: nn.Module, examples: Any, problem: Problem
) -> None:
    plane = random_plane(model)
    grid = Grid.rectangle((6, 3), (-1, 2), (0, 1))
    surface = sample(problem, plane, grid=grid)
    for i, alpha in enumerate(grid.axes[0]):
        for j, beta in enumerate(grid.axes[1]):
            theta = plane.origin + alpha * plane.d_alpha + beta * plane.d_beta
            w1, b1, w2, b2 = (
                torch.from_numpy(theta[part].reshape(slot.shape))
                for slot, part in plane.layout.parts()
            )
            output = torch.tanh(examples[0] @ w1.T + b1) @ w2.T + b2
            wanted = float(functional.cross_entropy(output, examples[1]))
            assert surface.losses[i, j] == pytest.approx(wanted, rel=1e-13)
            accuracy = float((output.argmax(1) == examples[1]).double().mean())
            assert surface.fields["accuracies"][i, j] == accuracy


def test_an_uneven_last_batch_weighs_by_its_examples(model: nn.Module, examples: Any) -> None:
    whole = GivenData(examples).read()[0].moved("cpu", torch.float64)
    inputs, targets = examples
    uneven = [(inputs[:25], targets[:25]), (inputs[25:], targets[25:])]
    theta = flatten(model)[None]
    mean_loss = functional.cross_entropy
    for loss in ("cross_entropy", mean_loss):
        values = [
            Problem(model, loss, data, dtype=torch.float64).evaluator()(theta)["losses"][0]
            for data in (whole, uneven)
        ]
        assert values[0] == pytest.approx(values[1], rel=1e-14)


class Busy(nn.Module):
    """BatchNorm, dropout, a frozen parameter, and one part left in evaluation mode."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 6)
        self.norm = nn.BatchNorm1d(6)
        self.dropout = nn.Dropout(0.5)
        self.out = nn.Linear(6, 3).requires_grad_(requires_grad=False)
        self.out.eval()

    def forward(self, inputs: Tensor) -> Tensor:
        return self.out(self.dropout(self.norm(self.linear(inputs))))  # type: ignore[no-any-return]


@pytest.mark.parametrize("strategy", ["loop", "copy", "vmap"])
def test_the_model_is_bit_identical_afterwards(strategy: str, examples: Any) -> None:
    model = Busy().double()
    model(examples[0])
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    grads = [parameter.requires_grad for parameter in model.parameters()]
    plane = random_plane(model)
    engine = SamplingConfig(strategy=strategy, chunk=4, batch_size=16, threads=1)  # type: ignore[arg-type]
    first, again = (
        sample(Problem(model, "cross_entropy", examples), plane, grid=Grid.square(3), engine=engine)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first.losses, again.losses)
    assert np.all(np.isfinite(first.losses))
    assert all(torch.equal(before[n], v) for n, v in model.state_dict().items())
    assert modes == [module.training for module in model.modules()]
    assert grads == [parameter.requires_grad for parameter in model.parameters()]


def test_the_centre_is_the_model_itself_even_after_more_training(
    model: nn.Module, examples: Any, problem: Problem
) -> None:
    plane = random_plane(model)
    wanted = float(functional.cross_entropy(model(examples[0]), examples[1]).detach())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    surface = sample(problem, plane, grid=Grid.square(3))
    assert surface.losses[1, 1] == pytest.approx(wanted, rel=1e-13)


def test_values_are_stored_as_they_come() -> None:
    def strange(output: Tensor, _target: Tensor) -> Tensor:
        first = output[:, 0]
        return torch.where(
            first < 0, torch.log(first), torch.where(first > 0, 1 / (first - 1), -first)
        )

    surface = sample(Problem(Parameters(), strange, ONE), AXES, grid=Grid.square(3))
    assert np.all(np.isnan(surface.losses[0]))
    assert np.all(surface.losses[1] == 0)
    assert np.all(np.isinf(surface.losses[2]))
    assert surface.complete


def test_a_half_done_surface_continues_with_the_same_bits(model: nn.Module, examples: Any) -> None:
    plane, grid = random_plane(model), Grid.square(21)
    engine = SamplingConfig(strategy="vmap", chunk=8, batch_size=16, threads=1)
    evaluator = PlaneEvaluator(
        Problem(model, "cross_entropy", examples, dtype=torch.float32), plane, config=engine
    )
    empty, tiles, rest = empty_surface(evaluator, grid), [], []
    whole = fill(evaluator, empty, lambda *tile: tiles.append(tile))
    assert whole.complete
    half = empty
    for indices, values in tiles[1:3]:
        half = half.with_points(indices, values, Status.EVALUATED)
    continued = fill(evaluator, half, lambda *tile: rest.append(tile))
    assert len(rest) == len(tiles) - 2
    np.testing.assert_array_equal(whole.losses, continued.losses)
    assert fill(evaluator, whole) is whole


def test_tiles_stop_where_the_caller_says_so(model: nn.Module, examples: Any) -> None:
    problem, tiles = Problem(model, "cross_entropy", examples), []

    def second(*tile: Any) -> bool:
        tiles.append(tile)
        return len(tiles) == 2

    evaluator = PlaneEvaluator(problem, random_plane(model))
    begun = fill(evaluator, empty_surface(evaluator, Grid.square(21)), second)
    assert len(tiles) == 2
    evaluated = np.flatnonzero(begun.status)
    np.testing.assert_array_equal(evaluated, np.sort(np.concatenate([t[0] for t in tiles])))


def test_a_model_with_chance_in_evaluation_mode_is_refused(examples: Any) -> None:
    class Noisy(nn.Linear):
        def forward(self, inputs: Tensor) -> Tensor:
            return super().forward(inputs) + torch.randn(1, dtype=torch.float64)

    model = Noisy(4, 3).double()
    noisy_loss = lambda output, _: output.mean(dim=1)  # noqa: E731
    with pytest.raises(ValueError, match="not deterministic in evaluation mode"):
        sample(Problem(model, noisy_loss, examples), random_plane(model))


def test_a_loss_with_the_wrong_shape_is_explained(model: nn.Module, examples: Any) -> None:
    plane = random_plane(model)
    # Network and loss are first called with the first 8 examples.
    with pytest.raises(ValueError, match=r"one value for each of its 8 examples, got shape"):
        sample(Problem(model, lambda output, _: output, examples), plane)
    with pytest.raises(ValueError, match="unknown loss 'nll'; known: cross_entropy, mse"):
        sample(Problem(model, "nll", examples), plane)


def test_unusable_data_are_explained(model: nn.Module, examples: Any) -> None:
    plane = random_plane(model)
    with pytest.raises(ValueError, match="no examples"):
        sample(Problem(model, "cross_entropy", iter(())), plane)
    with pytest.raises(ValueError, match="same length, got 30 and 29"):
        sample(Problem(model, "cross_entropy", (examples[0], examples[1][:-1])), plane)
    with pytest.raises(TypeError, match="pair"):
        sample(Problem(model, "cross_entropy", 3), plane)
    with pytest.raises(ValueError, match="plane must belong to the model"):
        sample(Problem(nn.Linear(4, 3), "cross_entropy", examples), plane)


@pytest.mark.parametrize(
    ("outputs", "shape", "remedy"),
    [
        (1, (5,), r"target\.unsqueeze\(-1\)"),
        (2, (5,), "one output per target"),
        (2, (5, 1), "one output per target"),
        (2, (5, 2, 1), r"target\.squeeze\(-1\)"),
    ],
)
def test_mse_refuses_output_and_target_of_different_shapes(
    outputs: int, shape: tuple[int, ...], remedy: str
) -> None:
    model = nn.Linear(4, outputs).double()
    inputs, targets = torch.randn(5, 4).double(), torch.randn(shape).double()
    with pytest.raises(ValueError, match=f"of the same shape, got .*{remedy}"):
        Problem(model, "mse", (inputs, targets)).evaluator()


@pytest.mark.parametrize("strategy", ["batched", "vmap", "copy", "loop", "gradient"])
def test_mse_takes_classes_as_one_hot_vectors(strategy: Any) -> None:
    model = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)).double()
    inputs, classes = torch.randn(20, 4).double(), torch.arange(20) % 3
    plane, engine = random_plane(model), SamplingConfig(strategy=strategy)
    grid = Grid.square(3)
    found = sample(Problem(model, "mse", (inputs, classes)), plane, grid=grid, engine=engine)
    outputs = model(inputs)
    wanted = functional.mse_loss(outputs, torch.eye(3).double()[classes])
    assert found.losses[1, 1] == pytest.approx(wanted.item(), rel=1e-14)
    right = (outputs.argmax(dim=1) == classes).double().mean()
    assert found.fields["accuracies"][1, 1] == pytest.approx(right.item())
    hot = (inputs, torch.eye(3).double()[classes])
    other = sample(Problem(model, "mse", hot), plane, grid=grid)
    np.testing.assert_allclose(found.losses, other.losses, rtol=1e-14)


def test_derivatives_and_kinks_of_mse_are_those_of_one_hot_vectors() -> None:
    model = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)).double()
    inputs, classes = torch.randn(20, 4).double(), torch.arange(20) % 3
    found = Problem(model, "mse", (inputs, classes))
    wanted = Problem(model, "mse", (inputs, torch.eye(3)[classes]))
    line = random_segment(model)
    assert slope_budget(found, line).slope_change == slope_budget(wanted, line).slope_change
    ends = [hessian_eigenpairs(problem).values for problem in (found, wanted)]
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-12)
    torch.testing.assert_close(example_gradients(found), example_gradients(wanted))


@pytest.mark.parametrize(
    ("outputs", "classes", "message"),
    [
        (3, [0, 3], "index 3 is out of bounds"),
        (3, [-100, 0], "index -100 is out of bounds"),
        (1, [0, 1], r"one output per class.*got \(2, 1\); give values in floating point"),
    ],
)
def test_mse_refuses_classes_without_an_output(
    outputs: int, classes: list[int], message: str
) -> None:
    data = (torch.randn(2, 4), torch.tensor(classes))
    with pytest.raises(ValueError, match=message):
        Problem(nn.Linear(4, outputs), "mse", data).evaluator()


def test_mse_is_the_mean_over_examples_and_outputs() -> None:
    model = nn.Linear(4, 3).double()
    inputs, targets = torch.randn(5, 4).double(), torch.randn(5, 3).double()
    value = Problem(model, "mse", (inputs, targets)).evaluator()(flatten(model)[None])
    wanted = functional.mse_loss(model(inputs), targets)
    assert value["losses"][0] == pytest.approx(wanted.item(), rel=1e-14)
