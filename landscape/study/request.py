"""A request: which surface of which network, on which plane and grid, read in which way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch

from landscape.evaluation.engine_settings import SamplingConfig
from landscape.evaluation.resampling import NO_GRADIENTS, check_height, check_tolerance
from landscape.evaluation.sampling import with_gradients
from landscape.networks.selection import Which
from landscape.problem import Problem
from landscape.problem.batch_norm import BatchNorm
from landscape.problem.subsets import Subset
from landscape.records.choices import check_known
from landscape.records.grid import Grid
from landscape.records.naming import check_identifier
from landscape.records.plane import LENGTHS, NORMALISATIONS, Length
from landscape.records.surface import Surface
from landscape.study.configuration import DTYPES

# With how many other solutions each kind of plane is made; a PCA plane with any number of paths.
OTHERS: dict[str, int | None] = {"random": 0, "pca": None, "hessian": 0, "gradient": 0, "update": 0,
                                 "between": 1, "through": 2}  # fmt: skip
# Said of parameters as a whole; all else are names.
_WORDS = (("all",), ("trainable",))


@dataclass(frozen=True, slots=True)
class Request:
    """Which surface.

    Attributes:
        run: name of the run; None for a network without one.
        kind: of the plane: ``random``; ``pca`` of the paths; ``hessian``, its two largest
            eigenvectors; ``gradient`` and a random direction; ``update``, the last two steps;
            ``between`` this solution and another, a line; ``through`` this and two others.
        grid: coordinates; a random line or volume has one axis or three.
        seed: of the random directions.
        normalisation: of the random directions.
        which: names, layers or patterns of the parameters that random directions perturb.
        others: names of other solutions, for the kinds ``between`` and ``through``; of further
            paths that a ``pca`` plane is made of.
        placed: names of further runs whose paths are placed on the plane.
        identifier: id of plane and surface; "" makes one up.
        tolerance: 0 evaluates every point; otherwise the surface is resampled, see
            :func:`landscape.evaluation.resampling.resample`.
        height: for which height the tolerance holds, ``log`` or ``linear``.
        gradients: whether derivatives along the axes are evaluated as well.
        batch_norm: see :func:`landscape.sample`.
        subset: number of examples, drawn with seed 0; 0 takes all.
        divergence: whether the divergence of the predictions is evaluated as well.
        curvature: whether a random plane carries the extreme curvatures of its centre.
        dtype: precision of the forward pass, ``float32`` or ``float64``; "" for the study's.
        length: of the directions of a ``pca`` plane, see :func:`landscape.pca_plane`.
        line: alpha and beta of one point of the plane, and of another: the surface is that along
            the line between them, its alpha 0 at the first and 1 at the second. () for the plane.
        expected_loss: the loss that is known of the network, to be found at the centre; None checks
            nothing.
    """

    run: str | None
    kind: str
    grid: Grid
    seed: int = 0
    normalisation: str = "filter"
    which: tuple[str, ...] = ("all",)
    others: tuple[str, ...] = ()
    placed: tuple[str, ...] = ()
    identifier: str = ""
    tolerance: float = 0.0
    height: str = "log"
    gradients: bool = False
    batch_norm: BatchNorm = "frozen"
    subset: int = 0
    divergence: bool = False
    curvature: bool = True
    dtype: str = ""
    length: Length = "unit"
    line: tuple[float, ...] = ()
    expected_loss: float | None = None

    def __post_init__(self) -> None:
        _check_line(self.line, self.kind, self.grid)
        if OTHERS.get(self.kind) not in (None, len(self.others)):
            raise ValueError(
                f"a {self.kind} plane is made with {OTHERS[self.kind]} other solutions, "
                f"got {len(self.others)}; name each with --run, or with --checkpoints NAME=FILE"
            )
        self._check_plane()
        if self.tolerance:
            check_tolerance(self.tolerance)
            if self.gradients:
                raise ValueError(NO_GRADIENTS)
        check_height(self.height)
        if self.expected_loss is not None and any(self.line[:2]):
            raise ValueError(
                "the expected loss is that of the centre, and the line begins at "
                f"({self.line[0]:g}, {self.line[1]:g}); leave one of the two out"
            )
        if self.subset < 0:
            raise ValueError(f"the subset must have >= 1 examples, got {self.subset}")
        if self.dtype:
            check_known("dtype", self.dtype, DTYPES)
        check_identifier(self.name, "surface")

    @classmethod
    def of(cls, surface: Surface, identifier: str, placed: Iterable[str] = ()) -> Request | None:
        """Return the request that made a surface, None if the surface does not note it.

        Args:
            surface: as it is stored.
            identifier: its id.
            placed: runs to be placed on its plane besides those of the request.
        """
        asked = surface.settings.get("asked")
        if not isinstance(asked, dict) or "kind" not in asked:
            return None
        noted: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list | tuple) else v for k, v in asked.items()
        }
        there = {noted.get("run"), *noted.get("others", ())}
        try:
            return cls(
                **noted, grid=surface.grid, identifier=identifier,
                placed=tuple(run for run in placed if run not in there),
                divergence="divergences" in surface.fields,
            )  # fmt: skip
        except (TypeError, ValueError):
            return None  # of a later version, or another program's

    @property
    def runs(self) -> tuple[str, ...]:
        """The runs whose paths are placed: that of the solution, other solutions, further ones."""
        return tuple(dict.fromkeys([str(self.run), *self.others, *self.placed]))

    @property
    def axes(self) -> int:
        """Number of the plane's directions."""
        return 2 if self.line else len(self.grid.shape)

    @property
    def parameters(self) -> Which:
        """The parameters that random directions perturb."""
        return cast("Which", self.which[0] if self.which in _WORDS else self.which)

    def _check_plane(self) -> None:
        check_known("plane", self.kind, OTHERS)
        check_known("normalisation", self.normalisation, NORMALISATIONS)
        check_known("length", self.length, LENGTHS)
        if self.seed < 0:
            raise ValueError(f"the seed must be >= 0, got {self.seed}; leave it out for 0")
        wanted = 1 if self.kind == "between" else 2
        if self.kind != "random" and self.axes != wanted:
            axes, how = ("1 axis", "51x1") if wanted == 1 else ("2 axes", "51x51")
            raise ValueError(
                f"a {self.kind} plane has {axes}, got a grid of {self.axes}; write it as {how}"
            )

    def engine(self, prescribed: SamplingConfig) -> SamplingConfig:
        """Return how points are evaluated, by what a study prescribes.

        What it prescribes for the loss alone does not bind where gradients are evaluated too.
        """
        if not self.gradients:
            return prescribed
        return with_gradients(replace(prescribed, strategy="auto", compile="never"))

    def read(self, problem: Problem) -> Problem:
        """Return a problem as the request wants it read, in its precision if it names one.

        Raises:
            ValueError: if the problem itself says otherwise: the surface would note the wrong one.
        """
        wanted = (self.batch_norm, Subset(self.subset) if self.subset else None)
        given = (problem.batch_norm, problem.subset)
        if given not in (("frozen", None), wanted):
            raise ValueError(
                f"the request must say what the problem says, batch_norm and subset {given}, got "
                f"{wanted}; say it in the request"
            )
        dtype = getattr(torch, self.dtype) if self.dtype else problem.dtype
        if given == wanted and dtype == problem.dtype:
            return problem
        return replace(problem, batch_norm=wanted[0], subset=wanted[1], dtype=dtype)

    @property
    def name(self) -> str:
        """Id of plane and surface."""
        if self.identifier:
            return self.identifier
        shape = "x".join(map(str, self.grid.shape))
        ends = "_".join(f"{v:g}" for axis in self.grid.axes for v in (axis[0], axis[-1]))
        words = [f"{self.run or 'own'}.{self.kind}"]
        words[0] += f"{self.normalisation}{self.seed}" if self.kind == "random" else ""
        words[0] += self.length if self.length != "unit" else ""
        words += [shape, ends, *self.others]
        words += ["line", *(f"{v:g}" for v in self.line)] if self.line else []
        words += ["gradients"] if self.gradients else []
        words += [self.batch_norm] if self.batch_norm != "frozen" else []
        words += ["divergence"] if self.divergence else []
        words += [f"subset{self.subset}"] if self.subset else []
        words += [self.dtype] if self.dtype else []
        return "_".join(words)

    @property
    def asked(self) -> dict[str, Any]:
        """What makes the surface this one, as plain values."""
        asked: dict[str, Any] = {
            "run": self.run, "kind": self.kind, "others": list(self.others),
            "gradients": self.gradients, "batch_norm": self.batch_norm, "subset": self.subset,
        }  # fmt: skip
        if self.kind in ("random", "gradient"):
            asked["seed"] = self.seed
        if self.kind == "random":
            asked |= {"normalisation": self.normalisation, "which": list(self.which)}
        if self.length != "unit":
            asked["length"] = self.length
        if self.tolerance:
            asked |= {"tolerance": self.tolerance, "height": self.height}
        if self.dtype:
            asked["dtype"] = self.dtype
        if self.line:
            asked["line"] = list(self.line)
        return asked


def _check_line(line: tuple[float, ...], kind: str, grid: Grid) -> None:
    if not line:
        return
    if len(line) != 4 or not np.isfinite(line).all():
        raise ValueError(
            "a line lies between two points of a plane, four finite numbers as 0 0 0.5 -0.5, got "
            f"{' '.join(f'{v:g}' for v in line)}"
        )
    if kind == "between":
        raise ValueError("between two solutions there is a line already; leave --line out")
    if len(grid.shape) != 1:
        raise ValueError(f"a line has 1 axis, got a grid of {len(grid.shape)}; write it as 201x1")
