"""``landscape demo``: the whole main job on scikit-learn's digits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from landscape.cli.mistakes import one_line_errors
from landscape.cli.wiring import Bars, bars, load_data

if TYPE_CHECKING:
    from landscape.store import StudyFile
    from landscape.study.configuration import StudyConfig

# Kinked and smooth, side by side.
MICROSCOPE = ("relu", "leaky_relu", "gelu", "tanh")
ACTIVATIONS = ("relu", "leaky_relu", "prelu", "elu", "gelu", "silu", "tanh", "sigmoid")


@one_line_errors
def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for study and pictures.")] = Path(
        "demo"
    ),
    quick: Annotated[
        bool, typer.Option("--quick", help="Two activations, small grids: seconds.")
    ] = False,
) -> None:
    """Train, sample and draw eight activations on scikit-learn's digits, in about 3 minutes.

    An MLP 64-32-32-10 is trained with each activation by gradient descent and by Nesterov's
    method from the same weights. Writes OUT/study.h5, 3D pictures of every surface, a comparison,
    a contour figure and the loss microscope (kinked and smooth in a window of one optimizer step),
    and prints slope budgets of three steps of each descent: how much of the change of slope sits
    in kinks. Called again, it continues what is unfinished.
    """
    from landscape.cli.analyse import print_report
    from landscape.cli.inspect import print_summaries
    from landscape.cli.run import plan
    from landscape.study import Study
    from landscape.study.analysis_summaries import report

    with bars() as shown:
        study = Study(demo_config(quick=quick), out / "study.h5", load_data, shown)
        shown.note(plan(study, sample=True))
        shown.note(f"then slope budgets, the microscope, {2 * len(study.config.runs) + 6} pictures")
        done = look_closer(study.run(), study.config, shown)
        written = draw(done, out, shown)
    print_summaries(done)
    print_report(report(done))
    print(f"wrote {done.path}")
    for path in written:
        print(f"wrote {path}")
    print(f"next: landscape info {done.path}")


def demo_config(*, quick: bool = False) -> StudyConfig:
    """Return the demo's configuration.

    Gradient descent at 0.3 and Nesterov at 0.03 with momentum 0.9 move equally far in the long
    run, rate / (1 - momentum). The engine is fixed, so that the demo's arrays are the same on
    every run of one machine; only the number of threads is measured.
    """
    from landscape.evaluation.engine_settings import SamplingConfig
    from landscape.study.configuration import PcaPlaneConfig, RandomPlaneConfig, StudyConfig
    from landscape.training.training_settings import TrainingConfig

    points = (11, 11) if quick else (51, 51)
    return StudyConfig(
        activations=("relu", "gelu") if quick else ACTIVATIONS,
        optimizers=("gd", "nesterov"),
        training=TrainingConfig(steps=30 if quick else 300),
        random_plane=RandomPlaneConfig(points=points),
        pca_plane=PcaPlaneConfig(points=points),
        sampling=SamplingConfig(strategy="batched", chunk=8, batch_size=512, compile="never"),
    )


def look_closer(study: StudyFile, config: StudyConfig, shown: Bars) -> StudyFile:
    """Add slope budgets of single steps of every descent, and the windows of the microscope."""
    from landscape.store import open_study
    from landscape.study.analyses import Wanted, add_analyses
    from landscape.study.microscopes import add_microscopes

    finished = [n for n in study.runs() if study.trajectory(n).diverged_at is None]
    descents = [name for name in finished if "-gd-" in name]
    few = Wanted(steps=3, path=24, swap=24)
    add_analyses(study, config, few, load_data=load_data, runs=descents, reporter=shown)
    seen = [n for n in descents if n.split("-")[0] in MICROSCOPE]
    points = 15 if config.training.steps < 100 else 101
    add_microscopes(study, config, load_data=load_data, runs=seen, points=points, reporter=shown)
    return open_study(study.path)


def draw(study: StudyFile, out: Path, shown: Bars) -> list[Path]:
    """Draw the demo's pictures; without graphics, those that need none."""
    from landscape.cli import pictures
    from landscape.records.atomic import writable_folder
    from viz.offscreen import ensure

    kinds: dict[str, list[str]] = {}
    for kind in ("pca", "random"):
        every = [s for s in study.surfaces() if s.endswith(f".{kind}")]
        kinds[kind] = pictures.by_smoothness(study, every)
    descent = [s for s in kinds["pca"] if "-gd-" in s]
    random = [s for s in kinds["random"] if "-gd-" in s]
    folder = writable_folder(out / "surfaces")
    shown.stage("drawing", len(study.surfaces()) + 6)
    written: list[Path] = []

    def done(path: Path) -> None:
        written.append(path)
        shown.advance(1)

    for name, chosen in (("pca", descent), ("random", random)):
        done(pictures.draw(study, chosen, out / f"contours-{name}.pdf", "contour"))
    for path in pictures.draw_microscope(study, out):
        done(path)
    try:
        ensure()
    except RuntimeError as error:
        shown.note(f"no 3D pictures: {error}")
        return written
    for name, chosen in (("pca", descent), ("random", random)):
        done(pictures.draw(study, chosen, out / f"comparison-{name}.png", "compare"))
    for name in kinds["pca"] + kinds["random"]:
        pictures.draw(study, [name], folder / f"{name}.png", "surface")
        shown.advance(1)
    written.append(folder)
    return written
