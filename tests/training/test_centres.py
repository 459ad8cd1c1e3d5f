"""Hints about the centres of networks that were trained, rightly and wrongly used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import landscape
from landscape import Grid, Problem, SamplingConfig, Surface, TrainingConfig, data
from landscape.networks import build
from landscape.records.centre import hints

# Pixels of digits run from 0 to 16, with a standard deviation of 6.
STANDARD, UNIT = 6.0, 16.0


def digits(scale: float, *, images: bool = False) -> tuple[Tensor, Tensor]:
    batch = data.load("digits")
    inputs = torch.tensor(batch.inputs[:600], dtype=torch.float32).reshape(600, -1) / scale
    return inputs.reshape(-1, 1, 8, 8) if images else inputs, torch.tensor(batch.targets[:600])


def surface_of(model: nn.Module, examples: Any, *, points: int = 11) -> tuple[Surface, Any]:
    plane = landscape.random_plane(model, seed=0)
    engine = SamplingConfig(strategy="copy", threads=1, compile="never")
    surface = landscape.sample(
        Problem(model.eval(), "cross_entropy", examples),
        plane,
        grid=Grid.square(points),
        engine=engine,
    )
    middle = points // 2, points // 2
    centre = {name: float(values[middle]) for name, values in surface.fields.items()}
    return replace(surface, settings={**surface.settings, "centre": centre}), plane


def trained(model: nn.Module, examples: Any, steps: int, optimizer: str = "adam") -> nn.Module:
    config = TrainingConfig(steps=steps, record_every=1000, batch_size=100)
    landscape.train(Problem(model, "cross_entropy", examples), optimizer=optimizer, config=config)
    return model


def test_a_digit_network_with_pixels_from_0_to_1_still_looks_plausible_and_is_told() -> None:
    model = build("mlp", activation="relu", hidden=(32,))
    trained(model, digits(STANDARD), 150)
    right, plane = surface_of(model, digits(STANDARD))
    wrong, _ = surface_of(model, digits(UNIT))
    assert hints(right, plane) == []
    assert wrong.settings["centre"]["accuracies"] > 0.95
    assert "Wrongly scaled inputs" in hints(wrong, plane)[0]


def test_a_digit_cnn_with_pixels_from_0_to_1_is_told() -> None:
    model = build("cnn", activation="relu", input_shape=(1, 8, 8), channels=(8,), hidden=(),
                  batch_norm=False)  # fmt: skip
    trained(model, digits(1.0, images=True), 100)
    right, plane = surface_of(model, digits(1.0, images=True), points=5)
    wrong, _ = surface_of(model, digits(UNIT, images=True), points=5)
    assert hints(right, plane) == []
    assert wrong.settings["centre"]["accuracies"] > 0.8
    assert "Wrongly scaled inputs" in hints(wrong, plane)[0]


@pytest.mark.parametrize("activation", landscape.networks.activations.names())
def test_no_activation_has_a_loss_too_high_for_its_accuracy_in_training(activation: str) -> None:
    model = build("mlp", activation=activation, hidden=(24,))
    config = TrainingConfig(steps=100, record_every=10, batch_size=100)
    path = landscape.train(
        Problem(model, "cross_entropy", digits(STANDARD)), optimizer="adam", config=config
    )
    settings = {"kind": "random", "loss": "cross_entropy"}
    for loss, accuracy in zip(path.losses, path.accuracies, strict=True):
        noted = {**settings, "centre": {"losses": float(loss), "accuracies": float(accuracy)}}
        line = Surface(Grid.cube((3,)), {"losses": np.full(3, loss)}, np.ones(3), settings=noted)
        assert hints(line) == []


@pytest.mark.parametrize("activation", ["relu", "gelu", "tanh", "sigmoid"])
def test_networks_in_training_give_no_hint(activation: str) -> None:
    examples = digits(STANDARD)
    model = build("mlp", activation=activation, hidden=(24,))
    for steps in (15, 30, 100):
        trained(model, examples, steps)
        surface, plane = surface_of(model, examples, points=7)
        assert np.isfinite(surface.losses).all()
        assert hints(surface, plane) == [], f"after {steps} more steps"


def _mirrored_colours(inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    return 16 / STANDARD - inputs, targets


def _bytes(inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    return inputs * STANDARD * 255 / 16, targets


def _labels_of_the_next(inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    return inputs, targets.roll(1)


@pytest.mark.parametrize("wrong", [_mirrored_colours, _bytes, _labels_of_the_next])
def test_other_examples_than_those_of_training_are_told(wrong: Callable[..., Any]) -> None:
    examples = digits(STANDARD, images=True)
    model = build("cnn", activation="relu", input_shape=(1, 8, 8), channels=(8,), hidden=())
    trained(model, examples, 100)
    right, plane = surface_of(model, examples, points=5)
    assert hints(right, plane) == []
    surface, _ = surface_of(model, wrong(*examples), points=5)
    assert hints(surface, plane)
