"""Single steps of descent, over seeds: what of the slope change sits in kinks, what is undone.

    python -P docs/claims/steps.py            # 12 seeds, about half an hour of one core
    python -P docs/claims/steps.py --quick    # 2 seeds of two activations, a minute

Trains perceptrons 64-32-32-10 (and one of 8 hidden layers) on scikit-learn's digits by full-batch
gradient descent at rate 0.3 (0.1), 300 steps; every seed draws its weights and its 1,200 training
examples. Follows 24 single steps of each run, measures them again with the activation's copy on
the same weights, and writes means over the seeds with 95 % t intervals to docs/claims/steps.md and
every run's numbers to steps.csv.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats

import landscape
from landscape import data
from landscape.claims.effects import paired_effect
from landscape.claims.swapped import control_of, swap_control, undone_share
from landscape.kinks.path_following import missed_share, share_of_promise
from landscape.networks import activations, build
from landscape.study.analysis_summaries import thirds

HERE = Path(__file__).parent
# Of gradient descent, by the number of hidden layers: 8 bear no more.
RATES = {2: 0.3, 8: 0.1}
SETTINGS = (("relu", 2), ("elu", 2), ("gelu", 2), ("tanh", 2), ("smelu_0.1", 2),
            ("pwl_elu_0.5", 2), ("pwl_gelu_0.5", 2), ("pwl_tanh_0.5", 2), ("relu", 8),
            ("smelu_0.1", 8))  # fmt: skip
PAIRS = (("relu", "smelu_0.1", 2), ("pwl_elu_0.5", "elu", 2), ("pwl_gelu_0.5", "gelu", 2),
         ("pwl_tanh_0.5", "tanh", 2), ("relu", "smelu_0.1", 8))  # fmt: skip
COLUMNS = ("change", "kinks", "missed", "cost", "swapped", "undone", "moved")

NOTE = (
    "`{command}` trains perceptrons of width 32 on digits by gradient descent: 300 steps at rate "
    "0.3 (0.1 with 8 hidden layers), {seeds} seeds, each with its own weights and 1,200 training "
    "examples. Each run is summed over 8 single steps. The tables give means over the seeds in "
    "per cent with 95 % t intervals, conditional on this data set. Slope change, its part in "
    "kinks, what kinks take back, and the change after a swap of the activation on the same "
    "weights are shares of |g.d|, the decrease that the gradient promises. What autograd misses is "
    "a share of the slope change, over steps where this exceeds 1 % of |g.d|. Crossings undone are "
    "the share of crossings of a kink (of 0 without kinks) that the next step undoes."
)

LOSSES = (
    "Training loss of twins at one rate, kinked over smooth: medians over the seeds with 95 % "
    "intervals from order statistics. This compares twins at one rate, not their speed."
)


def problem_of(activation: str, depth: int, seed: int) -> landscape.Problem:
    """Return a network with the training examples of a seed."""
    digits = data.load("digits", standardise="features")
    chosen = np.random.default_rng(seed).permutation(len(digits.inputs))[:1200]
    pair = torch.from_numpy(digits.inputs[chosen]), torch.from_numpy(digits.targets[chosen])
    model = build("mlp", activation=activation, hidden=(32,) * depth, seed=seed)
    return landscape.Problem(model, "cross_entropy", pair)


def measured(activation: str, depth: int, seed: int) -> list[dict[str, Any]]:
    """Train, follow and swap one run; a row for the first and the last third of its steps."""
    problem = problem_of(activation, depth, seed)
    run = landscape.train(
        problem,
        config=landscape.TrainingConfig(
            steps=300, record_every=12, learning_rates={"gd": RATES[depth]}
        ),
    )
    records = landscape.kinks.spread_records(run, 24)
    found = landscape.kinks.along_path(problem, run, records=records, checks=0)
    own = [kink.place for kink in activations.get(activation).kinks] or [0.0]
    swap = swap_control(
        problem, run, str(control_of(activation)), activation=activation, records=records, knots=own
    )
    rows = []
    for part, which in thirds(records).items():
        promised = np.abs(swap.arrays["promised"][which]).sum()
        rows.append({
            "activation": activation, "depth": depth, "seed": seed, "part": part,
            "loss": float(run.losses[-1]),
            "change": share_of_promise(found, "slope_change", which),
            "kinks": share_of_promise(found, "kink", which),
            "missed": missed_share(found, which),
            "cost": share_of_promise(found, "taken_back", which),
            "swapped": float(swap.arrays["swapped_slope_change"][which].sum() / promised),
            "undone": undone_share(swap, which),
            "moved": float(np.median(swap.arrays["moved"][which])),
        })  # fmt: skip
    return rows


def interval(values: list[float]) -> str:
    """Write a mean and its 95 % t interval, in per cent."""
    finite = np.array([v for v in values if np.isfinite(v)]) * 100
    if len(finite) < 2:
        return "-"
    mean, half = finite.mean(), stats.t.ppf(0.975, len(finite) - 1) * stats.sem(finite)
    digits = 1 if abs(mean) >= 10 else 2
    # Adding 0 turns -0 into 0.
    low, middle, high = (round(v, digits) + 0.0 for v in (mean - half, mean, mean + half))
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def table(rows: list[dict[str, Any]], settings: Any, part: str) -> list[str]:
    """Return the lines of a table, one for each activation and depth."""
    heads = ("activation", "hidden layers", "slope change", "of it in kinks", "autograd misses",
             "kinks take back", "change when swapped", "crossings undone")  # fmt: skip
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for activation, depth in settings:
        own = [
            r for r in rows if (r["activation"], r["depth"], r["part"]) == (activation, depth, part)
        ]
        cells = [interval([r[name] for r in own]) for name in COLUMNS[:-1]]
        name = f"{activation} (as {control_of(activation)})"
        lines.append("| " + " | ".join([name, str(depth), *cells]) + " |")
    return lines


def losses(rows: list[dict[str, Any]]) -> list[str]:
    """Return lines that compare the losses at the end of runs with and without kinks."""
    lines = []
    for kinked, smooth, depth in PAIRS:
        sides = [
            [float(r["loss"]) for r in rows
             if (r["activation"], r["depth"], r["part"]) == (name, depth, "last")]
            for name in (kinked, smooth)
        ]  # fmt: skip
        if not all(sides):
            continue
        effect = paired_effect(*sides)
        middle, low, high = np.exp([effect.estimate, effect.low, effect.high])
        lines.append(f"- {kinked} over {smooth}, {depth} hidden layers: "
                     f"×{middle:.3f} ({low:.3f} to {high:.3f})")  # fmt: skip
    return lines


def main() -> None:
    """Measure, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="2 seeds of two activations")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of steps.md and steps.csv")
    given = parser.parse_args()
    torch.set_num_threads(1)
    seeds = range(2) if given.quick else range(12)
    settings = (("relu", 2), ("gelu", 2)) if given.quick else SETTINGS
    rows = []
    for activation, depth in settings:
        for seed in seeds:
            rows += measured(activation, depth, seed)
            print(
                activation, depth, seed, *(f"{rows[-1][name]:.4f}" for name in COLUMNS), flush=True
            )
    with (given.out / "steps.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    command = f"python -P docs/claims/steps.py{' --quick' if given.quick else ''}"
    text = ["# Single steps, over seeds", "", NOTE.format(command=command, seeds=len(seeds)), ""]
    for part, steps in (("last", "The last third of the steps"), ("first", "The first third")):
        text += [f"## {steps}", "", *table(rows, settings, part), ""]
    text += ["## Loss after 300 steps", "", LOSSES, "", *losses(rows), ""]
    (given.out / "steps.md").write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    main()
