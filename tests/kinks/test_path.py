"""Along the optimizer's way: closed forms of a bowl, and kinks counted another way."""

import numpy as np
import pytest
import torch
from torch import nn

import landscape
from landscape import Problem
from landscape.kinks.path import along_path, first_failure, spread_records


class Hinges(nn.Module):
    """Four rectified sums: the loss is piecewise linear along every line of biases."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.bias = nn.Parameter(torch.randn(4, generator=generator, dtype=torch.float64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + self.bias).sum(dim=1)


def output(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    del target
    return output


def trained(model: nn.Module, loss, pair, *, rate: float, steps: int = 4):
    config = landscape.TrainingConfig(steps=steps, record_every=1, learning_rates={"gd": rate})
    return landscape.train(Problem(model, loss, pair), optimizer="gd", config=config)


def test_a_bowl_has_its_closed_form() -> None:
    inputs = torch.diag(torch.tensor([3.0, 1.0, 0.5], dtype=torch.float64))
    model = nn.Linear(3, 1, bias=False, dtype=torch.float64)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[1.0, -2.0, 0.5]]))
    pair = (inputs, torch.zeros(3, 1, dtype=torch.float64))
    run = trained(model, "mse", pair, rate=0.05)
    hessian = 2 * np.diag([9.0, 1.0, 0.25]) / 3
    found = along_path(Problem(model, "mse", pair), run, records=[1, 3]).arrays
    assert found["steps"].tolist() == [0, 2]
    for row, record in enumerate((0, 2)):
        theta = np.asarray(run.thetas[record], dtype=np.float64)
        gradient = hessian @ theta
        bold = 0.2 * (gradient @ gradient) / (gradient @ hessian @ gradient)
        assert found["boldness"][row] == pytest.approx(bold / 0.05, rel=2e-4)
        along = np.linalg.norm(hessian @ gradient) / np.linalg.norm(gradient)
        assert found["lipschitz"][row] == pytest.approx(along, rel=1e-9)
        assert found["losses"][row] == pytest.approx(0.5 * theta @ hessian @ theta)
        assert found["step_lengths"][row] == pytest.approx(0.05 * np.linalg.norm(gradient))
    assert found["sharpness"] == pytest.approx(6.0, rel=1e-6)
    assert found["crossings"].tolist() == [0, 0]
    assert found["kink_noise"].tolist() == [0, 0]
    assert found["learning_rates"].tolist() == [0.05, 0.05]


def test_kink_noise_is_the_spread_of_what_kinks_do_to_single_examples() -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(60, 4, generator=generator, dtype=torch.float64)
    pair = (inputs, torch.zeros(60, dtype=torch.float64))
    model = Hinges()
    run = trained(model, output, pair, rate=0.4, steps=1)
    found = along_path(Problem(model, output, pair), run).arrays
    start, end = (torch.from_numpy(np.array(run.thetas[i])) for i in (0, 1))
    slopes = [((inputs + at > 0).double() @ (end - start)).numpy() for at in (start, end)]
    crossed = int(((inputs + start > 0) != (inputs + end > 0)).sum())
    assert found["crossings"].tolist() == [crossed]
    assert crossed > 10
    noise = np.std(slopes[1] - slopes[0]) / np.std(slopes[0])
    assert found["kink_noise"] == pytest.approx([noise], rel=1e-9)
    # Without kinks there is no curvature for autograd to see.
    assert found["sharpness"] == pytest.approx([0], abs=1e-12)
    assert found["lipschitz"][0] > 0.1


def test_the_ladder_finds_where_a_condition_first_fails() -> None:
    for edge in (3e-7, 0.4, 0.015625, 700.0):
        assert first_failure(lambda x, e=edge: x > e) == pytest.approx(edge, rel=2e-4)
    assert np.isnan(first_failure(lambda x: x < 0))
    assert np.isnan(first_failure(lambda x: x > 0))
    # It comes back, but the first failure counts.
    assert first_failure(lambda x: (x > 1) & (x < 1.5)) == pytest.approx(1, rel=2e-4)


def test_records_are_spread_and_the_model_stays_as_it_was() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    generator = torch.Generator().manual_seed(0)
    pair = (torch.randn(20, 3, generator=generator), torch.arange(20) % 2)
    run = trained(model, "cross_entropy", pair, rate=0.1, steps=7)
    assert spread_records(run, 3) == [1, 4, 7]
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = along_path(Problem(model, "cross_entropy", pair), run, records=[2])
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert found.arrays["passed"].all()
    with pytest.raises(ValueError, match="no step leads to the first record"):
        along_path(Problem(model, "cross_entropy", pair), run, records=[0])
