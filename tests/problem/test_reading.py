"""Data are read once, in whatever form they come, and noise in them is noticed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from problem.zoo import CLASSES, Mlp, Reference, examples, loss_of
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, RandomSampler, TensorDataset

import landscape
from landscape import Grid, Problem, Subset, TrainingConfig
from landscape.kinks import along_path
from landscape.networks.parameters import flatten
from landscape.problem import reading

X, Y = examples()


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(3)
    return Mlp()


class Counting(Dataset[tuple[Tensor, Tensor]]):
    """Counts how often an example is read."""

    def __init__(self) -> None:
        self.reads = 0

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        self.reads += 1
        return X[index], Y[index]


def test_a_loader_is_read_once_for_all_records_of_a_path(model: nn.Module) -> None:
    """It was read 34 times for 3 records."""
    data = Counting()
    problem = Problem(model, data=DataLoader(data, batch_size=10))
    run = landscape.train(problem, config=TrainingConfig(steps=6, record_every=2))
    along_path(problem, run, records=[1, 2, 3])
    looked_at = 2 * len(range(0, len(X), len(X) // reading._LOOKED_AT))
    assert data.reads == len(X) + looked_at


def test_a_generator_serves_every_instrument_and_every_variant(model: nn.Module) -> None:
    problem = Problem(model, data=((x, y) for x, y in zip(X.split(10), Y.split(10), strict=True)))
    wanted = float(functional.cross_entropy(model(X), Y).detach())
    assert loss_of(problem) == pytest.approx(wanted, rel=1e-5)
    wide = replace(problem, dtype=torch.float64)
    assert loss_of(wide) == pytest.approx(wanted, rel=1e-5)
    assert np.isfinite(landscape.gradient(wide)).all()
    few = replace(wide, subset=Subset(7))
    assert few.examples == 7
    assert replace(few, subset=None).examples == len(X)


def test_a_variant_derives_from_the_data_as_they_were_given(model: nn.Module) -> None:
    """Not from a cast of them: 1/3 in float64 is not 1/3 in float32."""
    x = torch.full((12, 6), 1 / 3, dtype=torch.float64)
    narrow = Problem(model, data=(x, Y[:12]), dtype=torch.float32)
    loss_of(narrow)
    wide = replace(narrow, dtype=torch.float64)
    assert torch.equal(wide.batches().joined()[0], x)


def test_a_subset_of_a_dataset_reads_only_what_was_drawn(model: nn.Module) -> None:
    data = Counting()
    loss_of(Problem(model, data=data, subset=Subset(3)))
    assert data.reads <= 3 + 2 * (reading._LOOKED_AT + 1)


class Augmented(Counting):
    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        x, y = super().__getitem__(index)
        return x + 0.1 * torch.randn(x.shape), y


class Drawing:
    """Gives other batches each time."""

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        index = torch.randint(0, len(X), (20,))
        yield X[index], Y[index]


def _with_replacement() -> Any:
    data = TensorDataset(X, Y)
    return DataLoader(data, batch_size=10, sampler=RandomSampler(data, replacement=True))


NOISY: dict[str, Any] = {
    "dataset": Augmented,
    "loader": lambda: DataLoader(Augmented(), batch_size=10),
    "replacement": _with_replacement,
    "iterable": Drawing,
}


@pytest.mark.parametrize("kind", NOISY)
def test_data_that_differ_when_read_twice_are_frozen_with_a_warning(
    kind: str, model: nn.Module, caplog: pytest.LogCaptureFixture
) -> None:
    problem = Problem(model, data=NOISY[kind](), dtype=torch.float64)
    plane = landscape.random_plane(model)
    one, two = (landscape.sample(problem, plane, grid=Grid.square(3)) for _ in range(2))
    np.testing.assert_allclose(one.losses, two.losses, rtol=1e-12)
    assert caplog.text.count("the data differ when they are read twice") == 1


@pytest.mark.parametrize("shuffle", [False, True])
def test_shuffled_data_are_no_noise(
    shuffle: bool, model: nn.Module, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    problem = Problem(model, data=DataLoader(TensorDataset(X, Y), batch_size=7, shuffle=shuffle))
    wanted = float(functional.cross_entropy(model(X), Y).detach())
    assert loss_of(problem) == pytest.approx(wanted, rel=1e-5)
    assert not caplog.text


class Endless(Counting):
    """More data than any memory holds."""

    def __len__(self) -> int:
        return 10**15

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return super().__getitem__(index % len(X))


def test_data_that_do_not_fit_in_memory_are_refused(model: nn.Module) -> None:
    with pytest.raises(ValueError, match=r"need about .* GB, got a machine.*subset=Subset"):
        loss_of(Problem(model, data=Endless()))


class Sparse(nn.Module):
    """A linear layer for sparse inputs, smoothed by a sparse matrix that it holds."""

    def __init__(self, layout: torch.layout) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(6, CLASSES))
        mixed = torch.eye(CLASSES) + 0.1
        self.mixing = mixed.to_sparse(layout=layout)
        self.register_buffer("also", mixed.to_sparse(layout=layout))

    def forward(self, x: Tensor) -> Tensor:
        scores = torch.sparse.mm(x, self.weight) if x.layout != torch.strided else x @ self.weight
        return torch.sparse.mm(self.also, torch.sparse.mm(self.mixing, scores.T)).T  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta")
@pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr])
@pytest.mark.parametrize("form", ["pair", "batches", "dense"])
def test_sparse_tensors_in_batches_and_in_networks(layout: torch.layout, form: str) -> None:
    torch.manual_seed(0)
    sparse, dense = Sparse(layout), X * (X > 0)
    if form == "dense":
        data: Any = (dense, Y)
    elif form == "pair":
        data = (dense.to_sparse(layout=layout), Y)
    else:
        data = [(dense[i : i + 12].to_sparse(layout=layout), Y[i : i + 12]) for i in (0, 12, 24)]
    problem = Problem(sparse, data=data, dtype=torch.float64)
    mixed = torch.eye(CLASSES, dtype=torch.float64) + 0.1
    wide = dense.double() @ sparse.weight.detach().double() @ mixed.T @ mixed.T
    assert loss_of(problem) == pytest.approx(float(functional.cross_entropy(wide, Y)), rel=1e-6)
    plane = landscape.random_plane(sparse)
    surface = landscape.sample(problem, plane, grid=Grid.square(3), gradients=True)
    assert np.isfinite(surface.fields["gradient_alpha"]).all()


@dataclass
class Graph:
    """Neither a tensor nor a collection of any."""

    nodes: Tensor
    name: str


def graph_loss(model: nn.Module, batch: Any) -> Tensor:
    graph, words, number = batch["graph"], batch["words"], batch["number"]
    assert isinstance(graph, Graph)
    assert words == ["a", "b"]
    assert isinstance(number, float)
    return functional.cross_entropy(model(graph.nodes.to(batch["like"])), batch["labels"]) * number


def graph_batch(first: int, last: int) -> dict[str, Any]:
    return {
        "graph": Graph(X[first:last], "molecule"), "words": ["a", "b"], "number": 2.0,
        "labels": Y[first:last], "like": torch.zeros(()),
    }  # fmt: skip


@pytest.mark.parametrize("several", [False, True])
def test_strings_numbers_and_objects_reach_the_loss_as_they_came(
    several: bool, model: nn.Module
) -> None:
    data: Any = [graph_batch(0, 12), graph_batch(12, 30)] if several else graph_batch(0, 30)
    problem = Problem(model, graph_loss, data, dtype=torch.float64)
    wanted = 2 * Reference(model, functional.cross_entropy, [(X, Y)]).value(flatten(model)).detach()
    assert loss_of(problem) == pytest.approx(float(wanted), rel=1e-6)
    assert np.isfinite(landscape.gradient(problem)).all()


def test_batches_without_tensors_weigh_alike(model: nn.Module) -> None:
    def scaled(model: nn.Module, batch: Any) -> Tensor:
        return next(model.parameters()).square().sum() * batch["factor"]

    problem = Problem(model, scaled, [{"factor": 1.0}, {"factor": 3.0}], dtype=torch.float64)
    weight = next(model.parameters()).detach().double()
    assert loss_of(problem) == pytest.approx(2 * float(weight.square().sum()), rel=1e-6)


def test_derivatives_in_the_forward_pass_name_batch_loss() -> None:
    class Physical(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(1, 1)

        def forward(self, x: Tensor) -> Tensor:
            x.requires_grad_()
            return torch.autograd.grad(self.inner(x).sum(), x, create_graph=True)[0]

    with pytest.raises(ValueError, match=r"landscape\.batch_loss"):
        loss_of(Problem(Physical(), "mse", (torch.zeros(4, 1), torch.zeros(4, 1))))


def test_a_problem_without_data_says_what_to_give(model: nn.Module) -> None:
    problem = Problem(model)
    with pytest.raises(ValueError, match=r"needs data, got none; give Problem\(..., data="):
        landscape.gradient(problem)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"model": "mlp"}, "model must be a torch.nn.Module, got str"),
        ({"subset": 512}, r"subset must be a Subset, got 512; write Subset\(512\)"),
        (
            {"dtype": "float64"},
            "dtype must be a floating point type of torch, got 'float64'; write",
        ),
        ({"dtype": torch.int64}, "dtype must be a floating point type of torch"),
        ({"loss": nn.CrossEntropyLoss}, r"got the class CrossEntropyLoss; give an instance"),
        ({"loss": (X, Y)}, r"loss must be a name or a function, got tuple; write Problem\("),
        ({"metrics": "accuracy"}, "metrics must be functions of .* by name, got 'accuracy'"),
        ({"metrics": {"acc": "accuracy"}}, "metrics must be functions"),
        ({"device": "cudaa"}, "device must be one that torch has here, got 'cudaa'"),
        ({"loss": "crossentropy"}, "unknown loss 'crossentropy'; known: cross_entropy, mse"),
        ({"batch_norm": "train"}, "unknown batch_norm 'train'; known: frozen, batch"),
    ],
)
def test_wrong_arguments_are_refused_at_once(
    wrong: dict[str, Any], message: str, model: nn.Module
) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        Problem(**{"model": model, "data": (X, Y), **wrong})


def test_old_and_swapped_calls_say_what_to_write(model: nn.Module) -> None:
    problem, plane = Problem(model, data=(X, Y)), landscape.random_plane(model)
    calls: list[Any] = [
        lambda: landscape.sample(model, plane),
        lambda: landscape.sample(plane, problem),
        lambda: landscape.train(model),
        lambda: landscape.hessian_eigenpairs(model),
        lambda: landscape.slope_budget(model, landscape.random_segment(model)),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=r"must be a landscape.Problem, got .*; write"):
            call()
    with pytest.raises(TypeError, match=r"grid must be a Grid, got 9; write Grid.square\(9\)"):
        landscape.sample(problem, plane, grid=9)
    with pytest.raises(TypeError, match=r"got Problem; of a problem give problem.model"):
        landscape.random_plane(problem)


def test_a_problem_is_told_in_a_line(model: nn.Module) -> None:
    problem = Problem(model, data=(X, Y))
    assert "data=tuple" in repr(problem)
    loss_of(problem)
    assert "data=30 examples" in repr(problem)


@pytest.mark.parametrize("loss", [nn.MSELoss(), nn.L1Loss(), nn.SmoothL1Loss(), nn.HuberLoss()])
def test_losses_of_torch_that_would_broadcast_are_refused(loss: nn.Module) -> None:
    """Output [N, 1] against target [N] gave the mean over all pairs, with a warning each."""
    problem = Problem(nn.Linear(6, 1), loss, (X, X[:, 0]))
    with pytest.raises(ValueError, match=r"same shape: Using a target size.*unsqueeze\(-1\)"):
        loss_of(problem)


def test_a_subset_of_a_loss_that_gives_a_mean_comes_without_standard_errors(
    model: nn.Module,
) -> None:
    mean, each = (nn.CrossEntropyLoss(reduction=r) for r in ("mean", "none"))
    fields = [
        Problem(model, loss, (X, Y), subset=Subset(9)).evaluator().fields for loss in (mean, each)
    ]
    assert "standard_errors" not in fields[0]
    assert "standard_errors" in fields[1]
