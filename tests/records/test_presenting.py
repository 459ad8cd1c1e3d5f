"""How records look in a console and in a notebook: short, and safe whatever they are called."""

from __future__ import annotations

import re
import sys
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from small_study import SMALL, load

from landscape import Grid, Panel, Plane, Projection, Study, Surface, Trajectory
from landscape.records.layout import Layout, Slot
from landscape.records.presenting import in_short
from landscape.records.results import Analysis
from landscape.store import StudyWriter

EVIL = "<img src=x onerror=alert(1)>&\"'"


def surface(points: int = 201) -> Surface:
    grid = Grid.square(points)
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    losses = a**2 + b**2
    losses[0, 0] = np.nan
    return Surface(grid, {"losses": losses}, np.ones(grid.shape, np.uint8), plane=EVIL, run=EVIL,
                   settings={EVIL: EVIL, "examples": 1797})  # fmt: skip


def trajectory() -> Trajectory:
    steps, zeros = np.arange(3), np.zeros(2)
    return Trajectory(
        thetas=np.zeros((3, 4)), steps=steps, losses=np.ones(3), step_losses=zeros,
        gradient_norms=zeros, step_lengths=zeros, learning_rates=zeros,
        layout=layout(), settings={"run": EVIL},
    )  # fmt: skip


def layout() -> Layout:
    return Layout((Slot(EVIL, (2, 2), 0),))


def projection() -> Projection:
    return Projection(EVIL, EVIL, np.arange(3), np.zeros((3, 2)), *np.zeros((4, 3)))


RECORDS = [
    surface(), trajectory(), projection(), Analysis(EVIL, {EVIL: np.zeros(3)}),
    Plane(np.zeros(4), np.eye(4)[0], np.eye(4)[1], layout(), kind=EVIL),
]  # fmt: skip


class Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_names_stay_text_and_arrays_are_not_dumped(record: Any) -> None:
    seen = Seen()
    table = record._repr_html_().partition("<table>")[2]
    seen.feed(f"<table>{table}")
    assert seen.tags == {"table", "caption", "strong", "tr", "th", "td"}
    assert type(record).__name__ in seen.text
    assert EVIL[:20] in seen.text
    line = repr(record)
    assert line.startswith(type(record).__name__ + "(")
    assert "\n" not in line
    assert "array(" not in line
    assert len(line) < 1500


def test_a_surface_is_told_in_a_line() -> None:
    line = repr(surface())
    assert "grid=Grid(201 x 201, -1 to 1, -1 to 1)" in line
    assert "losses: 201 x 201 float64, 0 to 2, 1 not finite" in line
    assert "1797" not in line
    assert "1797" in surface()._repr_html_()


@pytest.mark.parametrize("shape", [(5,), (5, 6), (3, 4, 5)])
@pytest.mark.parametrize("wrap", [Panel, lambda surface: surface])
def test_surfaces_and_panels_show_a_small_picture(
    shape: tuple[int, ...], wrap: Callable[[Surface], Any]
) -> None:
    grid = Grid(tuple(np.linspace(-1, 1, count) for count in shape))
    losses = np.arange(float(grid.size)).reshape(shape)
    shown = wrap(Surface(grid, {"losses": losses}, np.ones(shape, np.uint8), run=EVIL))
    found = re.match(r'<img alt="[\w, ]+" src="data:image/png;base64,([\w+/=]+)"><table>',
                     shown._repr_html_())  # fmt: skip
    assert found
    image = np.asarray(Image.open(BytesIO(b64decode(found[1]))))
    assert 200 < image.shape[1] <= 300
    assert image[..., :3].std() > 5


@pytest.mark.parametrize("wrong", ["no value", "no graphics"])
def test_what_cannot_be_drawn_is_a_table_alone(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one = surface(5)
    if wrong == "no value":
        one = replace(one, fields={"losses": np.full((5, 5), np.nan)})
    else:
        monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert one._repr_html_().startswith("<table>")


def test_what_lies_in_a_file_is_not_read(tmp_path: Path) -> None:
    mapped = np.memmap(tmp_path / "thetas", np.float32, "w+", shape=(4, 5))
    assert in_short(mapped) == "4 x 5 float32"


def test_a_study_and_its_file_tell_what_is_in_them(tmp_path: Path) -> None:
    study = Study(SMALL, tmp_path / f"{EVIL[:4]}.h5", load)
    assert "activations=relu, prelu" in repr(study)
    assert "<img" not in study._repr_html_()
    path = tmp_path / "study.h5"
    with StudyWriter(path) as writer:
        writer.put_record("surfaces/one", replace(surface(3), plane=None, run=None))
        file = writer.publish()
    assert repr(file) == f"StudyFile({str(path)!r})"
    assert '<td style="text-align:left">one</td>' in file._repr_html_()
