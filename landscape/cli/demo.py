"""``landscape demo``: the whole main job on scikit-learn's digits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from landscape import viz
from landscape.cli.close_ups import LEVELS
from landscape.cli.options import check_unused, option
from landscape.cli.web_page import write_page, write_toy
from landscape.cli.wiring import bars, load_data
from landscape.records.atomic import writable_folder
from landscape.records.plurals import counted, plural

if TYPE_CHECKING:
    from landscape.store import StudyFile
    from landscape.study.configuration import StudyConfig
    from landscape.study.reporting import Reporter

# Kinked and smooth, side by side in close-up.
PAIR = ("relu", "gelu")
# Kinds of pictures that need graphics.
_SOLID = ("compare", "surface", "residual", "zoom")
PAGE, TOY = "index.html", "toy.html"
ACTIVATIONS = ("relu", "leaky_relu", "prelu", "elu", "gelu", "silu", "tanh", "sigmoid")


def demo(
    out: Annotated[Path, option("Folder for study and pictures.")] = Path("demo"),
    quick: Annotated[bool, option("Two activations, small grids: about a minute.")] = False,
    toy: Annotated[bool, option("Write only OUT/toy.html, a page that teaches kinks.")] = False,
) -> None:
    """Train, sample and draw eight activations on scikit-learn's digits, in under 5 minutes.

    An MLP 64-32-32-10 is trained with each activation by gradient descent and by Nesterov's
    method from the same weights. The command writes OUT/study.h5 and OUT/index.html, a page for a
    browser: a slider goes from the whole surfaces of ReLU and GELU down to one optimizer step,
    where creases are seen. It also draws all surfaces, and prints slope budgets of
    three steps of each descent: how much of the change of slope sits in kinks. Called again, it
    does only what is missing. The page of --toy holds a network of two parameters: a slider turns
    ReLU into SmeLU, kink lines move and soften, and gradient descent steps at a rate of your
    choice.

    Example: landscape demo --quick --out demo
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
        progress.note("then slope budgets, close-ups of ReLU and GELU, pictures, a page")
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
    print(f"open {out / PAGE} in a browser, and move the slider from the whole surface to one "
          "optimizer step:")  # fmt: skip
    print("far away ReLU and GELU look alike; in one step the ReLU network's loss is full of "
          "creases, the GELU network's has none")  # fmt: skip
    print(f"why: {out / TOY}, a network of two parameters whose kinks you move")


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


def look_closer(study: StudyFile, config: StudyConfig, progress: Reporter) -> StudyFile:
    """Add slope budgets of single steps of every descent, and close-ups of the pair."""
    from landscape.store import open_study
    from landscape.study.analyses import Wanted, add_analyses

    quick = config.training.steps < 100
    steps = 6 if quick else 24
    wanted = Wanted(steps=3, path=steps, swap=steps)
    zoomed = Wanted(steps=0, zoom=3 if quick else LEVELS, zoom_points=23 if quick else 61)
    finished = [n for n in study.runs() if study.trajectory(n).diverged_at is None]
    descents = [name for name in finished if "-gd-" in name]
    pair = [n for n in descents if n.split("-")[0] in PAIR]
    for what, runs in ((wanted, descents), (zoomed, pair)):
        add_analyses(study, config, what, load_data=load_data, runs=runs, reporter=progress)
    return open_study(study.path)


def draw(study: StudyFile, out: Path, progress: Reporter) -> tuple[list[Path], int]:
    """Draw the demo's pictures that are missing or older than the study.

    Returns:
        The files written, and how many pictures were left as they are. Without graphics, those
        that need none.
    """
    from landscape.cli.drawing import Picture
    from landscape.cli.drawing import draw as draw_picture
    from landscape.viz.offscreen import ensure

    planned = _pictures(study, out)
    changed = _changed(study.path)
    stale = {path: planned[path] for path in planned if _changed(path) < changed}
    kept = len(planned) - len(stale)
    if any(kind in _SOLID for kind, _ in stale.values()):
        try:
            ensure()
        except RuntimeError as error:
            progress.note(f"no 3D pictures: {error}")
            stale = {path: shown for path, shown in stale.items() if shown[0] not in _SOLID}
    progress.stage("drawing", len(stale))
    written: list[Path] = []
    for path, (kind, names) in stale.items():
        writable_folder(path.parent)
        if kind == "page":
            written.append(write_page(study, names, path, paths=True, force=True))
        elif kind == "toy":
            written.append(write_toy(path))
        else:
            picture = Picture(kind, viz.Look(), paper=kind in ("residual", "zoom"), dpi=250)
            written += draw_picture(study, names, path, picture)
        progress.advance(1)
    return written, kept


def _pictures(study: StudyFile, out: Path) -> dict[Path, tuple[str, list[str]]]:
    """Return the kind of each picture and the surfaces that it shows."""
    from landscape.cli.choosing import by_smoothness, runs_by_smoothness
    from landscape.cli.close_ups import runs_with_close_ups

    surfaces = {plane: by_smoothness(study, (name for name in study.surfaces()
                                             if name.endswith(f".{plane}")))
                for plane in ("pca", "random")}  # fmt: skip
    descents = {plane: [name for name in names if "-gd-" in name]
                for plane, names in surfaces.items()}  # fmt: skip
    flat = {out / f"contours-{plane}.pdf": ("contour", names) for plane, names in descents.items()}
    flat[out / TOY] = "toy", []
    flat[out / PAGE] = "page", [name for names in surfaces.values() for name in names]
    pair = runs_by_smoothness(study, runs_with_close_ups(study))
    close = {out / f"{kind}.png": (kind, pair) for kind in ("zoom", "residual") if pair}
    solid = {out / f"comparison-{plane}.png": ("compare", names)
             for plane, names in descents.items()}  # fmt: skip
    # Over random planes no path can be drawn; all of them stand in one picture.
    single = {out / "surfaces" / f"{name}.png": ("surface", [name]) for name in surfaces["pca"]}
    return flat | close | solid | single


def _changed(file: Path) -> int:
    """Return when a file was changed last, in ns; 0 for none."""
    return file.stat().st_mtime_ns if file.exists() else 0
