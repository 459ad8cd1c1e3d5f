"""Curvature against scale: what central differences see that autograd does not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from landscape.kinks.jets import line_probe
from landscape.kinks.slope_budgets import slope_budget
from landscape.problem import Problem
from landscape.problem.evaluator import Evaluator
from landscape.problem.example_losses import single_evaluator
from landscape.problem.examples import count
from landscape.records.arrays import Floats
from landscape.records.results import Analysis
from landscape.records.segment import Segment

SCALES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)


def curvature_against_scale(
    problem: Problem,
    segment: Segment,
    *,
    scales: Sequence[float] = SCALES,
    centres: int = 50,
    samples: int = 513,
    seed: int = 0,
) -> Analysis:
    """Compare central differences of the loss with autograd's curvature, at many places.

    At every centre t the ratio of ``(L(t + h) - 2 L(t) + L(t - h)) / h^2`` to autograd's
    curvature is taken. Its mean over the centres is the bias, its standard deviation the
    roughness: with kinks that is largest where the stencil holds a few of them, and vanishes below
    the one nearest to any centre; without, it falls like h^2. Beside it stands what the jumps
    predict: each adds ``J (h - |t_k - t|) / h^2`` within the stencil.

    Args:
        problem: as in :func:`slope_budget`.
        segment: the centres lie in it; t counts the scales.
        scales: half-widths h of the stencil, > 0.
        centres: how many, at least 2, drawn uniformly.
        samples: places at which crossings are looked for, over the whole segment. Each must be
            placed well within the smallest h: 65 places put the predicted deviation off by half
            at h = 1e-4, 513 by less than 1 % (MLP 64-16-16-10, segment of length 0.6).
        seed: of the centres.

    Returns:
        An analysis ``curvature_scale`` with ``scales`` [H], ``centres`` [C], ``curvatures`` [C]
        of autograd, ``ratios`` and ``predicted`` [H, C], ``rounding`` [H] (of a ratio).

    Raises:
        ValueError: for scales that are not positive, or fewer than 2 centres.
    """
    if centres < 2 or not len(scales) or min(scales) <= 0:
        raise ValueError(f"at least 2 centres and scales > 0 are needed, got {centres}, {scales}")
    h = np.asarray(scales, dtype=np.float64)
    draws = np.random.default_rng(seed).uniform(segment.start, segment.end, centres)
    evaluator = single_evaluator(problem)
    curvatures = _curvatures(evaluator, segment, draws)
    shifts = np.concatenate([[0.0], h, -h])
    values = np.stack([
        evaluator(segment.origin + (t + shifts)[:, None] * segment.direction)["losses"]
        for t in draws
    ])  # fmt: skip
    middle, above, below = values[:, :1], values[:, 1 : len(h) + 1], values[:, len(h) + 1 :]
    ratios = ((above - 2 * middle + below) / h**2).T / curvatures
    wide = Segment(segment.origin, segment.direction, float(draws.min() - h.max()),
                   float(draws.max() + h.max()), segment.kind, segment.settings)  # fmt: skip
    budget = slope_budget(problem, wide, samples=samples, keep_crossings=True)
    predicted = np.stack([
        1 + _hat(draws, budget.places, budget.jumps, float(one)) / curvatures for one in h
    ])  # fmt: skip
    rounding = 2 * np.spacing(np.abs(middle).max()) / h**2 / np.median(np.abs(curvatures))
    arrays = {"scales": h, "centres": draws, "curvatures": curvatures, "ratios": ratios,
              "predicted": predicted, "rounding": rounding}  # fmt: skip
    settings = {**segment.settings, "segment": segment.kind, "examples": budget.examples,
                "seed": seed, "budget_passed": budget.passed}  # fmt: skip
    return Analysis("curvature_scale", arrays, settings)


def _curvatures(evaluator: Evaluator, segment: Segment, places: Floats) -> Floats:
    """Return autograd's curvature of the loss at places, [C]."""
    batches = evaluator.batches
    sums = np.zeros(len(places))
    with line_probe(evaluator.network, segment.origin, segment.direction) as probe:
        for part in batches.parts:
            for i, t in enumerate(places):
                jet = probe.at(np.full(count(part), t), part)
                sums[i] += float(jet.curvatures.sum())
    return sums / (batches.examples / evaluator.objective.over(batches.examples))


def _hat(centres: Floats, places: Floats, jumps: Floats, h: float) -> Floats:
    """Sum J (h - |t_k - t|) / h^2 over the jumps within h of each centre, [C]."""
    order = np.argsort(places)
    places, jumps = places[order], jumps[order]
    sums = []
    for t in centres:
        near = slice(*np.searchsorted(places, [t - h, t + h]))
        sums.append(float(jumps[near] @ (h - np.abs(places[near] - t))) / h**2)
    return np.array(sums)
