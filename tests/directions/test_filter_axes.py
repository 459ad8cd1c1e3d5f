"""Every kind of layer has its filters where they are: each keeps the norm of its weights."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune
from torch.testing._internal.two_tensor import TwoTensor

from landscape import (
    Grid,
    SamplingConfig,
    gradient_segment,
    layout_of,
    random_plane,
    sample,
    slope_budget,
)
from landscape.directions import random_direction
from landscape.kinks import kink_map
from landscape.layout import Layout, Slot
from landscape.parameters import flatten, unflatten, unwrapped


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
        weights = cut(dict(model.named_parameters())[slot.name].detach().double())
        assert slot.filters == len(weights)
        for direction, draw, weight in zip(
            cut(found[slot.name]), cut(draws[slot.name]), weights, strict=True
        ):
            torch.testing.assert_close(direction, draw * weight.norm() / draw.norm())


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


def test_roles_say_what_a_layer_does_with_its_parameters() -> None:
    model = nn.ModuleDict(
        {
            "table": nn.Embedding(5, 4),
            "attention": nn.MultiheadAttention(4, 2, add_bias_kv=True),
            "norm": nn.LayerNorm(4),
            "act": nn.PReLU(),
            "scaled": parametrizations.weight_norm(nn.Linear(4, 2)),
        }
    )
    roles = {slot.name: slot.role for slot in layout_of(model).slots}
    assert roles == {
        "table.weight": "embedding",
        "attention.in_proj_weight": "weight",
        "attention.in_proj_bias": "bias",
        "attention.bias_k": "bias",
        "attention.bias_v": "bias",
        "attention.out_proj.weight": "weight",
        "attention.out_proj.bias": "bias",
        "norm.weight": "norm",
        "norm.bias": "bias",
        "act.weight": "slope",
        "scaled.bias": "bias",
        "scaled.parametrizations.weight.original0": "scale",
        "scaled.parametrizations.weight.original1": "weight",
    }


class LanguageModel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(7, 4)
        self.decoder = nn.Linear(4, 7, bias=False)
        self.decoder.weight = self.words.weight


def test_a_shared_parameter_appears_once_as_its_first_owner_uses_it() -> None:
    (slot,) = layout_of(LanguageModel()).slots
    assert (slot.name, slot.role, slot.filter_axis) == ("words.weight", "embedding", 0)
    down, up = nn.Conv2d(2, 3, 3, bias=False), nn.ConvTranspose2d(3, 2, 3, bias=False)
    up.weight = down.weight
    assert layout_of(nn.Sequential(down, up)).slots[0].filter_axis == 0
    assert layout_of(nn.Sequential(up, down)).slots[0].filter_axis == 1


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


# -- relation to the published formulas ------------------------------------------------------------


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


# -- what is refused -------------------------------------------------------------------------------


class Complex(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.ones(2, 2, dtype=torch.complex64))


class Packed(nn.Module):
    """As AWQ and GPTQ keep them: integers in buffers, the rest in floating point."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("qweight", torch.ones(2, 2, dtype=torch.int32))
        self.bias = nn.Parameter(torch.ones(2))


class Wrapped(nn.Module):
    """A tensor made of other tensors, as quantised and sharded ones are."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(TwoTensor(torch.ones(2, 2), torch.ones(2, 2)))


class Integers(nn.Module):
    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.ones(2, 2).to(dtype), requires_grad=False)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.Sequential(nn.LazyLinear(3)), r"parameter 0.weight has no shape yet.*once on a batch"),
        (Complex(), r"w is torch.complex64.*real and imaginary"),
        (Wrapped(), r"plain tensors, w is a TwoTensor; load the model in one process"),
        (Integers(torch.int8), r"w is torch.int8; de-quantise"),
        (Integers(torch.float8_e4m3fn), r"w is torch.float8_e4m3fn; de-quantise"),
        (nn.Sequential(nn.Linear(2, 2), Packed()), r"1 \(Packed\) keeps them quantised.*without"),
        (nn.ReLU(), "no parameters"),
        (nn.Linear(2, 2, device="meta"), "parameter weight has no values.*meta"),
    ],
    ids=["lazy", "complex", "wrapped", "int8", "float8", "packed", "none", "meta"],
)
def test_parameters_that_cannot_be_varied_are_refused(model: nn.Module, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        random_plane(model)


def test_quantised_layers_are_refused_even_beside_others() -> None:
    quantised = pytest.importorskip("torch.ao.nn.quantized.dynamic")
    if "qnnpack" not in torch.backends.quantized.supported_engines:
        pytest.skip("no quantised kernels")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = nn.Sequential(nn.Conv2d(1, 1, 1), quantised.Linear(4, 4))
    with pytest.raises(ValueError, match=r"1 \(Linear\) keeps them quantised and packed"):
        layout_of(model)


def test_scripted_layers_have_the_filters_of_what_was_scripted() -> None:
    slots = layout_of(torch.jit.script(nn.Sequential(nn.ConvTranspose2d(4, 6, 3, groups=2)))).slots
    assert [(s.filter_axis, s.groups, s.role) for s in slots] == [
        (1, 2, "weight"),
        (None, 1, "bias"),
    ]


def test_an_initialised_lazy_layer_is_like_any_other() -> None:
    model = nn.Sequential(nn.LazyLinear(3))
    model(torch.ones(2, 5))
    assert layout_of(model).slots[0].filters == 3


# -- wrapped models --------------------------------------------------------------------------------


def test_wrappers_do_not_change_names_draws_or_planes() -> None:
    bare = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2)).double()
    plane = random_plane(bare, seed=4)
    compiled = cast("nn.Module", torch.compile(bare, backend="eager"))
    wrapped = [
        nn.DataParallel(bare),
        torch.optim.swa_utils.AveragedModel(bare),
        compiled,
        nn.DataParallel(compiled),
    ]
    for model in wrapped:
        other = random_plane(model, seed=4)
        assert other.layout == plane.layout
        np.testing.assert_array_equal(other.directions, plane.directions)
        np.testing.assert_array_equal(other.origin, flatten(model))


def test_a_module_that_is_no_wrapper_stays_as_it_is() -> None:
    class Holder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = nn.Linear(2, 2)

    holder = Holder()
    assert unwrapped(holder) is holder
    assert layout_of(holder).slots[0].name == "module.weight"


def test_layouts_are_equal_by_names_and_shapes_and_keep_the_rest_in_json() -> None:
    slots = (Slot("up", (4, 3, 2), 1, 2, "weight"), Slot("words", (5, 2), 0, 1, "embedding"))
    again = Layout.from_json(Layout(slots).to_json())
    assert [(s.filter_axis, s.groups, s.role) for s in again.slots] == [
        (1, 2, "weight"),
        (0, 1, "embedding"),
    ]
    assert Layout((Slot("up", (4, 3, 2)), Slot("words", (5, 2), 0))) == Layout(slots)
    assert Layout((Slot("up", (4, 3, 1)), Slot("words", (5, 2)))) != Layout(slots)


def test_layouts_written_before_there_were_roles_are_read() -> None:
    text = '[{"name": "w", "shape": [2, 3], "filter_axis": 0, "groups": 1}]'
    (slot,) = Layout.from_json(text).slots
    assert (slot.role, slot.filter_axis) == ("other", 0)
    with pytest.raises(ValueError, match="unknown role 'gain' of w; known: weight"):
        Slot("w", (2,), role="gain")  # type: ignore[arg-type]


def test_a_wrapped_model_is_sampled_and_watched_like_the_bare_one(
    examples: tuple[Tensor, Tensor],
) -> None:
    bare = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)).double()
    wrapped = nn.DataParallel(bare)
    grid = Grid.square(3)
    engine = SamplingConfig(strategy="loop", batch_size=30, threads=1)
    made = {m: random_plane(m) for m in (bare, wrapped)}
    surfaces = [
        sample(model, "cross_entropy", [examples], made[other], grid=grid, engine=engine)
        for model, other in ((bare, wrapped), (wrapped, bare), (bare, bare))
    ]
    for surface in surfaces:
        np.testing.assert_array_equal(surface.losses, surfaces[-1].losses)
    segments = [gradient_segment(m, "cross_entropy", [examples], rate=0.1) for m in made]
    np.testing.assert_array_equal(segments[0].direction, segments[1].direction)
    maps = [kink_map(m, "cross_entropy", [examples], made[bare], grid=Grid.square(5)) for m in made]
    assert maps[0].curves == maps[1].curves > 0
    budgets = [slope_budget(m, "cross_entropy", [examples], segments[0]) for m in made]
    assert budgets[0].crossings == budgets[1].crossings


def test_a_distributed_model_has_the_names_of_the_bare_one(tmp_path: Path) -> None:
    distributed = pytest.importorskip("torch.distributed")
    if not distributed.is_available() or not distributed.is_gloo_available():
        pytest.skip("no gloo")
    from torch.distributed.fsdp import FullyShardedDataParallel, ShardingStrategy

    bare = nn.Linear(3, 2)
    distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1
    )
    try:
        wrapped = nn.parallel.DistributedDataParallel(bare)
        np.testing.assert_array_equal(
            random_plane(wrapped).directions, random_plane(bare).directions
        )
        assert layout_of(wrapped) == layout_of(bare)
        sharded = FullyShardedDataParallel(
            nn.Linear(3, 2),
            device_id=torch.device("cpu"),
            sharding_strategy=ShardingStrategy.NO_SHARD,
            use_orig_params=True,
        )
        with pytest.raises(ValueError, match="sharded by FSDP; gather its state_dict"):
            layout_of(sharded)
    finally:
        distributed.destroy_process_group()
