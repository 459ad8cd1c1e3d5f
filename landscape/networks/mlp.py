"""Multilayer perceptrons."""

from __future__ import annotations

import math
from collections import OrderedDict

from torch import nn

from landscape.networks import activations
from landscape.networks.spec import MLPSpec


def mlp(spec: MLPSpec) -> nn.Sequential:
    """Make flatten, (linear, activation) for each hidden width, linear.

    The names of the layers do not depend on the activation.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
    width = math.prod(spec.input_shape)
    for i, hidden in enumerate(spec.hidden, start=1):
        layers[f"linear{i}"] = nn.Linear(width, hidden)
        layers[f"activation{i}"] = activations.make(spec.activation)
        width = hidden
    layers["output"] = nn.Linear(width, spec.outputs)
    return nn.Sequential(layers)
