"""Parameters that are rescaled without changing the function show the same surface."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations, parametrize, prune

from landscape import Grid, Problem, SamplingConfig, Trajectory, random_plane, sample, update_plane
from landscape.networks.acting import acting_weights
from landscape.networks.parameters import flatten, layout_of

Change = Callable[[Any], None]
Case = tuple[Callable[[], nn.Module], Change]
C = 3.7


class Net(nn.Module):
    """Two layers with something between them, and what comes out as a vector per example."""

    def __init__(self, one: nn.Module, two: nn.Module, between: nn.Module | None = None) -> None:
        super().__init__()
        self.one, self.two = one, two
        self.between = nn.ReLU() if between is None else between

    def forward(self, x: Tensor) -> Tensor:
        return self.two(self.between(self.one(x))).flatten(1)


class Attention(nn.Module):
    def __init__(self, **options: int) -> None:
        super().__init__()
        self.heads = nn.MultiheadAttention(4, 2, batch_first=True, **options)

    def forward(self, x: Tensor) -> Tensor:
        return self.heads(x, x[..., : self.heads.kdim], x)[0].flatten(1)


class Recurrent(nn.Module):
    def __init__(self, cell: nn.RNNBase, width: int) -> None:
        super().__init__()
        self.cell, self.out = cell, nn.Linear(width, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.cell(x)[0][:, -1])


class LowRank(nn.Module):
    """W x + s B A x, as adapters are written."""

    def __init__(self) -> None:
        super().__init__()
        self.base = nn.Linear(4, 5)
        self.lora_A = nn.ModuleDict({"default": nn.Linear(4, 2, bias=False)})
        self.lora_B = nn.ModuleDict({"default": nn.Linear(2, 5, bias=False)})

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) + 2.0 * self.lora_B["default"](self.lora_A["default"](x))


class LowRankSum(nn.Module):
    """The same as a parametrisation: W + s B A."""

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.A, self.B = nn.Parameter(torch.randn(2, columns)), nn.Parameter(torch.randn(rows, 2))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + 2.0 * self.B @ self.A


class TiedAutoencoder(nn.Module):
    """x -> W'(M relu(W x)): c for W asks for 1 / c^2 for M."""

    def __init__(self) -> None:
        super().__init__()
        self.code, self.middle, self.back = nn.Linear(4, 3), nn.Linear(3, 3), nn.Linear(3, 4)
        self.back.weight = nn.Parameter(self.code.weight.detach().T.clone())
        self.code.weight = nn.Parameter(self.code.weight.detach())
        del self.back

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.relu(self.middle(torch.relu(self.code(x))))
        return functional.linear(hidden, self.code.weight.T)


class TiedWords(nn.Module):
    """Words whose table is the output layer as well: c for the table asks for 1 / c^2 between."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.middle = nn.Embedding(4, 3), nn.Linear(3, 3, bias=False)
        self.decoder = nn.Linear(3, 4, bias=False)
        self.decoder.weight = self.words.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.middle(self.words((x > 0).long()).mean(1)))


class Words(Net):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward((x > 0).long())


class Pairs(Net):
    def forward(self, x: Tensor) -> Tensor:
        return self.two(self.between(self.one(x, x.flip(-1))))


def times(factor: float, *parameters: Tensor | None) -> None:
    for parameter in parameters:
        if parameter is not None:
            parameter.mul_(factor)


def consecutive(net: Any) -> None:
    times(C, net.one.weight, getattr(net.one, "bias", None))
    times(1 / C, net.two.weight)


def query_and_key(net: Any) -> None:
    heads, width = net.heads, 4
    if heads.in_proj_weight is None:
        times(C, heads.q_proj_weight)
        times(1 / C, heads.k_proj_weight)
    else:
        times(C, heads.in_proj_weight[:width])
        times(1 / C, heads.in_proj_weight[width : 2 * width])
    times(C, heads.in_proj_bias[:width])
    times(1 / C, heads.in_proj_bias[width : 2 * width])


def query_and_key_unit_by_unit(net: Any) -> None:
    factors = torch.linspace(0.2, 3, 4).double()
    net.heads.in_proj_weight[:4] *= factors[:, None]
    net.heads.in_proj_weight[4:8] /= factors[:, None]
    net.heads.in_proj_bias[:4] *= factors
    net.heads.in_proj_bias[4:8] /= factors


def value_and_output(net: Any) -> None:
    times(C, net.heads.in_proj_weight[8:], net.heads.in_proj_bias[8:])
    times(1 / C, net.heads.out_proj.weight)


def input_of_relu_rnn(net: Any) -> None:
    times(C, net.cell.weight_ih_l0, net.cell.bias_ih_l0, net.cell.bias_hh_l0)
    times(1 / C, net.out.weight)


def projection_of_lstm(net: Any) -> None:
    times(C, net.cell.weight_hr_l0)
    times(1 / C, net.cell.weight_hh_l0, net.out.weight)


def filters_before_batch_norm(net: Any) -> None:
    norm, factors = net.between, torch.linspace(0.2, 3, len(net.one.weight)).double()
    net.one.weight *= factors.reshape(-1, *[1] * (net.one.weight.ndim - 1))
    net.one.bias *= factors
    norm.running_mean *= factors
    norm.running_var.copy_(factors**2 * (norm.running_var + norm.eps) - norm.eps)


def before_layer_norm(net: Any) -> None:
    times(C, net.one.weight, net.one.bias)


def factors_of_adapter(net: Any) -> None:
    times(C, net.one.lora_A["default"].weight)
    times(1 / C, net.one.lora_B["default"].weight)


def factors_of_parametrisation(net: Any) -> None:
    times(C, net.one.parametrizations.weight[0].A)
    times(1 / C, net.one.parametrizations.weight[0].B)


def tied_autoencoder(net: Any) -> None:
    times(C, net.code.weight, net.code.bias)
    times(C**-2, net.middle.weight)
    times(1 / C, net.middle.bias)


def tied_words(net: Any) -> None:
    times(C, net.words.weight)
    times(C**-2, net.middle.weight)


def low_rank_parametrisation() -> nn.Module:
    layer = nn.Linear(4, 5)
    parametrize.register_parametrization(layer, "weight", LowRankSum(5, 4))
    return Net(layer, nn.Linear(5, 2))


def batch_norm() -> nn.Module:
    norm = nn.BatchNorm2d(3)
    nn.init.uniform_(norm.running_mean, -0.3, 0.3)
    nn.init.uniform_(norm.running_var, 0.5, 2)
    return Net(nn.Conv2d(2, 3, 2), nn.Conv2d(3, 2, 1), norm)


def depthwise() -> nn.Module:
    return Net(nn.Conv2d(2, 4, 2, groups=2), nn.Conv2d(4, 4, 1, groups=4))


# Inputs by the kind of network: vectors of 4, or pictures of 2 channels in 1 to 3 dimensions.
PLAIN: dict[str, Case] = {
    "linear": (lambda: Net(nn.Linear(4, 5), nn.Linear(5, 2)), consecutive),
    "leaky": (lambda: Net(nn.Linear(4, 5), nn.Linear(5, 2), nn.LeakyReLU(0.1)), consecutive),
    "prelu": (lambda: Net(nn.Linear(4, 5), nn.Linear(5, 2), nn.PReLU(5)), consecutive),
    "bilinear": (lambda: Pairs(nn.Bilinear(4, 4, 5), nn.Linear(5, 2)), consecutive),
    "conv1d": (lambda: Net(nn.Conv1d(2, 3, 2), nn.Conv1d(3, 2, 2)), consecutive),
    "conv2d": (lambda: Net(nn.Conv2d(2, 3, 2), nn.Conv2d(3, 2, 2)), consecutive),
    "conv3d": (lambda: Net(nn.Conv3d(2, 3, 2), nn.Conv3d(3, 2, 2)), consecutive),
    "grouped": (
        lambda: Net(nn.Conv2d(2, 4, 2, groups=2), nn.Conv2d(4, 4, 1, groups=2)),
        consecutive,
    ),
    "depthwise": (depthwise, consecutive),
    "up1d": (lambda: Net(nn.ConvTranspose1d(2, 3, 2), nn.ConvTranspose1d(3, 2, 2)), consecutive),
    "up2d": (lambda: Net(nn.ConvTranspose2d(2, 3, 2), nn.ConvTranspose2d(3, 2, 2)), consecutive),
    "up3d": (lambda: Net(nn.ConvTranspose3d(2, 3, 2), nn.ConvTranspose3d(3, 2, 2)), consecutive),
    "grouped up2d": (
        lambda: Net(nn.ConvTranspose2d(2, 4, 2, groups=2), nn.ConvTranspose2d(4, 4, 2, groups=2)),
        consecutive,
    ),
    "words": (lambda: Words(nn.Embedding(2, 3), nn.Linear(3, 2)), consecutive),
    "bags": (lambda: Words(nn.EmbeddingBag(2, 3), nn.Linear(3, 2), nn.Identity()), consecutive),
    "attention qk": (Attention, query_and_key),
    "attention qk by unit": (Attention, query_and_key_unit_by_unit),
    "attention qk of three": (lambda: Attention(kdim=3), query_and_key),
    "attention v": (Attention, value_and_output),
    "rnn": (
        lambda: Recurrent(nn.RNN(4, 3, nonlinearity="relu", batch_first=True), 3),
        input_of_relu_rnn,
    ),
    "lstm": (
        lambda: Recurrent(nn.LSTM(4, 3, proj_size=2, batch_first=True), 2),
        projection_of_lstm,
    ),
    "batch norm": (batch_norm, filters_before_batch_norm),
    "layer norm": (
        lambda: Net(nn.Linear(4, 5), nn.Linear(5, 2), nn.LayerNorm(5, eps=0.0)),
        before_layer_norm,
    ),
    "adapter": (lambda: Net(LowRank(), nn.Linear(5, 2)), factors_of_adapter),
    "adapter as parametrisation": (low_rank_parametrisation, factors_of_parametrisation),
    "tied autoencoder": (TiedAutoencoder, tied_autoencoder),
    "tied words": (TiedWords, tied_words),
}


def data_of(name: str, make: Callable[[], nn.Module]) -> tuple[Tensor, Tensor]:
    """Return examples for a network: the first shape that it takes."""
    draws = torch.Generator().manual_seed(1)
    if any(kind in name for kind in ("attention", "rnn", "lstm")):
        shapes: Sequence[tuple[int, ...]] = [(6, 3, 4)]
    else:
        shapes = [(6, 4), (6, 2, 3), (6, 2, 3, 3), (6, 2, 3, 3, 3)]
    for shape in shapes:
        inputs = torch.randn(shape, generator=draws).double()
        try:
            out = make().double().eval()(inputs)
        except (RuntimeError, ValueError):
            continue
        if out.ndim == 2 and len(out) == 6:
            return inputs, torch.randn(out.shape, generator=draws).double()
    raise AssertionError(f"no shape fits {name}")


def made(make: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return make().double().eval()


def difference(name: str, case: Case, *, same: bool = True, **options: Any) -> float:
    """Return how far the surfaces of a network and its rescaled copy differ, over the range."""
    make, change = case
    first, second = made(make), made(make)
    with torch.no_grad():
        before = [p.clone() for p in second.parameters()]
        change(second)
        moved = [(a - b).abs().max() for a, b in zip(before, second.parameters(), strict=True)]
    assert max(moved) > 0.01
    data = data_of(name, make)
    if same:
        torch.testing.assert_close(first(data[0]), second(data[0]), rtol=1e-10, atol=1e-12)
    engine = SamplingConfig(strategy="loop", chunk=1, batch_size=6, threads=1, reuse=False)
    grid = Grid.square(5)
    losses = [
        sample(
            Problem(net, "mse", data),
            random_plane(net, seed=2, **options),
            grid=grid,
            engine=engine,
        )
        for net in (first, second)
    ]
    one, two = (surface.losses for surface in losses)
    assert np.ptp(one) > 1e-3
    return float(np.abs(one - two).max() / np.ptp(one))


# Where what is rescaled is a part of a parameter, scaling it as one block must differ.
PARTS = ("attention qk", "attention qk by unit", "attention v", "batch norm")
BLOCKS: list[dict[str, str]] = [{"one_dimensional": "layer"}, {"normalisation": "layer"}]


@pytest.mark.parametrize("name", PLAIN)
def test_layers_rescaled_against_each_other_show_the_same_surface(name: str) -> None:
    assert difference(name, PLAIN[name]) < 1e-9


@pytest.mark.parametrize("options", BLOCKS, ids=["with biases", "layer"])
@pytest.mark.parametrize("name", [name for name in PLAIN if name not in PARTS])
def test_whole_parameters_rescaled_show_the_same_surface(
    name: str, options: dict[str, str]
) -> None:
    assert difference(name, PLAIN[name], **options) < 1e-9


# -- weights that are computed from parameters -----------------------------------------------------


def legacy(function: Callable[..., nn.Module], *args: Any, **options: Any) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return function(*args, **options)


def old_weight_norm(layer: nn.Module, dim: int | None) -> nn.Module:
    return legacy(nn.utils.weight_norm, layer, dim=dim)


def new_weight_norm(layer: nn.Module, dim: int | None) -> nn.Module:
    return parametrizations.weight_norm(layer, dim=dim)


def with_other_lengths(net: Any) -> Any:
    """Give g of weight norm lengths of its own, one of them negative."""
    with torch.no_grad():
        for name, g in net.named_parameters():
            if name.endswith(("weight_g", "original0")):
                g *= torch.linspace(-0.6, 2.1, g.numel()).double().reshape(g.shape)
    return net


def directions_of_weight_norm(net: Any) -> None:
    """Rescale every slice of v that is divided by its own norm: nothing changes."""
    named = dict(net.named_parameters())
    for name in named:
        for v_name, g_name in (("weight_v", "weight_g"), ("original1", "original0")):
            if name.endswith(v_name):
                g = named[name.removesuffix(v_name) + g_name]
                factors = torch.rand(g.shape, generator=torch.Generator().manual_seed(3))
                named[name].mul_(0.1 + 5 * factors.double() ** 2)


def lengths_of_weight_norm(net: Any) -> None:
    def g_of(layer: Any) -> Tensor:
        plain = hasattr(layer, "weight_g")
        return layer.weight_g if plain else layer.parametrizations.weight.original0

    times(C, g_of(net.one), net.one.bias)
    times(1 / C, g_of(net.two))


WEIGHT_NORMED: dict[str, tuple[Callable[[], nn.Module], Callable[[], nn.Module]]] = {
    "linear": (lambda: nn.Linear(4, 5), lambda: nn.Linear(5, 2)),
    "conv1d": (lambda: nn.Conv1d(2, 3, 2), lambda: nn.Conv1d(3, 2, 2)),
    "grouped": (lambda: nn.Conv2d(2, 4, 2, groups=2), lambda: nn.Conv2d(4, 4, 1, groups=2)),
    "conv3d": (lambda: nn.Conv3d(2, 3, 2), lambda: nn.Conv3d(3, 2, 2)),
    "up1d": (lambda: nn.ConvTranspose1d(2, 3, 2), lambda: nn.ConvTranspose1d(3, 2, 2)),
    "grouped up2d": (
        lambda: nn.ConvTranspose2d(2, 4, 2, groups=2),
        lambda: nn.ConvTranspose2d(4, 4, 2, groups=2),
    ),
}
NORMS = {"old": old_weight_norm, "new": new_weight_norm}
DIMS = [
    (name, dim)
    for name in WEIGHT_NORMED
    for dim in ([0, 1, None, -1] if name == "linear" else [0, 1, 2, None])
]


@pytest.mark.parametrize("change", [directions_of_weight_norm, lengths_of_weight_norm])
@pytest.mark.parametrize("how", NORMS)
@pytest.mark.parametrize(("name", "dim"), DIMS)
def test_weight_norm_along_any_axis_shows_the_same_surface(
    name: str, dim: int | None, how: str, change: Change
) -> None:
    one, two = WEIGHT_NORMED[name]

    def make() -> nn.Module:
        return with_other_lengths(Net(NORMS[how](one(), dim), NORMS[how](two(), dim)))

    # With None there is one g for the whole weight, with other numbers of slices one for each.
    assert difference(name, (make, change)) < 1e-9


@pytest.mark.parametrize("options", [*BLOCKS, {"normalisation": "global"}])
def test_weight_norm_of_other_normalisations_shows_the_same_surface(
    options: dict[str, str],
) -> None:
    def make() -> nn.Module:
        return Net(new_weight_norm(nn.ConvTranspose1d(2, 3, 2), 0), nn.Conv1d(3, 2, 2))

    assert difference("up1d", (make, directions_of_weight_norm), **options) < 1e-9


class Unit(nn.Module):
    """A weight whose slices along some axes have unit length."""

    def __init__(self, *axes: int) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, weight: Tensor) -> Tensor:
        return weight / torch.linalg.vector_norm(weight, dim=self.axes, keepdim=True)


class Turned(nn.Module):
    """A unit vector, turned: no entry of the weight is one of the parameter times a number."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("turn", torch.linalg.qr(torch.randn(size, size))[0])

    def forward(self, weight: Tensor) -> Tensor:
        return weight / weight.norm() @ self.turn


class Masked(nn.Module):
    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.register_buffer("mask", (torch.rand(shape) > 0.4).float())

    def forward(self, weight: Tensor) -> Tensor:
        return weight * self.mask


def registered(layer: nn.Module, *rules: nn.Module) -> nn.Module:
    for rule in rules:
        parametrize.register_parametrization(layer, "weight", rule)
    return layer


def named(net: Any, *names: str) -> list[Tensor]:
    return [p for n, p in net.named_parameters() if n.endswith(names)]


def whole_weights(net: Any) -> None:
    for weight in named(net, ".original", "_orig"):
        weight *= C


def entries(where: Callable[[Tensor], Tensor]) -> Change:
    """Return a change of the entries of parametrised weights that do not act."""

    def change(net: Any) -> None:
        for weight in named(net, ".original"):
            weight[where(weight)] = 5.0

    return change


def upper(weight: Tensor) -> Tensor:
    return torch.ones_like(weight).triu() > 0


def columns(net: Any) -> None:
    (weight,) = named(net, ".original")
    weight *= torch.linspace(0.2, 4, weight.shape[1]).double().reshape(-1, *[1] * (weight.ndim - 2))


def behind_masks(net: Any) -> None:
    """Change what masks hide, and rescale the layers against each other."""
    for module in net.modules():
        for name, mask in list(module.named_buffers(recurse=False)):
            if name.endswith("_mask"):
                getattr(module, name.removesuffix("_mask") + "_orig")[mask == 0] = 9.0
            elif name == "mask":
                (weight,) = named(net, ".original")
                weight[mask == 0] = 9.0


def masked_consecutive(net: Any) -> None:
    behind_masks(net)
    times(C, *named(net.one, "weight_orig", "bias", "bias_orig"))
    times(1 / C, *named(net.two, "weight_orig"))


def pruned(layer: nn.Module, amount: float = 0.5) -> nn.Module:
    prune.random_unstructured(layer, "weight", amount)
    return layer


def pruned_whole(layer: nn.Module) -> nn.Module:
    prune.random_structured(layer, "weight", 0.4, dim=1)
    prune.l1_unstructured(layer, "weight", 2)
    prune.random_unstructured(layer, "bias", 0.5)
    return layer


def pruned_weight_norm() -> nn.Module:
    net = Net(new_weight_norm(nn.Linear(4, 5), 1), nn.Linear(5, 2))
    prune.random_unstructured(net.one.parametrizations.weight, "original1", 0.3)
    return net


def hidden_and_columns(net: Any) -> None:
    """Change what the mask hides, and the lengths of the columns of what it does not."""
    inner = net.one.parametrizations.weight
    inner.original1_orig[inner.original1_mask == 0] = 9.0
    inner.original1_orig *= torch.linspace(0.2, 4, 4).double()


def orthogonal(map_: str, rows: int = 5) -> Callable[[], nn.Module]:
    return lambda: Net(
        parametrizations.orthogonal(nn.Linear(4, rows), orthogonal_map=map_), nn.Linear(rows, 2)
    )


def tied_masks() -> nn.Module:
    net = Net(nn.Linear(4, 4), nn.Linear(4, 4))
    net.two.weight = net.one.weight
    for layer in (net.one, net.two):
        prune.random_unstructured(layer, "weight", 0.5)
    net.two.weight_orig = net.one.weight_orig
    return net


def behind_both_masks(net: Any) -> None:
    hidden = (net.one.weight_mask == 0) & (net.two.weight_mask == 0)
    net.one.weight_orig[hidden] = 9.0


def named_weight(net: Any, tensor: str) -> Any:
    """Normalise columns of a tensor of a layer: recurrent weights, an attention in-projection."""
    layer = net.heads if hasattr(net, "heads") else net.cell
    parametrizations.weight_norm(layer, tensor, dim=1)
    return net


def old_weight_norm_of_rnn() -> nn.Module:
    net = Recurrent(nn.RNN(4, 3, batch_first=True), 3)
    legacy(nn.utils.weight_norm, net.cell, "weight_hh_l0", dim=1)
    return net


def old_columns_of_rnn(net: Any) -> None:
    net.cell.weight_hh_l0_v *= torch.tensor([0.2, 1.0, 5.0]).double()


def inner_columns(net: Any) -> None:
    (v,) = named(net, "original1")
    v *= torch.linspace(0.2, 5, v.shape[1]).double()


def pruned_projection() -> nn.Module:
    net = Attention()
    prune.random_unstructured(net.heads, "in_proj_weight", 0.5)
    return net


UP = nn.ConvTranspose2d
PARAMETRISED: dict[str, Case] = {
    "pruned linear": (
        lambda: Net(pruned(nn.Linear(4, 5)), pruned(nn.Linear(5, 2))), masked_consecutive),
    "pruned twice and biases": (
        lambda: Net(pruned_whole(nn.Linear(4, 5)), pruned(nn.Linear(5, 2))), masked_consecutive),
    "pruned grouped": (
        lambda: Net(pruned(nn.Conv2d(2, 4, 2, groups=2)), pruned(nn.Conv2d(4, 2, 1))),
        masked_consecutive,
    ),
    "pruned up": (
        lambda: Net(pruned(UP(2, 4, 2, groups=2)), pruned(UP(4, 4, 2, groups=2))),
        masked_consecutive,
    ),
    "pruned attention": (pruned_projection, behind_masks),
    "weight norm in attention": (
        lambda: named_weight(Attention(), "in_proj_weight"),
        inner_columns,
    ),
    "weight norm in lstm": (
        lambda: named_weight(Recurrent(nn.LSTM(4, 3, batch_first=True), 3), "weight_hh_l0"),
        inner_columns,
    ),
    "old weight norm in rnn": (old_weight_norm_of_rnn, old_columns_of_rnn),
    "tied and pruned": (tied_masks, behind_both_masks),
    "pruned weight norm": (pruned_weight_norm, hidden_and_columns),
    "own mask": (lambda: Net(registered(nn.Linear(4, 5), Masked(5, 4)), nn.Linear(5, 2)),
                 behind_masks),
    "spectral norm": (
        lambda: Net(parametrizations.spectral_norm(nn.Linear(4, 5)), nn.Linear(5, 2)),
        whole_weights,
    ),
    "spectral norm up": (
        lambda: Net(parametrizations.spectral_norm(UP(2, 4, 2, groups=2)), UP(4, 4, 2)),
        whole_weights,
    ),
    "old spectral norm": (
        lambda: Net(legacy(nn.utils.spectral_norm, UP(2, 3, 2)), UP(3, 4, 2)), whole_weights),
    "orthogonal exponential": (orthogonal("matrix_exp"), entries(upper)),
    "orthogonal cayley": (orthogonal("cayley", 4), entries(upper)),
    "orthogonal wide": (orthogonal("cayley", 3), entries(lambda w: torch.ones_like(w).tril() > 0)),
    "orthogonal householder": (
        orthogonal("householder"), entries(lambda w: torch.ones_like(w).triu(1) > 0)),
    "own unit columns": (
        lambda: Net(registered(nn.Linear(4, 5), Unit(0)), nn.Linear(5, 2)), columns),
    "own unit inputs of a convolution": (
        lambda: Net(registered(nn.Conv2d(2, 3, 2), Unit(0, 2, 3)), nn.Conv2d(3, 2, 1)), columns),
    "own unit columns with a mask": (
        lambda: Net(registered(nn.Linear(4, 5), Masked(5, 4), Unit(0)), nn.Linear(5, 2)), columns),
    "own turned unit": (
        lambda: Net(registered(nn.Linear(4, 5), Turned(4)), nn.Linear(5, 2)), whole_weights),
    "one output, columns of one entry": (
        lambda: Net(nn.Linear(4, 3), new_weight_norm(nn.Linear(3, 1), 1)),
        directions_of_weight_norm,
    ),
}  # fmt: skip


def test_biases_that_are_pruned_move_where_they_act() -> None:
    case = PARAMETRISED["pruned twice and biases"]
    assert difference("pruned biases", case, one_dimensional="layer") < 1e-9


@pytest.mark.parametrize("name", PARAMETRISED)
def test_what_acts_is_the_same_and_so_is_the_surface(name: str) -> None:
    assert difference(name, PARAMETRISED[name]) < 1e-9


class Square(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return weight * weight.abs()


def squares(net: Any) -> None:
    times(C, net.one.parametrizations.weight.original)
    times(C**2, net.one.bias)
    times(C**-2, net.two.weight)


def test_homogeneous_weights_of_any_degree_show_the_same_surface() -> None:
    def make() -> nn.Module:
        return Net(registered(nn.Linear(4, 5), Square()), nn.Linear(5, 2))

    assert difference("square", (make, squares)) < 1e-9


@pytest.mark.parametrize("map_", ["matrix_exp", "cayley", "householder"])
@pytest.mark.parametrize("trained", [False, True])
def test_orthogonal_weights_move_by_the_weights_not_by_their_angles(
    map_: str, trained: bool
) -> None:
    # The parameter starts at zero: what acts is another matrix times the exponential of it.
    net = made(lambda: parametrizations.orthogonal(nn.Linear(4, 5), orthogonal_map=map_))
    if trained:
        with torch.no_grad():
            weight = net.parametrizations.weight.original
            weight += 1e-3 * torch.randn(weight.shape, dtype=torch.float64).tril(-1)
    plane = random_plane(net)
    (part,) = [p for s, p in plane.layout.parts() if s.name != "bias"]
    rows = plane.d_alpha[part].reshape(5, 4)
    assert not np.triu(rows).any()
    wanted = np.linalg.norm(net.weight.detach().numpy(), axis=1)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1)[1:], wanted[1:], rtol=1e-12)


def test_what_an_adapter_is_added_to_is_scaled_to_the_sum() -> None:
    net = made(low_rank_parametrisation)
    found, layout = acting_weights(net), layout_of(net)
    part = {slot.name.rpartition(".")[2]: part for slot, part in layout.parts()}["original"]
    np.testing.assert_allclose(found.weights[part], net.one.weight.detach().numpy().reshape(-1))


# -- planes of a path, and what cannot be the same ------------------------------------------------


def pruned_and_trained(hidden: float) -> tuple[nn.Module, Trajectory]:
    net = made(lambda: Net(pruned(nn.Linear(4, 5)), new_weight_norm(nn.Linear(5, 2), 1)))
    inputs = torch.randn(6, 4, generator=torch.Generator().manual_seed(1)).double()
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    with torch.no_grad():
        net.one.weight_orig[net.one.weight_mask == 0] = hidden
    thetas = [flatten(net)]
    for _ in range(3):
        optimizer.zero_grad()
        net(inputs).square().mean().backward()
        optimizer.step()
        thetas.append(flatten(net))
    facts = np.ones(3)
    return net, Trajectory(np.stack(thetas), np.arange(4), np.ones(4), facts, facts, facts, facts,
                           layout_of(net))  # fmt: skip


def test_the_random_direction_of_an_update_plane_is_scaled_to_the_weights_that_act() -> None:
    (net, path), (_, other) = pruned_and_trained(0.0), pruned_and_trained(50.0)
    planes = [update_plane(p, second="random", model=net) for p in (path, other)]
    np.testing.assert_allclose(planes[0].d_beta, planes[1].d_beta, rtol=1e-12)
    mask = net.one.weight_mask.numpy().reshape(-1) == 0
    (hidden,) = [p for s, p in planes[0].layout.parts() if s.name == "one.weight_orig"]
    assert not planes[0].d_beta[hidden][mask].any()
    assert planes[0].d_beta[hidden][~mask].all()


def test_a_path_does_not_tell_masks_and_parametrisations() -> None:
    path = pruned_and_trained(0.0)[1]
    with pytest.raises(ValueError, match="weight_orig is masked or parametrised; give model"):
        update_plane(path, second="random")
    with pytest.raises(ValueError, match="must have the parameters of the trajectory"):
        update_plane(path, second="random", model=nn.Linear(2, 2))
    assert update_plane(path).kind == "update"


def test_weights_are_found_at_the_point_that_is_asked_for() -> None:
    net = made(lambda: new_weight_norm(nn.Linear(4, 5), 1))
    theta = flatten(net)
    found = acting_weights(net, 2 * theta)
    layout = layout_of(net)
    parts = {slot.name.rpartition(".")[2]: part for slot, part in layout.parts()}
    weight = net.weight.detach().numpy().reshape(-1)
    np.testing.assert_allclose(found.weights[parts["original1"]], 2 * weight)
    np.testing.assert_array_equal(found.weights[parts["bias"]], 2 * theta[parts["bias"]])
    assert (found.units[parts["original0"]] == 1).all()


def test_a_weight_without_derivative_and_a_plain_second_use_act_themselves() -> None:
    class Rounded(nn.Module):
        def forward(self, weight: Tensor) -> Tensor:
            return torch.round(weight * 8) / 8

    class Single(nn.Module):
        scale = torch.ones(4, 4)  # No buffer: float32 stays, and a product with float64 fails.

        def forward(self, weight: Tensor) -> Tensor:
            return weight @ self.scale

    tied = nn.Sequential(pruned(nn.Linear(4, 4)), nn.Linear(4, 4))
    tied[1].weight = tied[0].weight_orig
    single = registered(nn.Linear(4, 4), Single())
    for net in (registered(nn.Linear(4, 4), Rounded()).double(), single, tied.double()):
        found, theta = acting_weights(net), flatten(net)
        np.testing.assert_array_equal(found.weights, theta)
        np.testing.assert_array_equal(found.units, 1.0)


@pytest.mark.parametrize("kind", ["old", "new", "spectral", "old spectral", "pruned inside"])
def test_finding_what_acts_leaves_the_network_as_it_was(kind: str) -> None:
    makers: dict[str, Callable[[], nn.Module]] = {
        "old": lambda: old_weight_norm(nn.Linear(4, 5), 1),
        "new": lambda: new_weight_norm(nn.Linear(4, 5), 1),
        "spectral": lambda: parametrizations.spectral_norm(nn.Linear(4, 5)),
        "old spectral": lambda: legacy(nn.utils.spectral_norm, nn.Linear(4, 5)),
        "pruned inside": pruned_weight_norm,
    }
    net = makers[kind]().train()
    state = {name: value.clone() for name, value in net.state_dict().items()}
    held = [dict(vars(module)) for module in net.modules()]
    acting_weights(net)
    assert all(torch.equal(state[name], value) for name, value in net.state_dict().items())
    for module, before in zip(net.modules(), held, strict=True):
        assert all(vars(module)[name] is value for name, value in before.items())


def unit_by_unit(net: Any) -> None:
    factors = torch.linspace(0.2, 3, 5).double()
    net.one.weight *= factors[:, None]
    net.one.bias *= factors
    net.two.weight /= factors


def components_of_adapter(net: Any) -> None:
    factors = torch.tensor([0.2, 3.0]).double()
    net.one.lora_A["default"].weight.mul_(factors[:, None])
    net.one.lora_B["default"].weight.div_(factors)


def signs_of_adapter(net: Any) -> None:
    times(-1, net.one.lora_A["default"].weight, net.one.lora_B["default"].weight)


IMPOSSIBLE: dict[str, Case] = {
    "units apart": (PLAIN["linear"][0], unit_by_unit),
    "components apart": (PLAIN["adapter"][0], components_of_adapter),
    "negative": (PLAIN["adapter"][0], signs_of_adapter),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_factors_that_differ_within_a_filter_or_are_negative_show_another_surface(
    name: str,
) -> None:
    # A filter has one length: it cannot follow factors that differ within it. A draw has a sign of
    # its own: it does not turn with the weights.
    assert difference(name, IMPOSSIBLE[name]) > 1e-3
