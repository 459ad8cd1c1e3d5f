"""The command ``landscape``: the only place that wires everything together.

Nothing heavy is imported here: ``landscape --help`` must answer at once.
"""

from __future__ import annotations

import typer

from landscape.cli import (
    activations,
    analyse,
    animate,
    check,
    claims,
    demo,
    export,
    figure,
    import_,
    inspect,
    kinks,
    render,
    report,
    run,
    sample,
    view,
    web_page,
)

app = typer.Typer(
    name="landscape",
    help="Measure and draw the loss landscapes of smooth and kinked activations.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("demo", short_help="The whole job on scikit-learn's digits.")(demo.demo)
app.command("run", short_help="Train, and sample planes around each solution.")(run.run)
app.command("train", short_help="Train only; 'run' samples later.")(run.train)
app.command("sample", short_help="One more plane, line or volume of a study.")(sample.sample)
app.command("render", short_help="Pictures of a study.")(render.render)
app.command("view", short_help="Look around live: turn, zoom by sampling anew, keep.")(view.view)
app.command("figure", short_help="A figure for a paper, with its caption.")(figure.figure)
app.command("animate", short_help="Films: a descent, or the way into the microscope.")(
    animate.animate
)
app.command("export", short_help="One page to turn in a browser; Blender, ParaView, a table.")(
    export.export
)
app.command("toy", short_help="A page that teaches kinks, with a network of two parameters.")(
    web_page.toy
)
app.command("analyse", short_help="How much of the change of slope sits in kinks.")(analyse.analyse)
app.command("kinks", short_help="The same for a network of your own.")(kinks.kinks)
app.command("claims", short_help="What is claimed of smoothness, measured and judged.")(
    claims.claims
)
app.command("report", short_help="Everything a study holds, in one HTML file.")(report.report)
app.command("activations", short_help="The known activations: classes, kinks, slopes.")(
    activations.activations
)
app.command("info", short_help="What a study file holds.")(inspect.info)
app.command("import", short_help="Surfaces and paths of other programs into a study.")(
    import_.import_
)
app.command("check", short_help="Is a study file whole, digest by digest?")(check.check)
app.command("repair", short_help="Save what is sound of a damaged study; compute the rest.")(
    check.repair
)
app.command("doctor", short_help="Versions, and whether rendering works.")(inspect.doctor)


def main() -> None:
    """Run the command line."""
    app()
