"""Which statistics normalise: those of the model, of the batch, or of all data at the point."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from landscape import Grid, Plane, Problem, SamplingConfig, random_plane, sample
from landscape.evaluation.engine import PlaneEvaluator
from landscape.networks.parameters import assign
from landscape.problem.batch_norm import pooled_statistics

POINTS = np.random.default_rng(3).normal(size=(5, 2))
POLICIES = ("frozen", "batch", "recalibrated")


def network() -> nn.Module:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5),
        nn.Flatten(), nn.Linear(64, 6), nn.BatchNorm1d(6, momentum=None), nn.Tanh(),
        nn.Linear(6, 3),
    ).double()  # fmt: skip
    model(images()[0])
    return model


def images(count: int = 37) -> Any:
    draws = torch.Generator().manual_seed(1)
    inputs = 2 + torch.randn(count, 2, 4, 4, generator=draws, dtype=torch.float64)
    return inputs, torch.arange(count) % 3


def batches() -> Any:
    inputs, targets = images()
    return [(inputs[:20], targets[:20]), (inputs[20:], targets[20:])]


def fixed(strategy: str) -> SamplingConfig:
    return SamplingConfig(strategy=strategy, chunk=3, batch_size=37, threads=1)  # type: ignore[arg-type]


def at_points(model: nn.Module, plane: Plane, value: Any) -> list[float]:
    """Return ``value`` of copies of the model at the points, in float64."""
    values = []
    for theta in plane.points(POINTS):
        twin = copy.deepcopy(model)
        assign(twin, theta)
        with torch.no_grad():
            values.append(float(value(twin)))
    return values


def dropout_off(model: nn.Module) -> nn.Module:
    model.train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    return model


def weighted(model: nn.Module, data: Any) -> Tensor:
    losses = [functional.cross_entropy(model(x), y, reduction="sum") for x, y in data]
    return torch.stack(losses).sum() / sum(len(y) for _, y in data)


@pytest.mark.parametrize("strategy", ["loop", "copy", "vmap", "gradient"])
@pytest.mark.parametrize("data", [[images()], batches()], ids=["one batch", "two batches"])
def test_batch_statistics_are_those_of_a_copy_in_training_mode(strategy: str, data: Any) -> None:
    model = network()
    plane = random_plane(model)
    wanted = at_points(model, plane, lambda twin: weighted(dropout_off(twin), data))
    evaluator = PlaneEvaluator(
        Problem(model, "cross_entropy", data, batch_norm="batch"), plane, config=fixed(strategy)
    )
    assert evaluator.choice.strategy == strategy
    np.testing.assert_allclose(evaluator(POINTS)["losses"], wanted, rtol=1e-11)
    assert evaluator.settings["batches"] == len(data)
    assert evaluator.settings["batch_size"] == max(len(y) for _, y in data)


@pytest.mark.parametrize("strategy", ["loop", "copy"])
def test_recalibrated_statistics_of_one_batch_are_those_that_torch_recomputes(
    strategy: str,
) -> None:
    model, data = network(), images()
    plane = random_plane(model)

    def recomputed(twin: nn.Module) -> Tensor:
        with torch.no_grad():
            for module in twin.modules():
                if isinstance(module, nn.Dropout):
                    module.p = 0.0
            update_bn([data[0]], twin)
        return weighted(twin.eval(), [data])

    wanted = at_points(model, plane, recomputed)
    evaluator = PlaneEvaluator(
        Problem(model, "cross_entropy", data, batch_norm="recalibrated"),
        plane,
        config=fixed(strategy),
    )
    np.testing.assert_allclose(evaluator(POINTS)["losses"], wanted, rtol=1e-11)


@pytest.mark.parametrize("strategy", ["loop", "copy"])
def test_statistics_of_several_batches_are_pooled_exactly(strategy: str) -> None:
    model, data = network(), batches()
    plane = random_plane(model)

    def by_hand(twin: nn.Module) -> Tensor:
        first, second = [m for m in twin if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]  # type: ignore[attr-defined]
        dropout_off(twin)
        seen: dict[nn.Module, list[Tensor]] = {first: [], second: []}
        for x, _ in data:
            hidden = twin[0](x)  # type: ignore[index]
            seen[first].append(hidden)
            seen[second].append(twin[2:6](first(hidden)))  # type: ignore[index]
        for layer, inputs in seen.items():
            every = torch.cat(inputs).transpose(0, 1).flatten(1)
            layer.running_mean, layer.running_var = every.mean(1), every.var(1)
        return weighted(twin.eval(), data)

    wanted = at_points(model, plane, by_hand)
    evaluator = PlaneEvaluator(
        Problem(model, "cross_entropy", data, batch_norm="recalibrated"),
        plane,
        config=fixed(strategy),
    )
    np.testing.assert_allclose(evaluator(POINTS)["losses"], wanted, rtol=1e-11)


def test_policies_differ_where_they_should_and_only_there(model: nn.Module, examples: Any) -> None:
    normalised, plane = network(), random_plane(network())
    losses = {
        policy: sample(
            Problem(normalised, "cross_entropy", images(), batch_norm=policy),
            plane,
            grid=Grid.square(3),
        ).losses
        for policy in POLICIES
    }
    for one, two in (("frozen", "batch"), ("batch", "recalibrated"), ("frozen", "recalibrated")):
        assert np.abs(losses[one] - losses[two]).min() > 1e-6
    for policy in POLICIES:
        surface = sample(
            Problem(model, "cross_entropy", examples, batch_norm=policy),
            random_plane(model),
            grid=Grid.square(3),
        )
        assert surface.settings["batch_norm"] == policy
        wanted = float(functional.cross_entropy(model(examples[0]), examples[1]).detach())
        assert surface.losses[1, 1] == pytest.approx(wanted, rel=1e-13)


@pytest.mark.parametrize(
    ("policy", "strategy"),
    [
        *[(p, s) for p in ("frozen", "batch") for s in ("loop", "copy", "vmap", "gradient")],
        ("recalibrated", "loop"),
        ("recalibrated", "copy"),
    ],
)
def test_the_model_is_bit_identical_afterwards(policy: Any, strategy: str) -> None:
    model = network()
    model[0].weight.requires_grad_(requires_grad=False)  # type: ignore[index]
    model[6].eval()  # type: ignore[index]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert int(before["1.num_batches_tracked"]) == 1
    modes = [module.training for module in model.modules()]
    grads = [parameter.requires_grad for parameter in model.parameters()]
    first, again = (
        sample(
            Problem(model, "cross_entropy", batches(), batch_norm=policy),
            random_plane(model),
            grid=Grid.square(3),
            engine=fixed(strategy),
        )
        for _ in range(2)
    )
    np.testing.assert_array_equal(first.losses, again.losses)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert modes == [module.training for module in model.modules()]
    assert grads == [parameter.requires_grad for parameter in model.parameters()]
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_data_of_one_batch_stay_one_batch_unless_the_engine_says_otherwise() -> None:
    model = network()
    plane = random_plane(model)
    for size, wanted in ((0, (1, 37)), (20, (2, 20))):
        engine = SamplingConfig(strategy="copy", batch_size=size, threads=1)
        evaluator = PlaneEvaluator(
            Problem(model, "cross_entropy", images(), batch_norm="batch"), plane, config=engine
        )
        settings = evaluator.settings
        assert (settings["batches"], settings["batch_size"]) == wanted


def test_instances_are_normalised_by_their_own_statistics_or_by_means_over_the_data() -> None:
    torch.manual_seed(0)
    layer = nn.InstanceNorm2d(2, affine=True, track_running_stats=True)
    model = nn.Sequential(layer, nn.Flatten(), nn.Linear(32, 3)).double()
    plane, (inputs, targets) = random_plane(model), images()
    flat = inputs.flatten(2)
    own = functional.instance_norm(inputs, weight=layer.weight, bias=layer.bias)
    mean, var = flat.mean(2).mean(0), flat.var(2).mean(0)
    pooled = functional.batch_norm(inputs, mean, var, layer.weight, layer.bias)
    for policy, hidden in (("batch", own), ("recalibrated", pooled)):
        for strategy in ("loop", "copy"):
            evaluator = PlaneEvaluator(
                Problem(model, "cross_entropy", (inputs, targets), batch_norm=policy),
                plane,
                config=fixed(strategy),
            )
            wanted = functional.cross_entropy(model[2](hidden.flatten(1)), targets).detach()
            found = evaluator(np.zeros((1, 2)))["losses"][0]
            assert found == pytest.approx(float(wanted), rel=1e-12)


def test_a_loss_of_model_and_batch_follows_the_policy() -> None:
    def whole(model: nn.Module, batch: Any) -> Tensor:
        return functional.cross_entropy(model(batch[0]), batch[1])

    model = network()
    plane = random_plane(model)
    for policy in POLICIES:
        for strategy in ("loop", "copy"):
            plain, found = (
                PlaneEvaluator(
                    Problem(model, loss, batches(), batch_norm=policy),
                    plane,
                    config=fixed(strategy),
                )(POINTS)["losses"]
                for loss in ("cross_entropy", whole)
            )
            np.testing.assert_allclose(found, plain, rtol=1e-12)


def test_inputs_far_from_zero_lose_no_digits() -> None:
    layer = nn.BatchNorm1d(1).double().eval()
    every = 1e8 + torch.arange(10, dtype=torch.float64)[:, None]
    found = pooled_statistics(layer, lambda: [layer(part) for part in every.split([4, 4, 2])])
    assert every.var().item() == pytest.approx(55 / 6)
    assert found["running_var"].item() == pytest.approx(every.var().item(), rel=1e-9)


# -- mistakes -------------------------------------------------------------------------------------


def test_what_is_not_possible_is_refused(model: nn.Module, examples: Any) -> None:
    plane = random_plane(network())
    with pytest.raises(ValueError, match="'train'; known: frozen, batch, recalibrated"):
        sample(Problem(model, "mse", examples, batch_norm="train"), random_plane(model))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="gradients do not go through"):
        sample(
            Problem(network(), "cross_entropy", images(), batch_norm="recalibrated"),
            plane,
            gradients=True,
        )
    with pytest.raises(ValueError, match=r"one point after another.*leave it at 'auto'"):
        sample(
            Problem(network(), "cross_entropy", images(), batch_norm="recalibrated"),
            plane,
            engine=fixed("vmap"),
        )


def test_a_batch_of_one_example_is_explained() -> None:
    model, (inputs, targets) = network(), images()
    data = [(inputs[:1], targets[:1]), (inputs[1:], targets[1:])]
    with pytest.raises(ValueError, match=r"fails on the inputs .*more than 1 value per channel"):
        sample(Problem(model, "cross_entropy", data, batch_norm="batch"), random_plane(model))


def test_running_statistics_that_are_no_numbers_are_explained() -> None:
    model = network()
    model[1].running_var[0] = float("nan")  # type: ignore[index]
    with pytest.raises(ValueError, match=r"running statistics of 1 hold NaN .*'recalibrated'"):
        sample(Problem(model, "cross_entropy", images()), random_plane(model))
    surface = sample(
        Problem(model, "cross_entropy", images(), batch_norm="recalibrated"),
        random_plane(model),
        grid=Grid.square(3),
    )
    assert np.all(np.isfinite(surface.losses))
