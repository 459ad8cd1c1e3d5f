"""Units made dead by hand, and units that come back."""

import numpy as np
import pytest
import torch
from torch import nn

from landscape.claims.dead_units import UnitStates, dead_units, unit_states
from landscape.networks.parameters import flatten


def network(act):
    """Units z = x + b with b = 0, -3, 3 on inputs between -1 and 1."""
    model = nn.Sequential(nn.Linear(1, 3), act, nn.Linear(3, 1)).double()
    with torch.no_grad():
        model[0].weight.fill_(1.0)
        model[0].bias.copy_(torch.tensor([0.0, -3.0, 3.0]))
        model[2].weight.fill_(1.0)
        model[2].bias.zero_()
    return model


INPUTS = torch.linspace(-1, 1, 9, dtype=torch.float64)[:, None]


@pytest.mark.parametrize(
    ("act", "dead"),
    [
        (nn.ReLU(), [False, True, False]),
        (nn.LeakyReLU(), [False, False, False]),
        (nn.ELU(), [False, False, False]),
        (nn.Hardtanh(), [False, True, True]),
        (nn.ReLU6(), [False, True, False]),
    ],
)
def test_made_dead_by_hand(act, dead):
    assert dead_units(network(act), INPUTS)["1"].tolist() == dead


def test_a_dead_unit_gets_no_gradient():
    model = network(nn.ReLU())
    model(INPUTS).square().sum().backward()
    dead = dead_units(model, INPUTS)["1"]
    assert torch.equal(model[0].weight.grad[:, 0] == 0, dead)


def test_held_out_data_may_wake_it():
    far = torch.tensor([[5.0]], dtype=torch.float64)
    assert dead_units(network(nn.ReLU()), far)["1"].tolist() == [False, False, False]


def test_a_channel_is_dead_at_every_place():
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU())
    with torch.no_grad():
        model[0].weight.fill_(1.0)
        model[0].bias.copy_(torch.tensor([0.0, -2.0]))
    images = torch.full((3, 1, 4, 4), -1.0)
    images[0, 0, 0, 0] = 1.0
    assert dead_units(model, images)["1"].tolist() == [False, True]


def test_dying_and_coming_back_along_a_path():
    model = network(nn.ReLU())
    start = flatten(model)
    path = np.stack([start] * 6)
    # Biases of the three units at six records; below -1 a unit is dead.
    path[:, 3] = [0, 0, -2, -2, -2, -2]
    path[:, 4] = [0, -2, -2, 0, 0, 0]
    path[:, 5] = [0, 0, 0, 0, 0, -2]
    found = unit_states(model, INPUTS, path)
    assert found.dead.T.tolist() == [
        [False, False, True, True, True, True],
        [False, True, True, False, False, False],
        [False, False, False, False, False, True],
    ]
    assert found.died.tolist() == [True, False, True]
    assert found.for_good.tolist() == [True, False, False]
    assert found.for_a_time.tolist() == [False, True, False]
    assert np.array_equal(flatten(model), start)


def test_elus_saturated_share_and_negative_mean():
    model = network(nn.ELU())
    found = unit_states(model, INPUTS, flatten(model)[None])
    z = (INPUTS + torch.tensor([0.0, -3.0, 3.0])).numpy()
    slopes = np.where(z > 0, 1, np.exp(z))
    values = np.where(z > 0, z, np.expm1(z))
    assert found.saturated[0, 0] == pytest.approx((slopes < 0.1).mean())
    assert found.means[0, 0] == pytest.approx(values.mean())
    alone = unit_states(network(nn.ELU()), INPUTS - 9, flatten(model)[None])
    assert alone.means[0, 0] < -0.9


def test_a_unit_dead_from_the_start_did_not_die():
    dead = np.array([[True, False], [True, True]])
    states = UnitStates(dead, np.zeros((2, 1)), np.zeros((2, 1)))
    assert states.died.tolist() == [False, True]
    with pytest.raises(ValueError, match=r"means must have shape \(2, 1\)"):
        UnitStates(dead, np.zeros((2, 1)), np.zeros((3, 1)))
