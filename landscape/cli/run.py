"""``landscape run`` and ``landscape train``: an experiment from options or a TOML file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from landscape.cli.mistakes import one_line_errors
from landscape.cli.wiring import bars, load_data, minutes, parse_points
from landscape.records.plurals import counted

if TYPE_CHECKING:
    from landscape.study.configuration import StudyConfig

Config = Annotated[Path | None, typer.Option("--config", help="TOML file; options override it.")]
Activation = Annotated[
    list[str] | None,
    typer.Option(
        "--activation", help="As relu, elu or leaky_relu_0.3; a wrong one lists all. Repeat."
    ),
]
Optimizer = Annotated[
    list[str] | None,
    typer.Option("--optimizer", help="gd, sgd, momentum, nesterov, adam, adamw. Repeat."),
]
Seed = Annotated[list[int] | None, typer.Option("--seed", help="Repeat for several. [0]")]
Data = Annotated[
    str | None, typer.Option("--data", help="Data set; a wrong name lists all. [digits]")
]
Folder = Annotated[str | None, typer.Option("--folder", help="Where data sets of yours lie.")]
Network = Annotated[str | None, typer.Option("--network", help="mlp, cnn or resnet. [mlp]")]
Loss = Annotated[
    str | None,
    typer.Option(
        "--loss",
        help="cross_entropy, or mse (mean squared error; classes become one-hot vectors). "
        "[cross_entropy for classes, mse for values]",
    ),
]
Steps = Annotated[int | None, typer.Option("--steps", help="Optimizer steps. [300]")]
Batch = Annotated[
    int | None, typer.Option("--batch-size", help="Examples per step; 0 is all (gd always). [0]")
]
Rate = Annotated[
    float | None,
    typer.Option("--learning-rate", help="The rate of every optimizer. [its own, see --show]"),
]
Points = Annotated[str | None, typer.Option("--grid", help="Points, as 51 or 51x41. [51]")]
Span = Annotated[
    float | None, typer.Option("--span", help="The random plane spans [-span, span]^2. [1]")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="Any setting, as training.momentum=0.8 (TOML values). Repeat."),
]
Show = Annotated[
    bool, typer.Option("--show", help="Print the whole configuration as TOML and stop.")
]
Out = Annotated[Path, typer.Option("--out", help="Folder for study.h5.")]


@one_line_errors
def run(
    config: Config = None,
    activation: Activation = None,
    optimizer: Optimizer = None,
    seed: Seed = None,
    data: Data = None,
    folder: Folder = None,
    network: Network = None,
    loss: Loss = None,
    steps: Steps = None,
    batch_size: Batch = None,
    learning_rate: Rate = None,
    grid: Points = None,
    span: Span = None,
    settings: Set = None,
    show: Show = False,
    out: Out = Path("study"),
) -> None:
    """Train every activation with every optimizer and sample the planes around each solution.

    Writes OUT/study.h5. Called again, it continues what is unfinished; a study with other
    settings is refused. See the settings, all defaults included, with --show.
    """
    options = as_settings(activation, optimizer, seed, data, folder, network, loss, steps,
                          batch_size, learning_rate, grid, span)  # fmt: skip
    made = configuration(config, options, settings)
    execute(made, out, show=show, sample=True)


@one_line_errors
def train(
    config: Config = None,
    activation: Activation = None,
    optimizer: Optimizer = None,
    seed: Seed = None,
    data: Data = None,
    folder: Folder = None,
    network: Network = None,
    loss: Loss = None,
    steps: Steps = None,
    batch_size: Batch = None,
    learning_rate: Rate = None,
    settings: Set = None,
    show: Show = False,
    out: Out = Path("study"),
) -> None:
    """Train only; 'landscape run' with the same options samples later.

    Writes OUT/study.h5 with the trajectories.
    """
    options = as_settings(activation, optimizer, seed, data, folder, network, loss, steps,
                          batch_size, learning_rate, None, None)  # fmt: skip
    made = configuration(config, options, settings)
    execute(made, out, show=show, sample=False)


def as_settings(
    activation: list[str] | None,
    optimizer: list[str] | None,
    seed: list[int] | None,
    data: str | None,
    folder: str | None,
    network: str | None,
    loss: str | None,
    steps: int | None,
    batch_size: int | None,
    learning_rate: float | None,
    grid: str | None,
    span: float | None,
) -> dict[str, Any]:
    """Return the options that were given, by the dotted names of the settings they stand for."""
    from landscape.training.training_settings import OPTIMIZERS

    points = None if grid is None else list(parse_points(grid))
    given: dict[str, Any] = {
        "activations": activation,
        "optimizers": optimizer,
        "seeds": seed,
        "data.name": data,
        "data.folder": folder,
        "network.kind": network,
        "loss": loss,
        "training.steps": steps,
        "training.batch_size": batch_size,
        "random_plane.points": points,
        "pca_plane.points": points,
        "random_plane.span": span,
    }
    if learning_rate is not None:
        given |= {f"training.learning_rates.{name}": learning_rate for name in OPTIMIZERS}
    return {key: value for key, value in given.items() if value not in (None, [])}


def configuration(
    path: Path | None, options: dict[str, Any], settings: list[str] | None
) -> StudyConfig:
    """Join the file, the options and the settings; what comes later wins.

    Raises:
        ValueError: for anything that is no valid setting.
        OSError: if the file cannot be read.
    """
    from landscape.networks.activations import get
    from landscape.study.configuration import StudyConfig

    base = StudyConfig.from_toml(path) if path else StudyConfig()
    values = base.to_dict()
    for setting in settings or []:
        key, value = parse_setting(setting)
        options[key] = value
    if options.get("network.kind", values["network"]["kind"]) != values["network"]["kind"]:
        # The options of one kind of network mean nothing to another.
        values["network"] = {}
    for key, value in options.items():
        put_dotted(values, key, value)
    made = StudyConfig.from_dict(values)
    for name in made.activations:
        get(name)
    return made


def parse_setting(setting: str) -> tuple[str, Any]:
    """Read KEY=VALUE; a value that is no TOML is text.

    Raises:
        ValueError: if there is no key, or more than one value, as after a line break.
    """
    import tomllib

    key, equals, text = setting.partition("=")
    if not equals:
        raise ValueError(f"--set needs KEY=VALUE, as training.steps=500, got {setting!r}")
    try:
        values = tomllib.loads(f"value = {text}")
        single = len(values) == 1
    except tomllib.TOMLDecodeError:
        values, single = {"value": text}, len(text.splitlines()) <= 1
    if not single:
        raise ValueError(
            f"--set needs one value, got {setting!r} with a line break; repeat --set for each"
        )
    return key.strip(), values["value"]


def put_dotted(values: dict[str, Any], key: str, value: Any) -> None:
    """Put a value under a dotted key."""
    *tables, last = key.split(".")
    for table in tables:
        inner = values.setdefault(table, {})
        if not isinstance(inner, dict):
            raise ValueError(f"unknown setting {key}: {table} is no table")
        values = inner
    values[last] = value


def execute(config: StudyConfig, out: Path, *, show: bool, sample: bool) -> None:
    """Run a configuration, or show it."""
    if show:
        print(config.to_toml(), end="")
        return
    from landscape.study import Study

    path = out / "study.h5"
    with bars() as shown:
        study = Study(config, path, load_data, shown)
        shown.note(plan(study, sample=sample))
        done = study.run(sample=sample)
    print(f"wrote {path}: {counted(len(done.runs()), 'run')}, "
          f"{counted(len(done.surfaces()), 'surface')}")  # fmt: skip
    print(f"next: landscape info {path}" + (f"; landscape render {path}" if sample else ""))


def plan(study: Any, *, sample: bool) -> str:
    """Say what a study will do and how long it may take."""
    config = study.config
    count = len(config.runs)
    steps = counted(config.training.steps, "step")
    runs = f"{counted(count, 'run')} of {steps} on {config.data.name}"
    solutions = f"{counted(study.setup.points, 'point')} of {counted(count, 'solution')}"
    points = f", {solutions}" if sample else ""
    longest = minutes(study.setup.seconds())
    return f"{runs}{points}: {longest} at most, less what is already done"
