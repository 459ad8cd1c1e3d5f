"""Claim 4: does a pre-activation land exactly on the kink, and does it matter what is said there?

At z = 0 ReLU has no derivative, and a program must choose one; all common ones choose 0. Whether
the choice matters depends on how often z is exactly 0. That has two causes: structure (a bias of 0
and inputs of 0, as behind blank pixels or dead units, where z is 0 whatever the weights), and
rounding, which makes 0 one of finitely many values and grows as precision falls.

References:
    Bertoin, Bolte, Gerchinovitz, Pauwels (2021), Numerical influence of ReLU'(0) on
    backpropagation, NeurIPS, sections 3 and 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from landscape.claims.comparing import groups
from landscape.claims.effects import paired_effect
from landscape.claims.primary import primary
from landscape.claims.replaced import with_slope_at_zero
from landscape.claims.setting import Setting
from landscape.claims.statistics import Contrast, log_margin
from landscape.claims.verdicts import Finding, finding
from landscape.claims.watching import pre_activations
from landscape.networks.randomness import keyed_generator
from landscape.problem import Problem
from landscape.problem.examples import count, take
from landscape.records.arrays import Floats
from landscape.records.results import Analysis

DTYPES = ("float64", "float32", "bfloat16")
# Values chosen for ReLU'(0): torch's, the middle, the other end.
CHOICES = (0.0, 0.5, 1.0)
_RATE = 0.1


def train_and_count(
    problem: Problem,
    *,
    steps: int,
    rate: float,
    batch_size: int = 0,
    seed: int = 0,
) -> dict[str, Floats]:
    """Train the network in place, and count exact zeros and crossings of 0 at every step.

    Args:
        problem: the network to train, whose precision is that of the whole computation, a loss of
            (output, target) and the data.
        steps: optimizer steps of plain (stochastic) gradient descent.
        rate: learning rate.
        batch_size: examples per step; 0 is all.
        seed: of the order of the batches.

    Returns:
        ``zeros [steps + 1]``: share of pre-activations of all examples that are exactly 0, by
        structure or by rounding, before every step and at the end; ``crossings [steps]``: share
        that changed its side, z > 0, with the step; ``losses [steps + 1]`` of all examples.
    """
    model, first = problem.model, next(problem.model.parameters())
    objective, examples = problem.training_objective(), problem.batches(first.dtype).joined()
    every = count(examples)
    stepper = torch.optim.SGD(model.parameters(), lr=rate)
    generator = keyed_generator(seed, "zeros")
    log: dict[str, list[float]] = {"zeros": [], "crossings": [], "losses": []}
    side = None
    for step in range(steps + 1):
        z = torch.cat([z.reshape(-1) for z in pre_activations(model, examples[0]).values()])
        log["zeros"].append(float((z == 0).double().mean()))
        if side is not None:
            log["crossings"].append(float((side ^ (z > 0)).double().mean()))
        side = z > 0
        with torch.no_grad():
            total, *_ = objective.parts(model(examples[0]), examples[1], every)
            log["losses"].append(float(total * objective.over(every) / every))
        if step == steps:
            break
        order = torch.randperm(every, generator=generator)
        inputs, targets = take(examples, order[:batch_size] if batch_size else order)
        stepper.zero_grad()
        loss = objective.mean(model(inputs), targets, len(inputs)) * objective.over(len(inputs))
        loss.backward()  # type: ignore[no-untyped-call]
        stepper.step()
    return {name: np.array(values) for name, values in log.items()}


def measure(setting: Setting) -> Analysis:
    """Measure claim 4 for one seed, on ReLU.

    Returns:
        Arrays over precisions D (float64, float32, bfloat16) and values of ReLU'(0) V (0, 1/2, 1):
        ``zeros [D, V, steps + 1]``, ``crossings [D, V, steps]``, ``losses [D, V, steps + 1]``;
        ``distances [D, V]`` of the last parameters from those with ReLU'(0) = 0, over the length
        of the whole way.
    """
    effort = setting.effort
    size = next((b for b in effort.batch_sizes if b), 0)
    shape = (len(DTYPES), len(CHOICES))
    arrays = {key: np.zeros((*shape, effort.steps + 1)) for key in ("zeros", "losses")}
    arrays |= {"crossings": np.zeros((*shape, effort.steps)), "distances": np.zeros(shape)}
    for row, precision in enumerate(DTYPES):
        dtype = getattr(torch, precision)
        ends: list[Tensor] = []
        for column, slope in enumerate(CHOICES):
            problem = setting.problem("relu", dtype=dtype)
            model = with_slope_at_zero(problem.model, slope)
            start = _theta(model)
            run = train_and_count(replace(problem, model=model), steps=effort.steps, rate=_RATE,
                                  batch_size=size, seed=setting.seed)  # fmt: skip
            for key, values in run.items():
                arrays[key][row, column] = values
            ends.append(_theta(model))
            way = max(float((ends[0] - start).norm()), np.finfo(float).tiny)
            arrays["distances"][row, column] = float((ends[-1] - ends[0]).norm()) / way
    return setting.analysis(4, ["relu"], arrays, dtypes=list(DTYPES), choices=list(CHOICES),
                            rate=_RATE, batch_size=size)  # fmt: skip


def _theta(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().double().reshape(-1) for p in model.parameters()])


_FIXED = primary(4, "share of exact zeros")
# "Very likely" would be more than one pre-activation in a hundred.
LIKELY = float(_FIXED.pairs[0][1])
_FLOAT32 = DTYPES.index("float32")


def _zeros(analysis: Analysis, precision: int) -> float:
    """Return the share of exact zeros in training, the start left out; NaN after a divergence."""
    if not np.isfinite(analysis.arrays["losses"][precision, 0]).all():
        return float("nan")
    return float(analysis.arrays["zeros"][precision, 0, 1:].mean())


def verdict(analyses: Sequence[Analysis]) -> Finding:
    """Estimate claim 4 by its first reading, "very likely".

    The share of exact zeros in training in float32, over the share 0.01 from which it might be
    called likely: above it speaks for the reading, well below for the second.
    Beside it the other precisions, and the last loss with ReLU'(0) = 1 over that with 0.
    """
    deciding: list[Contrast] = []
    beside: list[Contrast] = []
    parts = []
    for group, seeds in groups(analyses).items():
        shares = [np.median([_zeros(a, row) for a in seeds]) for row in range(len(DTYPES))]
        crossed = np.median([a.arrays["crossings"][_FLOAT32, 0].mean() for a in seeds])
        first = np.median([a.arrays["zeros"][_FLOAT32, 0, 0] for a in seeds])
        apart = [np.median([a.arrays["distances"][row, -1] for a in seeds]) for row in range(3)]
        parts.append(
            f"{group}: of the pre-activations a share of "
            + ", ".join(f"{share:.2g} ({name})" for share, name in zip(shares, DTYPES, strict=True))
            + f" is exactly 0 in training, {first:.2g} at the start (float32); {crossed:.2g} "
            "crosses 0 in a step; with ReLU'(0) = 1 instead of 0 the weights end "
            + ", ".join(f"{d:.2g}" for d in apart)
            + " of their way elsewhere"
        )
        if len(seeds) < 2:
            continue
        for row, name in enumerate(DTYPES):
            effect = paired_effect(
                [_zeros(a, row) for a in seeds], [LIKELY] * len(seeds), scale="linear"
            )
            contrast = Contrast(f"{_FIXED.name} - {LIKELY:g}, {name}, {group}", effect,
                                _FIXED.claimed, _FIXED.bound)  # fmt: skip
            (deciding if row == _FLOAT32 else beside).append(contrast)
            losses = [[float(a.arrays["losses"][row, v, -1]) for a in seeds] for v in (-1, 0)]
            ends: Any = [[v if np.isfinite(v) else np.inf for v in side] for side in losses]
            beside.append(Contrast(f"last loss, ReLU'(0) = 1 over 0, {name}, {group}",
                                   paired_effect(*ends), 0, log_margin(0.1)))  # fmt: skip
    return finding(
        4,
        deciding,
        sentence="; ".join(parts) + ".",
        shown=beside,
        limits="Zeros by structure (blank inputs, dead units, biases of 0) are counted with those "
        "by rounding. A share below 0.01 speaks for the second reading, 'unlikely'.",
    )
