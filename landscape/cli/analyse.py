"""``landscape analyse``: slope budgets and other measurements of a study, or of any network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from landscape import viz
from landscape.cli.analysis_tables import print_report, write_report
from landscape.cli.mistakes import one_line_errors
from landscape.cli.options import (
    FIGURE,
    MODEL,
    AsJson,
    Checkpoint,
    Data,
    IgnoreKeys,
    Loss,
    Model,
    OptionalStudy,
    Runs,
    Style,
    check_unused,
    option,
)
from landscape.cli.user_budgets import print_user_budgets
from landscape.cli.user_model import UserModel
from landscape.cli.wiring import bars, configuration_of, load_data
from landscape.records.atomic import writable_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from landscape.store import StudyFile
    from landscape.study.analyses import Wanted

# Fewer points a side determine no quadratic; fewer lines or centres, no surface and no quartiles.
_LEAST = {"--scales": 2, "--microscope": 3, "--map": 2, "--creases": 2}
# Steps that are followed along a path, at most.
_FOLLOWED = 100
_PATH = "Along the path"
_WINDOW = "In a window of one optimizer step"
_SOLUTION = "At the solution"


@one_line_errors
def analyse(
    study: OptionalStudy = None,
    run: Runs = None,
    steps: Annotated[
        int | None,
        option(
            "Slope budgets of this many optimizer steps of each run, spread evenly. [10]", min=0
        ),
    ] = None,
    lines: Annotated[
        int | None, option("Slope budgets of this many random lines. [0; with --model 3]", min=0)
    ] = None,
    path: Annotated[
        bool,
        option(
            "Follow up to 100 single steps: how much of the change of slope sits in kinks, "
            "what autograd sees of it, and what can be predicted. At --steps of them also "
            "linear range, the gradient's Lipschitz constant, the largest eigenvalue, kink "
            "noise.",
            _PATH,
            name="--path",
        ),
    ] = False,
    swap: Annotated[
        bool,
        option(
            "With --path: measure the same steps again with the activation's copy on the "
            "same weights: ReLU as SmeLU(0.1), GELU, tanh and ELU as piecewise linear ones,"
            " and the reverse.",
            _PATH,
            name="--swap",
        ),
    ] = False,
    scales: Annotated[
        int, option("Curvature against scale at this many centres; 50 is usual.", _SOLUTION, min=0)
    ] = 0,
    spectrum: Annotated[
        int,
        option(
            "Spectral density of the Hessian by this many Lanczos steps; 60 is usual.",
            _SOLUTION,
            min=0,
        ),
    ] = 0,
    scale: Annotated[
        str | None,
        option(
            "With --spectrum: average the loss over a cloud of this size first, so that kinks are "
            "in its Hessian, and print a Monte Carlo check. The size is a root mean square length "
            "in parameter space; 'step' takes that of the last recorded step. [none: autograd's "
            "Hessian, without kinks]",
            _SOLUTION,
            metavar="step|LENGTH",
        ),
    ] = None,
    microscope: Annotated[
        int, option("The loss at this many points a side; 101 is usual.", _WINDOW, min=0)
    ] = 0,
    kink_map: Annotated[
        int,
        option(
            "Every kink, found along this many lines; 33 is usual.", _WINDOW, name="--map", min=0
        ),
    ] = 0,
    creases: Annotated[
        int,
        option(
            "The surface cut along its kinks, at this many points a side; 13 is usual.",
            _WINDOW,
            min=0,
        ),
    ] = 0,
    model: Model = "",
    data: Data = "",
    loss: Loss = "",
    checkpoint: Checkpoint = None,
    ignore_keys: IgnoreKeys = None,
    rate: Annotated[
        float | None,
        option("Learning rate of the step of gradient descent that is measured. [0.1]", MODEL),
    ] = None,
    span: Annotated[
        float | None,
        option(
            "Random lines run from -span to span times a filter-normalised direction. [0.1]", MODEL
        ),
    ] = None,
    as_json: AsJson = False,
    tables: Annotated[
        Path | None, option("Folder for the tables as CSV, Markdown and LaTeX. [none]", FIGURE)
    ] = None,
    figures: Annotated[
        Path | None,
        option("Folder for figures of everything that was analysed in the study. [none]", FIGURE),
    ] = None,
    style: Style = "paper",
) -> None:
    """Measure how much of the change of slope sits in kinks, which autograd's Hessian cannot see.

    Along an optimizer step (or a random line) the change of the loss's slope is the integral of
    autograd's curvature plus the jumps at kinks. Analyses are added to the study; those that it
    holds are not measured again.

    With --model the slope budgets of a network of your own are printed. The Python files named are
    run, with all that is in them: give files you trust. Nothing in the checkpoint is run.
    """
    if bool(model) == (study is not None):
        raise ValueError("give either a study, or --model with --data")
    if study is None:
        check_unused(
            {"run": run, "steps": steps, "path": path, "swap": swap, "scales": scales or None,
             "spectrum": spectrum or None, "scale": scale, "microscope": microscope or None,
             "map": kink_map or None, "creases": creases or None, "tables": tables,
             "figures": figures, "style": style.removeprefix("paper")},
            "is of a study; leave it out with --model",
        )  # fmt: skip
        network = UserModel(model=model, data=data, loss=loss or "cross_entropy",
                            checkpoint=checkpoint, ignore=tuple(ignore_keys or ()))  # fmt: skip
        print_user_budgets(
            network, rate=0.1 if rate is None else rate, lines=3 if lines is None else lines,
            span=0.1 if span is None else span, as_json=as_json,
        )  # fmt: skip
        return
    from landscape.study.analyses import Wanted

    check_unused({"data": data, "loss": loss, "checkpoint": checkpoint, "rate": rate, "span": span,
                  "ignore-keys": ignore_keys}, "is of --model; a study has its own")  # fmt: skip
    looks = viz.Style.of(style)
    _check({"--scales": scales, "--microscope": microscope, "--map": kink_map,
            "--creases": creases}, alone=swap and not path)  # fmt: skip
    wanted = Wanted(steps=10 if steps is None else steps, lines=lines or 0, path=_FOLLOWED * path,
                    swap=_FOLLOWED * swap, centres=scales, map_points=kink_map,
                    crease_points=creases, microscope=microscope, spectrum=spectrum,
                    scale=_scale(scale))  # fmt: skip
    for folder in filter(None, (tables, figures)):
        writable_folder(folder)
    done = _measured(study, run or (), wanted)
    _show(done, tables, figures, looks, as_json=as_json)


def _measured(study: Path, runs: Sequence[str], wanted: Wanted) -> StudyFile:
    """Add analyses to a study and return it."""
    from landscape.store import open_study
    from landscape.study.analyses import add_analyses

    source = open_study(study)
    config = configuration_of(source)
    with bars() as progress:
        add_analyses(
            source, config, wanted, load_data=load_data, runs=runs, reporter=progress
        )  # fmt: skip
    return open_study(source.path)


def _show(
    study: StudyFile, tables: Path | None, figures: Path | None, looks: object, *, as_json: bool
) -> None:
    """Print what a study's analyses say, and write tables and figures of them."""
    from landscape.study.analysis_summaries import report

    summary = report(study)
    written = [] if tables is None else write_report(summary, tables)
    if figures is not None:
        from landscape.cli.analysis_pictures import draw_analyses

        written += draw_analyses(study, figures, looks)
    if as_json:
        print(json.dumps(summary, indent=2))
        return
    print_report(summary)
    for file in written:
        print(f"wrote {file}")


def _scale(text: str | None) -> float | Literal["step"] | None:
    """Read the size of a cloud.

    Raises:
        ValueError: for what is neither ``step`` nor a number.
    """
    if text is None or text == "step":
        return text  # type: ignore[return-value]
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"--scale must be 'step' or a length > 0, got {text!r}") from None


def _check(counts: dict[str, int], *, alone: bool) -> None:
    """Check how many points are asked for, and that steps to swap are followed.

    Raises:
        ValueError: for too few, or ``--swap`` alone.
    """
    if alone:
        raise ValueError("--swap measures the steps of --path again; add --path")
    for name, number in counts.items():
        if 0 < number < _LEAST[name]:
            raise ValueError(f"{name} must be at least {_LEAST[name]}, or 0 for none, got {number}")
