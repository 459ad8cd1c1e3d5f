"""``landscape kinks``: the slope budget of a network of the user's own."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from landscape.cli.mistakes import one_line_errors
from landscape.cli.wiring import AsJson, IgnoreKeys, bars
from landscape.records.plurals import counted

if TYPE_CHECKING:
    from landscape.records.budget import SlopeBudget


@one_line_errors
def kinks(
    model: Annotated[
        str, typer.Option("--model", help="FILE.py:FUNCTION that returns the network.")
    ],
    data: Annotated[
        str, typer.Option("--data", help="FILE.py:FUNCTION that returns (inputs, targets).")
    ],
    checkpoint: Annotated[
        Path | None, typer.Option("--checkpoint", help="Weights, .pt, .ckpt, .safetensors, ...")
    ] = None,
    ignore_keys: IgnoreKeys = None,
    loss: Annotated[
        str, typer.Option("--loss", help="cross_entropy, mse, or FILE.py:FUNCTION.")
    ] = "cross_entropy",
    rate: Annotated[
        float, typer.Option("--rate", help="Learning rate of the step of gradient descent.")
    ] = 0.1,
    lines: Annotated[
        int, typer.Option("--lines", min=0, help="Number of random lines measured as well.")
    ] = 3,
    span: Annotated[
        float,
        typer.Option(
            "--span",
            help="Random lines run from -span to span times a filter-normalised direction.",
        ),
    ] = 0.1,
    as_json: AsJson = False,
) -> None:
    """Print the slope budget of a network of your own.

    The Python files named are run, with all that is in them: give files you trust. The checkpoint
    is read without running anything in it.
    """
    from landscape.cli.user_model import load_checkpoint, maker, named, network_of
    from landscape.kinks import slope_budget
    from landscape.planes.network_segments import (
        ZeroGradientError,
        gradient_segment,
        random_segment,
    )
    from landscape.problem import Problem

    network = network_of(model)
    if checkpoint is not None:
        load_checkpoint(
            network, checkpoint, ignore_keys or (), lambda text: print(text, file=sys.stderr)
        )
    problem = Problem(network, named(loss) if ":" in loss else loss, maker(data)())
    segments = [random_segment(network, seed=seed, span=span) for seed in range(lines)]
    try:
        segments.insert(0, gradient_segment(problem, rate=rate))
    except ZeroGradientError as error:
        typer.echo(f"gradient (rate {rate}): not measured, {error}", err=as_json)
    found = []
    with bars() as shown:
        shown.stage("slope budgets", len(segments))
        for segment in segments:
            found.append(slope_budget(problem, segment))
            shown.advance(1)
    if as_json:
        print(json.dumps([budget.to_dict() for budget in found], indent=2))
        return
    for budget in found:
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
