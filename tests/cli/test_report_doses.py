"""Effects by the size of kinks, and curves over rates, as a reader of a report sees them."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from landscape.claims.twins import WIDTHS, activations_of, apart, twins
from landscape.cli.report_curves import curves
from landscape.cli.report_doses import dose_curves, dose_table
from landscape.records.results import Analysis

NAMES = activations_of(twins("all"))
RATES = np.array([0.1, 0.2, 0.4])


def made(seeds: int) -> list[Analysis]:
    """Make analyses in which ReLU needs twice the steps, at the second rate of three."""
    needed = np.tile([24.0, 20.0, 24.0], (len(NAMES), 1, 1))
    needed[NAMES.index("relu")] *= 2
    losses = np.ones((*needed.shape, 2)) * [[2.0, 0.3], [2.0, 0.1], [2.0, 0.2]]
    arrays = {"needed": needed, "losses": losses, "rates": RATES, "steps": np.array([0, 60]),
              "batch_sizes": np.array([0]), "accuracies": np.full(needed.shape, 0.9)}  # fmt: skip
    settings = {"group": "made.mlp-4.identical", "activations": list(NAMES), "target_loss": 0.05}
    return [Analysis("claims", arrays, {**settings, "seed": seed}) for seed in range(seeds)]


def test_the_table_holds_the_distance_of_the_values_beside_every_dose():
    table = dose_table(8, made(7))
    rows = list(csv.DictReader(io.StringIO(table.csv)))
    relu = [row for row in rows if row["family"] == "ReLU"]
    assert [float(row["dose"]) for row in relu] == [float(width) for width in WIDTHS]
    for row, width in zip(relu, WIDTHS, strict=True):
        assert float(row["values apart, rms"]) == pytest.approx(apart(f"smelu_{width}", "relu"))
        assert (float(row["effect"]), row["seeds"]) == (2.0, "7")
    assert {float(row["effect"]) for row in rows if row["family"] != "ReLU"} == {1.0}
    assert len(list(dose_curves(8, made(7)))) == 2


def test_without_seeds_to_judge_or_doses_there_is_no_table():
    assert dose_table(8, made(6)) is None
    assert dose_table(3, made(7)) is None
    assert not list(dose_curves(8, made(2)))


def test_losses_and_accuracies_are_drawn_against_the_rate():
    alts = [picture.alt for picture in curves(8, made(7))]
    assert [alt.partition(" against ")[0] for alt in alts] == [
        "steps to the target loss", "training loss at the end", "held-out accuracy at the end",
        "Losses of twins, all examples in a step",
    ]  # fmt: skip
    # A regression has no accuracy.
    bare = [Analysis(one.kind, {k: v for k, v in one.arrays.items() if k != "accuracies"},
                     one.settings) for one in made(2)]  # fmt: skip
    assert len(list(curves(8, bare))) == 3


def test_losses_are_drawn_at_the_rate_that_other_seeds_chose():
    (*_, last) = curves(8, made(7))
    assert last.caption.startswith("Loss at the rate of each activation that 3 other seeds chose")
    assert "median and range over 7 seeds" in last.caption
    (*_, last) = curves(8, made(2))
    assert "that these seeds chose; all examples in a step" in last.caption
