"""The ends of the Hessian's spectrum against dense eigenvalues, and planes made of them."""

import numpy as np
import pytest
import torch
from curvature.extremes import hessian_extremes
from torch import Tensor, nn

from landscape import (
    Grid,
    Problem,
    Trajectory,
    eigenvector_plane,
    gradient,
    gradient_plane,
    hessian_eigenpairs,
    random_plane,
    sample,
)
from landscape.curvature.expected_hessian import hessian_product
from landscape.curvature.hessian import NotConvergedError, with_curvature
from landscape.curvature.plane_sharpness import plane_hessian
from landscape.networks.parameters import flatten, layout_of
from landscape.records.layout import Layout

Pair = tuple[Tensor, Tensor]


def net(activation: nn.Module, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 8), activation, nn.Linear(8, 8), activation, nn.Linear(8, 3))


def dense(model: nn.Module, pair: Pair) -> tuple[np.ndarray, np.ndarray]:
    operator = hessian_product(
        Problem(model, "cross_entropy", pair)
    )  # itself compared with torch.func
    return np.linalg.eigh(operator @ np.eye(operator.shape[0]))


@pytest.mark.parametrize("activation", [nn.Tanh(), nn.ReLU()], ids=["tanh", "relu"])
def test_both_ends_agree_with_the_dense_eigenvalues(activation: nn.Module, examples: Pair) -> None:
    model = net(activation)
    values, vectors = dense(model, examples)
    assert values[0] < -1e-3 < 0.1 < values[-1]  # indefinite
    pairs = hessian_eigenpairs(
        Problem(model, "cross_entropy", examples), top=3, bottom=2, tolerance=1e-8
    )
    wanted = [*values[::-1][:3], values[1], values[0]]
    np.testing.assert_allclose(pairs.values, wanted, rtol=1e-10)
    for value, vector in zip(pairs.values, pairs.vectors, strict=True):
        match = vectors[:, np.argmin(np.abs(values - value))]
        assert abs(vector @ match) == pytest.approx(1, abs=1e-7)
        assert vector[np.argmax(np.abs(vector))] > 0
    assert pairs.top == 3


def test_the_residuals_are_what_they_say_and_bound_the_error(examples: Pair) -> None:
    model = net(nn.Tanh())
    values, _ = dense(model, examples)
    operator = hessian_product(Problem(model, "cross_entropy", examples))
    for tolerance in (1e-1, 1e-3, 1e-6):
        pairs = hessian_eigenpairs(Problem(model, "cross_entropy", examples), tolerance=tolerance)
        for value, vector, residual in zip(
            pairs.values, pairs.vectors, pairs.residuals, strict=True
        ):
            true = np.linalg.norm(operator @ vector - value * vector)
            assert residual == pytest.approx(true, rel=1e-6, abs=1e-15)
            assert residual <= tolerance * np.abs(values).max()
            assert np.abs(values - value).min() <= residual + 1e-15


def test_a_smallest_eigenvalue_of_zero_is_found() -> None:
    """Ten examples and 51 parameters: a convex loss with a large null space."""
    torch.manual_seed(0)
    model = nn.Linear(50, 1)
    pair = torch.randn(10, 50), torch.randn(10, 1)
    bottom, top = hessian_extremes(Problem(model, "mse", pair))
    features = np.concatenate([pair[0].double(), np.ones((10, 1))], axis=1)
    assert top == pytest.approx(np.linalg.eigvalsh(2 * features.T @ features / 10)[-1], rel=1e-9)
    assert bottom == pytest.approx(0, abs=1e-5 * top)


def test_a_concave_loss_has_two_negative_ends(examples: Pair) -> None:
    torch.manual_seed(0)
    model, inputs = nn.Linear(40, 1), torch.randn(100, 40)
    pair = inputs, torch.zeros(100, 1)
    bottom, top = hessian_extremes(Problem(model, lambda o, t: -(o - t).square().mean(), pair))
    lowest, highest = hessian_extremes(Problem(model, "mse", pair))
    assert (bottom, top) == pytest.approx((-highest, -lowest), rel=1e-6)
    assert top < 0


def test_a_hessian_of_zero_has_eigenvalues_of_zero(examples: Pair) -> None:
    pairs = hessian_eigenpairs(
        Problem(nn.Linear(4, 3), lambda output, _: output.sum(dim=1), examples)
    )
    np.testing.assert_array_equal(pairs.values, 0)
    np.testing.assert_allclose(pairs.vectors @ pairs.vectors.T, np.eye(3), atol=1e-14)


@pytest.mark.parametrize(("top", "bottom"), [(2, 0), (0, 2), (1, 1)])
def test_one_end_is_enough(top: int, bottom: int, examples: Pair) -> None:
    model = net(nn.Tanh())
    values, _ = dense(model, examples)
    pairs = hessian_eigenpairs(Problem(model, "cross_entropy", examples), top=top, bottom=bottom)
    wanted = [*values[::-1][:top], *values[:bottom][::-1]]
    np.testing.assert_allclose(pairs.values, wanted, rtol=1e-6)
    record = pairs.record()
    assert record["top"] == (pairs.values[0] if top else None)
    assert record["bottom"] == (pairs.values[-1] if bottom else None)


def test_the_same_seed_gives_the_same_bits(examples: Pair) -> None:
    one, two = (
        hessian_eigenpairs(Problem(net(nn.ReLU()), "cross_entropy", examples)) for _ in range(2)
    )
    np.testing.assert_array_equal(one.vectors, two.vectors)
    np.testing.assert_array_equal(one.values, two.values)
    other = hessian_eigenpairs(Problem(net(nn.ReLU()), "cross_entropy", examples), seed=1)
    np.testing.assert_allclose(other.values, one.values, rtol=1e-6)
    assert np.any(other.values != one.values)


def test_only_named_parameters_vary(examples: Pair) -> None:
    model = net(nn.Tanh())
    names = ["2.weight", "2.bias"]
    operator = hessian_product(Problem(model, "cross_entropy", examples))
    inside = np.flatnonzero(
        np.concatenate([np.full(s.size, s.name in names) for s in layout_of(model).slots])
    )
    values = np.linalg.eigvalsh((operator @ np.eye(operator.shape[0]))[np.ix_(inside, inside)])
    pairs = hessian_eigenpairs(
        Problem(model, "cross_entropy", examples), varied=names, tolerance=1e-8
    )
    np.testing.assert_allclose(pairs.values, [values[-1], values[-2], values[0]], rtol=1e-9)
    outside = np.setdiff1d(np.arange(operator.shape[0]), inside)
    np.testing.assert_array_equal(pairs.vectors[:, outside], 0)
    assert pairs.settings["parameters"] == 72


@pytest.mark.parametrize(("top", "bottom"), [(2, 1), (4, 3), (11, 0), (1, 4)])
def test_eigenvalues_that_repeat_are_found_as_often_as_they_are_there(
    top: int, bottom: int
) -> None:
    """One Krylov space sees one vector of an eigenspace: 4 of 10 equal ones came out as 3."""
    torch.manual_seed(0)
    inputs = torch.randn(200, 20, dtype=torch.float64) * torch.linspace(1, 2, 20)
    model, targets = nn.Linear(20, 10, bias=False).double(), torch.randn(200, 10)
    pairs = hessian_eigenpairs(
        Problem(model, "mse", (inputs, targets.double())), top=top, bottom=bottom
    )
    # mse is a mean over the outputs too: H is 2 X'X / (N C) once for each of the C outputs.
    each = np.linalg.eigvalsh(2 * (inputs.T @ inputs).numpy() / 2000)
    every = np.repeat(each, 10)
    np.testing.assert_allclose(pairs.values[:top], every[::-1][:top], rtol=1e-7)
    np.testing.assert_allclose(pairs.values[top:], every[:bottom][::-1], rtol=1e-6)
    np.testing.assert_allclose(pairs.vectors @ pairs.vectors.T, np.eye(top + bottom), atol=1e-6)


def test_a_hessian_of_low_rank_has_zeros_beside_its_largest_eigenvalue() -> None:
    model = nn.Linear(40, 1, bias=False).double()
    inputs = torch.ones(1, 40, dtype=torch.float64)
    pairs = hessian_eigenpairs(Problem(model, "mse", (inputs, torch.zeros(1, 1))), top=3, bottom=2)
    np.testing.assert_allclose(pairs.values, [80, 0, 0, 0, 0], atol=1e-3)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_bulk_at_the_far_end_hides_no_eigenvector_and_gives_none_twice(sign: float) -> None:
    """With the spectrum moved by its radius only, the bulk fell below the vectors left out."""
    curvatures = -sign * torch.cat([torch.ones(2), torch.full((58,), 2.0)]).double()

    class Bowl(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.place = nn.Parameter(torch.linspace(0.1, 1, 60, dtype=torch.float64))

        def forward(self, inputs: Tensor) -> Tensor:
            return inputs * (self.place**2 * curvatures).sum() / 2

    data = torch.ones(3, 1, dtype=torch.float64), torch.zeros(3)
    ends = {"top": 4, "bottom": 0} if sign > 0 else {"top": 0, "bottom": 4}
    pairs = hessian_eigenpairs(Problem(Bowl(), lambda output, _: output.mean(), data), **ends)
    np.testing.assert_allclose(np.sort(np.abs(pairs.values)), [1, 1, 2, 2], rtol=1e-9)
    np.testing.assert_allclose(pairs.vectors @ pairs.vectors.T, np.eye(4), atol=1e-6)


def test_products_are_counted_and_told(examples: Pair) -> None:
    told: list[int] = []
    pairs = hessian_eigenpairs(
        Problem(net(nn.Tanh()), "cross_entropy", examples), progress=told.append
    )
    assert pairs.products == len(told) == sum(told)
    assert pairs.settings["examples"] == 30


def test_too_few_products_are_an_error_not_a_number(examples: Pair) -> None:
    with pytest.raises(NotConvergedError, match=r"got \d of them after \d+ products; raise"):
        hessian_eigenpairs(
            Problem(net(nn.Tanh()), "cross_entropy", examples),
            bottom=3,
            tolerance=1e-12,
            most_products=20,
        )


class ClippedSlope(torch.autograd.Function):
    """Passes values on, and of slopes no more than so much: the gradient of no function."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, slope: Tensor) -> Tensor:
        return slope.clamp(-0.1, 0.1)


def test_a_function_whose_backward_pass_is_not_its_gradient_is_named(examples: Pair) -> None:
    class Clipped(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return ClippedSlope.apply(torch.tanh(x))

    with pytest.raises(ValueError, match="got that of ClippedSlope, whose products with"):
        hessian_eigenpairs(Problem(net(Clipped()), "cross_entropy", examples))


def test_a_gradient_that_is_none_is_noticed(examples: Pair) -> None:
    class Clipped(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            y = torch.tanh(x)
            if y.requires_grad:
                y.register_hook(lambda slope: slope.clamp(-0.1, 0.1))
            return y

    with pytest.raises(NotConvergedError, match="gradient of a function"):
        hessian_eigenpairs(Problem(net(Clipped()), "cross_entropy", examples))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"top": -1}, "must be >= 0"),
        ({"top": 0, "bottom": 0}, "between 1 and 139 together"),
        ({"top": 100, "bottom": 100}, "between 1 and 139 together, got 100 and 100"),
        ({"tolerance": 0.0}, "tolerance must be between 0 and 1"),
    ],
)
def test_impossible_requests_are_refused(options: dict, message: str, examples: Pair) -> None:
    with pytest.raises(ValueError, match=message):
        hessian_eigenpairs(Problem(net(nn.Tanh()), "cross_entropy", examples), **options)


# -- planes --------------------------------------------------------------------------------------
@pytest.mark.parametrize("ends", ["top", "both"])
def test_the_sampled_curvature_of_an_eigenvector_plane_is_its_eigenvalues(
    ends: str, examples: Pair
) -> None:
    model = net(nn.Tanh()).double()
    plane = eigenvector_plane(Problem(model, "cross_entropy", examples), ends=ends)
    values = plane.settings["hessian"]["values"]
    second = values[1] if ends == "top" else values[2]
    assert plane.settings["hessian"]["bottom"] < 0
    surface = sample(
        Problem(model, "cross_entropy", examples), plane, grid=Grid.square(7, span=0.01)
    )
    np.testing.assert_allclose(plane_hessian(surface), np.diag([values[0], second]), atol=1e-3)
    assert plane.kind == "hessian"
    np.testing.assert_array_equal(plane.origin, flatten(model))
    np.testing.assert_allclose(np.linalg.norm(plane.directions, axis=1), 1)
    assert plane.cosines[0] == pytest.approx(0, abs=1e-8)


def test_eigenvectors_can_be_as_long_as_the_weights(examples: Pair) -> None:
    model = net(nn.Tanh())
    plane = eigenvector_plane(Problem(model, "cross_entropy", examples), length="weights")
    norm = np.linalg.norm(flatten(model))
    np.testing.assert_allclose(np.linalg.norm(plane.directions, axis=1), norm)
    assert plane.settings["direction_length"] == pytest.approx(norm)


@pytest.mark.parametrize(("weights", "length"), [(50.0, 0.5**0.5), (0.25, 0.5)])
def test_eigenvectors_can_be_so_long_that_the_usual_window_is_a_bowl(
    weights: float, length: float
) -> None:
    """Loss 0.1 + sum_i curvature_i d_i^2 / 2: 10 times 0.1 higher at d_1 = sqrt(2 / 4)."""
    model = nn.Linear(4, 1, bias=False).double()
    nn.init.constant_(model.weight, weights)
    axes = torch.tensor([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]) / 2
    inputs = torch.tensor([4.0, 1.0, 0.5, 0.1]).sqrt().diag().double() @ axes.double()

    def loss(output: Tensor, target: Tensor) -> Tensor:
        return 2 * ((output - target) ** 2).mean() + 0.1

    problem = Problem(model, loss, (inputs, model(inputs).detach()), dtype=torch.float64)
    plane = eigenvector_plane(problem, length="curvature")
    np.testing.assert_allclose(np.linalg.norm(plane.directions, axis=1), length)
    surface = sample(problem, plane)
    assert surface.losses[-1, 25] == pytest.approx(0.1 + 2 * length**2)
    assert surface.losses[25, -1] == pytest.approx(0.1 + 0.5 * length**2)


def test_the_loss_falls_along_the_gradient_plane(examples: Pair) -> None:
    model = net(nn.Tanh()).double()
    plane = gradient_plane(Problem(model, "cross_entropy", examples))
    slope = gradient(Problem(model, "cross_entropy", examples))
    lengths = np.linalg.norm(plane.directions, axis=1)
    assert lengths[0] == pytest.approx(lengths[1])
    cosine = plane.d_alpha @ slope / lengths[0] / np.linalg.norm(slope)
    assert cosine == pytest.approx(-1)
    assert plane.settings["gradient_norm"] == pytest.approx(np.linalg.norm(slope))
    surface = sample(
        Problem(model, "cross_entropy", examples),
        plane,
        gradients=True,
        grid=Grid.square(3, span=1e-3),
    )
    derivative = surface.fields["gradient_alpha"][1, 1]
    assert derivative == pytest.approx(-lengths[0] * np.linalg.norm(slope))


@pytest.mark.parametrize("second", ["random", "update"])
def test_gradient_planes_can_be_orthogonal(second: str, examples: Pair) -> None:
    model = net(nn.Tanh())
    run = trajectory_to(flatten(model), layout_of(model))
    oblique, plane = (
        gradient_plane(
            Problem(model, "cross_entropy", examples),
            second=second,
            trajectory=run,
            orthogonal=orthogonal,
        )
        for orthogonal in (False, True)
    )
    assert abs(oblique.cosines[0]) > 1e-4
    assert plane.cosines[0] == pytest.approx(0, abs=1e-13)
    np.testing.assert_allclose(*np.linalg.norm(plane.directions, axis=1))
    if second == "update":
        np.testing.assert_allclose(oblique.d_beta, run.thetas[-1] - run.thetas[-2])


def trajectory_to(theta: np.ndarray, layout: Layout) -> Trajectory:
    thetas = theta + np.random.default_rng(0).standard_normal((3, len(theta))) * [[1], [0.1], [0]]
    facts = np.ones(2)
    return Trajectory(thetas, np.arange(3), np.ones(3), facts, facts, facts, facts, layout)


def test_impossible_planes_are_refused(examples: Pair) -> None:
    model = net(nn.Tanh())
    with pytest.raises(ValueError, match="unknown ends 'bottom'; known: top, both"):
        eigenvector_plane(Problem(model, "cross_entropy", examples), ends="bottom")
    with pytest.raises(ValueError, match="known: random, update"):
        gradient_plane(Problem(model, "cross_entropy", examples), second="next")
    with pytest.raises(ValueError, match="give trajectory="):
        gradient_plane(Problem(model, "cross_entropy", examples), second="update")
    elsewhere = trajectory_to(flatten(model) + 1, layout_of(model))
    with pytest.raises(ValueError, match="must end at the model's parameters"):
        gradient_plane(
            Problem(model, "cross_entropy", examples), second="update", trajectory=elsewhere
        )
    bowl = nn.Linear(4, 1)
    with torch.no_grad():
        bowl.weight.zero_(), bowl.bias.zero_()
    with pytest.raises(ValueError, match="gradient is zero"):
        gradient_plane(
            Problem(bowl, "mse", (examples[0], torch.zeros(30, 1))),
            second="update",
            trajectory=trajectory_to(np.zeros(5), layout_of(bowl)),
        )


def test_the_extreme_curvatures_stand_beside_a_plane(examples: Pair) -> None:
    model = net(nn.ReLU())
    plane = random_plane(model, seed=4)
    values, _ = dense(model, examples)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)  # the plane's origin is what counts
    noted = with_curvature(Problem(model, "cross_entropy", examples), plane)
    record = noted.settings["hessian"]
    assert record["top"] == pytest.approx(values[-1], rel=1e-6)
    assert record["bottom"] == pytest.approx(values[0], rel=1e-6)
    assert len(record["residuals"]) == 2
    assert noted.settings["seed"] == 4
    np.testing.assert_array_equal(noted.directions, plane.directions)
    surface = sample(Problem(model, "cross_entropy", examples), noted, grid=Grid.square(3))
    assert surface.settings["hessian"]["top"] == record["top"]
    with pytest.raises(ValueError, match="must belong to the model"):
        with_curvature(Problem(nn.Linear(4, 3), "cross_entropy", examples), plane)
