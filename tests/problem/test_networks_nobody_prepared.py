"""Networks of other packages, as they come: one call gives a surface, another a slope budget."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import landscape
from landscape import Problem, random_segment

EXAMPLES, CLASSES, TOKENS, WORDS = 4, 5, 6, 11
CONFIG = landscape.SamplingConfig(strategy="copy", batch_size=2, threads=1)
# A step of an optimizer is shorter than that of a random line.
SPAN = 1e-3


def package(name: str) -> Any:
    """Import a package, or skip the test where it is absent or made for another torch."""
    try:
        return importlib.import_module(name)
    except (ImportError, RuntimeError, AttributeError) as error:
        pytest.skip(f"{name} cannot be imported here: {error}")


def draws() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def classes() -> Tensor:
    return torch.arange(EXAMPLES) % CLASSES


def images() -> Any:
    return torch.randn(EXAMPLES, 3, 32, 32, generator=draws()), classes()


def series() -> Any:
    return torch.randn(EXAMPLES, TOKENS, 3, generator=draws()), classes()


def words(count: int = TOKENS) -> Tensor:
    return torch.randint(1, WORDS, (EXAMPLES, count), generator=draws())


def sentences() -> Any:
    return {"input_ids": words(), "attention_mask": torch.ones(EXAMPLES, TOKENS, dtype=torch.long),
            "labels": classes()}  # fmt: skip


def next_words() -> Any:
    ids = words(TOKENS + 1)
    return {"input_ids": ids[:, :-1], "labels": ids[:, 1:]}


def translations() -> Any:
    ids = words(2 * TOKENS + 1)
    return ids[:, :TOKENS], ids[:, TOKENS:-1], ids[:, TOKENS + 1 :]


def warmed(model: nn.Module) -> nn.Module:
    """Let a network of random weights answer in numbers that differ.

    BatchNorm counts what it sees, and a last layer that torchvision leaves at zero has no length
    to scale a direction by.
    """
    for _ in range(3):
        model(images()[0])
    last = [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
    nn.init.normal_(last.weight)
    return model


def resnet18() -> nn.Module:
    return warmed(package("torchvision.models").resnet18(num_classes=CLASSES))


def mobilenet() -> nn.Module:
    return warmed(package("torchvision.models").mobilenet_v3_small(num_classes=CLASSES))


def vision_transformer() -> nn.Module:
    return warmed(package("torchvision.models").VisionTransformer(
        image_size=32, patch_size=8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32,
        num_classes=CLASSES, dropout=0.1,
    ))  # fmt: skip


def bert() -> nn.Module:
    transformers = package("transformers")
    config = transformers.BertConfig(
        vocab_size=WORDS, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=TOKENS, num_labels=CLASSES,
    )  # fmt: skip
    return transformers.BertForSequenceClassification(config)


def gpt2() -> nn.Module:
    transformers = package("transformers")
    config = transformers.GPT2Config(
        vocab_size=WORDS, n_positions=TOKENS, n_embd=16, n_layer=2, n_head=2,
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    return transformers.GPT2LMHeadModel(config)


class Last(nn.Module):
    """A recurrent layer, and what its last state says."""

    def __init__(self, kind: type[nn.RNNBase], **options: Any) -> None:
        super().__init__()
        self.cell = kind(3, 7, batch_first=True, **options)
        self.head = nn.Linear(7, CLASSES)

    def forward(self, sequence: Tensor) -> Tensor:
        return self.head(self.cell(sequence)[0][:, -1])


class Encoder(nn.Module):
    """torch's own layers, dropout and all."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(3, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, sequence: Tensor) -> Tensor:
        return self.head(self.layers(self.embed(sequence)).mean(dim=1))


class Translator(nn.Module):
    """torch's own encoder and decoder, of two arguments."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, 8)
        self.transformer = nn.Transformer(8, 2, 1, 1, 16, batch_first=True)
        self.head = nn.Linear(8, WORDS)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(target.shape[1])
        hidden = self.transformer(self.words(source), self.words(target), tgt_mask=mask)
        return self.head(hidden)


NETWORKS: dict[str, tuple[Callable[[], nn.Module], Callable[[], Any]]] = {
    "resnet18": (resnet18, images),
    "mobilenet_v3_small": (mobilenet, images),
    "VisionTransformer": (vision_transformer, images),
    "Bert": (bert, sentences),
    "GPT2": (gpt2, next_words),
    "TransformerEncoder": (Encoder, series),
    "Transformer": (Translator, translations),
    "LSTM": (lambda: Last(nn.LSTM, num_layers=2, dropout=0.2), series),
    "GRU": (lambda: Last(nn.GRU), series),
}


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest) -> tuple[str, nn.Module, Any]:
    make, data = NETWORKS[request.param]
    torch.manual_seed(0)
    return request.param, make().train(), data()


def state(model: nn.Module) -> list[Any]:
    """All that a model is: a copy to compare with later."""
    tensors = [(name, value.clone()) for name, value in model.state_dict().items()]
    modes = [(name, module.training) for name, module in model.named_modules()]
    kept = [(name, p.requires_grad, p.grad is None) for name, p in model.named_parameters()]
    return [tensors, modes, kept, torch.get_rng_state().clone()]


def check_same(before: list[Any], after: list[Any]) -> None:
    for (name, one), (other, two) in zip(before[0], after[0], strict=True):
        assert name == other
        assert torch.equal(one, two), name
    assert before[1:3] == after[1:3]
    assert torch.equal(before[3], after[3])


def test_one_call_gives_a_finite_surface_and_leaves_the_model_alone(
    network: tuple[str, nn.Module, Any],
) -> None:
    _, model, data = network
    before = state(model)
    plane = landscape.random_plane(model, seed=0)
    surface = landscape.sample(
        Problem(model, "cross_entropy", data), plane, grid=landscape.Grid.square(3)
    )
    assert surface.complete
    assert np.isfinite(surface.losses).all()
    assert np.ptp(surface.losses) > 0
    check_same(before, state(model))


def test_the_same_seed_gives_the_same_bits(network: tuple[str, nn.Module, Any]) -> None:
    _, model, data = network
    grid = landscape.Grid.square(2, 0.5)
    surfaces = [
        landscape.sample(
            Problem(model, "cross_entropy", data),
            landscape.random_plane(model, seed=seed),
            grid=grid,
            engine=CONFIG,
        )
        for seed in (0, 0, 1)
    ]
    assert surfaces[0].losses.tobytes() == surfaces[1].losses.tobytes()
    assert (surfaces[0].losses != surfaces[2].losses).all()


def test_a_slope_budget_is_finite_and_passes_its_check(network: tuple[str, nn.Module, Any]) -> None:
    _, model, data = network
    before = state(model)
    segment = random_segment(model, seed=0, span=SPAN)
    budget = landscape.slope_budget(Problem(model, "cross_entropy", data), segment, samples=5)
    assert budget.passed
    assert np.isfinite(budget.slope_change)
    assert budget.slope_change != 0
    parts = budget.signed_smooth + budget.signed_kink
    assert parts == pytest.approx(budget.slope_change, abs=0.05 * budget.example_variation)
    check_same(before, state(model))


def test_the_kinks_of_a_recurrent_layer_of_rectifiers_are_seen() -> None:
    torch.manual_seed(0)
    model = Last(nn.RNN, nonlinearity="relu")
    budget = landscape.slope_budget(
        Problem(model, "cross_entropy", series()), random_segment(model)
    )
    assert not budget.unseen
    assert budget.passed
    assert budget.crossings > 0


def test_a_layer_that_jumps_in_value_is_refused_by_name() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(TOKENS * 3, 7), nn.Hardshrink(), nn.Linear(7, 5))
    surface = landscape.sample(
        Problem(model, "cross_entropy", series()),
        landscape.random_plane(model),
        grid=landscape.Grid.square(3),
    )
    assert np.isfinite(surface.losses).all()
    with pytest.raises(ValueError, match=r"hardshrink in 2 jumps in value.*replace the activation"):
        landscape.slope_budget(Problem(model, "cross_entropy", series()), random_segment(model))


def test_statistics_of_the_batch_couple_its_examples_and_are_refused() -> None:
    norm = nn.BatchNorm1d(TOKENS, track_running_stats=False)
    model = nn.Sequential(norm, nn.Flatten(), nn.Linear(TOKENS * 3, CLASSES))
    with pytest.raises(ValueError, match=r"every example counts by itself.*one value per example"):
        landscape.slope_budget(Problem(model, "cross_entropy", series()), random_segment(model))
