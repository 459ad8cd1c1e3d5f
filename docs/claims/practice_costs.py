"""Name every cell of the practice form's whole factorial, with what it costs.

    python docs/claims/practice_costs.py

measures a few steps of every kind of network, of a deeper and of a wider one, with the smallest and
the largest batches, and writes ``docs/claims/practice_costs.csv``. Batches between these are
interpolated. A network both deeper and wider is extrapolated, by the product of the two factors.
Optimizer and schedule cost next to nothing beside a gradient: their cells take over the time of the
network and batch size. Seconds are process time of one core, on the machine that ran it.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from landscape import data
from landscape.claims.effort import Effort
from landscape.claims.optimizers import Methods
from landscape.claims.setting import Setting
from landscape.claims.stacked import descend
from landscape.claims.twins import activations_of, twins
from landscape.evaluation.choice import threads
from landscape.problem import Problem
from landscape.study.sweep_settings import ClaimsConfig

FOLDER = Path(__file__).parent
HEADER = ("network", "depth", "width", "optimizer", "schedule", "batch", "in_form",
          "seconds_per_seed", "core_hours", "cost")  # fmt: skip
OPTIMIZERS, SCHEDULES, BATCHES = ("adam", "sgd", "momentum"), ("cosine", "constant"), (64, 32, 256)
# Kind, depths and widths; BatchNorm in both convolutional ones, skip connections in the last.
SHAPES = {"mlp": ((2, 6), (32, 128)), "cnn": ((1, 3), (6, 24)), "resnet": ((8, 20), (4, 16))}
# Timed are steps of two activations, from which the others hardly differ: as many as take so many
# seconds, but no more than these.
TIMED, SECONDS, MOST = ("gelu", "pwl_gelu_0.5"), 1.0, 20

Network = dict[str, Any]


def network(kind: str, depth: int, width: int) -> Network:
    """Return a network of the form, as its configuration writes it."""
    if kind == "mlp":
        return {"kind": kind, "hidden": [width] * depth}
    if kind == "resnet":
        return {"kind": kind, "depth": depth, "width": width}
    convolutions = {"convolutions": depth} if depth > 1 else {}
    return {"kind": kind, "channels": [width], "hidden": [16], "batch_norm": True} | convolutions


def cells() -> Iterator[tuple[str, int, int, str, str, int]]:
    """Yield every cell: network, depth, width, optimizer, schedule, batch size."""
    for kind, (depths, widths) in SHAPES.items():
        yield from product((kind,), depths, widths, OPTIMIZERS, SCHEDULES, BATCHES)


def in_form(config: ClaimsConfig, cell: tuple[str, int, int, str, str, int]) -> bool:
    """Whether a cell is measured by the practice form."""
    kind, depth, width, optimizer, schedule, batch = cell
    for number, one in enumerate(config.networks):
        effort = config.effort_of(number)
        plain = {key: value for key, value in one.items() if key != "effort"}
        way = effort.optimizer, effort.schedule
        same = plain == network(kind, depth, width) and way == (optimizer, schedule)
        if same and batch in effort.batch_sizes:
            return True
    return False


def seconds(config: ClaimsConfig, shape: Network, batch: int) -> float:
    """Return the seconds of one seed: all activations at all rates."""
    digits = data.load("digits", standardise="features")
    inputs = torch.from_numpy(np.array(digits.inputs[: config.examples], dtype=np.float64))
    targets = torch.from_numpy(np.array(digits.targets[: config.examples]))
    sized = ClaimsConfig(claims=(8,), networks=(shape,), effort=config.effort)
    setting = Setting(
        data="digits", inputs=inputs, targets=targets, seed=0, effort=config.effort,
        network=sized.spec(0, tuple(inputs.shape[1:]), 10),
    )  # fmt: skip
    rates = np.full(config.effort.rates, 1e-3)
    ways = Methods(rates, 0.9 * np.ones_like(rates), np.zeros_like(rates), adaptive=True)
    took = [_timed(setting.problem(name, dtype=torch.float32), ways, batch, config.effort)
            for name in TIMED]  # fmt: skip
    return float(np.mean(took)) * len(activations_of(twins(config.effort.twins)))


def _timed(problem: Problem, ways: Methods, batch: int, effort: Effort) -> float:
    """Return the seconds of one activation: of a step and of a record, times how many there are."""
    start = time.process_time()
    found = descend(problem, ways, steps=1, batch_size=batch)
    steps = min(int(SECONDS / max(found.seconds, 1e-9)), MOST)
    if steps > 1:  # The first was a warm-up.
        start = time.process_time()
        found = descend(problem, ways, steps=steps, batch_size=batch)
    record = (time.process_time() - start - found.seconds) / len(found.steps)
    steps = int(found.steps[-1])
    return effort.steps * (found.seconds / steps + record / effort.record_every)


def costs(config: ClaimsConfig) -> dict[tuple[str, int, int, int], tuple[float, str]]:
    """Return the seconds of one seed of every network and batch size, and how they were found."""
    found: dict[tuple[str, int, int, int], tuple[float, str]] = {}
    low, middle, high = sorted(BATCHES)
    for kind, ((shallow, deep), (narrow, wide)) in SHAPES.items():
        for depth, width in ((shallow, narrow), (deep, narrow), (shallow, wide)):
            for batch in (low, high):
                with threads(1):
                    took = seconds(config, network(kind, depth, width), batch)
                found[kind, depth, width, batch] = took, "measured"
                print(kind, depth, width, batch, f"{took:.0f} s a seed", flush=True)
        for batch in (low, high):
            base, deeper, wider = (
                found[kind, depth, width, batch][0]
                for depth, width in ((shallow, narrow), (deep, narrow), (shallow, wide))
            )
            found[kind, deep, wide, batch] = deeper * wider / base, "extrapolated"
        for depth, width in product((shallow, deep), (narrow, wide)):
            (first, how), (last, _) = (found[kind, depth, width, batch] for batch in (low, high))
            between = first + (last - first) * (middle - low) / (high - low)
            told = "interpolated" if how == "measured" else how
            found[kind, depth, width, middle] = between, told
    return found


def main() -> None:
    """Measure and write the table."""
    config = ClaimsConfig.from_toml(FOLDER / "practice.toml")
    known, rows = costs(config), []
    for cell in cells():
        kind, depth, width, _, _, batch = cell
        took, how = known[kind, depth, width, batch]
        inside = "yes" if in_form(config, cell) else "no"
        hours = took * len(config.seeds) / 3600
        rows.append((*cell, inside, f"{took:.0f}", f"{hours:.2f}", how))
    with (FOLDER / "practice_costs.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(rows)


if __name__ == "__main__":
    main()
