"""``landscape render`` for papers: what it shows, under which name, what it never replaces."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from calling import ENGINE, TINY, accepted, refused

from landscape import open_study
from landscape.cli import choosing, drawing
from landscape.cli.options import Chosen
from landscape.cli.render import Paper
from landscape.viz.signature import signed


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of five activations that nobody writes to."""
    folder = tmp_path_factory.mktemp("many")
    names = [part for name in ("tanh", "relu", "gelu", "leaky_relu", "elu")
             for part in ("--activation", name)]  # fmt: skip
    accepted("run", "--data", "wine", *names, "--steps", "4", "--grid", "3",
             "--set", "training.record_every=1", *ENGINE, "--out", folder)  # fmt: skip
    return folder / "study.h5"


def pdf_width(path: Path) -> float:
    """Return the width of a figure's page in inches."""
    box = re.search(rb"/MediaBox \[([^\]]*)\]", path.read_bytes())
    assert box is not None
    return float(box[1].split()[2]) / 72


def test_it_writes_a_figure_and_its_caption_and_says_so(study: Path, tmp_path: Path) -> None:
    out = accepted("render", study, "--kind", "contour", "--size", 3.25, "--out", tmp_path)
    names = ["contours.pdf", "contours.tex", "contours.md"]
    assert out.splitlines()[:-1] == [f"wrote {tmp_path / name}" for name in names]
    assert signed(tmp_path / names[0])
    latex = (tmp_path / names[1]).read_text(encoding="utf-8")
    assert latex.isascii()
    assert "\\caption{%\nRandom plane, filter-normalised" in latex
    assert r"\includegraphics{contours}" in latex
    words = (tmp_path / names[2]).read_text(encoding="utf-8").splitlines()
    assert words[0] == "<!-- Lossoscope: caption of contours.pdf. -->"
    assert "Random plane" in words[1]


@pytest.mark.usefixtures("rendering")
@pytest.mark.parametrize("kind", ["hybrid", "mosaic"])
def test_figures_with_surfaces_have_the_width_of_their_venue(
    kind: str, study: Path, tmp_path: Path
) -> None:
    target = tmp_path / "x.pdf"
    accepted(
        "render",
        study,
        "--kind",
        kind,
        "--venue",
        "icml",
        "--columns",
        2,
        "--dpi",
        72,
        "--out",
        target,
    )
    assert pdf_width(target) == pytest.approx(6.75)
    assert {p.name for p in tmp_path.iterdir()} == {"x.pdf", "x.tex", "x.md"}


@pytest.mark.usefixtures("rendering")
def test_a_pattern_chooses_the_plane_of_the_path(study: Path, tmp_path: Path) -> None:
    accepted("render", study, "--select", "relu-*.pca", "--height", "linear", "--dpi", 72,
             "--size", 3.25, "--out", tmp_path)  # fmt: skip
    target = tmp_path / "hybrid.pdf"
    assert pdf_width(target) == pytest.approx(3.25)
    assert "Height: loss" in target.with_suffix(".md").read_text(encoding="utf-8")


def test_a_figure_of_many_shows_four_and_says_which(many: Path, tmp_path: Path) -> None:
    out = accepted("render", many, "--kind", "line", "--out", tmp_path / "x.svg")
    assert out.splitlines()[-1] == "choose with --select from also elu"
    text = (tmp_path / "x.svg").read_text(encoding="utf-8")
    assert text.count("(kinked)") == 2


def test_selected_activations_are_shown_in_that_order(many: Path) -> None:
    source = open_study(many)
    names = choosing.chosen_surfaces(source, Chosen(study=many, select="gelu,relu"))
    surfaces, others = choosing.for_one_figure(source, names, "gelu,relu", 4)
    assert surfaces == ["gelu-gd-seed0.random", "relu-gd-seed0.random"]
    assert others == []


def test_kinked_and_other_activations_are_taken_alike(many: Path) -> None:
    source = open_study(many)
    surfaces, others = choosing.for_one_figure(source, choosing.planes_only(source), "", 4)
    assert surfaces == [f"{name}-gd-seed0.random" for name in
                        ("relu", "leaky_relu", "tanh", "gelu")]  # fmt: skip
    assert others == ["elu"]


def test_a_file_of_somebody_elses_stays_without_force(study: Path, tmp_path: Path) -> None:
    for name in ("x.pdf", "x.tex", "x.md"):
        own = tmp_path / name
        own.write_bytes(b"mine")
        line = refused("render", study, "--kind", "line", "--out", tmp_path / "x.pdf")
        assert f"{own} exists and was not written by this program" in line
        assert "--force" in line
        assert [p.name for p in tmp_path.iterdir()] == [name]
        assert own.read_bytes() == b"mine"
        accepted("render", study, "--kind", "line", "--out", tmp_path / "x.pdf", "--force")
        assert own.read_bytes() != b"mine"
        # What it wrote itself it replaces without being told.
        accepted("render", study, "--kind", "line", "--out", tmp_path / "x.pdf")
        for path in tmp_path.iterdir():
            path.unlink()


def test_a_line_of_the_study_goes_before_a_section(study: Path, tmp_path: Path) -> None:
    accepted("sample", study, "--run", "relu-gd-seed0", "--grid", "7x1", "--out", tmp_path)
    longer = open_study(tmp_path)
    assert len(drawing.line_of(longer, "relu-gd-seed0.random").alphas) == 7
    # Not one between two points of a plane, longer though it is: it was kept while one looked.
    accepted("sample", tmp_path, "--run", "relu-gd-seed0", "--line", "0", "0", "1", "1")
    assert len(drawing.line_of(open_study(tmp_path), "relu-gd-seed0.pca").alphas) == 7
    section = drawing.line_of(open_study(study), "relu-gd-seed0.random")
    assert section.settings["section_beta"] == 0.0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--kind", "cube"], "known: surface, compare, matrix, contour, hybrid, mosaic, line"),
        (["--select", "gelu"], "no surface matches 'gelu'; known: relu-gd-seed0.pca"),
        (["--select", "*-seed7.*"], "no surface matches '*-seed7.*'; known"),
        (["--kind", "line", "--colour", "slope"], "--colour does nothing with --kind line; leave"),
        (["--kind", "mosaic", "--colour", "kinks:x"], "take --kind hybrid or contour"),
        (["--kind", "hybrid", "--colour", "difference"], "as difference:ID; known: relu-gd-seed0"),
        (["--kind", "contour", "--title", "a", "--title", "b", "--size", "3"], "of the 1 panels"),
        (["--kind", "hybrid", "--style", "neon"], "unknown style 'neon'; known: paper, slides"),
        (["--venue", "nowhere"], "unknown venue 'nowhere'; known: neurips"),
        (["--venue", "icml", "--size", "3"], "--size or --venue, not both"),
        (["--venue", "icml", "--columns", "3"], "columns must be 1 or 2, got 3"),
        (["--columns", "2"], "--columns counts those of --venue; name one"),
        (["--surface", "one,two"], "got 'one,two'; give several one at a time"),
        (["--size", "90"], "from 1.5 to 20 inches, got 90"),
        (["--size", "wide"], "its width in inches, as 3.25, got 'wide'"),
        (["--kind", "hybrid", "--size", "3x3"], "its width in inches, as 3.25, got '3x3'"),
        (["--kind", "compare", "--size", "3"], "are for figures: contour, hybrid, mosaic, line"),
        (["--kind", "line", "--dpi", "10"], "must be from 72 to 1200, got 10"),
        (["--kind", "line", "--out", "x.eps"], "line is written as .pdf, .svg, .png, got 'x.eps'"),
        (["--height", "sqrt", "--kind", "line"], "unknown height 'sqrt'"),
        (["--kind", "mosaic", "--select", "relu,gelu"], "no surface matches 'gelu'"),
        (
            ["--kind", "mosaic", "--height", "clipped"],
            "'clipped'; known: auto, log, linear",
        ),
        (["--kind", "line", "--height", "log:2"], "is not cut at a loss; give --height log"),
        (["--kind", "contour", "--camera", "1,40"], "--camera does nothing with --kind contour"),
        (["--kind", "contour", "--height", "log:0"], "the limit must be above the lowest loss"),
        (["--kind", "hybrid", "--camera", "nan,40"], "azimuth must be a finite number of degrees"),
    ],
)
def test_mistakes_are_told_in_one_line(options: list[str], told: str, study: Path) -> None:
    assert told in refused("render", study, *options)


def test_contours_are_coloured_and_titled_as_asked(study: Path, tmp_path: Path) -> None:
    asked = ["--kind", "contour", "--colour", "slope", "--title", "my own", "--style", "dark",
             "--size", 3.25]  # fmt: skip
    out = accepted("render", study, *asked, "--out", tmp_path)
    assert out.startswith(f"wrote {tmp_path / 'contours.pdf'}")
    words = (tmp_path / "contours.md").read_text("utf-8")
    assert "Colour: slope, the length of the gradient" in words
    assert "Isolines: log loss." in words
    svg = tmp_path / "x.svg"
    accepted("render", study, *asked, "--out", svg)
    text = svg.read_text("utf-8")
    assert "my own" in text
    assert "#14171c" in text


@pytest.mark.usefixtures("rendering")
@pytest.mark.parametrize("kind", ["hybrid", "mosaic"])
def test_surfaces_in_3d_are_coloured_as_asked(kind: str, study: Path, tmp_path: Path) -> None:
    out = accepted("render", study, "--kind", kind, "--colour", "accuracies", "--dpi", 72,
                   "--out", tmp_path)  # fmt: skip
    target = Path(out.splitlines()[0].removeprefix("wrote "))
    assert target.stem == kind
    assert "Colour: accuracy." in target.with_suffix(".md").read_text("utf-8")


def test_contours_are_cut_at_the_limit_that_is_asked_for(study: Path, tmp_path: Path) -> None:
    losses = open_study(study).surface("relu-gd-seed0.random").losses
    limit = float((losses.min() + losses.max()) / 2)
    out = accepted("render", study, "--kind", "contour", "--height", f"log:{limit:.6g}",
                   "--size", 3.25, "--out", tmp_path)  # fmt: skip
    target = Path(out.splitlines()[0].removeprefix("wrote "))
    words = target.with_suffix(".md").read_text("utf-8")
    assert f"Clipped at loss {limit:.3g}: {(losses > limit).sum()} of {losses.size} points" in words


@pytest.mark.usefixtures("rendering")
def test_a_clipped_hybrid_is_shaded_as_asked(study: Path, tmp_path: Path) -> None:
    accepted("render", study, "--height", "clipped", "--shading", "differences", "--dpi", 72,
             "--size", 3.25, "--out", tmp_path)  # fmt: skip
    words = (tmp_path / "hybrid.md").read_text("utf-8")
    assert "Clipped at loss" in words
    assert "Shading by differences of the grid" in words


@pytest.mark.usefixtures("rendering")
def test_a_difference_to_itself_is_zero_everywhere(study: Path, tmp_path: Path) -> None:
    accepted("render", study, "--colour", "difference:relu-gd-seed0.random", "--kind", "hybrid",
             "--dpi", 72, "--out", tmp_path / "x.svg")  # fmt: skip
    words = (tmp_path / "x.md").read_text("utf-8")
    assert "log10 of the ratio of the losses to relu-gd-seed0" in words
    assert "difference  [decades]" in (tmp_path / "x.svg").read_text("utf-8")


def test_a_mosaic_shows_one_activation(many: Path) -> None:
    line = refused("render", many, "--kind", "mosaic", "--select", "relu,gelu", alone=False)
    assert "a mosaic shows one activation, got relu-gd-seed0.random, gelu-gd-seed0.random" in line


def test_a_study_without_surfaces_says_how_to_make_some(tmp_path: Path) -> None:
    accepted(
        "run",
        "--train-only",
        *(part for part in TINY if part not in ("--grid", "3")),
        "--out",
        tmp_path,
    )
    line = refused("render", tmp_path, "--kind", "line")
    assert "has no surfaces; make some with 'landscape run' or 'sample'" in line


def test_venues_have_one_column_and_two() -> None:
    assert Paper(venue="icml").width == 3.25
    assert Paper(venue="icml", columns=2).width == 6.75
    assert Paper(venue="neurips", columns=1).width == 5.5
    assert Paper(size="4.5").width == 4.5
    assert Paper().width is None
