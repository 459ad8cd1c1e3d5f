"""What a configuration and its examples make together: networks, loss, precision and speed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from landscape.evaluation.choice import choose_threads, threads
from landscape.networks import build
from landscape.networks.parameters import flatten
from landscape.problem import Problem
from landscape.problem.reading import GivenData
from landscape.records.naming import RunKey
from landscape.study.configuration import StudyConfig
from landscape.study.reporting import Examples


@dataclass(slots=True)
class Setup:
    """A configuration with its examples.

    Args:
        config: what to train and sample.
        data: the examples.

    Raises:
        ValueError: if network and data do not fit, a batch is larger than the data, values are
            to be trained by cross-entropy, or adamw has no weight decay, which would be adam under
            another name.
    """

    config: StudyConfig
    data: Examples
    examples: GivenData = field(init=False)
    _speed: tuple[int, float] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.examples = GivenData(self.data)
        examples, sizes = len(self.data.inputs), self.config.training.batch_size_of
        largest = max(map(sizes, self.config.optimizers))
        if largest > examples:
            raise ValueError(
                f"a batch must hold at most the {examples:,} examples of {self.config.data.name}, "
                f"got {largest:,}; lower --batch-size (training.batch_size), or give 0 for all"
            )
        if self.loss == "cross_entropy" and not self.data.classes:
            raise ValueError(
                f"cross_entropy needs classes, got {self.config.data.name}, whose targets are "
                "values; leave out --loss, or give mse"
            )
        if "adamw" in self.config.optimizers and not self.config.training.weight_decay:
            raise ValueError(
                "adamw needs a weight decay > 0, without one it is adam; give "
                "training.weight_decay=0.01 (--set), or the optimizer adam"
            )
        for activation in self.config.activations:
            build(self.spec(activation), seed=0)

    def spec(self, activation: str) -> Any:
        """Return the network with an activation."""
        shape = tuple(self.data.inputs.shape[1:])
        return self.config.spec(activation, shape, self.data.classes or 1)

    def network(self, activation: str, *, seed: int) -> nn.Module:
        """Return the network with an activation, initialised."""
        return build(self.spec(activation), seed=seed, dtype=self.dtype)

    def problem(self, model: nn.Module) -> Problem:
        """Return the problem of a network of this experiment."""
        return Problem(model, self.loss, self.examples, dtype=self.dtype)

    @property
    def dtype(self) -> torch.dtype:
        """Of parameters and inputs."""
        return torch.float64 if self.config.dtype == "float64" else torch.float32

    @property
    def loss(self) -> str:
        """As configured, or cross-entropy of classes and mean squared error of values."""
        usual = "cross_entropy" if self.data.classes else "mse"
        return usual if self.config.loss == "auto" else self.config.loss

    @property
    def facts(self) -> dict[str, str]:
        """What stands in the study beside its configuration."""
        return {"data_sha256": self.data.sha256, "loss": self.loss}

    @property
    def points(self) -> int:
        """Number of points of all surfaces together."""
        planes = (self.config.random_plane.points, self.config.pca_plane.points)
        return len(self.config.runs) * sum(p[0] * p[1] for p in planes if p)

    def seconds(self) -> float:
        """Estimate the time of a complete run from one evaluation and one training step."""
        _, forward = self.speed()
        steps = len(self.config.runs) * self.config.training.steps
        batch = max(map(self.config.training.batch_size_of, self.config.optimizers))
        share = batch / len(self.data.inputs) if batch else 1.0
        return forward * (3 * steps * share + self.points)

    def speed(self) -> tuple[int, float]:
        """Return one or all threads, whichever evaluates faster, and the seconds it then takes.

        On a busy machine several threads can be far slower than one, in training as well.
        """
        if self._speed is None:
            model = self.network(self.config.activations[0], seed=0)
            evaluator = self.problem(model).evaluator(standard_errors=False)
            theta = flatten(model)[None]
            number = choose_threads(lambda: evaluator(theta), self.config.sampling.threads)
            with threads(number):
                start = time.perf_counter()
                for _repeat in range(3):
                    evaluator(theta)
            self._speed = (number, (time.perf_counter() - start) / 3)
        return self._speed

    def run_settings(self, key: RunKey) -> dict[str, Any]:
        """Return what is noted of a run, plain values."""
        training = self.config.training
        return {
            "activation": key.activation,
            "optimizer": key.optimizer,
            "seed": key.seed,
            "network": self.spec(key.activation).to_dict(),
            "data": self.config.to_dict()["data"],
            "loss": self.loss,
            "examples": len(self.data.inputs),
            "batch_size": training.batch_size_of(key.optimizer),
            "learning_rate": training.learning_rates[key.optimizer],
            "momentum": training.momentum if key.optimizer in ("momentum", "nesterov") else 0.0,
            "dtype": self.config.dtype,
        }
