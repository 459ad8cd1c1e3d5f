"""Networks, losses and forms of data that people really have, and plain references for them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils import prune
from torch.nn.utils.parametrizations import weight_norm
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, TensorDataset

from landscape import Problem
from landscape.networks.parameters import flatten

CLASSES, EXAMPLES = 5, 30


class Mlp(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(6, 7), nn.Tanh(), nn.Linear(7, CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)  # type: ignore[no-any-return]


class ConvNorm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3)
        self.last = nn.Linear(3, CLASSES)
        self.norm.running_mean.normal_()  # type: ignore[union-attr]
        self.norm.running_var.uniform_(0.5, 2)  # type: ignore[union-attr]

    def forward(self, x: Tensor) -> Tensor:
        hidden = functional.silu(self.norm(self.conv(x.reshape(len(x), 1, 2, 3))))
        return self.last(hidden.mean(dim=(2, 3)))  # type: ignore[no-any-return]


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(2, 2, 3, padding=1)
        self.last = nn.Linear(6, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        images = x.reshape(len(x), 2, 1, 3)
        hidden = images + self.second(functional.gelu(self.first(images)))
        return self.last(hidden.flatten(1))  # type: ignore[no-any-return]


class Transformer(nn.Module):
    """Scores of the next token by the embedding's own table."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(CLASSES, 8)
        self.block = nn.TransformerEncoderLayer(8, 2, 12, batch_first=True, activation="gelu")

    def forward(self, x: Tensor) -> Tensor:
        tokens = (x * 3).long().abs() % CLASSES
        return self.block(self.table(tokens)).mean(dim=1) @ self.table.weight.T  # type: ignore[no-any-return]


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cells, self.last = nn.LSTM(2, 4, batch_first=True), nn.Linear(4, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        outputs, _ = self.cells(x.reshape(len(x), 3, 2))
        return self.last(outputs[:, -1])  # type: ignore[no-any-return]


class Checkpointed(nn.Module):
    def __init__(self, *, reentrant: bool | None = False) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, CLASSES)
        self.reentrant = reentrant

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.tanh(self.a(x))
        if self.reentrant is None:
            return self.c(self.block(hidden))  # type: ignore[no-any-return]
        return self.c(checkpoint(self.block, hidden, use_reentrant=self.reentrant))  # type: ignore[no-any-return]

    def block(self, hidden: Tensor) -> Tensor:
        return torch.tanh(self.b(hidden))


class InPlace(nn.Module):
    """Shifts its input, and works in place wherever it can."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x.sub_(0.25).mul_(2)
        hidden = functional.elu(self.a(functional.relu(x, inplace=True)), inplace=True)
        hidden = self.b(hidden)
        hidden += 0.5
        return self.c(hidden.tanh_())  # type: ignore[no-any-return]


def weight_normed() -> nn.Module:
    model = Mlp()
    weight_norm(model.layers[0])
    weight_norm(model.layers[2], dim=1)
    return model


def pruned() -> nn.Module:
    model = Mlp()
    prune.l1_unstructured(model.layers[0], "weight", amount=0.4)
    return model


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "mlp": Mlp,
    "conv_batch_norm": ConvNorm,
    "resnet_block": Residual,
    "transformer_tied": Transformer,
    "lstm": Recurrent,
    "checkpointed": Checkpointed,
    "in_place": InPlace,
    "weight_normed": weight_normed,
    "pruned": pruned,
}


def made(name: str) -> nn.Module:
    torch.manual_seed(3)
    return NETWORKS[name]().eval()


def examples() -> tuple[Tensor, Tensor]:
    """Inputs and classes, sorted by class, as folders of images are."""
    generator = torch.Generator().manual_seed(4)
    classes = torch.arange(CLASSES).repeat_interleave(EXAMPLES // CLASSES)
    return torch.randn(EXAMPLES, 6, generator=generator) + 0.2 * classes[:, None], classes


FORMS: dict[str, Callable[[Tensor, Tensor], Any]] = {
    "pair": lambda x, y: (x, y),
    "dataset": TensorDataset,
    "loader": lambda x, y: DataLoader(TensorDataset(x, y), batch_size=20),
    "mapping": lambda x, y: {"x": x, "labels": y},
}


def rmse(output: Tensor, target: Tensor) -> Tensor:
    wanted = functional.one_hot(target, CLASSES).to(output)
    return (output - wanted).square().mean().sqrt()


LOSSES: dict[str, Callable[[], Any]] = {
    "mean": nn.CrossEntropyLoss,
    "sum": lambda: nn.CrossEntropyLoss(reduction="sum"),
    "weighted": lambda: nn.CrossEntropyLoss(weight=torch.tensor([0.1, 1.0, 10.0, 2.0, 0.5])),
    "rmse": lambda: rmse,
}
COUPLED = ("weighted", "rmse")


class Reference:
    """A fresh copy with the weights written in; loss, gradient and Hessian by plain autograd.

    Args:
        model: the network; copied.
        loss: of (output, target).
        batches: over which the loss is taken as it is, weighed by their examples.
        total: whether the losses of the batches are summed rather than averaged.
    """

    def __init__(
        self, model: nn.Module, loss: Any, batches: list[tuple[Tensor, Tensor]], *,
        total: bool = False,
    ) -> None:  # fmt: skip
        self.model, self.loss = _copied(model), copy.deepcopy(loss)
        if isinstance(self.loss, nn.Module):
            self.loss = self.loss.double()
        self.batches, self.total = batches, total

    def value(self, theta: np.ndarray[Any, Any]) -> Tensor:
        start = 0
        for parameter in self.model.parameters():
            values = torch.from_numpy(theta[start : start + parameter.numel()].copy())
            parameter.data = values.reshape(parameter.shape)
            start += parameter.numel()
        examples = sum(len(y) for _, y in self.batches)
        found = torch.zeros((), dtype=torch.float64)
        for x, y in self.batches:
            share = 1.0 if self.total else len(y) / examples
            found = found + share * self.loss(self.model(x.double()), y.clone())
        return found

    def gradient(self, theta: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        slopes = torch.autograd.grad(self.value(theta), list(self.model.parameters()))
        return torch.cat([s.reshape(-1) for s in slopes]).numpy()

    def product(
        self, theta: np.ndarray[Any, Any], vector: np.ndarray[Any, Any]
    ) -> np.ndarray[Any, Any]:
        every = list(self.model.parameters())
        with sdpa_kernel(SDPBackend.MATH):  # Fused attention has no second derivative.
            value = self.value(theta)
        slopes = torch.autograd.grad(value, every, create_graph=True)
        along = torch.from_numpy(vector).split([p.numel() for p in every])
        dot = sum((s.reshape(-1) * a).sum() for s, a in zip(slopes, along, strict=True))
        found = torch.autograd.grad(dot, every, allow_unused=True)  # type: ignore[arg-type]
        return torch.cat([
            torch.zeros(p.numel()) if g is None else g.reshape(-1)
            for g, p in zip(found, every, strict=True)
        ]).numpy()  # fmt: skip


def _copied(model: nn.Module) -> nn.Module:
    """Copy by state_dict into a network made anew, because a pruned one cannot be copied deeply."""
    for make in NETWORKS.values():
        fresh = make().eval()
        if type(fresh) is type(model) and fresh.state_dict().keys() == model.state_dict().keys():
            fresh.load_state_dict(model.state_dict())
            return fresh.double()
    return copy.deepcopy(model).double()


def loss_of(problem: Problem) -> float:
    """Return the loss of a problem at its network's own weights."""
    return float(problem.evaluator()(flatten(problem.model)[None])["losses"][0])
