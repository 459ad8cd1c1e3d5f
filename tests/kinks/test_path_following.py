"""Along the optimizer's way: closed forms of a bowl, and kinks counted another way."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import landscape
from landscape import Problem
from landscape.kinks import along_path, spread_records
from landscape.kinks.first_failure import first_failure
from landscape.kinks.path_following import missed_share, share_of_promise
from landscape.networks.parameters import layout_of
from landscape.records.results import Analysis
from landscape.records.segment import averaged_segment
from landscape.training.loop import batch_at


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
        assert found["linear_range"][row] == pytest.approx(bold / 0.05, rel=2e-4)
        along = np.linalg.norm(hessian @ gradient) / np.linalg.norm(gradient)
        assert found["lipschitz"][row] == pytest.approx(along, rel=1e-9)
        assert found["losses"][row] == pytest.approx(0.5 * theta @ hessian @ theta)
        assert found["step_lengths"][row] == pytest.approx(0.05 * np.linalg.norm(gradient))
        # A parabola: autograd sees all of its bend.
        assert found["promised"][row] == pytest.approx(-0.05 * gradient @ gradient)
        change = 0.05**2 * gradient @ hessian @ gradient
        for name in ("slope_change", "smooth", "start", "predicted", "budget_smooth"):
            assert found[name][row] == pytest.approx(change, rel=1e-9), name
    assert found["sharpness"] == pytest.approx(6.0, rel=1e-6)
    assert found["kink"] == pytest.approx([0, 0], abs=1e-12)
    assert found["crossings"].tolist() == found["predicted_crossings"].tolist() == [0, 0]
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
    # All of the slope's change sits in kinks, which sum to it.
    assert found["smooth"].tolist() == found["start"].tolist() == [0]
    change = sum(after.sum() - before.sum() for before, after in [slopes]) / 60
    for name in ("slope_change", "kink", "predicted_kink", "budget_kink"):
        assert found[name] == pytest.approx([change], rel=1e-9), name
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


# -- single steps, by plain torch ----------------------------------------------------------------
def deep(activation: type[nn.Module], *, norm: bool = False) -> nn.Sequential:
    torch.manual_seed(0)
    layers = [nn.Linear(6, 12), activation(), nn.Linear(12, 12)]
    layers += [nn.BatchNorm1d(12)] if norm else []
    return nn.Sequential(*layers, activation(), nn.Linear(12, 3)).double()


def clouds(count: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return (torch.randn(count, 6, generator=generator, dtype=torch.float64),
            torch.randint(3, (count,), generator=generator))  # fmt: skip


def by_hand(
    model: nn.Module, theta: torch.Tensor, step: torch.Tensor, pair: tuple[torch.Tensor, ...]
) -> dict[str, float]:
    """Measure one step of a network by torch alone, with 300 midpoints."""
    shapes = {n: p.shape for n, p in model.named_parameters()}

    def slope(t: float, *, bend: bool = False) -> float:
        leaf = (theta + t * step).requires_grad_()
        parts = torch.split(leaf, [int(np.prod(s)) for s in shapes.values()])
        named = {n: p.view(s) for (n, s), p in zip(shapes.items(), parts, strict=True)}
        loss = nn.functional.cross_entropy(
            torch.func.functional_call(model, named, (pair[0],)), pair[1]
        )
        (gradient,) = torch.autograd.grad(loss, leaf, create_graph=bend)
        if not bend:
            return float(gradient @ step)
        return float(torch.autograd.grad(gradient @ step, leaf)[0] @ step)

    count = 300
    return {
        "promised": slope(0.0),
        "slope_change": slope(1.0) - slope(0.0),
        "smooth": sum(slope((k + 0.5) / count, bend=True) for k in range(count)) / count,
    }


@pytest.mark.parametrize("optimizer", ["gd", "momentum", "adam"])
@pytest.mark.parametrize("activation", [nn.ReLU, nn.GELU])
def test_the_change_of_slope_of_single_steps_is_that_of_plain_torch(
    activation: type[nn.Module], optimizer: str
) -> None:
    model, pair = deep(activation), clouds()
    problem = Problem(model, "cross_entropy", pair)
    rates = {"gd": 0.5, "momentum": 0.2, "adam": 0.05}
    config = landscape.TrainingConfig(steps=21, record_every=10, learning_rates=rates)
    run = landscape.train(problem, optimizer=optimizer, config=config)
    assert run.steps.tolist() == [0, 1, 10, 11, 20, 21]
    found = along_path(problem, run, checks=0, nodes=32).arrays
    assert found["steps"].tolist() == [0, 10, 20]
    for row, record in enumerate((1, 3, 5)):
        theta, after = (torch.from_numpy(np.array(run.thetas[i])) for i in (record - 1, record))
        wanted = by_hand(model, theta, after - theta, pair)
        assert found["promised"][row] == pytest.approx(wanted["promised"], rel=1e-9)
        assert found["slope_change"][row] == pytest.approx(wanted["slope_change"], rel=1e-7)
        close = 1e-5 if activation is nn.GELU else 0.03
        assert found["smooth"][row] == pytest.approx(wanted["smooth"], rel=close, abs=1e-9)
        missing = wanted["slope_change"] - wanted["smooth"]
        scale = abs(wanted["slope_change"])
        assert found["kink"][row] == pytest.approx(missing, abs=(close + 1e-4) * scale)
    if optimizer == "gd":
        assert (found["promised"] < 0).all()
        rows = found["predicted_crossings"]
        assert rows.any() == (activation is nn.ReLU)


def test_statistics_of_the_batch_are_those_the_step_was_taken_with() -> None:
    model, pair = deep(nn.ReLU, norm=True), clouds()
    problem = Problem(model, "cross_entropy", pair)
    config = landscape.TrainingConfig(steps=4, record_every=3, learning_rates={"gd": 0.3})
    run = landscape.train(problem, config=config)
    coupled = replace(problem, batch_norm="batch")
    found = along_path(coupled, run, records=[3], nodes=32)
    theta, after = (torch.from_numpy(np.array(run.thetas[i])) for i in (2, 3))
    wanted = by_hand(model.train(), theta, after - theta, pair)
    # With these the step goes down the gradient exactly: d = -rate g.
    rate, length = 0.3, float((after - theta).norm())
    assert found.arrays["promised"] == pytest.approx([-(length**2) / rate], rel=1e-9)
    for name in ("promised", "slope_change"):
        assert found.arrays[name] == pytest.approx([wanted[name]], rel=1e-7), name
    assert found.arrays["smooth"] == pytest.approx([wanted["smooth"]], rel=0.03)
    # Examples depend on each other, so that no budget of single examples can be made.
    assert np.isnan(found.arrays["budget_kink"]).all()
    assert np.isfinite(found.arrays["sharpness"]).all()
    assert found.settings["batch_norm"] == "batch"


def test_minibatches_are_measured_on_their_own() -> None:
    model, pair = deep(nn.ReLU), clouds()
    problem = Problem(model, "cross_entropy", pair)
    config = landscape.TrainingConfig(steps=6, record_every=5, batch_size=8,
                                      learning_rates={"sgd": 0.3})  # fmt: skip
    run = landscape.train(problem, optimizer="sgd", config=config, seed=2)
    batches = batch_at(problem, batch_size=8, seed=2)
    own = along_path(problem, run, records=[1, 3], checks=1, batch_of=batches)
    whole = along_path(problem, run, records=[1, 3], checks=1)
    assert (own.settings["loss_over"], own.settings["examples"]) == ("own batch", 8)
    assert (whole.settings["loss_over"], whole.settings["examples"]) == ("all examples", 40)
    for row, (record, step) in enumerate(((1, 0), (3, 5))):
        theta, after = (torch.from_numpy(np.array(run.thetas[i])) for i in (record - 1, record))
        for found, data in ((own, batches(step)), (whole, pair)):
            wanted = by_hand(model, theta, after - theta, data)
            for name in ("promised", "slope_change"):
                assert found.arrays[name][row] == pytest.approx(wanted[name], rel=1e-7)
        # On its own batch a step of SGD goes down the gradient exactly.
        length = float((after - theta).norm())
        assert own.arrays["promised"][row] == pytest.approx(-(length**2) / 0.3, rel=1e-6)


def test_a_mean_of_steps_is_no_step() -> None:
    """Back and forth cancel in it, and with them the jumps at the kink between."""
    layout = layout_of(nn.Linear(1, 1, bias=False))
    nothing = np.full(9, np.nan)
    thetas = np.array([[1.0], [-0.9], [0.8], [-0.1]])
    run = landscape.Trajectory(thetas, [0, 1, 2, 9], np.zeros(4), *[nothing] * 4, layout)
    assert run.single_steps.tolist() == [1, 2]
    step = landscape.step_segment(run, 2)
    assert (step.kind, step.settings["step"], step.length) == ("step", 2, pytest.approx(1.7))
    with pytest.raises(ValueError, match="got record -1 7 steps after the one before"):
        landscape.step_segment(run)
    mean = averaged_segment(run)
    assert (mean.kind, mean.settings["steps_averaged"]) == ("averaged_step", 7)
    np.testing.assert_allclose(mean.origin + mean.direction, thetas[-1])
    assert mean.length == pytest.approx(0.9 / 7)
    coarse = landscape.Trajectory(thetas, [0, 3, 6, 9], np.zeros(4), *[nothing] * 4, layout)
    with pytest.raises(ValueError, match="got 4 records none of which is one step after another"):
        spread_records(coarse, 3)


def test_shares_are_ratios_of_sums_over_steps_that_change() -> None:
    arrays = {"promised": np.array([-1.0, 2.0, -1.0]), "kink": np.array([0.03, -0.01, 0.004]),
              "slope_change": np.array([0.04, 0.1, 0.009])}  # fmt: skip
    found = Analysis("along_path", arrays)
    assert missed_share(found) == pytest.approx(0.02 / 0.14)
    assert np.isnan(missed_share(found, slice(2, 3)))
    assert share_of_promise(found, "kink") == pytest.approx(0.024 / 4)
    assert share_of_promise(found, "slope_change", slice(0, 1)) == pytest.approx(0.04)


def test_what_does_not_fit_is_refused_and_standing_still_is_left_out() -> None:
    model, pair = deep(nn.ReLU), clouds()
    problem = Problem(model, "cross_entropy", pair)
    config = landscape.TrainingConfig(steps=4, record_every=1, learning_rates={"gd": 0.3})
    run = landscape.train(problem, config=config)
    thetas = np.array(run.thetas)
    thetas[2] = thetas[1]
    still = replace(run, thetas=thetas)
    assert along_path(problem, still, checks=0).arrays["steps"].tolist() == [0, 2, 3]
    with pytest.raises(ValueError, match="the optimizer stood still in the step to record 2"):
        along_path(problem, still, records=[2])
    other = Problem(nn.Linear(6, 3).double(), "cross_entropy", pair)
    with pytest.raises(ValueError, match="the path must be that of the network"):
        along_path(other, run)
    with pytest.raises(ValueError, match="checks must be >= 0 and nodes >= 1, got -1 and 8"):
        along_path(problem, run, checks=-1)


def test_budgets_that_cannot_be_are_left_out() -> None:
    model, pair = deep(nn.ReLU), clouds()

    def mean(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(output, target)

    config = landscape.TrainingConfig(steps=1, learning_rates={"gd": 0.3})
    run = landscape.train(Problem(model, mean, pair), config=config)
    found = along_path(Problem(model, mean, pair), run).arrays
    wanted = along_path(Problem(model, "cross_entropy", pair), run).arrays
    assert np.isnan(found["budget_kink"]).all()
    for name in ("promised", "slope_change", "smooth", "predicted"):
        assert found[name] == pytest.approx(wanted[name], rel=1e-9), name


def test_the_batch_of_a_subset_is_whole() -> None:
    model, pair = deep(nn.ReLU), clouds()
    problem = Problem(model, "cross_entropy", pair, subset=landscape.Subset(20))
    config = landscape.TrainingConfig(steps=2, record_every=1, batch_size=5)
    run = landscape.train(problem, optimizer="sgd", config=config, seed=1)
    batches = batch_at(problem, batch_size=5, seed=1)
    found = along_path(problem, run, checks=0, batch_of=batches)
    np.testing.assert_allclose(found.arrays["losses"], run.step_losses, rtol=1e-9)
    loader = [tuple(t[k : k + 10] for t in pair) for k in range(0, 40, 10)]
    several = Problem(model, "cross_entropy", loader)
    assert len(batch_at(several, batch_size=0, seed=1)(0)[1]) == 40
