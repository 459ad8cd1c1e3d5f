"""The ResNets of the CIFAR experiments, with and without skip connections.

References:
    He, Zhang, Ren, Sun (2016), Deep residual learning for image recognition, section 4.2.
    Li et al. (2018), section 5, for the networks without skip connections.
"""

from __future__ import annotations

from torch import Tensor, nn

from landscape.networks import activations
from landscape.networks.spec import ResNetSpec


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions, and the identity or a 1 x 1 convolution beside them."""

    def __init__(self, inputs: int, outputs: int, stride: int, spec: ResNetSpec) -> None:
        super().__init__()
        self.conv1 = _convolution(inputs, outputs, 3, stride, spec)
        self.norm1 = _norm(outputs, spec)
        self.activation1 = activations.make(spec.activation)
        self.conv2 = _convolution(outputs, outputs, 3, 1, spec)
        self.norm2 = _norm(outputs, spec)
        self.activation2 = activations.make(spec.activation)
        self.skip = spec.skip
        self.shortcut: nn.Module = nn.Identity()
        if spec.skip and (stride != 1 or inputs != outputs):
            # Option B of He et al.: Li et al. used it, and it has no padding to explain.
            self.shortcut = nn.Sequential(
                _convolution(inputs, outputs, 1, stride, spec), _norm(outputs, spec)
            )

    def forward(self, inputs: Tensor) -> Tensor:
        """Map [N, inputs, H, W] to [N, outputs, H / stride, W / stride]."""
        hidden = self.activation1(self.norm1(self.conv1(inputs)))
        hidden = self.norm2(self.conv2(hidden))
        if self.skip:
            hidden = hidden + self.shortcut(inputs)
        return self.activation2(hidden)  # type: ignore[no-any-return]


class ResNet(nn.Module):
    """A first convolution, three stages of blocks, global average pooling, a linear layer."""

    def __init__(self, spec: ResNetSpec) -> None:
        super().__init__()
        self.conv = _convolution(spec.input_shape[0], spec.width, 3, 1, spec)
        self.norm = _norm(spec.width, spec)
        self.activation = activations.make(spec.activation)
        blocks = []
        channels = spec.width
        for stage in range(3):
            for block in range((spec.depth - 2) // 6):
                outputs = spec.width * 2**stage
                stride = 2 if stage > 0 and block == 0 else 1
                blocks.append(BasicBlock(channels, outputs, stride, spec))
                channels = outputs
        self.blocks = nn.Sequential(*blocks)
        self.output = nn.Linear(channels, spec.outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map images [N, C, H, W] to outputs [N, classes]."""
        hidden = self.blocks(self.activation(self.norm(self.conv(inputs))))
        return self.output(hidden.mean(dim=(2, 3)))  # type: ignore[no-any-return]


def _convolution(inputs: int, outputs: int, size: int, stride: int, spec: ResNetSpec) -> nn.Conv2d:
    # A bias before BatchNorm would be subtracted again.
    bias = not spec.batch_norm
    return nn.Conv2d(inputs, outputs, size, stride=stride, padding=size // 2, bias=bias)


def _norm(channels: int, spec: ResNetSpec) -> nn.Module:
    return nn.BatchNorm2d(channels) if spec.batch_norm else nn.Identity()
