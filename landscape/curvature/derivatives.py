"""First and second derivatives of the loss, in float64, without moving the network."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from landscape.evaluation.backward import Backward, look
from landscape.networks.parameters import flatten
from landscape.problem import Problem, check_problem
from landscape.problem.examples import Part
from landscape.records.arrays import Floats
from landscape.records.choices import known_names

# Examples on which the way of taking derivatives is looked at.
_FEW = 8
# A product and a difference of gradients over such a step agree to this share of the product.
_STEP, _AGREEMENT = 1e-4, 0.05


def gradient(problem: Problem, theta: Floats | None = None) -> Floats:
    """Return the gradient of the loss, [P], in float64 and evaluation mode.

    Args:
        problem: network, loss and data; only read.
        theta: where, [P]; None takes the model's present parameters.

    Raises:
        ValueError: for unusable data, a theta of another length, or a loss without a graph.

    >>> from torch import nn
    >>> bowl = nn.Linear(2, 1, bias=False)
    >>> slope = gradient(Problem(bowl, "mse", (torch.eye(2), torch.zeros(2, 1))), np.ones(2))
    >>> slope.tolist()
    [1.0, 1.0]
    """
    return LossAtPoint(problem, theta).gradient()


class Curvatures(Protocol):
    """Second derivatives that autograd lacks, and what gives them to it.

    Attributes:
        unseen: what may kink and has none, as sentences.
        settings: what is noted of them, plain values.
    """

    unseen: tuple[str, ...]
    settings: Mapping[str, Any]

    def around(self, number: int, part: Part) -> AbstractContextManager[None]:
        """Return a context; what runs in it on that batch has them.

        Args:
            number: of the batch.
            part: the batch.
        """


class HessianProduct(LinearOperator):
    """Products of the Hessian of a loss with vectors, by differentiating twice.

    It is the Hessian that autograd sees: that of the smooth pieces. Where the slope jumps, at the
    kinks of a ReLU, it misses the jumps; see :func:`landscape.slope_budget`. Behind a
    straight-through estimator it is the curvature of what stands in for the function.

    Args:
        at: what is differentiated, and where.

    Attributes:
        kinks: second derivatives of the kinks; None is autograd's Hessian.

    Raises:
        ValueError: for a model that is not deterministic in evaluation mode, or that has no second
            derivatives.
    """

    def __init__(self, at: LossAtPoint) -> None:
        size = len(at.theta)
        super().__init__(np.dtype(np.float64), (size, size))  # type: ignore[call-arg]
        at.check_deterministic()
        at.check_second()
        self.at = at
        self.kinks: Curvatures | None = None
        self.products = 0

    @property
    def settings(self) -> dict[str, Any]:
        """Of which problem it is, plain values, to be noted beside what is found with it."""
        of_kinks = {} if self.kinks is None else self.kinks.settings
        return {**self.at.settings, "parameters": len(self.index), **of_kinks}

    @property
    def unseen(self) -> tuple[str, ...]:
        """What may kink and has no second derivative, where kinks are given some at all."""
        return () if self.kinks is None else self.kinks.unseen

    @property
    def index(self) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """Which entries of theta vary, [V]."""
        parts = zip(self.at.evaluator.layout.parts(), self.at.varied.values(), strict=True)
        varied = [np.arange(part.start, part.stop) for (_, part), moves in parts if moves]
        return np.concatenate(varied).astype(np.intp)

    def _matvec(self, x: Any) -> Floats:
        self.products += 1
        vector = np.asarray(x, dtype=np.float64).reshape(-1)
        return self.at.hessian_times(vector, self.kinks)

    def _adjoint(self) -> HessianProduct:
        return self


class LossAtPoint:
    """The loss of a problem at one point, and its derivatives there.

    One batch after another: no more than one batch's graph is held.

    Args:
        problem: network, loss and data; only read.
        theta: where, [P]; None takes the model's present parameters. It may be moved later.
        varied: names of the parameters that vary; None takes all.

    Raises:
        ValueError: as :func:`gradient`, or for unknown names.
    """

    def __init__(
        self,
        problem: Problem,
        theta: Floats | None = None,
        *,
        varied: Collection[str] | None = None,
    ) -> None:
        check_problem(problem)
        self.evaluator = problem.wide_evaluator()
        if self.evaluator.network.batch_norm == "recalibrated":
            raise ValueError(
                "derivatives do not go through recalibrated statistics, got batch_norm "
                "'recalibrated'; take 'frozen' or 'batch'"
            )
        self.theta = flatten(problem.model) if theta is None else theta
        names = [slot.name for slot in self.evaluator.layout.slots]
        chosen = _known([slot.name for slot in problem.layout.slots], varied)
        self.varied = dict(zip(names, chosen, strict=True))
        self._backward: Backward | None = None

    @property
    def theta(self) -> Floats:
        """Where the derivatives are taken, [P]."""
        return self._theta

    @theta.setter
    def theta(self, theta: Floats) -> None:
        self._theta = _point(theta, self.evaluator.layout.size)

    @property
    def settings(self) -> dict[str, Any]:
        """Of which problem it is, plain values."""
        return {
            "loss": self.evaluator.objective.name,
            "examples": self.evaluator.batches.examples,
            "batch_norm": self.evaluator.policy,
            "dtype": str(self.evaluator.dtype).removeprefix("torch."),
        }

    def check_deterministic(self) -> None:
        """Evaluate twice.

        Raises:
            ValueError: if the two losses differ; the message gives both.
        """
        with sdpa_kernel(SDPBackend.MATH):
            self.evaluator.check_deterministic(self.theta)

    def check_second(self) -> None:
        """Check that there are second derivatives.

        Where a function of the user's own takes part in the backward pass, a product is compared
        with a difference of gradients.

        Raises:
            ValueError: if there are none, or they are not the function's.
        """
        with self.in_place() as (_, backward):
            backward.refuse_second()
        if not backward.functions:
            return
        draws = np.random.default_rng(0).standard_normal(len(self.theta))
        along = self._joined(self._split(draws)) * np.repeat(
            list(self.varied.values()), [slot.size for slot in self.evaluator.layout.slots]
        )
        along *= _STEP * max(float(np.linalg.norm(self.theta)), 1.0) / np.linalg.norm(along)
        here, product = self.theta, self.hessian_times(along)
        change = self.gradient_at(here + along / 2) - self.gradient_at(here - along / 2)
        self.theta = here
        if np.linalg.norm(product - change) > _AGREEMENT * np.linalg.norm(change):
            raise ValueError(
                f"second derivatives need a backward pass that can be differentiated, got that of "
                f"{', '.join(backward.functions)}, whose products with the Hessian are not the "
                "change of the gradient; write it in plain operations, or take gradients alone"
            )

    def gradient_at(self, theta: Floats) -> Floats:
        """Move to another point, and return the gradient there, [P]."""
        self.theta = theta
        return self.gradient()

    def gradient(self) -> Floats:
        """Return the gradient [P]; zero for parameters that do not vary."""
        total = self._zeros()
        with self.in_place() as (leaves, backward):
            for part in self.evaluator.batches.parts:
                loss = backward.parts(part)[0]
                _add(total, backward.gradients(loss, leaves))
        return self._over_examples(total)

    def hessian_times(self, vector: Floats, kinks: Curvatures | None = None) -> Floats:
        """Return the Hessian times ``vector`` [P], [P].

        Args:
            vector: [P].
            kinks: second derivatives of the kinks; None takes autograd's alone.

        Raises:
            ValueError: if an operation has no second derivative, or the product is not finite.
        """
        total = self._zeros()
        along = self._split(vector)
        with self.in_place() as (leaves, backward):
            for number, part in enumerate(self.evaluator.batches.parts):
                with nullcontext() if kinks is None else kinks.around(number, part):
                    loss = backward.parts(part)[0]
                _add(total, _times(loss, leaves, along))
        product = self._over_examples(total)
        if not np.all(np.isfinite(product)):
            raise ValueError(
                "the Hessian must be finite, a product with it holds NaN or infinity; is the loss "
                "finite at this point, and twice differentiable (no sqrt or norm at 0)?"
            )
        return product

    @contextmanager
    def in_place(self) -> Iterator[tuple[dict[str, Tensor], Backward]]:
        """Put the point in place; yields the parameters that vary, and how to differentiate."""
        network = self.evaluator.network
        # Fused attention has no second derivative.
        with network.ready(), sdpa_kernel(SDPBackend.MATH):
            network.write(self._split(self.theta))
            if self._backward is None:
                self._backward = look(network, self.evaluator.batches.head(_FEW).parts[0])
            with self._backward.leaves(self.varied) as leaves, torch.enable_grad():
                yield {n: v for n, v in leaves.items() if self.varied[n]}, self._backward

    def _split(self, vector: Floats) -> dict[str, Tensor]:
        values = torch.from_numpy(np.array(vector)).to(self.evaluator.dtype)
        values = values.to(self.evaluator.device)
        parts = self.evaluator.layout.parts()
        return {slot.name: values[part].reshape(slot.shape) for slot, part in parts}

    def _zeros(self) -> dict[str, Tensor]:
        return self._split(np.zeros_like(self.theta))

    def _joined(self, values: Mapping[str, Tensor]) -> Floats:
        joined = torch.cat([v.reshape(-1) for v in values.values()])
        return np.asarray(joined.cpu().numpy(), dtype=np.float64)

    def _over_examples(self, total: dict[str, Tensor]) -> Floats:
        examples = self.evaluator.batches.examples
        return self._joined(total) / (examples / self.evaluator.objective.over(examples))


def _times(
    loss: Tensor, leaves: dict[str, Tensor], along: dict[str, Tensor]
) -> dict[str, Tensor | None]:
    """Return the Hessian of ``loss`` times ``along``, by parameter."""
    every = list(leaves.values())
    try:
        slopes = torch.autograd.grad(loss, every, create_graph=True, allow_unused=True)
        # A slope that is constant, or of a parameter that takes no part, has no derivative: zero.
        pairs = [
            (slope, along[name])
            for name, slope in zip(leaves, slopes, strict=True)
            if slope is not None and slope.requires_grad
        ]
        if not pairs:
            return {}
        slopes, vectors = zip(*pairs, strict=True)
        seconds = torch.autograd.grad(slopes, every, vectors, allow_unused=True)
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        raise ValueError(
            f"the Hessian needs second derivatives, and torch could not take them ({error}); write "
            "that operation in plain ones, and give the network uncompiled"
        ) from error
    return dict(zip(leaves, seconds, strict=True))


def _add(total: dict[str, Tensor], parts: Mapping[str, Tensor | None]) -> None:
    for name, values in parts.items():
        if values is not None:
            total[name] += values.detach()


def _point(theta: Floats, size: int) -> Floats:
    point = np.array(theta, dtype=np.float64)
    if point.shape != (size,):
        raise ValueError(f"theta must have shape ({size},), got {point.shape}")
    if not np.all(np.isfinite(point)):
        raise ValueError("theta must be finite; it holds NaN or infinity")
    return point


def _known(names: list[str], varied: Collection[str] | None) -> tuple[bool, ...]:
    """Tell of each parameter whether it varies."""
    if varied is None:
        return (True,) * len(names)
    unknown = sorted(set(varied) - set(names)) if not isinstance(varied, str) else [varied]
    if unknown or not varied:
        raise ValueError(
            f"varied must be a collection of parameter names, got {unknown or 'none'}; "
            f"{known_names(names)}"
        )
    return tuple(name in varied for name in names)
