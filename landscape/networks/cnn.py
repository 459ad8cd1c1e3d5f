"""VGG-like convolutional networks."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from landscape.networks import activations
from landscape.networks.spec import CNNSpec


def cnn(spec: CNNSpec) -> nn.Sequential:
    """Make blocks of (3 x 3 convolution, BatchNorm, activation), 2 x 2 max pooling; linear layers.

    References:
        Simonyan, Zisserman (2015), Very deep convolutional networks, for the pattern.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    channels, height, width = spec.input_shape
    for block, out in enumerate(spec.channels, start=1):
        for i in range(1, spec.convolutions + 1):
            name = f"{block}_{i}"
            # A bias before BatchNorm would be subtracted again.
            layers["conv" + name] = nn.Conv2d(channels, out, 3, padding=1, bias=not spec.batch_norm)
            if spec.batch_norm:
                layers["norm" + name] = nn.BatchNorm2d(out)
            layers["activation" + name] = activations.make(spec.activation)
            channels = out
        layers[f"pool{block}"] = nn.MaxPool2d(2)
        height, width = height // 2, width // 2
    layers["flatten"] = nn.Flatten()
    features = channels * height * width
    for i, hidden in enumerate(spec.hidden, start=1):
        layers[f"linear{i}"] = nn.Linear(features, hidden)
        layers[f"activation{i}"] = activations.make(spec.activation)
        features = hidden
    layers["output"] = nn.Linear(features, spec.outputs)
    return nn.Sequential(layers)
