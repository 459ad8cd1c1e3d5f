"""First and second derivatives of the mean loss, in float64, without moving the network."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from landscape.arrays import Floats
from landscape.evaluation import Evaluator, LossFunction
from landscape.evaluation.evaluator import buffer_copies
from landscape.evaluation.examples import Batches, Part, count
from landscape.parameters import evaluation_mode, flatten, layout_of


def gradient(
    model: nn.Module, loss: str | LossFunction, data: Any, theta: Floats | None = None
) -> Floats:
    """Return the gradient of the mean loss, [P], in float64 and evaluation mode.

    Args:
        model: any module, of any precision; only read.
        loss: ``cross_entropy``, ``mse``, or a function of (output, target) that returns the mean
            of a batch or one value per example (the sum, if its attribute ``reduction`` says so).
        data: pair (inputs, targets), or an iterable of such pairs.
        theta: where, [P]; None takes the model's present parameters.

    Raises:
        ValueError: for unusable data, a theta of another length, a loss without a graph, or one
            whose batches would be cut although its examples depend on each other.
    """
    return MeanLoss(model, loss, data, theta).gradient()


def hessian_product(
    model: nn.Module,
    loss: str | LossFunction,
    data: Any,
    theta: Floats | None = None,
    *,
    varied: Collection[str] | None = None,
) -> HessianProduct:
    """Return the Hessian of the mean loss as a linear operator [P, P].

    Arguments as in :func:`gradient`; in addition:

    Args:
        model: any module.
        loss: name or function.
        data: pair or iterable of pairs.
        theta: where, [P].
        varied: names of the parameters that vary; rows and columns of all others are zero. None
            takes all, whatever their ``requires_grad``.

    Raises:
        ValueError: as :func:`gradient`, for unknown names, or a model that is not deterministic.
            A product raises it where an operation has no second derivative.

    >>> bowl = nn.Linear(2, 1, bias=False)
    >>> operator = hessian_product(bowl, "mse", (torch.eye(2), torch.zeros(2, 1)))
    >>> (operator @ np.array([1.0, 0.0])).tolist()
    [1.0, 0.0]
    """
    return HessianProduct(MeanLoss(model, loss, data, theta, varied=varied))


class HessianProduct(LinearOperator):
    """Products of the Hessian of a mean loss with vectors, by differentiating twice.

    It is the Hessian that autograd sees: that of the smooth pieces. Where the slope jumps, at the
    kinks of a ReLU, it misses the jumps; see :func:`landscape.slope_budget`. Behind a
    straight-through estimator it is the curvature of what stands in for the function.

    Args:
        mean_loss: what is differentiated, and where.

    Raises:
        ValueError: for a model that is not deterministic in evaluation mode.
    """

    def __init__(self, mean_loss: MeanLoss) -> None:
        size = len(mean_loss.theta)
        super().__init__(np.dtype(np.float64), (size, size))  # type: ignore[call-arg]
        mean_loss.check_deterministic()
        self.mean_loss = mean_loss
        self.products = 0

    @property
    def index(self) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """Which entries of theta vary, [V]."""
        parts = zip(self.mean_loss.evaluator.layout.parts(), self.mean_loss.varied, strict=True)
        varied = [np.arange(part.start, part.stop) for (_, part), moves in parts if moves]
        return np.concatenate(varied).astype(np.intp)

    def _matvec(self, x: Any) -> Floats:
        self.products += 1
        return self.mean_loss.hessian_times(np.asarray(x, dtype=np.float64).reshape(-1))

    def _adjoint(self) -> HessianProduct:
        return self


class MeanLoss:
    """The mean loss of a network at one point, and its derivatives there.

    One batch after another: no more than one batch's graph is held.

    Args:
        model: any module, of any precision; only read.
        loss: as in :func:`gradient`.
        data: as in :func:`gradient`.
        theta: where, [P]; None takes the model's present parameters.
        varied: names of the parameters that vary; None takes all.

    Raises:
        ValueError: as :func:`gradient`, or for unknown names.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: str | LossFunction,
        data: Any,
        theta: Floats | None = None,
        *,
        varied: Collection[str] | None = None,
    ) -> None:
        if next(model.parameters(), torch.empty(0)).device.type == "mps":
            raise ValueError(
                "derivatives are computed in float64, which the device mps has not; move the "
                "model to the CPU: model.cpu()"
            )
        self.evaluator = Evaluator(model, loss, data, dtype=torch.float64, metrics={})
        self.theta = _point(flatten(model) if theta is None else theta, self.evaluator.layout.size)
        self.varied = _known([slot.name for slot in layout_of(model).slots], varied)
        _check_uncoupled(self.evaluator, self.theta)

    @property
    def examples(self) -> int:
        """Number of examples N of the mean."""
        return self.evaluator.batches.examples

    def check_deterministic(self) -> None:
        """Evaluate twice.

        Raises:
            ValueError: if the two losses differ; the message gives both.
        """
        with sdpa_kernel(SDPBackend.MATH):
            self.evaluator.check_deterministic(self.theta)

    def gradient(self) -> Floats:
        """Return the gradient [P]; zero for parameters that do not vary."""
        total = self._zeros()
        with self._leaves() as (leaves, tensors):
            for part in self.evaluator.batches.parts:
                loss = self._loss_sum(part, tensors)
                found = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
                _add(total, dict(zip(leaves, found, strict=True)))
        return self._mean(total)

    def hessian_times(self, vector: Floats) -> Floats:
        """Return the Hessian times ``vector`` [P], [P].

        Raises:
            ValueError: if an operation has no second derivative, or the product is not finite.
        """
        total = self._zeros()
        along = self._split(vector)
        with self._leaves() as (leaves, tensors):
            for part in self.evaluator.batches.parts:
                found = _times(self._loss_sum(part, tensors), leaves, along)
                _add(total, found)
        product = self._mean(total)
        if not np.all(np.isfinite(product)):
            raise ValueError(
                "the Hessian must be finite, a product with it holds NaN or infinity; is the loss "
                "finite at this point, and twice differentiable (no sqrt or norm at 0)?"
            )
        return product

    @contextmanager
    def _leaves(self) -> Iterator[tuple[dict[str, Tensor], dict[str, Tensor]]]:
        """Yield the parameters that vary, and all parameters and buffers, by name."""
        model = self.evaluator.model
        every = {name: values.clone() for name, values in self._split(self.theta).items()}
        moving = zip(every.items(), self.varied, strict=True)
        leaves = {name: v.requires_grad_() for (name, v), moves in moving if moves}
        # Fused attention has no second derivative.
        with evaluation_mode(model), torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
            yield leaves, {**buffer_copies(model, torch.float64), **every}

    def _loss_sum(self, part: Part, tensors: dict[str, Tensor]) -> Tensor:
        output = self.evaluator.output(tensors, part[0])
        loss = self.evaluator.objective.sums(output, part[1], count(part))[0]
        if not loss.requires_grad:
            raise ValueError(
                "derivatives need a loss that depends on the parameters through autograd, got one "
                "without a graph; remove torch.no_grad or detach from the network and the loss"
            )
        return loss

    def _split(self, vector: Floats) -> dict[str, Tensor]:
        values = torch.from_numpy(np.array(vector)).to(self.evaluator.device)
        parts = self.evaluator.layout.parts()
        return {slot.name: values[part].reshape(slot.shape) for slot, part in parts}

    def _zeros(self) -> dict[str, Tensor]:
        return self._split(np.zeros_like(self.theta))

    def _mean(self, total: dict[str, Tensor]) -> Floats:
        joined = torch.cat([values.reshape(-1) for values in total.values()])
        return np.asarray((joined / self.examples).cpu().numpy())


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
        found = torch.autograd.grad(slopes, every, vectors, allow_unused=True)
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        raise ValueError(
            f"the Hessian needs second derivatives, and torch could not take them ({error}); write "
            "that operation in plain ones, and give the network uncompiled"
        ) from error
    return dict(zip(leaves, found, strict=True))


def _add(total: dict[str, Tensor], found: dict[str, Tensor | None]) -> None:
    for name, values in found.items():
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
            f"known: {', '.join(names)}"
        )
    return tuple(name in varied for name in names)


def _check_uncoupled(evaluator: Evaluator, theta: Floats) -> None:
    """Refuse to cut into batches what is one: a weighted mean, a contrastive loss.

    Batches of the user's are taken as they are.
    """
    batches = evaluator.batches
    few = batches.head(64)
    if len(batches.parts) < 2 or not batches.divisible or few.examples < 2:
        return
    model, size = evaluator.model, few.examples // 2
    with torch.no_grad(), evaluation_mode(model):
        named = buffer_copies(model, torch.float64)
        for slot, part in evaluator.layout.parts():
            values = torch.from_numpy(theta[part]).to(evaluator.device)
            named[slot.name] = values.reshape(slot.shape)

        def total(some: Batches) -> float:
            return float(evaluator.sums(named, some)[0])

        one, two = total(few), total(few.cut(size))
    if not np.isclose(one, two, rtol=1e-6, atol=1e-12, equal_nan=True):
        raise ValueError(
            "the loss of an example must not depend on the others in its batch, got a sum of "
            f"{one:.6g} in one batch and {two:.6g} in two; give all examples as one batch: "
            "[(inputs, targets)]"
        )
