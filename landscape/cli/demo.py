"""``landscape demo``: the whole main job on scikit-learn's digits."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from landscape.cli.mistakes import one_line_errors
from landscape.cli.options import check_unused, option
from landscape.cli.web_page import write_toy
from landscape.cli.wiring import bars, load_data
from landscape.records.atomic import writable_folder
from landscape.records.plurals import counted, plural

if TYPE_CHECKING:
    from landscape.store import StudyFile
    from landscape.study.configuration import StudyConfig
    from landscape.study.reporting import Reporter

# Kinked and smooth, side by side.
MICROSCOPE = ("relu", "leaky_relu", "gelu", "tanh")
ACTIVATIONS = ("relu", "leaky_relu", "prelu", "elu", "gelu", "silu", "tanh", "sigmoid")


@one_line_errors
def demo(
    out: Annotated[Path, option("Folder for study and pictures.")] = Path("demo"),
    quick: Annotated[
        bool, option("Two activations, small grids: seconds.", name="--quick")
    ] = False,
    toy: Annotated[
        bool,
        option(
            "Write only a page that teaches kinks, OUT/toy.html (or the file OUT). It holds"
            " a network of two parameters: a slider turns ReLU into SmeLU, kink lines move "
            "and soften, and gradient descent steps at a rate of your choice.",
            name="--toy",
        ),
    ] = False,
) -> None:
    """Train, sample and draw eight activations on scikit-learn's digits, in about 3 minutes.

    An MLP 64-32-32-10 is trained with each activation by gradient descent and by Nesterov's
    method from the same weights. The command writes OUT/study.h5, 3D pictures of every surface, a
    comparison, a contour figure and the loss microscope (kinked and smooth in a window of one
    optimizer step). It prints slope budgets of three steps of each descent: how much of the change
    of slope sits in kinks. Called again, it does only what is missing.
    """
    if toy:
        check_unused({"quick": quick}, "is of the whole demo; leave it out with --toy")
        print(f"wrote {write_toy(out)}")
        return
    from landscape.cli.analysis_tables import print_report
    from landscape.cli.info import print_summaries
    from landscape.cli.run import plan
    from landscape.study.analysis_summaries import report
    from landscape.study.experiment import Study

    before = _changed(out / "study.h5")
    with bars() as progress:
        study = Study(demo_config(quick=quick), out / "study.h5", load_data, progress)
        progress.note(plan(study, sample=True))
        progress.note("then slope budgets, the microscope, pictures")
        done = look_closer(study.run(), study.config, progress)
        written, kept = draw(done, out, progress)
    print_summaries(done)
    print_report(report(done))
    if _changed(done.path) != before:
        print(f"wrote {done.path}")
    # The pictures of single surfaces are named by their folder.
    for path in dict.fromkeys(p if p.parent == out else p.parent for p in written):
        print(f"wrote {path}")
    if kept:
        print(f"{counted(kept, 'picture')} in {out} {plural(kept, 'is', 'are')} newer than "
              f"{done.path} and {plural(kept, 'was', 'were')} not drawn again")  # fmt: skip
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


def look_closer(study: StudyFile, config: StudyConfig, shown: Reporter) -> StudyFile:
    """Add slope budgets of single steps of every descent, and the windows of the microscope."""
    from landscape.store import open_study
    from landscape.study.analyses import Wanted, add_analyses

    finished = [n for n in study.runs() if study.trajectory(n).diverged_at is None]
    descents = [name for name in finished if "-gd-" in name]
    few = Wanted(steps=3, path=24, swap=24)
    add_analyses(study, config, few, load_data=load_data, runs=descents, reporter=shown)
    seen = [n for n in descents if n.split("-")[0] in MICROSCOPE]
    points = 15 if config.training.steps < 100 else 101
    windows = Wanted(steps=0, microscope=points)
    add_analyses(study, config, windows, load_data=load_data, runs=seen, reporter=shown)
    return open_study(study.path)


def draw(study: StudyFile, out: Path, progress: Reporter) -> tuple[list[Path], int]:
    """Draw the demo's pictures that are missing or older than the study.

    Returns:
        The files written, and how many pictures were left as they are. Without graphics, those
        that need none.
    """
    from landscape.viz.offscreen import ensure

    flat, solid = _drawings(study, out)
    stale = [path for path in (*flat, *solid) if _older(path, study.path)]
    kept = len(flat) + len(solid) - len(stale)
    if any(path in solid for path in stale):
        try:
            ensure()
        except RuntimeError as error:
            progress.note(f"no 3D pictures: {error}")
            stale = [path for path in stale if path in flat]
    progress.stage("drawing", len(stale))
    written: list[Path] = []
    for path in stale:
        writable_folder(path.parent)
        files = (flat | solid)[path](path)
        written += files if isinstance(files, list) else [files]
        progress.advance(1)
    return written, kept


Drawings = dict[Path, Callable[[Path], Path | list[Path]]]


def _drawings(study: StudyFile, out: Path) -> tuple[Drawings, Drawings]:
    """Return what draws each flat picture, and each one in 3D."""
    from landscape.cli import pictures

    flat: Drawings = {}
    solid: Drawings = {}
    single: Drawings = {}
    drawn = partial(pictures.draw, study)
    for kind in ("pca", "random"):
        every = [name for name in study.surfaces() if name.endswith(f".{kind}")]
        every = pictures.by_smoothness(study, every)
        descent = [name for name in every if "-gd-" in name]
        flat[out / f"contours-{kind}.pdf"] = partial(drawn, descent, kind="contour")
        solid[out / f"comparison-{kind}.png"] = partial(drawn, descent, kind="compare")
        for name in every:
            single[out / "surfaces" / f"{name}.png"] = partial(drawn, [name], kind="surface")
    flat[out / "microscope.png"] = lambda _: pictures.draw_microscope(study, out)
    return flat, solid | single


def _older(picture: Path, study: Path) -> bool:
    """Whether a picture is missing, or was written before the study's last change."""
    return _changed(picture) < _changed(study)


def _changed(file: Path) -> int:
    """Return when a file was changed last, in ns; 0 for none."""
    return file.stat().st_mtime_ns if file.exists() else 0
