import numpy as np
import pytest
import torch
from torch import nn

from landscape.networks import activations, build
from landscape.networks.spec import network_spec

SMALL = {
    "mlp": {"input_shape": (6,), "hidden": (5, 4), "outputs": 3},
    "cnn": {"input_shape": (1, 8, 8), "channels": (2, 3), "hidden": (4,), "outputs": 3},
    "resnet": {"input_shape": (3, 8, 8), "depth": 8, "width": 2, "outputs": 3},
}


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("activation", [n for n in activations.names() if n != "relu"])
def test_every_activation_starts_from_the_same_weights(kind: str, activation: str) -> None:
    relu = build(kind, activation="relu", seed=4, **SMALL[kind]).state_dict()
    other = build(kind, activation=activation, seed=4, **SMALL[kind])
    extra = set(other.state_dict()) - set(relu)
    assert bool(extra) == activations.get(activation).learnable
    assert all(torch.equal(relu[name], other.state_dict()[name]) for name in relu)


@pytest.mark.parametrize("kind", SMALL)
def test_outputs_seed_dtype_and_the_global_generator(kind: str) -> None:
    before = torch.get_rng_state()
    model = build(kind, seed=0, dtype=torch.float64, **SMALL[kind])
    single, other = (build(kind, seed=s, **SMALL[kind]) for s in (0, 1))
    assert torch.equal(before, torch.get_rng_state())
    images = torch.ones(2, *SMALL[kind]["input_shape"], dtype=torch.float64)  # type: ignore[misc]
    assert model(images).shape == (2, 3)
    for wide, narrow in zip(model.parameters(), single.parameters(), strict=True):
        torch.testing.assert_close(wide.float(), narrow)
    pairs = zip(single.parameters(), other.parameters(), strict=True)
    assert any(not torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize(
    ("rule", "variance"), [("he", 2 / 300), ("xavier", 2 / 500), ("lecun", 1 / 300)]
)
def test_initialisation_follows_its_rule(rule: str, variance: float) -> None:
    model = build("mlp", input_shape=(300,), hidden=(200,), initialisation=rule)
    weight, bias = model.linear1.weight, model.linear1.bias
    assert weight.var().item() == pytest.approx(variance, rel=0.02)
    assert abs(weight.mean().item()) < 4 * (variance / weight.numel()) ** 0.5
    assert not bias.any()


def test_convolutions_count_their_receptive_field() -> None:
    model = build("cnn", input_shape=(1, 8, 8), channels=(40, 50))
    assert model.conv2_1.weight.var().item() == pytest.approx(2 / (40 * 9), rel=0.05)


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_resnet_20_has_the_known_number_of_parameters() -> None:
    # 3x3 convolutions 3-16, 6 x 16-16, 16-32, 5 x 32-32, 32-64, 5 x 64-64; two 1x1 shortcuts;
    # BatchNorm scale and shift for each; linear 64-10.
    convolutions = 9 * (3 * 16 + 6 * 256 + 16 * 32 + 5 * 1024 + 32 * 64 + 5 * 4096)
    shortcuts = 16 * 32 + 32 * 64
    norms = 2 * (16 * 7 + 32 * 7 + 64 * 7)
    assert count(build("resnet", depth=20)) == convolutions + shortcuts + norms + 650 == 272_474
    plain = build("resnet", depth=20, skip=False)
    assert count(plain) == 272_474 - shortcuts - 2 * (32 + 64)
    assert len(build("resnet", depth=56).blocks) == 27


def test_without_skips_the_identity_is_gone() -> None:
    options = {**SMALL["resnet"], "batch_norm": False}
    images = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    with_skip, without = (build("resnet", skip=s, **options).eval() for s in (True, False))
    with torch.no_grad():
        for model in (with_skip, without):
            for block in model.blocks:
                block.conv2.weight.zero_()
        assert with_skip.blocks[0](torch.ones(1, 2, 8, 8)).eq(1).all()
        assert not without(images).any()
        assert with_skip(images).any()


def test_depth_and_batch_norm_of_the_cnn() -> None:
    model = build("cnn", channels=(2, 3), convolutions=2, batch_norm=True, input_shape=(1, 9, 9))
    kinds = [type(layer).__name__ for layer in model]
    assert kinds.count("Conv2d") == kinds.count("BatchNorm2d") == 4
    assert kinds.count("MaxPool2d") == 2
    assert all(layer.bias is None for layer in model if isinstance(layer, nn.Conv2d))
    assert model(torch.zeros(2, 1, 9, 9)).shape == (2, 10)


@pytest.mark.parametrize("kind", SMALL)
def test_evaluates_under_vmap(kind: str) -> None:
    model = build(kind, activation="elu", **SMALL[kind]).eval()
    images = torch.ones(2, *SMALL[kind]["input_shape"])  # type: ignore[misc]
    stacked = {n: torch.stack([p, 2 * p]).detach() for n, p in model.named_parameters()}
    outputs = torch.func.vmap(lambda p: torch.func.functional_call(model, p, (images,)))(stacked)
    torch.testing.assert_close(outputs[0], model(images).detach())
    assert outputs.shape == (2, 2, 3)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("vgg", {}, "unknown network 'vgg'; known: mlp, cnn, resnet"),
        ("mlp", {"widths": (3,)}, "unknown option widths of network 'mlp'; known: activation"),
        ("mlp", {"activation": "rellu"}, "unknown activation 'rellu'"),
        ("mlp", {"hidden": (0,)}, "hidden widths must be >= 1"),
        ("mlp", {"hidden": ("a",)}, "network.hidden must be an integer, got 'a'"),
        ("resnet", {"depth": 18}, r"depth must be 6 n \+ 2"),
        ("cnn", {"input_shape": (64,)}, "use an image data set, or the network 'mlp'"),
        ("cnn", {"input_shape": (1, 2, 2)}, "sides >= 4"),
        ("mlp", {"initialisation": "kaiming"}, "known: he, xavier, lecun"),
    ],
)
def test_impossible_networks_are_refused(
    kind: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        build(kind, **options)


def test_specifications_round_trip() -> None:
    for kind, options in SMALL.items():
        spec = network_spec(kind, **options)
        assert network_spec(**spec.to_dict()) == spec
    with pytest.raises(ValueError, match="given by name only"):
        build(spec, depth=8)
    assert np.prod(network_spec("mlp").input_shape) == 64
