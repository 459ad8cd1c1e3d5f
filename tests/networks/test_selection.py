"""Which parameters a direction moves, and what the rules leave out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from landscape import describe, open_study, random_plane
from landscape.networks.directions import normalise
from landscape.networks.parameters import layout_of
from landscape.networks.selection import Which, mask, select
from landscape.records.layout import Layout, Slot
from landscape.store import StudyWriter


class Tied(nn.Module):
    """Words, two blocks, and a decoder that shares the table of the words."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(7, 4)
        self.blocks = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])
        self.norm = nn.LayerNorm(4)
        self.decoder = nn.Linear(4, 7)
        self.decoder.weight = self.words.weight
        self.act = nn.ReLU()


def tied_model() -> Tied:
    torch.manual_seed(0)
    model = Tied()
    nn.init.normal_(model.norm.bias)
    return model


@pytest.fixture
def tied() -> Tied:
    return tied_model()


ALL = (
    "words.weight",
    "blocks.0.weight",
    "blocks.0.bias",
    "blocks.1.weight",
    "blocks.1.bias",
    "norm.weight",
    "norm.bias",
    "decoder.bias",
)


@pytest.mark.parametrize(
    ("which", "wanted"),
    [
        ("all", ALL),
        ("blocks.1.weight", ("blocks.1.weight",)),
        ("blocks", ALL[1:5]),
        ("blocks.*", ALL[1:5]),
        ("blocks.?.weight", ("blocks.0.weight", "blocks.1.weight")),
        ("*", ALL),
        (["norm", "words.weight"], ("words.weight", "norm.weight", "norm.bias")),
        ("decoder", ("words.weight", "decoder.bias")),
        ("module.norm.weight", ("norm.weight",)),
        ("_orig_mod.module.norm.*", ("norm.weight", "norm.bias")),
    ],
)
def test_names_layers_and_patterns(tied: Tied, which: Which, wanted: tuple[str, ...]) -> None:
    assert select(tied, which) == wanted
    assert select(nn.DataParallel(tied), which) == wanted


def test_layers_themselves(tied: Tied) -> None:
    assert select(tied, tied.blocks) == ALL[1:5]
    assert select(tied, [tied.blocks[1], "norm.weight"]) == (*ALL[3:5], "norm.weight")
    assert select(tied, tied.decoder) == ("words.weight", "decoder.bias")
    assert select(tied, tied) == ALL
    wrapped = nn.DataParallel(tied)
    assert select(wrapped, wrapped) == ALL


def test_trainable_parameters(tied: Tied) -> None:
    tied.requires_grad_(False)
    with pytest.raises(ValueError, match="no parameter requires a gradient"):
        select(tied, "trainable")
    tied.blocks[1].requires_grad_(True)
    assert select(tied, "trainable") == ALL[3:5]
    moved = {row.name for row in describe(random_plane(tied)).rows if row.perturbed}
    assert "blocks.0.weight" in moved, "frozen parameters are perturbed unless left out"


@pytest.mark.parametrize(
    ("which", "message"),
    [
        ("blocks.1.wieght", r"'blocks.1.wieght'; similar: blocks.1.weight"),
        ("bloks.*", r"'bloks.\*'; similar: .*blocks"),
        (["norm", "layer4.*"], r"matches 'layer4.\*'; (similar|known): .*weight"),
        ("zzz", r"known: words.weight, blocks.0.weight, .* and 4 more"),
        ("", "matches ''; known"),
        ([], "empty; 'all' chooses every one"),
        (nn.Linear(2, 2), "Linear is no layer of this model"),
    ],
)
def test_what_chooses_nothing_is_refused_with_similar_names(
    tied: Tied, which: Which, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        random_plane(tied, which=which)


def test_layers_without_parameters_and_other_things_are_refused(tied: Tied) -> None:
    with pytest.raises(ValueError, match="ReLU has no parameters"):
        select(tied, tied.act)
    with pytest.raises(TypeError, match="by names and layers, got 3"):
        select(tied, [3])  # type: ignore[list-item]


@settings(deadline=None, max_examples=25)
@given(st.sets(st.sampled_from(ALL), min_size=1), st.sampled_from(["filter", "layer", "none"]))
def test_a_direction_is_zero_outside_and_as_ever_inside(names: set[str], rule: str) -> None:
    model = tied_model()
    options = {"seed": 3, "one_dimensional": "layer", "normalisation": rule}
    whole = random_plane(model, **options)  # type: ignore[arg-type]
    some = random_plane(model, which=sorted(names), **options)  # type: ignore[arg-type]
    inside = mask(some.layout, names)
    for part, all_of_it in zip(some.directions, whole.directions, strict=True):
        assert not part[~inside].any()
        np.testing.assert_array_equal(part[inside], all_of_it[inside])
    np.testing.assert_array_equal(some.origin, whole.origin)


def test_the_choice_is_recorded_where_it_is_not_all(tied: Tied, tmp_path: Path) -> None:
    assert "selected" not in random_plane(tied).settings
    assert "selected" not in random_plane(tied, which="*").settings
    plane = random_plane(tied, which=[tied.blocks[0], "norm.*"])
    with StudyWriter(tmp_path / "study.h5", config={}) as writer:
        writer.put_record("planes/p", plane)
    read = open_study(tmp_path).plane("p")
    assert read.settings["selected"] == [*ALL[1:3], "norm.weight", "norm.bias"]
    assert [s.role for s in read.layout.slots] == [s.role for s in layout_of(tied).slots]
    assert str(describe(read)) == str(describe(plane))


def test_very_many_names_are_recorded_as_their_number(tmp_path: Path) -> None:
    model = nn.ParameterDict(
        {f"a_rather_long_name_of_a_parameter_{i}": torch.ones(1, 2) for i in range(1500)}
    )
    plane = random_plane(model, which="*[0-8]")
    with StudyWriter(tmp_path / "study.h5", config={}) as writer:
        writer.put_record("planes/p", plane)
    settings = open_study(tmp_path).plane("p").settings
    assert settings["selected"] == 1350
    assert len(json.dumps(dict(settings))) < 64_000


def test_a_mask_knows_its_names(tied: Tied) -> None:
    layout = layout_of(tied)
    chosen = mask(layout, ["norm.bias"])
    assert chosen.sum() == 4
    assert chosen.shape == (layout.size,)
    with pytest.raises(ValueError, match="no parameter called absent"):
        mask(layout, ["absent"])


# -- rules -----------------------------------------------------------------------------------------


def test_global_normalisation_makes_a_direction_as_long_as_what_it_perturbs(tied: Tied) -> None:
    plane = random_plane(tied, normalisation="global", which=["words", "blocks"])
    weights = [tied.words.weight, *(block.weight for block in tied.blocks)]
    length = torch.cat([w.detach().double().reshape(-1) for w in weights]).norm()
    for direction in plane.directions:
        assert np.linalg.norm(direction) == pytest.approx(float(length))
    draws = random_plane(tied, normalisation="none", which=["words", "blocks"])
    ratio = plane.d_alpha[plane.d_alpha != 0] / draws.d_alpha[plane.d_alpha != 0]
    np.testing.assert_allclose(ratio, ratio[0])


@pytest.mark.parametrize("normalisation", ["filter", "layer", "global", "none"])
def test_rules_for_embeddings(tied: Tied, normalisation: str) -> None:
    made = {
        rule: random_plane(tied, embeddings=rule, normalisation=normalisation)  # type: ignore[arg-type]
        for rule in ("same", "layer", "zero")
    }
    words = mask(made["same"].layout, ["words.weight"])
    assert not made["zero"].d_alpha[words].any()
    assert made["zero"].d_alpha[~words].any()
    table = made["layer"].d_alpha[words].reshape(7, 4)
    weights = tied.words.weight.detach().double().numpy()
    if normalisation == "filter":
        draws = random_plane(tied, normalisation="none").d_alpha[words].reshape(7, 4)
        factor = np.linalg.norm(weights) / np.linalg.norm(draws)
        np.testing.assert_allclose(table, draws * factor)
        rows = made["same"].d_alpha[words].reshape(7, 4)
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), np.linalg.norm(weights, axis=1))
    else:
        np.testing.assert_array_equal(table.reshape(-1), made["same"].d_alpha[words])
    assert made["zero"].settings["embeddings"] == "zero"


def test_unknown_rules_list_the_known() -> None:
    layout, theta = Layout((Slot("w", (2, 2), 0),)), np.ones(4)
    with pytest.raises(ValueError, match="embeddings 'rows'; known: same, layer, zero"):
        normalise(theta, theta, layout, embeddings="rows")
    with pytest.raises(ValueError, match="one-dimensional parameters 'one'; known: zero, layer"):
        normalise(theta, theta, layout, one_dimensional="one")


def test_a_choice_that_leaves_nothing_to_perturb_says_why(tied: Tied) -> None:
    with pytest.raises(ValueError, match=r"without filters are left out.*dimensional='layer'"):
        random_plane(tied, which="*.bias")
    assert random_plane(tied, which="blocks.*.bias", one_dimensional="layer").d_alpha.any()
    with torch.no_grad():
        tied.blocks[0].weight.zero_()
    with pytest.raises(ValueError, match=r"weights are all zero.*normalisation='none'"):
        random_plane(tied, which="blocks.0")
    with pytest.raises(ValueError, match=r"embeddings that are left out"):
        random_plane(tied, which="words", embeddings="zero")


def test_choosing_leaves_the_model_bit_identical(tied: Tied) -> None:
    tied.blocks[0].requires_grad_(False)
    before = {name: value.clone() for name, value in tied.state_dict().items()}
    flags = [p.requires_grad for p in tied.parameters()]
    random_plane(tied, which="trainable", normalisation="global")
    assert all(torch.equal(before[n], v) for n, v in tied.state_dict().items())
    assert flags == [p.requires_grad for p in tied.parameters()]
    assert tied.decoder.weight is tied.words.weight
