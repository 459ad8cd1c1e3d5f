"""Specifications of the networks this package can build itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, ClassVar, Literal, get_args

from landscape.records.naming import check_name
from landscape.records.plain import from_plain

Initialisation = Literal["he", "xavier", "lecun"]
INITIALISATIONS: tuple[str, ...] = get_args(Initialisation)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spec:
    """What every network has.

    Attributes:
        activation: name of the activation in the registry.
        input_shape: shape of one example.
        outputs: number of outputs (classes, or 1 for a regression).
        initialisation: one rule for all weights: ``he`` draws from N(0, 2 / fan_in),
            ``xavier`` from N(0, 2 / (fan_in + fan_out)), ``lecun`` from N(0, 1 / fan_in).
            Biases start at 0.
    """

    kind: ClassVar[str]
    activation: str = "relu"
    input_shape: tuple[int, ...]
    outputs: int = 10
    initialisation: Initialisation = "he"

    def __post_init__(self) -> None:
        check_name(self.activation, "activation")
        object.__setattr__(self, "input_shape", tuple(self.input_shape))
        if not self.input_shape or min(self.input_shape) < 1:
            raise ValueError(f"input_shape must be positive sizes, got {self.input_shape}")
        if self.outputs < 1:
            raise ValueError(f"outputs must be >= 1, got {self.outputs}")
        if self.initialisation not in INITIALISATIONS:
            raise ValueError(
                f"unknown initialisation {self.initialisation!r}; known: "
                + ", ".join(INITIALISATIONS)
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the specification as plain values, its kind first."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        plain = {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
        return {"kind": self.kind, **plain}


@dataclass(frozen=True, slots=True, kw_only=True)
class MLPSpec(_Spec):
    """A multilayer perceptron: input flattened, ``hidden`` layers with activation, linear output.

    Attributes:
        hidden: width of each hidden layer.
    """

    kind: ClassVar[str] = "mlp"
    input_shape: tuple[int, ...] = (64,)
    hidden: tuple[int, ...] = (32, 32)

    def __post_init__(self) -> None:
        _Spec.__post_init__(self)
        object.__setattr__(self, "hidden", tuple(self.hidden))
        if any(width < 1 for width in self.hidden):
            raise ValueError(f"hidden widths must be >= 1, got {self.hidden}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CNNSpec(_Spec):
    """A VGG-like network: blocks of 3 x 3 convolutions, each block ending in 2 x 2 max pooling.

    Attributes:
        channels: channels of the convolutions of each block.
        convolutions: convolutions per block.
        batch_norm: whether BatchNorm follows each convolution.
        hidden: widths of the linear layers before the output.
    """

    kind: ClassVar[str] = "cnn"
    input_shape: tuple[int, ...] = (1, 28, 28)
    channels: tuple[int, ...] = (16, 32)
    convolutions: int = 1
    batch_norm: bool = False
    hidden: tuple[int, ...] = (64,)

    def __post_init__(self) -> None:
        _Spec.__post_init__(self)
        object.__setattr__(self, "channels", tuple(self.channels))
        object.__setattr__(self, "hidden", tuple(self.hidden))
        if not self.channels or min(self.channels) < 1 or self.convolutions < 1:
            raise ValueError("a cnn needs at least one block with at least one convolution")
        if any(width < 1 for width in self.hidden):
            raise ValueError(f"hidden widths must be >= 1, got {self.hidden}")
        _check_image(self.input_shape, 2 ** len(self.channels))


@dataclass(frozen=True, slots=True, kw_only=True)
class ResNetSpec(_Spec):
    """The CIFAR ResNet of He et al. 2016, with or without skip connections (Li et al. 2018).

    Attributes:
        depth: 6 n + 2 layers: 20, 32, 44, 56, 110.
        width: channels of the first stage (16 in the papers); the next have 2 and 4 times as many.
        skip: whether the skip connections are there.
        batch_norm: whether BatchNorm follows each convolution.
    """

    kind: ClassVar[str] = "resnet"
    input_shape: tuple[int, ...] = (3, 32, 32)
    depth: int = 20
    width: int = 16
    skip: bool = True
    batch_norm: bool = True

    def __post_init__(self) -> None:
        _Spec.__post_init__(self)
        if self.depth < 8 or (self.depth - 2) % 6:
            raise ValueError(f"depth must be 6 n + 2 (8, 20, 56, ...), got {self.depth}")
        if self.width < 1:
            raise ValueError(f"width must be >= 1, got {self.width}")
        _check_image(self.input_shape, 4)


NetworkSpec = MLPSpec | CNNSpec | ResNetSpec
_KINDS: Mapping[str, type[MLPSpec] | type[CNNSpec] | type[ResNetSpec]] = MappingProxyType(
    {spec.kind: spec for spec in (MLPSpec, CNNSpec, ResNetSpec)}
)


def network_spec(kind: str, **options: Any) -> NetworkSpec:
    """Make the specification of a network by name.

    Args:
        kind: ``mlp``, ``cnn`` or ``resnet``.
        options: fields of its specification.

    Raises:
        ValueError: for an unknown kind or option; the message lists the known.

    >>> network_spec("mlp", hidden=(8,)).hidden
    (8,)
    """
    if kind not in tuple(_KINDS):
        raise ValueError(f"unknown network {kind!r}; known: {', '.join(_KINDS)}")
    spec = _KINDS[kind]
    known = [f.name for f in fields(spec)]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ValueError(
            f"unknown option {', '.join(unknown)} of network {kind!r}; known: {', '.join(known)}"
        )
    return from_plain(spec, options, "network.")


def _check_image(shape: tuple[int, ...], divisor: int) -> None:
    if len(shape) != 3 or min(shape[1:]) < divisor:
        raise ValueError(
            f"input_shape must be (channels, height, width) with sides >= {divisor}, got {shape}; "
            "use an image data set, or the network 'mlp'"
        )
