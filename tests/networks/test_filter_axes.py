"""Every kind of layer has its filters where they are: each keeps the norm of its weights."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune

from landscape import random_plane
from landscape.networks.directions import random_direction
from landscape.networks.parameters import layout_of, unflatten


def rows(weight: Tensor) -> list[Tensor]:
    return [weight[i] for i in range(len(weight))]


def columns(weight: Tensor) -> list[Tensor]:
    return [weight[:, j] for j in range(weight.shape[1])]


def grouped_columns(groups: int) -> Callable[[Tensor], list[Tensor]]:
    return lambda weight: [filters for part in weight.chunk(groups) for filters in columns(part)]


def legacy(function: Callable[..., nn.Module], *args: object, **options: object) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return function(*args, **options)


class LowRank(nn.Module):
    """A linear layer with an adapter: W + B A."""

    def __init__(self) -> None:
        super().__init__()
        self.base = nn.Linear(4, 5)
        self.lora_A = nn.ModuleDict({"default": nn.Linear(4, 2, bias=False)})
        self.lora_B = nn.ModuleDict({"default": nn.Linear(2, 5, bias=False)})


# Of each layer: the names of the parameters that have filters, and how to cut them up.
KINDS: dict[str, tuple[nn.Module, dict[str, Callable[[Tensor], list[Tensor]]]]] = {
    "linear": (nn.Linear(4, 3), {"weight": rows}),
    "bilinear": (nn.Bilinear(4, 2, 3), {"weight": rows}),
    "conv1d": (nn.Conv1d(2, 3, 3), {"weight": rows}),
    "conv2d": (nn.Conv2d(4, 6, 3, groups=2), {"weight": rows}),
    "depthwise": (nn.Conv2d(4, 4, 3, groups=4), {"weight": rows}),
    "conv3d": (nn.Conv3d(2, 3, 2), {"weight": rows}),
    "transposed1d": (nn.ConvTranspose1d(2, 3, 3), {"weight": columns}),
    "transposed2d": (nn.ConvTranspose2d(4, 6, 3, groups=2), {"weight": grouped_columns(2)}),
    "transposed3d": (nn.ConvTranspose3d(2, 3, 2), {"weight": columns}),
    "embedding": (nn.Embedding(5, 4, padding_idx=0), {"weight": rows}),
    "embedding_bag": (nn.EmbeddingBag(5, 4), {"weight": rows}),
    "attention": (
        nn.MultiheadAttention(4, 2, add_bias_kv=True),
        {"in_proj_weight": rows, "out_proj.weight": rows},
    ),
    "attention_of_three": (
        nn.MultiheadAttention(4, 2, kdim=3, vdim=5),
        {
            "q_proj_weight": rows,
            "k_proj_weight": rows,
            "v_proj_weight": rows,
            "out_proj.weight": rows,
        },
    ),
    "rnn": (nn.RNN(3, 4), {"weight_ih_l0": rows, "weight_hh_l0": rows}),
    "lstm": (
        nn.LSTM(3, 4, proj_size=2),
        {"weight_ih_l0": rows, "weight_hh_l0": rows, "weight_hr_l0": rows},
    ),
    "gru": (
        nn.GRU(3, 4, bidirectional=True),
        {f"weight_{w}_l0{end}": rows for w in ("ih", "hh") for end in ("", "_reverse")},
    ),
    "batch_norm": (nn.BatchNorm2d(3), {}),
    "group_norm": (nn.GroupNorm(2, 4), {}),
    "layer_norm_of_images": (nn.LayerNorm((3, 4, 4)), {}),
    "rms_norm": (nn.RMSNorm((3, 4)), {}),
    "prelu": (nn.PReLU(3), {}),
    "weight_norm": (
        parametrizations.weight_norm(nn.Conv2d(2, 3, 3)),
        {"parametrizations.weight.original1": rows},
    ),
    "weight_norm_as_a_whole": (
        parametrizations.weight_norm(nn.Linear(4, 3), dim=None),
        {"parametrizations.weight.original1": rows},
    ),
    "weight_norm_of_one_input": (
        parametrizations.weight_norm(nn.Linear(1, 3)),
        {"parametrizations.weight.original1": rows},
    ),
    "weight_norm_transposed": (
        parametrizations.weight_norm(nn.ConvTranspose2d(4, 6, 3, groups=2), dim=1),
        {"parametrizations.weight.original1": grouped_columns(2)},
    ),
    "spectral_norm": (
        parametrizations.spectral_norm(nn.ConvTranspose1d(4, 3, 3)),
        {"parametrizations.weight.original": columns},
    ),
    "orthogonal": (
        parametrizations.orthogonal(nn.Linear(4, 4)),
        {"parametrizations.weight.original": rows},
    ),
    "legacy_weight_norm": (
        legacy(nn.utils.weight_norm, nn.ConvTranspose1d(4, 3, 3), dim=1),
        {"weight_v": columns},
    ),
    "legacy_spectral_norm": (
        legacy(nn.utils.spectral_norm, nn.ConvTranspose1d(4, 3, 3)),
        {"weight_orig": columns},
    ),
    "pruned": (
        prune.random_unstructured(nn.ConvTranspose1d(4, 3, 3), "weight", 0.5),
        {"weight_orig": columns},
    ),
    "low_rank": (
        LowRank(),
        {"base.weight": rows, "lora_A.default.weight": rows, "lora_B.default.weight": rows},
    ),
    "half": (nn.Linear(4, 3).half(), {"weight": rows}),
    "bfloat16": (nn.Linear(4, 3).bfloat16(), {"weight": rows}),
}


def acting(layer: nn.Module, weight: Tensor, kind: str) -> Tensor:
    """Return which entries act, the others being masked or above a diagonal, and their signs."""
    if kind == "pruned":
        return layer.weight_mask.double()
    if kind == "legacy_spectral_norm":
        # Before any training its sigma, u' W v, may be negative.
        (hook,) = layer._forward_pre_hooks.values()
        return (hook.compute_weight(layer, do_power_iteration=False) / weight).sign().detach()
    ones = torch.ones_like(weight)
    return ones.tril(-1) if kind == "orthogonal" else ones


@pytest.mark.parametrize("kind", KINDS)
def test_every_filter_of_a_direction_is_as_long_as_that_of_the_weights(kind: str) -> None:
    layer, filters = KINDS[kind]
    model = nn.Sequential(layer, nn.Linear(2, 2))
    plane = random_plane(model, seed=3)
    found = unflatten(torch.from_numpy(plane.d_alpha.copy()), plane.layout)
    draws = unflatten(torch.from_numpy(random_direction(plane.layout, seed=3)), plane.layout)
    for slot in plane.layout.slots[:-2]:
        name = slot.name.removeprefix("0.")
        if name not in filters:
            assert slot.filter_axis is None, name
            assert not found[slot.name].any()
            continue
        cut = filters[name]
        values = dict(model.named_parameters())[slot.name].detach().double()
        acts = acting(layer, values, kind)
        weights = cut(layer.weight.detach().double() if kind == "orthogonal" else values * acts)
        assert slot.filters == len(weights)
        for direction, draw, weight in zip(
            cut(found[slot.name]), cut(draws[slot.name] * acts), weights, strict=True
        ):
            length = draw.norm() if draw.any() else 1.0
            torch.testing.assert_close(direction, draw * weight.norm() / length)


@pytest.mark.parametrize("kind", KINDS)
def test_making_a_plane_leaves_every_kind_of_layer_bit_identical(kind: str) -> None:
    layer = KINDS[kind][0]
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    random_plane(layer, one_dimensional="layer")
    after = layer.state_dict()
    assert list(before) == list(after)
    assert all(torch.equal(before[name], value) for name, value in after.items())
    assert all(module.training for module in layer.modules())


@pytest.mark.parametrize("kind", KINDS)
def test_a_layout_names_the_parameters_in_their_own_order(kind: str) -> None:
    layer = KINDS[kind][0]
    slots = layout_of(layer).slots
    assert [(s.name, s.shape) for s in slots] == [
        (name, tuple(p.shape)) for name, p in layer.named_parameters()
    ]


def test_filters_of_zeros_are_left_alone_and_the_others_are_not() -> None:
    layer = nn.ConvTranspose2d(4, 6, 3, groups=2)
    with torch.no_grad():
        layer.weight[2:, 1] = 0
    direction = random_plane(layer).d_alpha[: layer.weight.numel()].reshape(4, 3, 3, 3)
    assert not direction[2:, 1].any()
    assert direction[:2].all()
    assert direction[2:, [0, 2]].all()


def test_parameters_of_other_modules_have_filters_along_axis_0() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.matrix = nn.Parameter(torch.ones(2, 3))
            self.vector = nn.Parameter(torch.ones(3))
            self.parts = nn.ParameterList([torch.ones(2, 2), torch.ones(2)])
            self.empty = nn.Parameter(torch.ones(0, 5))

    class Up(nn.ConvTranspose2d):
        def __init__(self) -> None:
            super().__init__(4, 4, 3, groups=4)
            self.mix = nn.Parameter(torch.ones(3, 2))

    assert {slot.name: slot.filter_axis for slot in layout_of(Up()).slots} == {
        "weight": 1,
        "bias": None,
        "mix": 0,
    }
    axes = {slot.name: slot.filter_axis for slot in layout_of(Own()).slots}
    assert axes == {"matrix": 0, "vector": None, "parts.0": 0, "parts.1": None, "empty": None}
    assert np.isfinite(random_plane(Own()).d_alpha).all()


def test_conv1d_of_transformers_has_its_outputs_along_axis_1() -> None:
    pytorch_utils = pytest.importorskip("transformers.pytorch_utils")
    model = nn.Sequential(pytorch_utils.Conv1D(6, 4), pytorch_utils.Conv1D(4, 4))
    plane = random_plane(model)
    direction = unflatten(torch.from_numpy(plane.d_alpha.copy()), plane.layout)
    for layer in ("0", "1"):
        weight = model.get_submodule(layer).weight.detach().double()
        torch.testing.assert_close(direction[f"{layer}.weight"].norm(dim=0), weight.norm(dim=0))


def test_adapters_of_peft() -> None:
    peft = pytest.importorskip("peft")
    config = peft.LoraConfig(r=2, target_modules=["0", "1"], init_lora_weights=False, use_dora=True)
    model = peft.get_peft_model(nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 3)), config)
    plane = random_plane(model, which="trainable")
    roles = {slot.name.split(".", 2)[-1]: slot for slot in plane.layout.slots}
    assert roles["0.lora_B.default.weight"].filters == 5
    assert roles["0.lora_A.default.weight"].filters == 2
    assert roles["0.lora_magnitude_vector.default.weight"].role == "scale"
    for slot, part in plane.layout.parts():
        moves = "lora_A" in slot.name or "lora_B" in slot.name
        assert bool(plane.d_alpha[part].any()) == moves
        if moves:
            ratio = np.linalg.norm(slot.as_filters(plane.d_alpha[part]), axis=1) / np.linalg.norm(
                slot.as_filters(plane.origin[part]), axis=1
            )
            np.testing.assert_allclose(ratio, 1)


def published(
    weights: Iterable[Tensor], draws: Iterable[Tensor], normalisation: str
) -> list[Tensor]:
    """Li et al. (2018), section 4, in plain loops: filter i of layer j is the i-th entry of it."""
    result = []
    for weight, draw in zip(weights, draws, strict=True):
        direction = draw.clone()
        if weight.ndim <= 1:
            direction.zero_()
        elif normalisation == "filter":
            for d_i, w_i in zip(direction, weight, strict=True):
                d_i.mul_(w_i.norm() / (d_i.norm() + 1e-10))
        elif normalisation == "layer":
            direction.mul_(weight.norm() / direction.norm())
        result.append(direction)
    return result


@pytest.mark.parametrize("normalisation", ["filter", "layer", "none"])
def test_the_published_formulas_give_the_same_direction(normalisation: str) -> None:
    torch.manual_seed(1)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Linear(4, 2))
    plane = random_plane(model, seed=2, normalisation=normalisation)  # type: ignore[arg-type]
    flat = torch.from_numpy(random_direction(plane.layout, seed=2))
    draws = unflatten(flat, plane.layout).values()
    weights = [p.detach().double() for p in model.parameters()]
    wanted = torch.cat([d.reshape(-1) for d in published(weights, draws, normalisation)])
    np.testing.assert_allclose(plane.d_alpha, wanted.numpy(), rtol=1e-8)
