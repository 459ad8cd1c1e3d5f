"""Slope budgets of a network of the user's own, which belongs to no study."""

from __future__ import annotations

import json
import math
import sys
from typing import TYPE_CHECKING

import typer

from landscape.cli.user_model import UserModel
from landscape.cli.wiring import bars
from landscape.records.plurals import counted

if TYPE_CHECKING:
    from landscape.records.budget import SlopeBudget


def print_user_budgets(
    network: UserModel, *, rate: float, lines: int, span: float, as_json: bool
) -> None:
    """Measure and print budgets of a step of gradient descent and of random lines.

    Args:
        network: with its weights, loss and data.
        rate: of the step.
        lines: how many, of the seeds 0, 1, ...
        span: the lines go from -span to span.
        as_json: whether JSON is printed.

    Raises:
        ValueError: for a rate or a span that is not finite and > 0, or what the network refuses.
        OSError: if a file cannot be read.
    """
    from landscape.kinks import slope_budget
    from landscape.planes.network_segments import (
        ZeroGradientError,
        gradient_segment,
        random_segment,
    )

    problem = network.problem(lambda text: print(text, file=sys.stderr))
    segments = [random_segment(problem.model, seed=seed, span=span) for seed in range(lines)]
    try:
        segments.insert(0, gradient_segment(problem, rate=rate))
    except ZeroGradientError as error:
        typer.echo(f"gradient (rate {rate}): not measured, {error}", err=as_json)
    budgets = []
    with bars() as progress:
        progress.stage("slope budgets", len(segments))
        for segment in segments:
            budgets.append(slope_budget(problem, segment))
            progress.advance(1)
    if as_json:
        print(json.dumps([budget.to_dict() for budget in budgets], indent=2))
        return
    for budget in budgets:
        print(sentence(budget))


def sentence(budget: SlopeBudget) -> str:
    """Say in words what a budget found."""
    settings = budget.settings
    detail = {"gradient": f"rate {settings.get('learning_rate')}",
              "random": f"seed {settings.get('seed')}, span {settings.get('span')}"}  # fmt: skip
    kind = str(settings.get("segment"))
    off = "" if math.isnan(budget.off_by) else f": autograd is off by {budget.off_by:.1%}"
    lines = [
        f"{kind} ({detail.get(kind, '')}), length {settings.get('length', 0):.3g}, "
        f"{counted(budget.examples, 'example')}, {counted(budget.samples, 'place')}, "
        f"{counted(budget.refinements, 'piece')} refined:",
        f"  slope change {budget.slope_change:.4g} = {budget.signed_smooth:.4g} (autograd's "
        f"curvature) + {budget.signed_kink:.4g} (kinks) + {budget.net_residual:.1g} "
        f"(unexplained){off}",
        f"  bend share {budget.bend_share:.3f}, of it in kinks {budget.kink_share:.3f}; "
        f"{counted(budget.crossings, 'crossing')}",
        f"  check: closure error {budget.closure_error:.1e}, bound {budget.tolerance:.1e}; "
        f"unexplained {abs(budget.net_residual):.1g}, bound {budget.net_tolerance:.1g}: "
        + ("passed" if budget.passed else "NOT PASSED, do not trust these numbers"),
    ]
    lines += [f"  not seen: {text}" for text in budget.unseen]
    lines += [
        f"  {name}: {counted(count, 'crossing')}, |J| {size:.3g}"
        for name, count, size in zip(
            budget.layers, budget.layer_crossings, budget.layer_kinks, strict=True
        )
        if count
    ]
    return "\n".join(lines)
