"""What PCA finds in a random walk: the yardstick for what it finds in a path."""

from __future__ import annotations

import numpy as np

from landscape.records.arrays import Floats

# Walks that are averaged; of long ones in many dimensions, which hardly differ, two.
_DRAWS, _FEW, _LONG = 10, 2, 300


def random_walk_variance(
    step_lengths: Floats, parameters: int, *, components: int = 2, seed: int = 0
) -> Floats:
    """Return the share of a random walk's variance in its first principal components.

    The walk has as many records as the path, T, steps of the same lengths in the same order, and
    isotropic directions in P dimensions; its rows are centred as PCA centres them. In high
    dimension its shares tend to ``6 / (pi k)^2`` for equal steps, 0.608 and 0.152, however large P
    is (Antognini & Sohl-Dickstein 2018, section 2): a high share alone says nothing of a path.

    The vectors [T, P] are not made. PCA needs no more of them than their inner products, and those
    of T - 1 Gaussian vectors in P >= T - 1 dimensions are L L' with L lower triangular, squares of
    its diagonal chi-squared with P, P - 1, ... degrees of freedom and normal entries below
    (Bartlett's decomposition): exact in distribution, with T^2 draws.

    Args:
        step_lengths: Euclidean lengths of the T - 1 steps between records, >= 0.
        parameters: number of dimensions P.
        components: how many shares.
        seed: of the draws; the result is a mean over ten walks, or over two where both T and P
            are above 300 and walks differ by a hundredth at most.

    Returns:
        Shares, [components].

    Raises:
        ValueError: for a walk that does not move, negative lengths, or impossible numbers.

    References:
        Antognini, Sohl-Dickstein (2018), PCA of high dimensional random walks with comparison to
        neural network training, section 2.
        Muirhead (1982), Aspects of Multivariate Statistical Theory, theorem 3.2.14 (Bartlett).
    """
    lengths = np.asarray(step_lengths, dtype=np.float64)
    if lengths.ndim != 1 or not np.all(np.isfinite(lengths)) or np.any(lengths < 0):
        raise ValueError("step lengths must be a finite vector of numbers >= 0")
    if not lengths.any():
        raise ValueError("a random walk needs a step longer than 0")
    if parameters < 1 or not 1 <= components <= len(lengths):
        raise ValueError(
            f"a walk of {len(lengths)} steps has 1 to {len(lengths)} components in at least one "
            f"dimension, got {components} in {parameters}"
        )
    generator = np.random.default_rng(seed)
    draws = _DRAWS if min(len(lengths), parameters) <= _LONG else _FEW
    shares = [_shares(lengths, parameters, components, generator) for _ in range(draws)]
    return np.asarray(np.mean(shares, axis=0))


def _shares(
    lengths: Floats, parameters: int, components: int, generator: np.random.Generator
) -> Floats:
    steps = _gaussian_rows(len(lengths), parameters, generator)
    steps *= (lengths / np.linalg.norm(steps, axis=1))[:, None]
    places = np.concatenate([np.zeros((1, steps.shape[1])), np.cumsum(steps, axis=0)])
    centred = places - places.mean(axis=0)
    tall = centred.shape[0] > centred.shape[1]
    gram = centred.T @ centred if tall else centred @ centred.T
    variances = np.linalg.eigvalsh(gram)[::-1]
    shares = np.zeros(components)
    shares[: len(variances)] = variances[:components] / variances.sum()
    return shares


def _gaussian_rows(count: int, parameters: int, generator: np.random.Generator) -> Floats:
    """Draw rows with the inner products of ``count`` standard normal vectors [P]."""
    if parameters < count:
        return generator.standard_normal((count, parameters))
    rows = np.tril(generator.standard_normal((count, count)), -1)
    rows[np.diag_indices(count)] = np.sqrt(generator.chisquare(parameters - np.arange(count)))
    return rows
