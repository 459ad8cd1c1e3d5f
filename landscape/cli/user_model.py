"""Functions from a Python file of the user's, and weights from a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from glob import has_magic
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING, Annotated, Any

from landscape.cli.options import MODEL, check_unused, option
from landscape.cli.user_folders import Folder, run_file
from landscape.records.presenting import one_line

if TYPE_CHECKING:
    from torch.nn import Module

    from landscape.problem import Problem
    from landscape.records.trajectory import Trajectory
    from landscape.study.reporting import Reporter
    from landscape.study.request import Request


def named(text: str) -> Callable[..., Any]:
    """Run the file of ``FILE.py:FUNCTION`` and return the function.

    The file imports what lies beside it; see :mod:`landscape.cli.user_folders`.

    Raises:
        ValueError: for another form, a file without such a function, or one that fails.
        FileNotFoundError: if there is no such file.
    """
    return _function(text)[0]


def maker(text: str) -> Callable[[], Any]:
    """Run the file of ``FILE.py:FUNCTION`` and return what calls that function.

    Raises:
        ValueError: as :func:`named`; when it is called, if the function fails.
        FileNotFoundError: as there.
    """
    function, folder = _function(text)

    def made() -> Any:
        with folder.first():
            return function()

    return partial(_running, made, Path(text.rpartition(":")[0]), text)


def _function(text: str) -> tuple[Callable[..., Any], Folder]:
    place, _, name = text.rpartition(":")
    if not place.endswith(".py") or not name.isidentifier():
        raise ValueError(f"write FILE.py:FUNCTION, as model.py:build, got {text!r}")
    path = Path(place)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; write FILE.py:FUNCTION")
    module, folder = _running(partial(run_file, path), path, str(path))
    function = getattr(module, name, None)
    if not callable(function):
        known = ", ".join(n for n, v in vars(module).items() if callable(v) and n[0] != "_")
        raise ValueError(f"{path} has no function {name!r}; it has: {known or 'none'}")
    return function, folder


def network_of(text: str) -> Any:
    """Return the network that ``FILE.py:FUNCTION`` makes.

    Raises:
        ValueError: as :func:`named`, or if it makes something else.
        FileNotFoundError: as there.
    """
    from torch import nn

    network = maker(text)()
    if not isinstance(network, nn.Module):
        raise ValueError(f"{text} must return a torch.nn.Module, got {type(network).__name__}")
    return network


def _running(work: Callable[[], Any], path: Path, name: str) -> Any:
    """Run code of the user's; what goes wrong in it is told with its line in their file."""
    try:
        return work()
    except SystemExit:
        raise ValueError(
            f"{name} ended the program; keep what {path} does as a script under "
            'if __name__ == "__main__":'
        ) from None
    except Exception as error:
        frames = extract_tb(error.__traceback__)
        lines = [f.lineno for f in frames if Path(f.filename).resolve() == path.resolve()]
        # The message of a SyntaxError names file and line.
        placed = isinstance(error, SyntaxError) or not lines
        line = "" if placed else f" in line {lines[-1]}"
        raise ValueError(
            f"{name} failed with {type(error).__name__}: {error}{line}; mend it, with "
            "LANDSCAPE_DEBUG=1 in the environment the traceback is shown"
        ) from error


def load_checkpoint(
    model: Any, path: Path, ignore: Sequence[str], say: Callable[[str], None]
) -> None:
    """Read weights into a model that was just built, and say which keys were ignored.

    Raises:
        ValueError: if it holds more than weights, or others than the model's.
        OSError: if it cannot be read.
    """
    from landscape.training.recording.checkpoints import load_into

    ignored = load_into(model, path, ignore=ignore)
    if ignore:
        say(one_line(f"{path}: {ignored}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class UserModel:
    """A network of the user's, as it is named on the command line; without ``model`` there is none.

    Raises:
        ValueError: if there is a model without data, or more without a model.
    """

    model: Annotated[
        str, option("FILE.py:FUNCTION that returns the network. [none: of a study]", MODEL)
    ] = ""
    data: Annotated[
        str, option("FILE.py:FUNCTION that returns the data. [required with --model]", MODEL)
    ] = ""
    loss: Annotated[
        str, option("cross_entropy, mse, or FILE.py:FUNCTION. [cross_entropy]", MODEL)
    ] = ""
    checkpoint: Annotated[
        Path | None,
        option("File of weights: .pt, .pth, .t7, .ckpt, .bin, .safetensors. [as built]", MODEL),
    ] = None
    ignore_keys: Annotated[
        list[str] | None,
        option(
            "Keys of checkpoints that are not loaded, as 'head.*'. Repeat. [none]",
            MODEL,
            metavar="PATTERN",
        ),
    ] = None

    def __post_init__(self) -> None:
        if not self.model:
            check_unused(self, "is of --model; a study has its own")
        elif not self.data:
            raise ValueError("--model needs --data FILE.py:FUNCTION that returns the data")

    def problem(self, say: Callable[[str], None]) -> Problem:
        """Return the network with its weights, loss and data.

        Args:
            say: hears which keys of the checkpoint were ignored.

        Raises:
            ValueError: if a file is not what its option says.
            OSError: if it cannot be read.
        """
        from landscape.problem import Problem

        network, examples = network_of(self.model), maker(self.data)
        loss = named(self.loss) if ":" in self.loss else self.loss or "cross_entropy"
        if self.checkpoint is not None:
            load_checkpoint(network, self.checkpoint, self.ignore_keys or (), say)
        return Problem(network, loss, examples)

    def sample(
        self,
        request: Request,
        places: Mapping[str, str],
        path: Path,
        *,
        fit: bool,
        reporter: Reporter,
    ) -> tuple[Path, str]:
        """Sample a surface into a study file.

        See :func:`landscape.study.user_surfaces.sample_user_network`.

        Args:
            request: which surface; its ``others`` are among ``places``.
            places: files of other solutions; folders of recordings or checkpoints, or patterns of
                checkpoints, of paths; by name.
            path: the study, or its folder.
            fit: whether the window is to hold what the plane is made of.
            reporter: hears of progress.

        Returns:
            The study file and the id of the surface.

        Raises:
            ValueError: if a file is not what its option says.
            OSError: if it cannot be read.
        """
        from landscape.study.user_surfaces import sample_user_network

        path = path if path.suffix == ".h5" else path / "study.h5"
        problem = request.read(self.problem(reporter.note))
        paths = {name: self._path(problem, name, Path(place), reporter)
                 for name, place in places.items() if not Path(place).is_file()}  # fmt: skip
        if paths and self.checkpoint is None:
            _move_to_end(problem.model, next(iter(paths.values())))
        elif paths:
            request = _of_its_path(
                request, problem.model, next(iter(paths.values())), self.checkpoint
            )
        others = {name: self._other(problem.model, Path(places[name]), reporter)
                  for name in request.others if name not in paths}  # fmt: skip
        source = {"model": self.model, "data": self.data, "loss": self.loss or "cross_entropy",
                  "checkpoint": str(self.checkpoint or "")}  # fmt: skip
        name = sample_user_network(
            path, problem, request, fit=fit, paths=paths, others=others, names=source,
            reporter=reporter,
        )  # fmt: skip
        return path, name

    def _path(self, problem: Problem, name: str, place: Path, reporter: Reporter) -> Trajectory:
        """Read a recording, or checkpoints; evaluate the losses it lacks."""
        import numpy as np

        from landscape.training.recording.losses_of_records import evaluate_losses
        from landscape.training.recording.recorded import read_recording
        from landscape.training.recording.series import trajectory_from_checkpoints

        if (place / "recording.json").is_file():
            trajectory = read_recording(place)
        else:
            folder, pattern = _folder_and_pattern(place)
            trajectory = trajectory_from_checkpoints(
                problem.model, folder, pattern=pattern, ignore=self.ignore_keys or ()
            )
            if left_out := trajectory.settings.get("ignored_keys"):
                reporter.note(one_line(f"{name}: ignored the keys {', '.join(left_out)}"))
        known = np.isfinite(trajectory.losses).all()
        return trajectory if known else evaluate_losses(problem, trajectory)

    def _other(self, network: Module, path: Path, reporter: Reporter) -> dict[str, Any]:
        """Read other weights of the network."""
        from landscape.networks.parameters import unwrapped
        from landscape.training.recording.checkpoints import raw_weights
        from landscape.training.recording.parameter_names import fitted

        weights, ignored = fitted(unwrapped(network), raw_weights(path), place=str(path),
                                  ignore=self.ignore_keys or ())  # fmt: skip
        if self.ignore_keys:
            reporter.note(one_line(f"{path}: {ignored}"))
        return weights


def _folder_and_pattern(place: Path) -> tuple[Path, str | None]:
    """Split a pattern of files from the folder above it.

    >>> _folder_and_pattern(Path("runs/ep*.pth.tar"))
    (PosixPath('runs'), 'ep*.pth.tar')
    """
    above = [folder for folder in place.parents if not has_magic(str(folder))]
    if place.exists() or not has_magic(str(place)):
        return place, None
    return above[0], str(place.relative_to(above[0]))


def _of_its_path(request: Any, network: Any, trajectory: Any, checkpoint: Path | None) -> Any:
    """Return the request without its run where that path does not end at the network's weights.

    Raises:
        ValueError: for a plane that is made of the path.
    """
    from dataclasses import replace

    import numpy as np

    from landscape.networks.parameters import flatten

    apart = float(np.linalg.norm(flatten(network) - trajectory.solution))
    if apart <= 1e-3 * float(np.linalg.norm(trajectory.solution)):
        return request
    if request.kind in ("pca", "update"):
        raise ValueError(
            f"the path {request.run} must end at the weights of {checkpoint} for a {request.kind} "
            f"plane, got an end {apart:.3g} away from them; leave out --checkpoint, name the path "
            "of these weights first, or give --plane random"
        )
    return replace(request, run=None)


def _move_to_end(network: Any, trajectory: Any) -> None:
    """Give a network that was just built the last weights and buffers of a path."""
    import torch

    from landscape.networks.parameters import assign, unwrapped

    assign(network, trajectory.solution)
    buffers = dict(unwrapped(network).named_buffers())
    for name, values in trajectory.buffers.items():
        buffers[name].copy_(torch.tensor(values))
