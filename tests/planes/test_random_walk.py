"""The random walk beside a PCA plane: closed forms, and the vectors themselves."""

import numpy as np
import pytest

from landscape import Trajectory, pca_plane
from landscape.planes.random_walk import random_walk_variance
from landscape.records.layout import Layout, Slot


def orthogonal_shares(records: int, components: int = 2) -> np.ndarray:
    """Shares of a walk with equal orthogonal steps.

    Its centred Gram matrix is the pseudo-inverse of the Laplacian of a chain of T points, whose
    eigenvalues are 4 sin^2(pi k / 2T).
    """
    k = np.arange(1, records)
    variances = 1 / (4 * np.sin(np.pi * k / (2 * records)) ** 2)
    return variances[:components] / variances.sum()


@pytest.mark.parametrize("records", [3, 4, 10, 60])
def test_in_high_dimension_the_shares_are_those_of_orthogonal_steps(records: int) -> None:
    shares = random_walk_variance(np.ones(records - 1), 10**10)
    np.testing.assert_allclose(shares, orthogonal_shares(records), atol=1e-4)


def test_long_walks_have_the_shares_of_antognini_and_sohl_dickstein() -> None:
    shares = random_walk_variance(np.full(400, 0.1), 10**9, components=4)
    np.testing.assert_allclose(shares, 6 / (np.pi * np.arange(1, 5)) ** 2, rtol=0.01)


@pytest.mark.parametrize(("records", "parameters"), [(12, 4), (12, 11), (12, 30), (6, 2), (4, 2)])
def test_it_is_the_mean_over_walks_made_of_vectors(
    records: int, parameters: int, rng: np.random.Generator
) -> None:
    lengths = rng.uniform(0.1, 2.0, records - 1)
    walks = []
    for _ in range(1500):
        steps = rng.standard_normal((records - 1, parameters))
        steps *= (lengths / np.linalg.norm(steps, axis=1))[:, None]
        places = np.concatenate([np.zeros((1, parameters)), np.cumsum(steps, axis=0)])
        singular = np.linalg.svd(places - places.mean(axis=0), compute_uv=False)
        walks.append(singular[:2] ** 2 / np.sum(singular**2))
    wanted, spread = np.mean(walks, axis=0), np.std(walks, axis=0)
    found = np.mean([random_walk_variance(lengths, parameters, seed=s) for s in range(60)], axis=0)
    error = np.sqrt(1 / 1500 + 1 / 600) * spread
    assert np.all(np.abs(found - wanted) < 4 * error), (found, wanted, error)


def test_equal_seeds_give_equal_shares_and_other_seeds_nearly_so() -> None:
    lengths = np.ones(20)
    one = random_walk_variance(lengths, 10_000)
    np.testing.assert_array_equal(one, random_walk_variance(lengths, 10_000))
    other = random_walk_variance(lengths, 10_000, seed=1)
    assert np.any(one != other)
    np.testing.assert_allclose(one, other, atol=0.02)


def test_in_one_dimension_there_is_one_component() -> None:
    np.testing.assert_allclose(random_walk_variance(np.ones(9), 1), [1, 0], atol=1e-15)


def test_long_walks_hardly_differ() -> None:
    shares = [random_walk_variance(np.ones(310), 5000, seed=seed) for seed in range(4)]
    assert np.std(shares, axis=0).max() < 3e-3


def test_the_unit_of_length_does_not_matter() -> None:
    lengths = np.linspace(0.1, 3.0, 20)
    np.testing.assert_allclose(
        random_walk_variance(lengths, 500), random_walk_variance(1e-3 * lengths, 500)
    )


def test_a_pca_plane_tells_the_shares_of_a_walk_with_its_steps(rng: np.random.Generator) -> None:
    layout = Layout((Slot("w", (300,)),))
    lengths = np.geomspace(1, 0.05, 14)
    steps = lengths[:, None] * rng.standard_normal((14, 300)) / np.sqrt(300)
    thetas = np.concatenate([np.zeros((1, 300)), np.cumsum(steps, axis=0)])
    facts = np.ones(14)
    plane = pca_plane(
        Trajectory(thetas, np.arange(15), np.ones(15), facts, facts, facts, facts, layout)
    )
    walk = plane.settings["random_walk_variance"]
    taken = np.linalg.norm(np.diff(thetas, axis=0), axis=1)
    np.testing.assert_allclose(walk, random_walk_variance(taken, 300))
    # The path is such a walk itself.
    np.testing.assert_allclose(plane.settings["explained_variance"], walk, atol=0.06)


@pytest.mark.parametrize(
    ("lengths", "parameters", "components", "message"),
    [
        (np.zeros(4), 10, 2, "a step longer than 0"),
        (np.array([1.0, -1.0]), 10, 2, "numbers >= 0"),
        (np.array([1.0, np.nan]), 10, 2, "finite"),
        (np.ones(3), 10, 4, "1 to 3 components"),
        (np.ones(3), 0, 2, "at least one dimension"),
    ],
)
def test_impossible_walks_are_refused(
    lengths: np.ndarray, parameters: int, components: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        random_walk_variance(lengths, parameters, components=components)
