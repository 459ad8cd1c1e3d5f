"""The command ``landscape``: the only place that wires everything together.

Nothing heavy is imported here: ``landscape --help`` must answer at once.
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from landscape.cli import (
    analyse,
    animate,
    check,
    claims,
    demo,
    export,
    import_,
    info,
    render,
    report,
    run,
    sample,
    view,
)
from landscape.cli.grouped_help import GroupedCommand
from landscape.cli.mistakes import one_line_errors
from landscape.cli.options import takes_records

app = typer.Typer(
    name="landscape",
    help="Measure and draw the loss landscapes of smooth and kinked activations.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# In the order in which they are used.
_COMMANDS = (
    ("demo", demo.demo, "The whole job on scikit-learn's digits; a page that teaches kinks."),
    ("run", run.run, "Train, and sample planes around each solution."),
    ("sample", sample.sample, "One more plane, line or volume, also of a network of your own."),
    ("render", render.render, "Pictures of a study; figures for papers, with captions."),
    ("view", view.view, "Look around live: turn, zoom by sampling anew, keep."),
    ("animate", animate.animate, "Films: a descent, or the way into the microscope."),
    ("export", export.export, "One page to turn in a browser; Blender, ParaView, a table."),
    ("analyse", analyse.analyse, "How much of the change of slope sits in kinks."),
    ("claims", claims.claims, "What is claimed of smoothness, measured and judged."),
    ("report", report.report, "Everything a study holds, in one HTML file."),
    ("info", info.info, "What a study holds; the known activations; versions."),
    ("import", import_.import_, "Surfaces and paths of other programs into a study."),
    ("check", check.check, "Is a study file whole? Repair what is damaged."),
)
for _name, _function, _words in _COMMANDS:
    app.command(_name, cls=GroupedCommand, short_help=_words)(
        one_line_errors(takes_records(_function))
    )


def _version(*, wanted: bool) -> None:
    if wanted:
        print(f"lossoscope {version('lossoscope')}")
        raise typer.Exit


@app.callback()
def _main(
    _: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", callback=_version, is_eager=True
        ),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; it ends quietly where nobody reads on, as behind ``| head``."""
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # What the buffer still holds goes nowhere, so that nothing is said of it at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
