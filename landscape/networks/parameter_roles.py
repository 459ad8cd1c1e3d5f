"""What the layers of a model do with each parameter: its role, and the axis that counts outputs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.utils.parametrize import ParametrizationList
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

from landscape.records.layout import Role, Slot

_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_TABLES = (nn.Embedding, nn.EmbeddingBag)
_NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)
# Where torch.ao, and AWQ and GPTQ, keep weights that are no parameters.
_PACKED = ("_packed_params", "_all_weight_values", "qweight")

_Shape = tuple[int, ...]


class _Rule(NamedTuple):
    role: Role
    filter_axis: int | None = None
    groups: int = 1


def slots_of(model: nn.Module) -> tuple[Slot, ...]:
    """Return a slot for each of the model's parameters, in the order of ``named_parameters``.

    A parameter shared by several layers appears once, with the name and the role it has in the
    first of them.

    Raises:
        ValueError: for parameters that are not plain arrays of real floating point numbers, or
            layers that keep their weights elsewhere, or are torch.jit's; the message names the
            first.
    """
    refuse_scripted(model)
    _refuse_packed(model)
    layers = dict(model.named_modules())
    slots = []
    for name, parameter in model.named_parameters():
        _refuse_unusable(name, parameter)
        shape = tuple(parameter.shape)
        role, axis, groups = _rule_of(layers, name, shape)
        has_filters = len(shape) > 1 and math.prod(shape) > 0
        slots.append(
            Slot(name, shape, axis if has_filters else None, groups if has_filters else 1, role)
        )
    return tuple(slots)


def _rule_of(layers: Mapping[str, nn.Module], name: str, shape: _Shape) -> _Rule:
    path, _, local = name.rpartition(".")
    owner = layers[path]
    if isinstance(owner, ParametrizationList):
        # <layer>.parametrizations.<tensor>.original, or original0, original1, ...
        *layer, _, tensor = path.split(".")
        if local.startswith("original"):
            if _is_scale(owner, local):
                return _Rule("scale")
            return _rule_in(layers[".".join(layer)], tensor, shape)
    # ia3_l holds the factors of IA3 adapters in peft.
    if _is_legacy_scale(owner, local) or "ia3_l" in path.split("."):
        return _Rule("scale")
    return _rule_in(owner, local, shape)


def _rule_in(layer: nn.Module, tensor: str, shape: _Shape) -> _Rule:
    """Return the rule of a tensor by the layer that uses it and its name there."""
    kind = type(layer)
    if tensor == "bias" or tensor.startswith("bias_") or tensor.endswith("_bias"):
        return _Rule("bias")
    if issubclass(kind, _NORMS) or (len(shape) < 2 and "norm" in kind.__name__.lower()):
        return _Rule("norm")
    if issubclass(kind, nn.PReLU):
        return _Rule("slope")
    if tensor.endswith("scale") or kind.__name__.startswith("Dora"):
        return _Rule("scale")
    if issubclass(kind, _TABLES):
        return _Rule("embedding", 0)
    if issubclass(kind, _TRANSPOSED) and tensor.startswith("weight"):
        return _Rule("weight", 1, int(layer.groups))  # type: ignore[arg-type]
    # The linear layer of GPT-2 in transformers: y = x W, outputs along axis 1.
    if kind.__name__ == "Conv1D" and getattr(layer, "nf", None) == shape[-1]:
        return _Rule("weight", 1)
    return _Rule("weight", 0) if len(shape) > 1 else _Rule("other")


def _is_scale(parametrised: ParametrizationList, local: str) -> bool:
    """Return whether an original tensor is one number per filter, like weight norm's g.

    It is, if it broadcasts to the largest of the originals (v, in weight norm), which keeps the
    shape of the weight.
    """
    originals = {n: tuple(p.shape) for n, p in parametrised.named_parameters(recurse=False)}
    largest = max(reversed(originals), key=lambda n: math.prod(originals[n]))
    shape, whole = originals[local], originals[largest]
    if local == largest or sum(n > 1 for n in shape) > 1:
        return False
    padded = (1,) * (len(whole) - len(shape)) + shape
    return all(n in (1, m) for n, m in zip(padded, whole, strict=True))


def _is_legacy_scale(owner: nn.Module, local: str) -> bool:
    """Return whether this is g of ``torch.nn.utils.weight_norm``, which keeps g and v by suffix."""
    base = local.removesuffix("_g")
    named = dict(owner.named_parameters(recurse=False))
    return base != local and base not in named and f"{base}_v" in named


def refuse_scripted(model: nn.Module) -> None:
    """Refuse what torch.jit made: a functional call does not reach it, nor what watches kinks.

    Raises:
        ValueError: for a scripted or traced module, or one that holds such a module.
    """
    for name, module in model.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            raise ValueError(
                "networks must be plain torch modules, got "
                f"{name or 'a model'} from torch.jit.script or trace; build the "
                "module it was made from and load its weights: "
                "model.load_state_dict(scripted.state_dict())"
            )


def _refuse_packed(model: nn.Module) -> None:
    for name, module in model.named_modules():
        if type(module).__name__ == "FullyShardedDataParallel":
            raise ValueError(
                f"parameters must be whole, {name or 'the model'} is sharded by FSDP; "
                "gather its state_dict and load it into the bare model"
            )
        if any(hasattr(module, attribute) for attribute in _PACKED):
            raise ValueError(
                f"weights must be floating point parameters, {name or 'the model'} "
                f"({type(module).__name__}) keeps them quantised and packed; "
                "load the model without quantisation"
            )


def _refuse_unusable(name: str, parameter: torch.Tensor) -> None:
    if isinstance(parameter, nn.parameter.UninitializedParameter):
        raise ValueError(
            f"parameter {name} has no shape yet, its layer is lazy; call the model once on a batch"
        )
    holds_others: bool = is_traceable_wrapper_subclass(parameter)
    if holds_others:
        raise ValueError(
            f"parameters must be plain tensors, {name} is a {type(parameter).__name__}; "
            "load the model in one process, without sharding and quantisation"
        )
    if parameter.dtype.is_complex:
        raise ValueError(
            f"parameters must be real floating point, {name} is {parameter.dtype}; "
            "keep its real and imaginary parts in two parameters (torch.view_as_real)"
        )
    if not parameter.dtype.is_floating_point or parameter.dtype.itemsize < 2:
        raise ValueError(
            f"parameters must be real floating point, {name} is {parameter.dtype}; "
            "de-quantise the model first"
        )
