"""The spectral density of a Hessian against closed forms, theorems and dense eigenvalues."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from curvature.extremes import hessian_extremes
from torch import Tensor, nn

from landscape import Problem, spectral_density
from landscape.curvature.expected_hessian import hessian_product
from landscape.curvature.spectrum import quadrature
from landscape.networks.parameters import flatten

Pair = tuple[Tensor, Tensor]


def bowl(scales: np.ndarray) -> Problem:
    """Return a quadratic whose Hessian is diagonal, 2 scales^2 / n."""
    count = len(scales)
    model = nn.Linear(count, 1, bias=False).double()
    data = torch.diag(torch.tensor(scales)), torch.zeros(count, 1, dtype=torch.float64)
    return Problem(model, "mse", data)


def net(activation: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), activation, nn.Linear(8, 8), activation, nn.Linear(8, 3))


def random_symmetric(size: int, seed: int = 0) -> np.ndarray:
    matrix = np.random.default_rng(seed).normal(size=(size, size))
    return (matrix + matrix.T) / 2


def test_as_many_steps_as_eigenvalues_find_every_eigenvalue_with_its_share() -> None:
    scales = np.linspace(0.5, 3.0, 6)
    found = spectral_density(bowl(scales), steps=6, starts=2)
    np.testing.assert_allclose(found.arrays["nodes"], np.tile(2 * scales**2 / 6, (2, 1)), rtol=1e-9)
    np.testing.assert_allclose(found.arrays["weights"], 1 / 6, rtol=1e-7)
    assert found.arrays["residuals"].max() < 1e-9
    assert found.settings["parameters"] == 6
    assert found.settings["products"] == found.settings["found"] == 6  # in the run before


@pytest.mark.parametrize("steps", [2, 5, 9])
def test_the_quadrature_is_exact_for_polynomials_of_degree_below_2m(steps: int) -> None:
    matrix = random_symmetric(25) / 5
    start = np.random.default_rng(1).normal(size=25)
    start /= np.linalg.norm(start)
    nodes, weights, _ = quadrature(lambda v: matrix @ v, start, steps)
    for degree in range(2 * steps):
        wanted = start @ np.linalg.matrix_power(matrix, degree) @ start
        assert weights @ nodes**degree == pytest.approx(wanted, rel=1e-8, abs=1e-10)
    # And not beyond: the next even power is missed.
    beyond = start @ np.linalg.matrix_power(matrix, 2 * steps) @ start
    assert weights @ nodes ** (2 * steps) < beyond * (1 - 1e-9)


def test_within_its_residual_of_every_node_lies_an_eigenvalue() -> None:
    matrix = random_symmetric(40, seed=2)
    values = np.linalg.eigvalsh(matrix)
    start = np.ones(40) / np.sqrt(40)
    nodes, _, residuals = quadrature(lambda v: matrix @ v, start, 15)
    away = np.abs(nodes[:, None] - values).min(axis=1)
    assert np.all(away <= residuals * (1 + 1e-9) + 1e-12)


def test_a_start_that_is_exhausted_leaves_nodes_without_weight() -> None:
    matrix = np.diag([1.0, 1.0, 5.0, 5.0])
    nodes, weights, residuals = quadrature(lambda v: matrix @ v, np.full(4, 0.5), 4)
    np.testing.assert_allclose(nodes, [1, 5, 5, 5])
    np.testing.assert_allclose(weights, [0.5, 0.5, 0, 0], atol=1e-12)
    assert residuals.max() < 1e-9
    flat = quadrature(lambda v: 0 * v, np.full(4, 0.5), 3)
    np.testing.assert_array_equal(flat[0], 0)
    np.testing.assert_array_equal(flat[1], [1, 0, 0])


@pytest.mark.parametrize("activation", [nn.Tanh(), nn.ReLU()], ids=["tanh", "relu"])
def test_the_density_is_that_of_the_dense_eigenvalues(
    activation: nn.Module, examples: Pair
) -> None:
    model = net(activation)
    operator = hessian_product(Problem(model, "cross_entropy", examples))
    size = operator.shape[0]
    values = np.linalg.eigvalsh(operator @ np.eye(size))
    found = spectral_density(Problem(model, "cross_entropy", examples), steps=40, starts=60)
    nodes, weights = found.arrays["nodes"], found.arrays["weights"]
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-12)
    assert nodes.min() >= values[0] - 1e-9
    assert nodes.max() <= values[-1] + 1e-9
    # Hutchinson's estimate of a mean of f has a deviation of at most sqrt(2 mean f^2 / (V S)).
    for power in (1, 2, 3):
        room = 4 * np.sqrt(2 * np.mean(values ** (2 * power)) / (size * 60))
        assert abs((weights * nodes**power).sum() / 60 - np.mean(values**power)) < room
    # The distribution, smoothed as it is drawn.
    places = np.linspace(values[0], values[-1], 50)
    sigma = 0.02 * np.ptp(values)
    shares = [
        (np.exp(-0.5 * ((places[:, None] - at.ravel()) / sigma) ** 2) @ share.ravel()) / share.sum()
        for at, share in ((nodes, weights), (values, np.ones(size)))
    ]
    assert np.abs(shares[0] - shares[1]).max() < 0.12 * shares[1].max()


def test_the_ends_are_those_of_the_spectrum(examples: Pair) -> None:
    model = net(nn.Tanh())
    low, high = hessian_extremes(Problem(model, "cross_entropy", examples))
    found = spectral_density(Problem(model, "cross_entropy", examples), steps=60, starts=2)
    assert found.arrays["nodes"].max() == pytest.approx(high, rel=1e-6)
    assert found.arrays["nodes"].min() == pytest.approx(low, rel=1e-4)


def test_the_moments_are_exact_within_their_standard_errors(examples: Pair) -> None:
    model = net(nn.ReLU())
    problem = Problem(model, "cross_entropy", examples)
    for scale in (None, 0.3):
        matrix = hessian_product(problem, scale=scale)
        whole = matrix @ np.eye(matrix.shape[0])
        size = len(whole)
        wanted = np.array([np.trace(whole), np.sum(whole**2)]) / size
        found = spectral_density(problem, scale=scale, steps=30, starts=12)
        moments = found.arrays["moments"]
        means, errors = (np.array(found.settings[n]) for n in ("moments", "moment_errors"))
        np.testing.assert_allclose(means, moments.mean(axis=0))
        np.testing.assert_allclose(errors, moments.std(axis=0, ddof=1) / np.sqrt(12))
        assert np.all(np.abs(means - wanted) < 3 * errors)
        # What is left beside the eigenvalues that were found scatters little.
        assert errors[1] < 0.02 * wanted[1]
        rng = np.random.default_rng(0)
        plain = [np.mean((whole @ rng.choice([-1, 1], size)) ** 2) for _ in range(12)]
        assert np.std(plain) > 5 * moments[:, 1].std()
    assert spectral_density(problem, steps=5, starts=1).settings["moment_errors"] is None


def test_eigenvalues_that_repeat_are_found_once_and_met_again_in_the_rest() -> None:
    found = spectral_density(bowl(np.array([1.0, 1.0, 1.0, 2.0, 2.0, 2.0])), steps=4, starts=3)
    assert found.settings["found"] == 2
    nodes, weights = found.arrays["nodes"], found.arrays["weights"]
    low = np.isclose(nodes, 2 / 6)
    assert np.all(low | np.isclose(nodes, 8 / 6))
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    # The four others are met in the share that a start has of each, beside the one that was found.
    shares = (weights * low).sum(axis=1)
    assert np.all((shares > 1 / 6) & (shares < 5 / 6))


def test_the_same_seed_gives_the_same_and_the_model_stays(examples: Pair) -> None:
    model = net(nn.ReLU())
    before = flatten(model)
    calls: list[int] = []
    one, two = (
        spectral_density(
            Problem(model, "cross_entropy", examples), steps=8, starts=2, progress=calls.append
        )
        for _ in range(2)
    )
    np.testing.assert_array_equal(one.arrays["nodes"], two.arrays["nodes"])
    assert len(calls) == 2 * 3 * 8
    other = spectral_density(Problem(model, "cross_entropy", examples), steps=8, starts=2, seed=1)
    assert not np.array_equal(one.arrays["nodes"], other.arrays["nodes"])
    np.testing.assert_array_equal(flatten(model), before)


def test_parameters_that_do_not_vary_have_no_eigenvalues(examples: Pair) -> None:
    model = net(nn.Tanh())
    found = spectral_density(
        Problem(model, "cross_entropy", examples), varied=["4.bias"], steps=3, starts=1
    )
    assert found.settings["parameters"] == 3
    operator = hessian_product(Problem(model, "cross_entropy", examples), varied=["4.bias"])
    values = np.linalg.eigvalsh((operator @ np.eye(operator.shape[0]))[-3:, -3:])
    # Softmax does not see a shift of all biases: one eigenvalue is 0.
    assert abs(values[0]) < 1e-12
    assert found.arrays["nodes"].max() == pytest.approx(values[-1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps must be between 1 and 6, got 0"),
        ({"steps": 7}, "steps must be between 1 and 6, got 7"),
        ({"steps": 2, "starts": 0}, "starts must be >= 1, got 0"),
    ],
)
def test_impossible_requests_are_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spectral_density(bowl(np.ones(6)), **options)
