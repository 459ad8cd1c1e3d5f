"""One initialisation rule for all weights, drawn by seed and parameter name."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from landscape.networks.randomness import keyed_normal
from landscape.networks.spec import INITIALISATIONS, Initialisation

_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def initialise(model: nn.Module, rule: Initialisation = "he", *, seed: int = 0) -> None:
    """Initialise linear and convolutional layers: normal weights, biases 0.

    The draws depend on the seed and the parameter's name alone, so that an activation with a
    parameter of its own shifts no other weight. Other layers keep their constants: norm scales 1,
    PReLU's slope.

    Args:
        model: changed in place.
        rule: ``he``: variance 2 / fan_in; ``xavier``: 2 / (fan_in + fan_out); ``lecun``:
            1 / fan_in.
        seed: of the draws.

    Raises:
        ValueError: for an unknown rule.

    References:
        He et al. (2015), equation 10; Glorot and Bengio (2010), equation 12; LeCun et al. (1998).
    """
    if rule not in INITIALISATIONS:
        raise ValueError(f"unknown initialisation {rule!r}; known: {', '.join(INITIALISATIONS)}")
    with torch.no_grad():
        for name, module in model.named_modules():
            if isinstance(module, _LAYERS):
                weight = module.weight
                draws = keyed_normal(tuple(weight.shape), seed, f"{name}.weight")
                weight.copy_(draws * _deviation(weight, rule))
                if module.bias is not None:
                    module.bias.zero_()


def _deviation(weight: Tensor, rule: Initialisation) -> float:
    receptive = math.prod(weight.shape[2:])
    fan_in, fan_out = weight.shape[1] * receptive, weight.shape[0] * receptive
    variance = {"he": 2 / fan_in, "xavier": 2 / (fan_in + fan_out), "lecun": 1 / fan_in}
    return math.sqrt(variance[rule])
