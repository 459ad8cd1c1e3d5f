"""``landscape analyse``: slope budgets and other measurements of a study, or of any network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from landscape import viz
from landscape.cli.analysis_tables import print_report, write_report
from landscape.cli.options import (
    MODEL,
    Json,
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
from landscape.records.choices import check_known

if TYPE_CHECKING:
    from collections.abc import Sequence

    from landscape.store import StudyFile
    from landscape.study.analyses import Wanted

# What is measured on demand: its usual number, and the least. Fewer points a side determine no
# quadratic; fewer lines or centres, no surface and no quartiles.
_MEASURES = {
    "path": (100, 1),
    "swap": (100, 1),
    "scales": (50, 2),
    "spectrum": (60, 1),
    "zoom": (4, 1),
    "map": (33, 2),
}


def analyse(
    network: UserModel,
    study: OptionalStudy = None,
    run: Runs = None,
    steps: Annotated[
        int | None,
        option("Number of optimizer steps with slope budgets, spread evenly. [10]", min=0),
    ] = None,
    lines: Annotated[
        int | None, option("Number of random lines with slope budgets. [0; with --model 3]", min=0)
    ] = None,
    measure: Annotated[
        str, option("Measures from the list above, as path,scales or scales=25. [none]")
    ] = "",
    scale: Annotated[
        str,
        option(
            "Size of the cloud that the spectrum's loss is averaged over. [none]",
            metavar="step|LENGTH",
        ),
    ] = "",
    rate: Annotated[
        float | None, option("Learning rate of the measured step of gradient descent. [0.1]", MODEL)
    ] = None,
    span: Annotated[
        float | None, option("Half the length of random lines, filter-normalised. [0.1]", MODEL)
    ] = None,
    as_json: Json = False,
    out: Annotated[
        Path | None, option("Folder for tables and figures of all analyses of the study. [none]")
    ] = None,
    style: Style = "paper",
) -> None:
    """Measure how much of the change of slope sits in kinks, which autograd's Hessian cannot see.

    Along an optimizer step (or a random line) the change of the loss's slope is the integral of
    autograd's curvature plus the jumps at kinks. Analyses are added to the study; those that it
    holds are not measured again. With --measure, more is measured; the number can be given:
    path (up to 100 single steps: kinks, prediction, sharpness), swap (the same with a smooth or
    kinked copy of the activation on the same weights), scales (curvature against scale at 50
    centres), spectrum (of the Hessian, by 60 Lanczos steps), zoom (4 close-ups, cut along their
    kinks, from the whole surface down to one step), map (the kinks in that window, along 33 lines).
    With --scale the spectrum is that of the loss averaged over a cloud of
    this root mean square length, so that kinks are in its Hessian; 'step' is the length of the last
    recorded step.

    With --model the slope budgets of a network of your own are printed. The Python files named are
    run, with all that is in them: give files you trust. Nothing in the checkpoint is run.

    Example: landscape analyse study --measure path,scales,map --out analyses
    """
    if bool(network.model) == (study is not None):
        raise ValueError("give either a study, or --model with --data")
    if study is None:
        check_unused(
            {"run": run, "steps": steps, "measure": measure, "scale": scale, "out": out,
             "style": style.removeprefix("paper")},
            "is of a study; leave it out with --model",
        )  # fmt: skip
        print_user_budgets(
            network, rate=0.1 if rate is None else rate, lines=3 if lines is None else lines,
            span=0.1 if span is None else span, as_json=as_json,
        )  # fmt: skip
        return
    from landscape.study.analyses import Wanted

    check_unused({"rate": rate, "span": span}, "is of --model; a study has its own")
    looks = viz.Style.of(style)
    counts = measures(measure)
    wanted = Wanted(
        steps=10 if steps is None else steps, lines=lines or 0, swap=counts["swap"],
        path=max(counts["path"], counts["swap"]), centres=counts["scales"],
        map_points=counts["map"], spectrum=counts["spectrum"], zoom=counts["zoom"],
        scale=_scale(scale),
    )  # fmt: skip
    if out is not None:
        writable_folder(out)
    done = _measured(study, run or (), wanted)
    _show(done, out, looks, as_json=as_json)


def measures(text: str) -> dict[str, int]:
    """Read what is measured beside slope budgets.

    Args:
        text: names, each with its usual number or as NAME=NUMBER, separated by commas.

    Returns:
        The number of each measure; 0 for what is left out.

    Raises:
        ValueError: for an unknown name, or a number that is none or too small.
    """
    counts = dict.fromkeys(_MEASURES, 0)
    for part in filter(None, text.split(",")):
        name, equals, number = (word.strip() for word in part.partition("="))
        check_known("measure", name, _MEASURES, suggest=True)
        usual, least = _MEASURES[name]
        counts[name] = int(number) if number.isdecimal() else 0 if equals else usual
        if counts[name] < least:
            raise ValueError(f"--measure {name} must be at least {least}, got {number!r}; "
                             f"{usual} is usual")  # fmt: skip
    return counts


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


def _show(study: StudyFile, out: Path | None, style: viz.Style, *, as_json: bool) -> None:
    """Print what a study's analyses say, and write tables and figures of them."""
    from landscape.study.analysis_summaries import report

    summary = report(study)
    written: list[Path] = []
    if out is not None:
        from landscape.cli.analysis_pictures import draw_analyses

        figures = draw_analyses(study, out, style)
        written = write_report(summary, out) + figures
    if as_json:
        print(json.dumps(summary, indent=2))
        return
    print_report(summary)
    for file in written:
        print(f"wrote {file}")


def _scale(text: str) -> float | Literal["step"] | None:
    """Read the size of a cloud.

    Raises:
        ValueError: for what is neither ``step`` nor a number.
    """
    if text in ("", "step"):
        return "step" if text else None
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"--scale must be 'step' or a length > 0, got {text!r}") from None
