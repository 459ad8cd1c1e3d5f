"""Taking off what wraps a model: several devices, averaging, compiling."""

from __future__ import annotations

from torch import nn
from torch.optim.swa_utils import AveragedModel

# Under which name a wrapper holds the module it calls. The class of torch.compile costs a second
# to import.
_WRAPPERS = {
    "module": (nn.DataParallel, nn.parallel.DistributedDataParallel, AveragedModel),
    "_orig_mod": (nn.Module,),
}


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the module inside DataParallel, DistributedDataParallel, AveragedModel or compile.

    >>> layer = nn.Linear(2, 1)
    >>> unwrapped(nn.DataParallel(layer)) is layer
    True
    """
    for name, kinds in _WRAPPERS.items():
        inner = dict(model.named_children()).get(name)
        if inner is not None and isinstance(model, kinds):
            return unwrapped(inner)
    return model
