"""Building a network from its specification."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from landscape.networks.cnn import cnn
from landscape.networks.initialise import initialise
from landscape.networks.mlp import mlp
from landscape.networks.resnet import ResNet
from landscape.networks.spec import CNNSpec, MLPSpec, NetworkSpec, ResNetSpec, network_spec

_NETWORKS: Mapping[type[NetworkSpec], Callable[[Any], nn.Module]] = MappingProxyType(
    {MLPSpec: mlp, CNNSpec: cnn, ResNetSpec: ResNet}
)


def build(
    spec: NetworkSpec | str,
    *,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    **options: Any,
) -> nn.Module:
    """Build a network and initialise it.

    The same seed gives the same weights for every activation. The global generator is left alone.

    Args:
        spec: a specification, or the name of one (``mlp``, ``cnn``, ``resnet``).
        seed: of the initial weights.
        dtype: precision of parameters and buffers.
        options: fields of the specification, if it is given by name.

    Raises:
        ValueError: for an unknown network, option or activation.

    >>> build("mlp", activation="elu", hidden=(8,))(torch.zeros(2, 64)).shape
    torch.Size([2, 10])
    """
    if isinstance(spec, str):
        spec = network_spec(spec, **options)
    elif options:
        raise ValueError(f"options {sorted(options)} are for a network given by name only")
    # Constructing layers draws their default weights from the global generator.
    with torch.random.fork_rng(devices=[]):
        model = _NETWORKS[type(spec)](spec)
    model = model.to(dtype)
    initialise(model, spec.initialisation, seed=seed)
    return model
