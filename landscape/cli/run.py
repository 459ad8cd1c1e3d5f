"""``landscape run``: an experiment from options or a TOML file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from landscape.cli.options import GRID, Show, option
from landscape.cli.wiring import bars, load_data, minutes
from landscape.records.grid_notation import parse_plane_shape
from landscape.records.plurals import counted

if TYPE_CHECKING:
    from landscape.study.configuration import StudyConfig

_TRAINING = "Training"
_SETTINGS = "All settings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How every run is trained."""

    steps: Annotated[int | None, option("Optimizer steps. [300]", _TRAINING)] = None
    batch_size: Annotated[
        int | None, option("Examples per step; 0 takes all, as gd always does. [0]", _TRAINING)
    ] = None
    learning_rate: Annotated[
        float | None, option("Rate of every optimizer. [each its own, see --show]", _TRAINING)
    ] = None
    train_only: Annotated[
        bool, option("Sample no surfaces; the same command without it does.", _TRAINING)
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """Where the surfaces are sampled."""

    grid: Annotated[str | None, option("Points of each surface, as 51 or 51x41. [51]", GRID)] = None
    span: Annotated[float | None, option("The random plane covers [-span, span]^2. [1]", GRID)] = (
        None
    )


def run(
    training: Training,
    sampled: Sampled,
    activation: Annotated[
        list[str] | None, option("Activation, as relu or leaky_relu_0.3. Repeat. [relu, elu]")
    ] = None,
    optimizer: Annotated[
        list[str] | None, option("gd, sgd, momentum, nesterov, adam or adamw. Repeat. [gd]")
    ] = None,
    seed: Annotated[list[int] | None, option("Seed of weights and batches. Repeat. [0]")] = None,
    data: Annotated[str | None, option("Data set; a wrong name lists all. [digits]")] = None,
    network: Annotated[str | None, option("Network: mlp, cnn or resnet. [mlp]")] = None,
    loss: Annotated[
        str | None, option("cross_entropy or mse. [by the data: classes or values]")
    ] = None,
    config: Annotated[
        Path | None, option("TOML file of settings; options override it. [none]", _SETTINGS)
    ] = None,
    settings: Annotated[
        list[str] | None,
        option("Any setting, as training.momentum=0.8. Repeat. [none]", _SETTINGS, name="--set"),
    ] = None,
    show: Show = False,
    out: Annotated[Path, option("Folder for study.h5.")] = Path("study"),
) -> None:
    """Train every activation with every optimizer and sample the planes around each solution.

    The command writes OUT/study.h5. Called again, it continues what is unfinished. It refuses a
    study with other settings. Data sets of your own are in $LANDSCAPE_DATA, or in the folder that
    --set data.folder names. 'landscape info --activations all' lists the activations.

    Example: landscape run --activation relu --activation elu --optimizer sgd --batch-size 64
    """
    options: dict[str, Any] = {
        "activations": activation, "optimizers": optimizer, "seeds": seed, "data.name": data,
        "network.kind": network, "loss": loss, "training.steps": training.steps,
        "training.batch_size": training.batch_size, "random_plane.span": sampled.span,
    }  # fmt: skip
    options |= _repeated(sampled.grid, training.learning_rate)
    made = configuration(config, options, settings)
    if show:
        print(made.to_toml(), end="")
        return
    execute(made, out, sample=not training.train_only)


def _repeated(grid: str | None, learning_rate: float | None) -> dict[str, Any]:
    """Return the settings of which one option stands for several."""
    from landscape.training.training_settings import OPTIMIZERS

    points = None if grid is None else list(parse_plane_shape(grid))
    given: dict[str, Any] = {f"{kind}_plane.points": points for kind in ("random", "pca")}
    return given | {f"training.learning_rates.{name}": learning_rate for name in OPTIMIZERS}


def configuration(
    path: Path | None, options: dict[str, Any], settings: list[str] | None
) -> StudyConfig:
    """Join the file, the options that were given and the settings; what comes later wins.

    Raises:
        ValueError: for anything that is no valid setting.
        OSError: if the file cannot be read.
    """
    from landscape.networks.activations import get
    from landscape.study.configuration import StudyConfig

    base = StudyConfig.from_toml(path) if path else StudyConfig()
    values = base.to_dict()
    options = {key: value for key, value in options.items() if value not in (None, [])}
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


def execute(config: StudyConfig, out: Path, *, sample: bool) -> None:
    """Run a configuration."""
    from landscape.study.experiment import Study

    path = out / "study.h5"
    with bars() as progress:
        study = Study(config, path, load_data, progress)
        progress.note(plan(study, sample=sample))
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
