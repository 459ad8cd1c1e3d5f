"""Activations that torch lacks, as functions of a tensor.

Each is one operation to whoever watches torch's functions (``torch.overrides``), as torch's own
activations are: inside, ``smelu`` has two kinks that cancel, which are none of the activation.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function_unary

from landscape.networks.activations.polyline import Polyline


def smelu(inputs: Tensor, beta: float = 1.0) -> Tensor:
    """Return 0, (z + beta)^2 / (4 beta) or z: ReLU with a parabola between -beta and beta.

    References:
        Shamir, Lin, Coviello (2020), Smooth activations and reproducibility in deep networks,
        arXiv 2010.09931.
    """
    if has_torch_function_unary(inputs):
        return handle_torch_function(smelu, (inputs,), inputs, beta)
    inside = torch.clamp(inputs, -beta, beta)
    return torch.relu(inputs - beta) + (inside + beta).square() / (4 * beta)


def squareplus(inputs: Tensor, b: float = 4.0) -> Tensor:
    """Return (z + sqrt(z^2 + b)) / 2.

    References:
        Barron (2021), Squareplus: a softplus-like algebraic rectifier, arXiv 2112.11687.
    """
    if has_torch_function_unary(inputs):
        return handle_torch_function(squareplus, (inputs,), inputs, b)
    return 0.5 * (inputs + torch.sqrt(inputs.square() + b))


def gauss_relu(inputs: Tensor, sigma: float = 1.0) -> Tensor:
    """Return z Phi(z / sigma) + sigma phi(z / sigma): ReLU convolved with a Gaussian.

    The mean of relu(z + e) over e with standard deviation ``sigma``.
    """
    if has_torch_function_unary(inputs):
        return handle_torch_function(gauss_relu, (inputs,), inputs, sigma)
    scaled = inputs / sigma
    density = torch.exp(-0.5 * scaled.square()) / math.sqrt(2 * math.pi)
    return inputs * 0.5 * torch.erfc(-scaled / math.sqrt(2)) + sigma * density


def piecewise_linear(inputs: Tensor, line: Polyline) -> Tensor:
    """Return the polyline at ``inputs``; its slope at a knot is that from the left."""
    if has_torch_function_unary(inputs):
        return handle_torch_function(piecewise_linear, (inputs,), inputs, line)
    count = len(line.values)
    place = (inputs.detach() - line.start) / line.spacing
    segment = torch.ceil(place).clamp(0, count).nan_to_num(0).long()
    knots = inputs.new_tensor((line.start, *line.knots))[segment]
    values = inputs.new_tensor((line.values[0], *line.values))[segment]
    slopes = inputs.new_tensor(line.slopes)[segment]
    return values + slopes * (inputs - knots)
