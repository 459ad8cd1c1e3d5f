"""Faults of reading, normalising and training that a reviewer found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from problem.zoo import CLASSES, Mlp, examples, loss_of
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

import landscape
from landscape import Problem, Subset, TrainingConfig
from landscape.training.training_checkpoint import TrainingCheckpoint

X, Y = examples()
Pairs = Iterator[tuple[Tensor, Tensor]]


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(3)
    return Mlp()


def entropy(model: nn.Module, x: Tensor = X, y: Tensor = Y) -> float:
    return float(functional.cross_entropy(model(x), y).detach())


def split() -> Pairs:
    return zip(X.split(5), Y.split(5), strict=True)


class Stream(IterableDataset[Any]):
    """Begins anew each time, and does not know its length."""

    def __iter__(self) -> Pairs:
        return zip(X, Y, strict=True)


class Batched(IterableDataset[Any]):
    def __iter__(self) -> Pairs:
        return split()


class Unsure(Stream):
    def __len__(self) -> int:
        raise NotImplementedError


class OneStream(IterableDataset[Any]):
    def __init__(self) -> None:
        self.stored = zip(X, Y, strict=True)

    def __iter__(self) -> Pairs:
        return self.stored


class Stored:
    """Gives the same generator each time."""

    def __init__(self) -> None:
        self.stored = split()

    def __iter__(self) -> Pairs:
        return self.stored


class Once:
    """Refuses to be read twice."""

    def __init__(self) -> None:
        self.reads = 0

    def __iter__(self) -> Pairs:
        self.reads += 1
        if self.reads > 1:
            raise RuntimeError("read before")
        return split()


class Keyed(Dataset[tuple[Tensor, Tensor]]):
    """Has examples by name, and no length."""

    def __getitem__(self, name: str) -> tuple[Tensor, Tensor]:
        return X[int(name[1:])], Y[int(name[1:])]


STREAMS: dict[str, Callable[[], Any]] = {
    "loader of a stream": lambda: DataLoader(Stream(), batch_size=8),
    "loader of a stream of batches": lambda: DataLoader(Batched(), batch_size=None),
    "length not implemented": lambda: DataLoader(Unsure(), batch_size=8),
    "loader of one generator": lambda: DataLoader(OneStream(), batch_size=8),
    "one generator": Stored,
    "once": Once,
    "keyed": lambda: DataLoader(Keyed(), batch_size=8, sampler=[f"n{i}" for i in range(len(X))]),
}


@pytest.mark.parametrize("kind", STREAMS)
def test_every_example_of_a_stream_counts(
    kind: str, model: nn.Module, caplog: pytest.LogCaptureFixture
) -> None:
    """Some had no len(); others lost their first two batches to the test for noise."""
    problem = Problem(model, data=STREAMS[kind]())
    assert problem.examples == len(X)
    assert loss_of(problem) == pytest.approx(entropy(model), rel=1e-5)
    assert "read twice" not in caplog.text


class NoisyStream(IterableDataset[Any]):
    def __iter__(self) -> Pairs:
        return zip(X + torch.rand(()), Y, strict=True)


def test_a_loader_of_a_noisy_stream_is_told(
    model: nn.Module, caplog: pytest.LogCaptureFixture
) -> None:
    assert Problem(model, data=DataLoader(NoisyStream(), batch_size=8)).examples == len(X)
    assert caplog.text.count("the data differ when they are read twice") == 1


@pytest.mark.parametrize(
    "data",
    [
        lambda: DataLoader(TensorDataset(X, Y), batch_size=7, shuffle=True),
        lambda: DataLoader(TensorDataset(X, Y), batch_size=7),
        lambda: TensorDataset(X, Y),
        lambda: lambda: DataLoader(TensorDataset(X, Y), batch_size=7, shuffle=True),
    ],
)
def test_a_subset_is_the_same_before_and_after_all_was_read(
    data: Callable[[], Any], model: nn.Module
) -> None:
    """Of a shuffled loader that was read before, it was drawn from the shuffled batches."""
    subset, problem = Subset(10, 3), Problem(model, data=data())
    index = subset.indices(len(X))
    assert problem.examples == len(X)
    after, fresh = replace(problem, subset=subset), Problem(model, data=data(), subset=subset)
    for one in (after, fresh):
        assert torch.equal(one.batches().joined()[0], X[index])
    assert loss_of(after) == loss_of(fresh)
    assert replace(fresh, subset=None).examples == len(X)


class TwoInputs(nn.Module):
    """Takes one argument or two, and gives as many outputs."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.layer = nn.Linear(6, 6)

    def forward(self, one: Tensor, other: Tensor | None = None) -> Any:
        return self.layer(one) if other is None else (self.layer(one), self.layer(other))


def squares(output: Any, target: Any) -> Tensor:
    """Return the mean of all squares, over pairs too."""
    if isinstance(output, Tensor):
        return functional.mse_loss(output, target)
    return torch.stack(
        [functional.mse_loss(o, t) for o, t in zip(output, target, strict=True)]
    ).mean()


A, B, C, D = torch.randn(4, 12, 6, generator=torch.Generator().manual_seed(5))
AMBIGUOUS: dict[str, Any] = {
    "tuples": ((A, B), (C, D)),
    "arrays": ((A.numpy(), B.numpy()), (C.numpy(), D.numpy())),
    "tuple and mapping": ((A, B), {"labels": C, "x": D}),
    "mapping and tuple": ({"x": A, "labels": B}, (C, D)),
}


@pytest.mark.parametrize("kind", AMBIGUOUS)
def test_two_collections_that_may_be_one_batch_or_two_are_refused(kind: str) -> None:
    """They were read as two batches."""
    with pytest.raises(ValueError, match=r"one batch .* write \[\(\(a, b\), \(c, d\)\)\], for two"):
        loss_of(Problem(TwoInputs(), squares, AMBIGUOUS[kind]))


def test_two_inputs_and_two_targets_are_told_from_two_batches() -> None:
    two = TwoInputs()
    wanted = {
        "one": float(squares(two(A, B), (C, D)).detach()),
        "two": float(squares(two(torch.cat([A, C])), torch.cat([B, D])).detach()),
    }
    assert loss_of(Problem(two, squares, [((A, B), (C, D))])) == pytest.approx(wanted["one"])
    pairs: Any
    for pairs in ([(A, B), (C, D)], [[A, B], [C, D]], ([A, B], [C, D])):
        assert loss_of(Problem(two, squares, pairs)) == pytest.approx(wanted["two"])
    uneven = Problem(two, squares, ((A, B), (C[:5], D[:5])))
    assert [len(inputs) for inputs, _ in uneven.batches().parts] == [12, 5]


SEVERAL_TARGETS: dict[str, tuple[Any, Any]] = {
    "tuple": ((C, D), lambda t: t),
    "list": ([C, D], lambda t: t),
    "mapping": ({"a": C, "b": D}, lambda t: (t["a"], t["b"])),
}


@pytest.mark.parametrize("kind", SEVERAL_TARGETS)
@pytest.mark.parametrize("inputs", ["tensors", "mapping", "tuple of one"])
def test_targets_may_be_a_collection(kind: str, inputs: str) -> None:
    """(x, (t1, t2)) was refused, "got Tensor"."""
    targets, taken = SEVERAL_TARGETS[kind]
    two = TwoInputs()

    def loss(output: Any, target: Any) -> Tensor:
        both = (output, output) if isinstance(output, Tensor) else output
        return squares(both, taken(target))

    given: dict[str, Any] = {
        "tensors": (A, targets),
        "mapping": ({"one": A}, targets),
        "tuple of one": ((A,), targets),
    }
    problem = Problem(two, loss, given[inputs], dtype=torch.float64)
    assert problem.examples == len(A)
    assert loss_of(problem) == pytest.approx(float(loss(two(A), targets).detach()), rel=1e-5)


def test_batches_for_a_loss_of_model_and_batch_stay_batches() -> None:
    def loss(model: nn.Module, batch: Any) -> Tensor:
        return squares(model(batch["x"]), batch["y"])

    two = TwoInputs()
    data = [{"x": A, "y": B}, {"x": C, "y": D}]
    assert Problem(two, loss, data).examples == 24
    with pytest.raises(ValueError, match="one batch or two"):
        loss_of(Problem(two, loss, tuple(data)))


class OwnBatchNorm(_BatchNorm):
    def _check_input_dim(self, entries: Tensor) -> None:  # type: ignore[override]
        assert entries.ndim > 1


class OwnInstanceNorm(_InstanceNorm):
    def _get_no_batch_dim(self) -> int:
        return 2

    def _check_input_dim(self, entries: Tensor) -> None:  # type: ignore[override]
        assert entries.ndim == 3


class Later(nn.BatchNorm1d):
    """A class below one that torch names."""


def _normalised(norm: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(6)
    return nn.Sequential(
        nn.Unflatten(1, (2, 3)), norm(), nn.Flatten(), nn.Tanh(), nn.Linear(6, CLASSES)
    )


@pytest.mark.parametrize("policy", ["frozen", "batch", "recalibrated"])
@pytest.mark.parametrize(
    ("own", "usual"),
    [
        (lambda: OwnBatchNorm(2), lambda: nn.BatchNorm1d(2)),
        (lambda: Later(2), lambda: nn.BatchNorm1d(2)),
        (
            lambda: OwnInstanceNorm(2, track_running_stats=True),
            lambda: nn.InstanceNorm1d(2, track_running_stats=True),
        ),
    ],
)
def test_normalising_layers_of_the_users_follow_the_policy(
    own: Callable[[], nn.Module], usual: Callable[[], nn.Module], policy: Any
) -> None:
    """Only torch's own classes did."""
    one, other = (
        Problem(_normalised(norm), data=(X, Y), batch_norm=policy) for norm in (own, usual)
    )
    assert loss_of(one) == loss_of(other)
    assert one.evaluator().normalising_layers == 1


def test_a_lazy_normalising_layer_is_told_as_such() -> None:
    lazy = nn.Sequential(nn.Linear(6, 4), nn.LazyBatchNorm1d(), nn.Linear(4, CLASSES))
    with pytest.raises(ValueError, match=r"1.weight has no shape yet, its layer is lazy; call"):
        loss_of(Problem(lazy, data=(X, Y)))


STEPS = TrainingConfig(steps=4, batch_size=8)


def _batch_normed() -> nn.Module:
    return _normalised(lambda: nn.BatchNorm1d(2))


WRAPPERS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "parallel": nn.DataParallel,
    "averaged": lambda module: torch.optim.swa_utils.AveragedModel(module, use_buffers=True),
    "compiled": lambda module: torch.compile(module, backend="eager"),  # type: ignore[return-value]
}


@pytest.mark.parametrize("kind", WRAPPERS)
def test_a_path_of_a_wrapped_network_has_the_buffers_of_the_network(kind: str) -> None:
    """They were called module.*, which no plain network has: the statistics were lost."""
    wrapped, plain = WRAPPERS[kind](_batch_normed()), _batch_normed()
    paths = [
        landscape.train(Problem(m, data=(X, Y)), optimizer="sgd", config=STEPS)
        for m in (wrapped, plain)
    ]
    assert list(paths[0].buffers) == [name for name, _ in plain.named_buffers()]
    for name, values in paths[1].buffers.items():
        np.testing.assert_allclose(paths[0].buffers[name], values, rtol=1e-5)
    fresh = Problem(_batch_normed(), data=(X, Y))
    again = landscape.evaluate_losses(fresh, paths[0])
    assert again.losses[-1] == pytest.approx(paths[1].losses[-1], rel=1e-5)


def test_training_of_a_wrapped_network_is_taken_up_by_the_network_itself() -> None:
    kept: list[tuple[bytes, bytes]] = []
    keeping = TrainingCheckpoint(lambda piece, state: kept.append((piece, state)), seconds=0.0)
    config = TrainingConfig(steps=4, record_every=1, batch_size=8)
    wrapped = Problem(nn.DataParallel(_batch_normed()), data=(X, Y))
    whole = landscape.train(wrapped, optimizer="sgd", config=config, keeping=keeping)
    saved = [piece for piece, _ in kept[:2]], kept[1][1]
    taken_up = TrainingCheckpoint(lambda piece, state: None, saved=saved)
    plain = Problem(_batch_normed(), data=(X, Y))
    rest = landscape.train(plain, optimizer="sgd", config=config, keeping=taken_up)
    np.testing.assert_array_equal(rest.thetas, whole.thetas)
    assert all(np.array_equal(rest.buffers[name], whole.buffers[name]) for name in whole.buffers)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_batches_that_cannot_be_joined_are_not_drawn_from(optimizer: str) -> None:
    """torch.cat said that its sizes must match."""

    class Mean(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(1, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x.mean(dim=1, keepdim=True))  # type: ignore[no-any-return]

    data = [(X[:12], X[:12, :1]), (X[12:, :4], X[12:, :1])]
    problem = Problem(Mean(), "mse", data)
    with pytest.raises(ValueError, match=r"batches of 8 examples need .*\[12, 6\].*\[18, 4\].*pad"):
        landscape.train(problem, optimizer=optimizer, config=STEPS)
    assert np.isfinite(landscape.train(problem, optimizer="gd", config=STEPS).losses).all()


def test_the_network_is_trained_on_the_data_and_not_on_a_cast_of_them() -> None:
    """Of float64 data for a float64 network it saw what was left of them in float32."""
    x = torch.full((12, 6), 1 / 3, dtype=torch.float64)
    steps = TrainingConfig(steps=1)
    thetas = []
    for dtype in (None, torch.float32):
        torch.manual_seed(3)
        problem = Problem(Mlp().double(), data=(x, Y[:12]), dtype=dtype)
        thetas.append(landscape.train(problem, config=steps).thetas[-1])
    np.testing.assert_array_equal(thetas[0], thetas[1])


@pytest.mark.parametrize("coupled", [True, False])
def test_training_leaves_coupled_data_in_one_batch(coupled: bool) -> None:
    def root(output: Tensor, target: Tensor) -> Tensor:
        return functional.mse_loss(output, target).sqrt()

    many = torch.randn(600, 600, generator=torch.Generator().manual_seed(1))
    torch.manual_seed(3)
    problem = Problem(nn.Linear(600, 1), root if coupled else "mse", (many, many[:, :1] ** 3))
    square = float(functional.mse_loss(problem.model(many), many[:, :1] ** 3).detach())
    path = landscape.train(problem, config=TrainingConfig(steps=1))
    assert len(problem.batches().parts) > 1
    assert path.step_losses[0] == pytest.approx(square**0.5 if coupled else square, rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.int32, torch.int16, torch.bool])
def test_class_indices_of_another_precision_say_what_to_write(
    dtype: torch.dtype, model: nn.Module
) -> None:
    name = str(dtype).removeprefix("torch.")
    with pytest.raises(ValueError, match=rf"must be int64, got {name}; write targets.long\(\)"):
        loss_of(Problem(model, data=(X, Y.to(dtype))))
    assert loss_of(Problem(model, data=(X, Y.to(torch.uint8)))) == pytest.approx(entropy(model))
