"""What layers do with their parameters, and what a layout keeps of it."""

from __future__ import annotations

import pytest
from torch import nn
from torch.nn.utils import parametrizations

from landscape.networks.parameters import layout_of
from landscape.records.layout import Layout, Slot


def test_roles_say_what_a_layer_does_with_its_parameters() -> None:
    model = nn.ModuleDict(
        {
            "table": nn.Embedding(5, 4),
            "attention": nn.MultiheadAttention(4, 2, add_bias_kv=True),
            "norm": nn.LayerNorm(4),
            "act": nn.PReLU(),
            "scaled": parametrizations.weight_norm(nn.Linear(4, 2)),
        }
    )
    roles = {slot.name: slot.role for slot in layout_of(model).slots}
    assert roles == {
        "table.weight": "embedding",
        "attention.in_proj_weight": "weight",
        "attention.in_proj_bias": "bias",
        "attention.bias_k": "bias",
        "attention.bias_v": "bias",
        "attention.out_proj.weight": "weight",
        "attention.out_proj.bias": "bias",
        "norm.weight": "norm",
        "norm.bias": "bias",
        "act.weight": "slope",
        "scaled.bias": "bias",
        "scaled.parametrizations.weight.original0": "scale",
        "scaled.parametrizations.weight.original1": "weight",
    }


class LanguageModel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(7, 4)
        self.decoder = nn.Linear(4, 7, bias=False)
        self.decoder.weight = self.words.weight


def test_a_shared_parameter_appears_once_as_its_first_owner_uses_it() -> None:
    (slot,) = layout_of(LanguageModel()).slots
    assert (slot.name, slot.role, slot.filter_axis) == ("words.weight", "embedding", 0)
    down, up = nn.Conv2d(2, 3, 3, bias=False), nn.ConvTranspose2d(3, 2, 3, bias=False)
    up.weight = down.weight
    assert layout_of(nn.Sequential(down, up)).slots[0].filter_axis == 0
    assert layout_of(nn.Sequential(up, down)).slots[0].filter_axis == 1


def test_layouts_are_equal_by_names_and_shapes_and_keep_the_rest_in_json() -> None:
    slots = (Slot("up", (4, 3, 2), 1, 2, "weight"), Slot("words", (5, 2), 0, 1, "embedding"))
    again = Layout.from_json(Layout(slots).to_json())
    assert [(s.filter_axis, s.groups, s.role) for s in again.slots] == [
        (1, 2, "weight"),
        (0, 1, "embedding"),
    ]
    assert Layout((Slot("up", (4, 3, 2)), Slot("words", (5, 2), 0))) == Layout(slots)
    assert Layout((Slot("up", (4, 3, 1)), Slot("words", (5, 2)))) != Layout(slots)


def test_layouts_written_before_there_were_roles_are_read() -> None:
    text = '[{"name": "w", "shape": [2, 3], "filter_axis": 0, "groups": 1}]'
    (slot,) = Layout.from_json(text).slots
    assert (slot.role, slot.filter_axis) == ("other", 0)
    with pytest.raises(ValueError, match="unknown role of w 'gain'; known: weight"):
        Slot("w", (2,), role="gain")  # type: ignore[arg-type]
