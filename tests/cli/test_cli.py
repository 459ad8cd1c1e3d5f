"""What each command makes and says."""

from __future__ import annotations

import json
import shutil
import tomllib
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from calling import TINY, accepted, refused

from landscape import StudyConfig, open_study
from landscape.cli.choosing import planes_only
from landscape.records.results import Analysis
from landscape.store import StudyWriter
from landscape.store.places import surface_path

RUN = "relu-gd-seed0"
NOT_DRAWN = f"path not drawn, as less than 5 % of it lies in the plane: {RUN} on {RUN}.random\n"
BEGINS = {"pdf": b"%PDF", "svg": b"<?xml", "png": b"\x89PNG"}


def test_run_says_what_it_wrote_and_what_comes_next(tmp_path: Path) -> None:
    said = accepted("run", *TINY, "--out", tmp_path)
    path = tmp_path / "study.h5"
    assert f"wrote {path}: 1 run, 2 surfaces" in said
    assert f"next: landscape info {path}; landscape render {path}" in said
    assert [p.name for p in tmp_path.iterdir()] == ["study.h5"]
    before = path.read_bytes()
    assert accepted("run", *TINY, "--out", tmp_path) == said
    assert path.read_bytes() == before


def test_options_are_settings_of_the_configuration() -> None:
    shown = accepted(
        "run", "--activation", "gelu", "--activation", "elu", "--optimizer", "sgd", "--seed", "3",
        "--data", "wine", "--set", "data.folder='here'", "--network", "mlp", "--loss", "mse",
        "--steps", "9",
        "--batch-size", "16", "--learning-rate", "0.5", "--grid", "5x7", "--span", "0.25", "--set",
        "training.momentum=0.8", "--set", "network.hidden=[4, 4]", "--set", "dtype=float64",
        "--show",
    )  # fmt: skip
    values = tomllib.loads(shown)
    assert values["activations"] == ["gelu", "elu"]
    assert (values["optimizers"], values["seeds"], values["dtype"]) == (["sgd"], [3], "float64")
    assert values["data"]["name"] == "wine"
    assert values["data"]["folder"] == "here"
    assert values["network"]["hidden"] == [4, 4]
    assert values["loss"] == "mse"
    training = values["training"]
    assert (training["steps"], training["batch_size"], training["momentum"]) == (9, 16, 0.8)
    assert set(training["learning_rates"].values()) == {0.5}
    assert values["random_plane"]["points"] == values["pca_plane"]["points"] == [5, 7]
    assert values["random_plane"]["span"] == 0.25


def test_show_prints_every_default_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for options in ([], ["--train-only"]):
        assert accepted("run", *options, "--show") == StudyConfig().to_toml()
    assert list(tmp_path.iterdir()) == []


def test_options_win_over_the_file_and_settings_over_options(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text('seeds = [7]\n[training]\nsteps = 5\nmomentum = 0.5\n[data]\nname = "wine"\n')
    shown = accepted("run", "--config", path, "--steps", "9", "--learning-rate", "0.2", "--set",
                     "training.learning_rates.adam=1", "--show")  # fmt: skip
    values = tomllib.loads(shown)
    assert (values["seeds"], values["data"]["name"]) == ([7], "wine")
    assert (values["training"]["steps"], values["training"]["momentum"]) == (9, 0.5)
    rates = values["training"]["learning_rates"]
    assert (rates["gd"], rates["adam"]) == (0.2, 1.0)


def test_another_kind_of_network_takes_its_own_defaults() -> None:
    values = tomllib.loads(accepted("run", "--network", "cnn", "--set", "network.channels=[4]",
                                    "--show"))  # fmt: skip
    assert values["network"]["channels"] == [4]
    assert values["network"]["hidden"] == [64]


def test_the_configuration_of_a_study_can_be_run_again(study: Path, tmp_path: Path) -> None:
    path = tmp_path / "again.toml"
    path.write_text(accepted("info", study, "--config"), encoding="utf-8")
    assert accepted("run", "--config", path, "--show") == path.read_text("utf-8")
    accepted("run", "--config", path, "--out", tmp_path)
    again, first = open_study(tmp_path), open_study(study)
    assert again.config == first.config
    np.testing.assert_array_equal(again.trajectory(RUN).thetas, first.trajectory(RUN).thetas)


def test_training_alone_writes_paths_that_run_samples(tmp_path: Path) -> None:
    trained = [a for a in TINY if a not in ("--grid", "3")]
    said = accepted("run", *trained, "--train-only", "--out", tmp_path)
    assert "1 run, 0 surfaces" in said
    assert "landscape render" not in said
    before = open_study(tmp_path).trajectory(RUN)
    points = ["--set", "random_plane.points=[3, 3]", "--set", "pca_plane.points=[3, 3]"]
    message = refused("run", *trained, "--steps", "5", "--out", tmp_path, alone=False)
    assert "training.steps is 4 there, 5 here" in message
    assert "pca_plane.points is [51, 51] there, [3, 3] here" in refused(
        "run", *trained, *points, "--out", tmp_path, alone=False
    )
    accepted("run", *trained, *points, "--train-only", "--out", tmp_path / "small")
    accepted("run", *trained, *points, "--out", tmp_path / "small")
    grown = open_study(tmp_path / "small")
    assert grown.surfaces() == [f"{RUN}.pca", f"{RUN}.random"]
    np.testing.assert_array_equal(grown.trajectory(RUN).thetas, before.thetas)


def test_a_rate_that_diverges_is_a_result(tmp_path: Path) -> None:
    accepted("run", *TINY, "--optimizer", "gd", "--optimizer", "adam", "--set",
             "training.learning_rates.gd=1e30", "--out", tmp_path)  # fmt: skip
    table = accepted("info", tmp_path).splitlines()
    (diverged,) = (line for line in table if line.startswith(RUN))
    (other,) = (line for line in table if line.startswith("relu-adam-seed0"))
    assert "diverged at step 1" in diverged
    assert "diverged" not in other
    assert "%" in other
    accepted("run", *TINY, "--learning-rate", "1e30", "--out", tmp_path / "all")
    assert "diverged at step 1" in accepted("info", tmp_path / "all")
    assert "has no surfaces; make some with" in refused("render", tmp_path / "all")


def test_info_tells_what_is_there(study: Path) -> None:
    said = accepted("info", study)
    assert accepted("info", study.parent) == said
    source = open_study(study)
    run = source.trajectory(RUN)
    assert f"{study}: format 1" in said
    assert str(json.loads(source.attributes["versions"])["torch"]) in said
    assert f"data: wine (features), sha256 {source.attributes['data_sha256'][:16]}" in said
    (row,) = (line.split() for line in said.splitlines() if line.startswith(RUN))
    assert run.accuracies is not None
    assert row[1:3] == [f"{run.losses[-1]:.4g}", f"{run.accuracies[-1]:.2%}"]
    sharpness = source.analysis("summary", RUN).settings["sharpness"]
    assert row[3] == f"{sharpness:.3g}"
    assert f"surface {RUN}.random: 3 x 3 over -1 to 1, -1 to 1" in said
    assert "analys" not in said


def test_info_lists_analyses(study: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(study, tmp_path / "study.h5"))
    with StudyWriter(path) as writer:
        for number in range(14):
            writer.put_record(f"analyses/many/n{number:02}", Analysis("many", {"a": np.ones(2)}))
        writer.put_record("analyses/kink_map/one.33", Analysis("kink_map", {"a": np.ones(2)}))
    lines = accepted("info", path).splitlines()
    assert "1 analysis kink_map: one.33" in lines
    first = ", ".join(f"n{number:02}" for number in range(12))
    assert f"14 analyses many: {first}, and 2 more" in lines


def test_the_version_is_that_of_the_distribution() -> None:
    assert accepted("--version") == f"lossoscope {version('lossoscope')}\n"


def test_sample_adds_a_surface_that_render_draws(study: Path, tmp_path: Path) -> None:
    before = study.read_bytes()
    said = accepted("sample", study, "--run", RUN, "--grid", "3x4", "--span", "-2:1x0:3",
                    "--seed", "2", "--name", "extra", "--out", tmp_path)  # fmt: skip
    assert f"wrote surface extra to {tmp_path / 'study.h5'}" in said
    assert "--surface extra" in said
    assert study.read_bytes() == before
    surface = open_study(tmp_path).surface("extra")
    np.testing.assert_allclose(surface.alphas, [-2, -0.5, 1])
    np.testing.assert_allclose(surface.betas, [0, 1, 2, 3])
    assert surface.settings["seed"] == 2
    accepted("render", tmp_path, "--surface", "extra", "--kind", "contour")
    assert (tmp_path / "contours.pdf").read_bytes().startswith(b"%PDF")


def test_lines_volumes_and_resampled_surfaces_are_sampled_by_the_same_command(
    study: Path, tmp_path: Path
) -> None:
    run = ["sample", study, "--run", RUN, "--out", tmp_path]
    for name, options, shape in (
        ("line", ["--grid", "9x1"], (9,)),
        ("volume", ["--grid", "3x4x5", "--span", "-1:1x-1:1x0:2"], (3, 4, 5)),
        ("fine", ["--resample", "41", "--span", "0.01"], (41, 41)),
    ):
        accepted(*run, "--name", name, *options)
        assert open_study(tmp_path).surface(name).losses.shape == shape
    grown = open_study(tmp_path)
    assert grown.surface("volume").grid.axes[2][-1] == 2.0
    assert grown.surface("fine").settings["resampled"]["tolerance"] == 0.001
    assert grown.surface("fine.nodes").complete
    assert grown.analysis("spectral_decay", "fine").arrays["decay"].max() == 1.0
    accepted(*run, "--name", "along", "--resample", "131", "--line", "0", "0", "0.5", "-0.5")
    assert open_study(tmp_path).surface("along").grid.shape == (131,)
    # Once there, it is left alone; over another window it is another surface.
    grown = open_study(tmp_path)
    before = grown.path.read_bytes()
    accepted(*run, "--name", "fine", *options)
    assert grown.path.read_bytes() == before
    assert "taken by another surface" in refused(*run, "--name", "fine", *options[:2], alone=False)
    # Without a choice lines, volumes and nodes are not drawn.
    assert planes_only(grown) == ["fine", f"{RUN}.pca", f"{RUN}.random"]
    accepted(
        "render", tmp_path, "--surface", "fine", "--kind", "contour", "--out", tmp_path / "pictures"
    )


@pytest.mark.parametrize(("kind", "grid", "title"), [("line", "5x1", ""), ("volume", "3x3x3", "γ")])
def test_a_study_with_lines_or_volumes_alone_is_drawn_unasked(
    kind: str, grid: str, title: str, study: Path, tmp_path: Path
) -> None:
    accepted("sample", study, "--run", RUN, "--name", "mine", "--grid", grid, "--out", tmp_path)
    alone = tmp_path / "alone.h5"
    source = open_study(tmp_path)
    with StudyWriter(alone) as writer:
        writer.put_record(surface_path("mine"), source.surface("mine"))
        writer.publish()
    said = accepted("render", alone, "--out", tmp_path / "x.svg")
    assert f"wrote {tmp_path / 'x.svg'}\n" in said
    assert title in (tmp_path / "x.svg").read_text("utf-8")
    named = accepted("render", tmp_path, "--surface", "mine", "--out", tmp_path / "pictures")
    assert f"{kind}.pdf\n" in named


@pytest.mark.parametrize("suffix", ["pdf", "svg", "png"])
def test_contours_are_drawn_in_every_format(suffix: str, study: Path, tmp_path: Path) -> None:
    path = tmp_path / f"contours.{suffix}"
    said = accepted("render", study, "--surface", f"{RUN}.random", "--kind", "contour",
                    "--height", "linear", "--out", path)  # fmt: skip
    assert said == f"wrote {path}\nwrote {path.with_suffix('.md')}\n{NOT_DRAWN}"
    assert path.read_bytes().startswith(BEGINS[suffix])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["contours.md", path.name]
    assert "Colours and isolines: loss." in path.with_suffix(".md").read_text("utf-8")


def test_without_a_choice_each_kind_of_plane_has_its_own_contours(
    study: Path, tmp_path: Path
) -> None:
    said = accepted("render", study, "--kind", "contour", "--out", tmp_path)
    names = [f"contours-{kind}.{suffix}" for kind in ("pca", "random") for suffix in ("pdf", "md")]
    assert said == "".join(f"wrote {tmp_path / name}\n" for name in names) + NOT_DRAWN
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(names)
    texts = []
    for kind in ("pca", "random"):
        target = tmp_path / f"{kind}.svg"
        accepted("render", study, "--kind", "contour", "--select", f"*.{kind}", "--out", target)
        texts.append(" ".join(target.read_text("utf-8").split()))
    pca, random = texts
    assert "Plane of the path" in pca
    assert "Random plane" in random
    assert "Random plane" not in pca


def test_a_set_value_may_have_several_lines() -> None:
    shown = accepted("run", "--set", "network.hidden=[4,\n 5]", "--set", "dtype=float64", "--show")
    assert tomllib.loads(shown)["network"]["hidden"] == [4, 5]


@pytest.mark.usefixtures("rendering")
def test_surfaces_are_drawn_one_by_one_or_side_by_side(study: Path, tmp_path: Path) -> None:
    said = accepted("render", study, "--surface", f"{RUN}.random", "--shading", "differences",
                    "--out", tmp_path)  # fmt: skip
    one = [f"{RUN}.random.png", f"{RUN}.random.md"]
    assert said == "".join(f"wrote {tmp_path / name}\n" for name in one) + NOT_DRAWN
    said = accepted("render", study, "--kind", "compare", "--out", tmp_path)
    names = [f"comparison-{kind}.{suffix}" for kind in ("pca", "random")
             for suffix in ("png", "md")]  # fmt: skip
    assert said == "".join(f"wrote {tmp_path / name}\n" for name in names) + NOT_DRAWN
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*names, *one])
    pictures = tmp_path.glob("*.png")
    assert all(p.read_bytes().startswith(BEGINS["png"]) for p in pictures)


@pytest.mark.usefixtures("rendering")
def test_pictures_are_clipped_coloured_styled_and_captioned_on_request(
    study: Path, tmp_path: Path
) -> None:
    name = f"{RUN}.random"
    accepted("render", study, "--surface", name, "--height", "clipped:2.5", "--size", "3.25",
             "--colour", f"difference:{name}", "--style", "testing", "--kind", "contour",
             "--out", tmp_path)  # fmt: skip
    words = (tmp_path / "contours.md").read_text("utf-8")
    assert "Clipped at loss 2.5" in words
    assert "difference of the losses" in words
    assert "Li et al. (2018)" in words
    assert (tmp_path / "contours.tex").is_file()
    accepted("render", study, "--surface", name, "--height", "clipped:2.5", "--style", "testing",
             "--colour", f"difference:{name}", "--out", tmp_path)  # fmt: skip
    assert not (tmp_path / f"{name}.tex").exists()
    assert "Clipped at loss 2.5" in (tmp_path / f"{name}.md").read_text("utf-8")
    said = accepted("render", study, "--kind", "matrix", "--surface", name, "--style", "testing",
                    "--out", tmp_path)  # fmt: skip
    assert said == f"wrote {tmp_path / 'matrix.png'}\nwrote {tmp_path / 'matrix.md'}\n{NOT_DRAWN}"


@pytest.mark.usefixtures("rendering")
def test_a_comparison_shows_the_standard_planes_unless_others_are_chosen(
    study: Path, tmp_path: Path
) -> None:
    accepted("sample", study, "--run", RUN, "--name", "far", "--span", "2", "--grid", "3x3",
             "--out", tmp_path)  # fmt: skip
    said = accepted("render", tmp_path, "--kind", "compare", "--style", "testing")
    assert "choose with --select from also far\n" in said
    assert "different windows" not in (tmp_path / "comparison-random.md").read_text("utf-8")
    said = accepted("render", tmp_path, "--kind", "compare", "--style", "testing",
                    "--select", "far", "--out", tmp_path / "far.png")  # fmt: skip
    assert "α −2 to 2" in (tmp_path / "far.md").read_text("utf-8")


def test_a_style_file_reaches_flat_figures(study: Path, tmp_path: Path) -> None:
    from PIL import Image

    style = tmp_path / "mine.toml"
    style.write_text('background = "#102030"\nink = "#ffffff"\n', encoding="utf-8")
    accepted("render", study, "--surface", f"{RUN}.random", "--kind", "contour",
             "--style", style, "--out", tmp_path / "contours.png")  # fmt: skip
    with Image.open(tmp_path / "contours.png") as image:
        assert image.convert("RGB").getpixel((1, 1)) == (0x10, 0x20, 0x30)


def test_a_matrix_names_the_runs_it_lacks(study: Path, tmp_path: Path) -> None:
    both = [f"{RUN}.random", f"{RUN}.pca"]
    message = refused("render", study, "--kind", "matrix", "--surface", both[0], "--surface",
                      both[1], "--out", tmp_path)  # fmt: skip
    assert "a run has several surfaces" in message


@pytest.mark.usefixtures("rendering")
def test_a_surface_sampled_with_gradients_is_drawn_by_its_exact_slopes(
    study: Path, tmp_path: Path
) -> None:
    # The study prescribes vmap for the loss alone.
    accepted("sample", study, "--run", RUN, "--grid", "5x4", "--gradients", "--out", tmp_path)
    (name,) = set(open_study(tmp_path).surfaces()) - set(open_study(study).surfaces())
    assert name.endswith("_gradients")
    surface = open_study(tmp_path).surface(name)
    assert tuple(surface.fields) == ("losses", "accuracies", "gradient_alpha", "gradient_beta")
    assert surface.settings["engine"]["strategy"] == "gradient"
    slopes = np.gradient(surface.losses, surface.betas, axis=1)
    assert np.corrcoef(slopes.ravel(), surface.fields["gradient_beta"].ravel())[0, 1] > 0.8
    accepted("render", tmp_path, "--surface", name, "--shading", "gradient")
    assert (tmp_path / f"{name}.png").read_bytes().startswith(BEGINS["png"])


@pytest.mark.usefixtures("rendering")
def test_info_says_that_rendering_works_on_this_machine() -> None:
    said = accepted("info", "--machine")
    assert f"numpy {np.__version__}" in said
    assert "rendering without a display works" in said


def test_pictures_are_chosen_sized_turned_and_never_replace_others(
    study: Path, tmp_path: Path, rendering: None
) -> None:
    look = ["--style", "testing", "--camera", "20,30", "--size", "2x1.6", "--dpi", "80"]
    out = tmp_path / "one.png"
    accepted("render", study, "--select", "*-seed0.random", "--out", out, *look)
    before = out.read_bytes()
    accepted("render", study, "--select", "*.random", "--out", out, *look)
    assert out.read_bytes() == before
    out.write_bytes(b"mine")
    again = ("render", study, "--select", "*.random", "--out", out, *look)
    assert "was not written by this program" in refused(*again)
    accepted(*again, "--force")
    assert out.read_bytes() == before
    assert "no surface matches 'elu'" in refused("render", study, "--select", "elu")
    assert "no surface matches '*-seed7.*'" in refused("render", study, "--select", "*-seed7.*")
    assert "as --camera -58,40" in refused("render", study, "--camera", "north")
    assert "got 2 to write" in refused("render", study, "--out", out, *look)


@pytest.mark.usefixtures("rendering")
def test_a_surface_without_a_finite_loss_is_left_out_or_refused(
    study: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copy(study, tmp_path / "study.h5"))
    first, *_ = open_study(copy).surfaces()
    broken = open_study(copy).surface(first)
    losses = np.full(broken.grid.shape, np.nan)
    with StudyWriter(copy) as writer:
        writer.put_record(surface_path("broken"), replace(broken, fields={"losses": losses}))
    out = ("--out", tmp_path / "none")
    said = refused("render", copy, "--surface", "broken", *out, alone=False)
    assert f"no finite value to draw: {losses.size} points NaN or infinite" in said
    for kind in ("surface", "contour"):
        said = accepted("render", copy, "--kind", kind, "--out", tmp_path / kind)
        assert f"left out broken: none of its {losses.size} losses is finite" in said
        assert not list((tmp_path / kind).glob("broken*"))
