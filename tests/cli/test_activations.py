"""``landscape info --activations``: the table and the plate."""

from __future__ import annotations

from pathlib import Path

import pytest
from calling import accepted, refused

from landscape.networks.activations import names


def test_the_table_has_a_line_for_each() -> None:
    lines = accepted("info", "--activations", "all").splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(names())
    (selu,) = [line.split() for line in lines if line.startswith("selu")]
    assert selu == ["selu", "SELU", "C0", "[-1.758,", "inf)", "0", "1.051", "0,", "-0.7074"]


def test_activations_are_chosen_by_name_and_by_pattern() -> None:
    lines = accepted("info", "--activations", "pwl_*, leaky_relu_0.3").splitlines()
    wanted = [name for name in names() if name.startswith("pwl_")]
    assert [line.split()[0] for line in lines[1:]] == [*wanted, "leaky_relu_0.3"]


def test_a_few_are_drawn_with_their_caption(tmp_path: Path) -> None:
    plate = tmp_path / "plate.pdf"
    chosen = ["info", "--activations", "relu,gelu,leaky_relu_0.3"]
    said = accepted(*chosen, "--figure", plate)
    assert said.count("wrote") == 2
    assert "LeakyReLU (0.3)" in said
    assert plate.read_bytes().startswith(b"%PDF")
    assert "3 activations" in (tmp_path / "plate.md").read_text()
    # Its caption stays that of the plate in another format.
    two = ["info", "--activations", "relu,gelu"]
    accepted(*two, "--figure", tmp_path / "plate.png")
    assert "2 activations" in (tmp_path / "plate.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--activations", "relo"], "unknown activation 'relo' (did you mean 'relu'?)"),
        (["--activations", "all", "--figure", "plate.jpg"], ".pdf, .png, .svg, got 'plate.jpg'"),
        (["--activations", "all", "--config"], "--config is of a study; name one"),
        (
            ["--activations", "all", "--machine"],
            "give a study, --activations or --machine, one of the",
        ),
        (["--machine", "--force"], "--force is of --activations; add that"),
        (["study.h5", "--figure", "plate.pdf"], "--figure is of --activations; add that"),
        ([], "give a study, --activations or --machine, one of the three"),
    ],
)
def test_wrong_requests_are_refused(arguments: list[str], message: str) -> None:
    assert message in refused("info", *arguments)
