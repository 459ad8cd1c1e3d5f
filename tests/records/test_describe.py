"""The description of a plane adds up, and its table can be read."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from landscape import Plane, describe, random_plane
from landscape.records.layout import Layout, Slot

LAYOUT = Layout(
    (
        Slot("body.conv.weight", (3, 2, 2), 0, 1, "weight"),
        Slot("body.conv.bias", (3,), None, 1, "bias"),
        Slot("body.norm.weight", (3,), None, 1, "norm"),
        Slot("body.norm.bias", (3,), None, 1, "bias"),
        Slot("head.weight", (2, 3), 0, 1, "weight"),
        Slot("adapter.weight", (2, 2), 0, 1, "weight"),
    )
)


def plane(axes: int, rng: np.random.Generator) -> Plane:
    directions = rng.normal(size=(axes, LAYOUT.size))
    directions[:, 12:21] = 0
    directions[:, -4:] = 0
    origin = rng.normal(size=LAYOUT.size)
    origin[-4:] = 0
    return Plane.through(origin, list(directions), LAYOUT, kind="random")


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_rows_sum_to_the_whole(axes: int, rng: np.random.Generator) -> None:
    made = plane(axes, rng)
    told = describe(made)
    assert (told.size, told.perturbed) == (31, 18)
    assert [row.name for row in told.rows] == [slot.name for slot in LAYOUT.slots]
    assert [row.filters for row in told.rows] == [3, 0, 0, 0, 2, 2]
    squares = np.array([row.direction_norms for row in told.rows]) ** 2
    lengths = np.linalg.norm(made.directions, axis=1)
    np.testing.assert_allclose(squares.sum(axis=0), lengths**2)
    np.testing.assert_allclose(told.direction_norms, lengths)
    np.testing.assert_allclose(np.sum([row.shares for row in told.rows], axis=0), 1)
    weights = sum(row.weight_norm**2 for row in told.rows)
    assert told.weight_norm == pytest.approx(math.sqrt(weights))
    moved = sum(row.weight_norm**2 for row in told.rows if row.perturbed)
    assert told.perturbed_norm == pytest.approx(math.sqrt(moved))
    assert told.cosines == made.cosines


def test_ratios_are_of_the_weights_and_nothing_of_nothing_is_no_number() -> None:
    layout = Layout((Slot("a", (2, 1), 0), Slot("b", (2, 1), 0), Slot("c", (1, 1), 0)))
    line = Plane(np.array([3.0, 4, 0, 0, 0]), np.array([6.0, 8, 1, 0, 0]), None, layout)
    ratios = [row.ratios[0] for row in describe(line).rows]
    assert ratios[:2] == [2.0, math.inf]
    assert math.isnan(ratios[2])
    assert [row.perturbed for row in describe(line).rows] == [True, True, False]


def test_entries_of_a_parameter_that_stay_are_not_counted() -> None:
    direction = np.zeros(LAYOUT.size)
    direction[[0, 3]] = 1.0
    assert describe(Plane(np.ones(LAYOUT.size), direction, None, LAYOUT)).perturbed == 2


def test_the_table(rng: np.random.Generator) -> None:
    text = str(describe(plane(2, rng)))
    lines = text.splitlines()
    assert lines[0] == "random plane: 18 of 31 parameters perturbed (58.1 %)"
    assert any(line.startswith("body.conv.weight") and "3x2x2" in line for line in lines)
    assert "not perturbed: 3 parameters without filters (2 bias, 1 norm)" in lines
    assert "not perturbed: 1 parameter with filters (4 entries), 1 of them all zeros" in lines
    heads = next(line for line in lines if line.startswith("parameter"))
    assert heads.split() == ["parameter", "shape", "role", "filters", "|w|", "alpha", "share",
                             "beta", "share"]  # fmt: skip


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_the_table_fits_100_columns_and_names_stay_apart(axes: int) -> None:
    start = "model.language_model.transformer.decoder.layers"
    ends = ("self_attention.query.lora_A.default.weight", "mlp.up.lora_B.default.weight")
    names = [f"{start}.{i}.{end}" for i in range(12) for end in ends]
    layout = Layout(tuple(Slot(name, (4, 1, 1, 1, 1), 0, 1, "weight") for name in names))
    rng = np.random.default_rng(0)
    scales = np.repeat(10.0 ** rng.uniform(-9, 9, len(names)), 4)
    directions = [scales * rng.standard_normal(1) * (np.arange(len(scales)) % 4 == i)
                  for i in range(axes)]  # fmt: skip
    made = Plane.through(np.full(len(scales), 1e-5), directions, layout)
    lines = str(describe(made)).splitlines()
    assert max(map(len, lines)) <= 100
    shown = [line.split()[0] for line in lines if "4x1x1x1x1" in line]
    assert len(set(shown)) == len(names)
    assert any(line == f"all in {start}." for line in lines), "the shared beginning is told"


def test_norms_of_hidden_weights_are_not_counted() -> None:
    # What a mask hides and how long weight norm's v is change nothing of what is perturbed.
    net = nn.Sequential(nn.Linear(8, 6), parametrizations.weight_norm(nn.Linear(6, 4), dim=1))
    prune.random_unstructured(net[0], "weight", 0.5)
    before = describe(random_plane(net))
    wanted = [float(layer.weight.detach().norm()) for layer in net]
    with torch.no_grad():
        net[0].weight_orig[net[0].weight_mask == 0] = 100.0
        net[1].parametrizations.weight.original1.mul_(torch.tensor([0.1, 1, 2, 4, 8, 16]))
    after = describe(random_plane(net))
    for told in (before, after):
        rows = [row for row in told.rows if row.perturbed]
        assert [row.name for row in told.rows if row.acting] == [row.name for row in rows]
        np.testing.assert_allclose([row.ratios for row in rows], 1.0)
        np.testing.assert_allclose([row.weight_norm for row in rows], wanted, rtol=1e-5)
        assert told.perturbed == 24 + 24
        assert told.perturbed_norm == pytest.approx(float(np.linalg.norm(wanted)), rel=1e-5)
        assert np.sum([row.shares for row in rows], axis=0) == pytest.approx(1.0)
        assert "of 2 parameters, masked or parametrised, norms are of the weights" in str(told)
    np.testing.assert_allclose(after.direction_norms, before.direction_norms, rtol=1e-5)


def test_too_many_hidden_weights_for_a_file_are_told_by_their_number() -> None:
    net = nn.Sequential(*[nn.Linear(2, 2) for _ in range(400)])
    for layer in net:
        prune.l1_unstructured(layer, "weight", 1)
    made = random_plane(net)
    assert made.settings["acting"] == 400
    assert "of 400 parameters, masked or parametrised, norms are of the parameters" in str(
        describe(made)
    )


@pytest.mark.parametrize(
    "told",
    [
        {"body.conv.weight": [1.0]},
        {"head.weight": [None, "a", 2]},
        {"head.weight": [0.0, 0.0, 0.0], "body.norm.bias": [1.0, 1.0, 1.0]},
        [],
    ],
)
def test_norms_of_a_foreign_file_that_do_not_fit_are_left_out(
    told: object, rng: np.random.Generator
) -> None:
    made = plane(2, rng)
    noted = Plane(made.origin, made.d_alpha, made.d_beta, LAYOUT, "random", {"acting": told})
    assert describe(noted) == describe(made)


def test_describing_needs_no_torch() -> None:
    script = (
        "import sys, landscape; from landscape.records.description import PlaneDescription; "
        "landscape.describe; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-P", "-c", script], check=False).returncode == 0
