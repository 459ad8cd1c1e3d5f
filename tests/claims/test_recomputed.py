"""Whole measurements against plain loops: autograd alone, one network, one example at a time."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional

from landscape.claims import bounce, dead_units, pattern_changes, saturation, vanishing
from landscape.claims.effort import Effort
from landscape.claims.setting import Setting
from landscape.networks.spec import network_spec

STEPS = 12
ACTS = {"relu": torch.relu, "gelu": functional.gelu, "tanh": torch.tanh, "elu": functional.elu}


@pytest.fixture(scope="module")
def setting():
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(50, 4, generator=generator, dtype=torch.float64)
    targets = (inputs[:, 0] * inputs[:, 1] > 0).long()
    return Setting(
        data="made", inputs=inputs[:40], targets=targets[:40], seed=0,
        network=network_spec("mlp", input_shape=(4,), outputs=2, hidden=(8, 8)),
        held_out=(inputs[40:], targets[40:]),
        effort=Effort(steps=STEPS, rates=12, records=3, depths=(4,), batch_sizes=(0,)),
    )  # fmt: skip


def weights_of(model):
    return [p.detach().clone() for p in model.parameters()]


def forward(weights, act, inputs, seen):
    """Run layer by layer, noting every z."""
    for weight, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        seen.append(inputs @ weight.T + bias)
        inputs = ACTS[act](seen[-1])
    return inputs @ weights[-2].T + weights[-1]


def slopes(act, z):
    z = z.detach().clone().requires_grad_()
    return torch.autograd.grad(ACTS[act](z).sum(), z)[0]


def gradient(weights, act, inputs, targets):
    leaves = [w.detach().clone().requires_grad_() for w in weights]
    loss = functional.cross_entropy(forward(leaves, act, inputs, []), targets)
    return float(loss.detach()), torch.autograd.grad(loss, leaves)


def path(weights, act, examples, rates):
    """Descend at a rate of every step; return all weights, and the loss at each of them."""
    ways, losses = [weights], []
    for rate in rates:
        loss, slope = gradient(ways[-1], act, *examples)
        losses.append(loss)
        ways.append([w - rate * g for w, g in zip(ways[-1], slope, strict=True)])
    return ways, [*losses, gradient(ways[-1], act, *examples)[0]]


def flat(values):
    return torch.cat([v.reshape(-1) for v in values])


def row(analysis, act):
    return list(analysis.settings["activations"]).index(act)


def test_crossings_taken_back_and_cosines(setting):
    """Claim 1, at the rates that were used; the sharpest direction is tested by itself."""
    found = bounce.measure(setting)
    x, y = setting.inputs.float(), setting.targets
    for act in ("relu", "tanh"):
        arrays = {key: values[row(found, act)][1] for key, values in found.arrays.items()
                  if values.ndim > 1}  # fmt: skip
        rates = np.repeat(1.5 / arrays["sharpness"], STEPS // 3)
        start = weights_of(setting.model(act, dtype=torch.float32))
        ways, losses = path(start, act, (x, y), rates)
        sides, slope = [], []
        for weights in ways[:-1]:
            forward(weights, act, x, seen := [])
            sides.append(torch.cat([z.flatten() > 0 for z in seen]).numpy())
            slope.append(flat(gradient(weights, act, x, y)[1]).double().numpy())
        crossed = [a != b for a, b in pairwise(sides)]
        back = [after[then].mean() for then, after in pairwise(crossed) if then.any()]
        cosines = [a @ b / np.sqrt((a @ a) * (b @ b)) for a, b in pairwise(slope)]
        assert arrays["last_losses"] == pytest.approx(losses[-2], rel=1e-4)
        # In float32 a pre-activation at 0 itself may lie on either side.
        for key, wanted in (("returns", back), ("crossings", crossed), ("cosines", cosines)):
            assert arrays[key] == pytest.approx(np.mean(wanted), abs=2e-3)


def test_the_gradient_left_and_the_activations_part(setting):
    """Claim 5: example by example; the part is that of all layers but the last."""
    found = vanishing.measure(setting)
    deep = vanishing.deep(setting, 4)
    x, y = setting.examples
    for act in ("relu", "tanh"):
        weights = weights_of(deep.model(act))
        sizes, rows = np.zeros(4), []
        for one, target in zip(x, y, strict=True):
            leaves = [w.requires_grad_() for w in weights_of(deep.model(act))]
            output = forward(leaves, act, one[None], seen := [])
            loss = functional.cross_entropy(output, target[None])
            sizes += [float(g.square().sum()) for g in torch.autograd.grad(loss, seen)]
            rows.append([(slopes(act, z).T * w).norm() ** 2
                         for z, w in zip(seen, weights[::2], strict=False)])  # fmt: skip
        parts = np.sqrt(np.mean(rows[:2], axis=0)) / [float(w.norm()) for w in weights[:-2:2]]
        arrays = {key: found.arrays[key][row(found, act), 0, 0] for key in found.arrays
                  if key in ("survival", "activation_part")}  # fmt: skip
        assert arrays["survival"] == pytest.approx(np.sqrt(sizes[0] / sizes[-1]))
        assert arrays["activation_part"] == pytest.approx(parts[:-1].prod())


def test_units_dead_for_good_and_on_held_out_examples(setting):
    """Claim 6: records at every step, so that the second half begins with step 6."""
    found = dead_units.measure(setting)
    start = weights_of(setting.model("relu"))
    for column, rate in enumerate(found.arrays["rates"]):
        ways, losses = path(start, "relu", setting.examples, [rate] * STEPS)
        dead = []
        for weights, inputs in (
            *((w, setting.inputs) for w in ways),
            (ways[-1], setting.held_out[0]),
        ):
            forward(weights, "relu", inputs, seen := [])
            dead.append(torch.cat([(z <= 0).all(dim=0) for z in seen]).numpy())
        *known, outside = dead
        wanted = {"dead": known[-1], "for_good": np.all(known[6:], axis=0) & ~known[0],
                  "held_out": outside}  # fmt: skip
        for key, values in wanted.items():
            assert found.arrays[key][0, column] == pytest.approx(values.mean(), abs=1e-12)
        assert found.arrays["descended"][0, column] == (losses[-1] < losses[0])
    assert found.arrays["dead"][0].max() > 0


@pytest.mark.parametrize("act", ["relu", "gelu"])
def test_the_share_of_a_change_in_one_step(setting, act):
    """Claim 7, at the larger of the rates."""
    found = pattern_changes.measure(setting)
    rate = found.arrays["rates"][1]
    ways, _ = path(weights_of(setting.model(act)), act, setting.examples, [rate] * STEPS)
    seen = [[] for _ in ways]
    for weights, zs in zip(ways, seen, strict=True):
        forward(weights, act, setting.inputs, zs)
    shares = []
    for layer in (0, 1):
        change = np.abs(np.diff([slopes(act, zs[layer]).numpy() for zs in seen], axis=0))
        shares.append(change.max(axis=0).sum() / change.sum())
    slope = [flat(gradient(w, act, *setting.examples)[1]) for w in ways]
    change = [float((b - a).norm() / a.norm()) for a, b in pairwise(slope)]
    for key, wanted in (("concentration", shares), ("gradient_change", change)):
        assert found.arrays[key][row(found, act), 1] == pytest.approx(np.mean(wanted))


@pytest.mark.parametrize("act", ["elu", "tanh"])
def test_the_movement_of_the_other_weights(setting, act):
    """Claim 9: what makes a unit that is saturated at the largest share is left out."""
    found = saturation.measure(setting)
    chosen = [setting.model(act) for _ in range(2)]
    bound = [saturation.saturate(model, setting.inputs[:2], share, seed=setting.seed)
             for model, share in zip(chosen, (0.5, 0.75), strict=True)][1]  # fmt: skip
    ways, losses = path(
        weights_of(chosen[0]), act, setting.examples, [found.settings["rate"]] * STEPS
    )
    moved = (flat(ways[-1]) - flat(ways[0]))[~bound]
    each = [
        flat(gradient(ways[0], act, x[None], y[None])[1])
        for x, y in zip(*setting.examples, strict=True)
    ]
    values = np.linalg.svd(torch.stack(each).numpy(), compute_uv=False)
    shares = values[values > 1e-12 * values.sum()] / values.sum()
    at = found.settings["activations"].index(act), saturation.SHARES.index(0.5)
    assert found.arrays["movement"][at] == pytest.approx(float(moved.norm()))
    assert found.arrays["rank"][at] == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))
    assert found.arrays["losses"][at][-1] == pytest.approx(losses[-1])
