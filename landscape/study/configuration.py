"""The configuration of one study: what is trained, on what, and which planes are sampled."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, get_args

import tomli_w

from landscape.evaluation.engine_settings import SamplingConfig
from landscape.networks.spec import NetworkSpec, network_spec
from landscape.records.choices import check_known
from landscape.records.grid import check_span
from landscape.records.naming import RunKey, check_name
from landscape.records.plain import from_plain, read_toml, to_plain
from landscape.records.plane import LENGTHS, NORMALISATIONS, Length, Normalisation
from landscape.training.training_settings import TrainingConfig, check_optimizer

DTYPES = ("float32", "float64")
Loss = Literal["auto", "cross_entropy", "mse"]
LOSSES: tuple[str, ...] = get_args(Loss)


class PlainConfig:
    """A configuration that is written as plain values or TOML, and read from them."""

    __slots__ = ()
    command: ClassVar[str]

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as plain values, every default visible."""
        return to_plain(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read a configuration from plain values.

        Raises:
            ValueError: for an unknown key (the message lists the known), a wrong type or an
                impossible value.
        """
        return from_plain(cls, values)

    def to_toml(self) -> str:
        """Return the configuration as TOML, every default visible."""
        return tomli_w.dumps(self.to_dict())

    @classmethod
    def from_toml(cls, path: Path) -> Self:
        """Read a configuration file.

        Raises:
            ValueError: if it is not TOML or not a configuration.
            OSError: if it cannot be read.
        """
        return cls.from_dict(read_toml(path, command=cls.command))


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig:
    """Which data set.

    Attributes:
        name: name of the data set.
        standardise: how the inputs are scaled; ``features`` gives each feature mean 0 and
            variance 1.
        folder: where data sets that do not come with a package lie; "" is the search path.
    """

    name: str = "digits"
    standardise: str = "features"
    folder: str = ""

    def __post_init__(self) -> None:
        check_name(self.name, "data set")


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomPlaneConfig:
    """The random plane around every solution; no points means no such plane.

    Attributes:
        points: points along alpha and beta.
        span: coordinates run from -span to span.
        normalisation: ``filter`` (Li et al. 2018), ``layer``, ``global`` (the whole direction as
            long as the weights it perturbs) or ``none``.
        seed: of the Gaussian draws, the same for every activation.
    """

    points: tuple[int, ...] = (51, 51)
    span: float = 1.0
    normalisation: Normalisation = "filter"
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", _check_points(self.points))
        check_span(self.span)
        if self.seed < 0:
            raise ValueError(f"the seed of the random plane must be >= 0, got {self.seed}")
        check_known("normalisation", self.normalisation, NORMALISATIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class PcaPlaneConfig:
    """The plane of each trajectory's two first principal components; no points, no plane.

    Attributes:
        points: points along alpha and beta.
        length: ``displacement`` measures coordinates in lengths of each path from start to
            solution, so that one window suits all; ``unit`` in distances in parameter space.
        margin: room around the trajectories, as a share of their extent.
    """

    points: tuple[int, ...] = (51, 51)
    length: Length = "displacement"
    margin: float = 0.45

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", _check_points(self.points))
        check_known("length", self.length, LENGTHS)
        if not 0 <= self.margin <= 10:
            raise ValueError(f"margin must be between 0 and 10, got {self.margin}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyConfig(PlainConfig):
    """One experiment: every activation with every optimizer and seed, all else equal.

    Attributes:
        activations: names in the registry of activations.
        optimizers: ``gd sgd momentum nesterov adam adamw``.
        seeds: one run each; the same seed means the same initial weights and batches.
        dtype: precision of training and sampling.
        loss: ``cross_entropy``, ``mse`` (classes as one-hot vectors), or ``auto``, the first for
            classes and the second for values.
        target_loss: the loss whose first step is reported.
        data: which data set.
        network: ``kind`` and the options of its specification, without activation and sizes that
            follow from the data.
        training: how it is trained.
        random_plane: random plane around every solution.
        pca_plane: plane of every trajectory.
        sampling: how the loss is evaluated.
    """

    command: ClassVar[str] = "landscape run"

    activations: tuple[str, ...] = ("relu", "elu")
    optimizers: tuple[str, ...] = ("gd",)
    seeds: tuple[int, ...] = (0,)
    dtype: str = "float32"
    loss: Loss = "auto"
    target_loss: float = 0.1
    data: DataConfig = field(default_factory=DataConfig)
    network: Mapping[str, Any] = field(default_factory=lambda: {"kind": "mlp", "hidden": (32, 32)})
    training: TrainingConfig = field(default_factory=TrainingConfig)
    random_plane: RandomPlaneConfig = field(default_factory=RandomPlaneConfig)
    pca_plane: PcaPlaneConfig = field(default_factory=PcaPlaneConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)

    def __post_init__(self) -> None:
        for name in ("activations", "optimizers", "seeds"):
            values = tuple(getattr(self, name))
            if not values or len(set(values)) != len(values):
                raise ValueError(f"{name} must be at least one, each once, got {values}")
            object.__setattr__(self, name, values)
        for optimizer in self.optimizers:
            check_optimizer(optimizer)
            self.training.batch_size_of(optimizer)
        check_known("dtype", self.dtype, DTYPES)
        check_known("loss", self.loss, LOSSES)
        if not math.isfinite(self.target_loss):
            raise ValueError(f"target_loss must be finite, got {self.target_loss}")
        spec = self.spec("relu", (64,) if self.network.get("kind") == "mlp" else (3, 64, 64), 2)
        plain = spec.to_dict()
        for derived in ("activation", "input_shape", "outputs"):
            del plain[derived]
        object.__setattr__(self, "network", plain)
        _ = self.runs

    @property
    def runs(self) -> tuple[RunKey, ...]:
        """Every run, activation by activation."""
        return tuple(
            RunKey(activation, optimizer, seed)
            for activation in self.activations
            for optimizer in self.optimizers
            for seed in self.seeds
        )

    def spec(self, activation: str, input_shape: tuple[int, ...], outputs: int) -> NetworkSpec:
        """Return the specification of the network with ``activation`` for such data.

        Raises:
            ValueError: if the network cannot take it.
        """
        options = {k: v for k, v in self.network.items() if k != "kind"}
        given = {"activation", "input_shape", "outputs"} & options.keys()
        if given:
            raise ValueError(
                f"network.{sorted(given)[0]} follows from the activations and the data; remove it"
            )
        return network_spec(
            self.network.get("kind", "mlp"),
            activation=activation,
            input_shape=input_shape,
            outputs=outputs,
            **options,
        )


def _check_points(points: tuple[int, ...]) -> tuple[int, ...]:
    if len(points) not in (0, 2) or any(n < 2 for n in points):
        raise ValueError(
            f"points must be two numbers >= 2, as [51, 51], or [] for no plane, got {list(points)}"
        )
    return tuple(points)
