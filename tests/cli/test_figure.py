"""``landscape figure``: what it shows, under which name, and what it never replaces."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from calling import ENGINE, TINY, accepted, refused

from landscape.cli import choosing, paper
from landscape.cli.figure import width_of
from landscape.store import open_study
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
    out = accepted("figure", study, "--kind", "contour", "--out", tmp_path)
    names = ["contour-random.pdf", "contour-random.tex", "contour-random.md"]
    assert out.splitlines() == [f"wrote {tmp_path / name}" for name in names]
    assert signed(tmp_path / names[0])
    latex = (tmp_path / names[1]).read_text(encoding="utf-8")
    assert latex.isascii()
    assert "\\caption{%\nRandom plane, filter-normalised" in latex
    assert r"\includegraphics{contour-random}" in latex
    words = (tmp_path / names[2]).read_text(encoding="utf-8").splitlines()
    assert words[0] == "<!-- Lossoscope: caption of contour-random.pdf. -->"
    assert "Random plane" in words[1]


@pytest.mark.usefixtures("rendering")
@pytest.mark.parametrize("kind", ["hybrid", "mosaic"])
def test_figures_with_surfaces_have_the_width_of_their_venue(
    kind: str, study: Path, tmp_path: Path
) -> None:
    target = tmp_path / "x.pdf"
    accepted(
        "figure",
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
def test_the_plane_of_the_path_and_a_linear_height_are_in_the_name(
    study: Path, tmp_path: Path
) -> None:
    accepted("figure", study, "--plane", "pca", "--select", "relu", "--height", "linear",
             "--dpi", 72, "--width", 3.25, "--out", tmp_path)  # fmt: skip
    target = tmp_path / "hybrid-pca-relu-linear.pdf"
    assert pdf_width(target) == pytest.approx(3.25)
    assert "Height: loss" in target.with_suffix(".md").read_text(encoding="utf-8")


def test_a_figure_of_many_shows_four_and_says_which(many: Path, tmp_path: Path) -> None:
    out = accepted("figure", many, "--kind", "line", "--out", tmp_path / "x.svg")
    shows, _, others = out.splitlines()[-1].partition("; choose with --select from also ")
    assert shows == "shows relu, leaky_relu, tanh, gelu"
    assert others == "elu"
    text = (tmp_path / "x.svg").read_text(encoding="utf-8")
    assert text.count("(kinked)") == 2


def test_selected_activations_are_shown_in_that_order(many: Path) -> None:
    runs, others = choosing.choose(open_study(many), ["gelu", "relu"], optimizer="", seed=0, most=4)
    assert [choosing.activation_of(run) for run in runs] == ["gelu", "relu"]
    assert others == []


def test_kinked_and_other_activations_are_taken_alike(many: Path) -> None:
    runs, others = choosing.choose(open_study(many), [], optimizer="", seed=0, most=4)
    shown = {choosing.activation_of(run) for run in runs}
    assert {"relu", "leaky_relu"} < shown
    assert len(shown) == 4
    assert len(others) == 1


def test_a_file_of_somebody_elses_stays_without_force(study: Path, tmp_path: Path) -> None:
    for name in ("x.pdf", "x.tex", "x.md"):
        own = tmp_path / name
        own.write_bytes(b"mine")
        line = refused("figure", study, "--kind", "line", "--out", tmp_path / "x.pdf")
        assert f"{own} exists and was not written by this command" in line
        assert "--force" in line
        assert [p.name for p in tmp_path.iterdir()] == [name]
        assert own.read_bytes() == b"mine"
        accepted("figure", study, "--kind", "line", "--out", tmp_path / "x.pdf", "--force")
        assert own.read_bytes() != b"mine"
        # What it wrote itself it replaces without being told.
        accepted("figure", study, "--kind", "line", "--out", tmp_path / "x.pdf")
        for path in tmp_path.iterdir():
            path.unlink()


def test_a_line_of_the_study_goes_before_a_section(study: Path, tmp_path: Path) -> None:
    accepted("sample", study, "--run", "relu-gd-seed0", "--grid", "7x1", "--out", tmp_path)
    longer = open_study(tmp_path)
    assert len(paper.line_of(longer, "relu-gd-seed0", "random").alphas) == 7
    # Not one between two points of a plane, longer though it is: it was kept while one looked.
    accepted("sample", tmp_path, "--run", "relu-gd-seed0", "--line", "0", "0", "1", "1")
    assert len(paper.line_of(open_study(tmp_path), "relu-gd-seed0", "random").alphas) == 7
    section = paper.line_of(open_study(study), "relu-gd-seed0", "random")
    assert section.settings["section_beta"] == 0.0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--kind", "cube"], "known: hybrid, mosaic, line, contour"),
        (["--plane", "hessian"], "known: random, pca"),
        (["--select", "gelu"], "no run of gelu; the study has relu"),
        (["--seed", "7"], "no run of gd with seed 7 in the study; it has gd with seed 0"),
        (["--optimizer", "adam"], "no run of adam with seed 0"),
        (["--kind", "line", "--colour", "slope"], "--colour is for surfaces and contours; leave"),
        (["--kind", "mosaic", "--colour", "kinks"], "--colour kinks is for --kind hybrid or"),
        (["--colour", "difference"], "needs --reference; known: relu-gd-seed0"),
        (["--kind", "contour", "--colour", "hue"], "unknown colour 'hue'; known: losses, slope"),
        (["--kind", "contour", "--title", "a", "--title", "b"], "once for each of the 1 panels"),
        (["--style", "neon"], "unknown style 'neon'; known: paper, slides, dark"),
        (["--venue", "nowhere"], "unknown venue 'nowhere'; known: neurips"),
        (["--venue", "icml", "--width", "3"], "--width or --venue, not both"),
        (["--venue", "icml", "--columns", "3"], "columns must be 1 or 2, got 3"),
        (["--columns", "2"], "--columns counts those of --venue; name one"),
        (["--surface", "one,two"], "got 'one,two'; give several one at a time"),
        (["--width", "90"], "from 1.5 to 20 inches, got 90"),
        (["--dpi", "10"], "--dpi must be from 72 to 1200, got 10"),
        (["--out", "x.eps"], "figures are written as .pdf, .svg, .png, got 'x.eps'"),
        (["--height", "sqrt", "--kind", "line"], "unknown height 'sqrt'"),
        (["--kind", "mosaic", "--select", "relu,gelu"], "no run of gelu"),
        (["--kind", "mosaic", "--height", "clipped"], "clipped and --limit are for --kind hybrid"),
        (["--kind", "line", "--limit", "2"], "leave them out with --kind line"),
        (["--kind", "contour", "--camera", "1,40"], "--camera and --shading are for surfaces in"),
        (["--kind", "contour", "--limit", "0"], "the limit must be above the lowest loss"),
        (["--camera", "nan,40"], "azimuth must be a finite number of degrees, got nan"),
    ],
)
def test_mistakes_are_told_in_one_line(options: list[str], told: str, study: Path) -> None:
    assert told in refused("figure", study, *options)


def test_contours_are_coloured_and_titled_as_asked(study: Path, tmp_path: Path) -> None:
    asked = ["--kind", "contour", "--colour", "slope", "--title", "my own", "--style", "dark"]
    out = accepted("figure", study, *asked, "--out", tmp_path)
    assert out.startswith(f"wrote {tmp_path / 'contour-random-slope.pdf'}")
    words = (tmp_path / "contour-random-slope.md").read_text("utf-8")
    assert "Colour: slope, the length of the gradient" in words
    assert "Isolines: log loss." in words
    svg = tmp_path / "x.svg"
    accepted("figure", study, *asked, "--out", svg)
    text = svg.read_text("utf-8")
    assert "my own" in text
    assert "#14171c" in text


@pytest.mark.usefixtures("rendering")
@pytest.mark.parametrize("kind", ["hybrid", "mosaic"])
def test_surfaces_in_3d_are_coloured_as_asked(kind: str, study: Path, tmp_path: Path) -> None:
    out = accepted("figure", study, "--kind", kind, "--colour", "accuracies", "--dpi", 72,
                   "--out", tmp_path)  # fmt: skip
    target = Path(out.splitlines()[0].removeprefix("wrote "))
    assert target.stem.endswith("-accuracies")
    assert "Colour: accuracy." in target.with_suffix(".md").read_text("utf-8")


def test_contours_are_cut_at_the_limit_that_is_asked_for(study: Path, tmp_path: Path) -> None:
    losses = open_study(study).surface("relu-gd-seed0.random").losses
    limit = float((losses.min() + losses.max()) / 2)
    out = accepted("figure", study, "--kind", "contour", "--limit", f"{limit:.6g}",
                   "--out", tmp_path)  # fmt: skip
    target = Path(out.splitlines()[0].removeprefix("wrote "))
    assert target.name == f"contour-random-limit{limit:.6g}.pdf"
    words = target.with_suffix(".md").read_text("utf-8")
    assert f"Clipped at loss {limit:.3g}: {(losses > limit).sum()} of {losses.size} points" in words


@pytest.mark.usefixtures("rendering")
def test_a_clipped_hybrid_is_shaded_as_asked(study: Path, tmp_path: Path) -> None:
    accepted("figure", study, "--height", "clipped", "--shading", "differences", "--dpi", 72,
             "--width", 3.25, "--out", tmp_path)  # fmt: skip
    words = (tmp_path / "hybrid-random-clipped.md").read_text("utf-8")
    assert "Clipped at loss" in words
    assert "Shading by differences of the grid" in words


@pytest.mark.usefixtures("rendering")
def test_a_difference_to_itself_is_zero_everywhere(study: Path, tmp_path: Path) -> None:
    accepted("figure", study, "--colour", "difference", "--reference", "relu-gd-seed0.random",
             "--dpi", 72, "--out", tmp_path / "x.svg")  # fmt: skip
    words = (tmp_path / "x.md").read_text("utf-8")
    assert "log10 of the ratio of the losses to relu-gd-seed0" in words
    assert "difference  [decades]" in (tmp_path / "x.svg").read_text("utf-8")


def test_a_mosaic_shows_one_activation(many: Path) -> None:
    line = refused("figure", many, "--kind", "mosaic", "--select", "relu,gelu")
    assert "this figure shows one activation, got relu, gelu" in line


def test_a_plane_that_was_not_sampled_is_named_with_the_command(tmp_path: Path) -> None:
    accepted(
        "run",
        "--train-only",
        *(part for part in TINY if part not in ("--grid", "3")),
        "--out",
        tmp_path,
    )
    line = refused("figure", tmp_path, "--kind", "line")
    assert "relu-gd-seed0 has no surface over a random plane; make one with" in line


def test_venues_have_one_column_and_two() -> None:
    assert width_of(0.0, "icml", None) == 3.25
    assert width_of(0.0, "icml", 2) == 6.75
    assert width_of(0.0, "neurips", 1) == 5.5
    assert width_of(4.5, "", None) == 4.5
    assert width_of(0.0, "", None) is None
