"""The command ``landscape``: the only place that wires everything together.

Nothing heavy is imported here: ``landscape --help`` must answer at once.
"""

from __future__ import annotations

import typer

from landscape.cli import demo, inspect, render, sample, study

app = typer.Typer(
    name="landscape",
    help="Measure and draw the loss landscapes of smooth and kinked activations.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("demo")(demo.demo)
app.command("run")(study.run)
app.command("train")(study.train)
app.command("sample")(sample.sample)
app.command("render")(render.render)
app.command("info")(inspect.info)
app.command("doctor")(inspect.doctor)


def main() -> None:
    """Run the command line."""
    app()
