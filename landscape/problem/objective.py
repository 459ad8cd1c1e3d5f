"""What is averaged over the examples: a loss, metrics, and how far the examples' losses spread."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from landscape.problem.batch_loss import BatchLoss, as_batch_loss
from landscape.problem.examples import Batches, described
from landscape.problem.losses import (
    IGNORED,
    LossFunction,
    accuracy,
    is_cross_entropy,
    mse,
    resolve_loss,
    wide_dtype,
)
from landscape.records.arrays import Floats
from landscape.records.choices import check_known

_LOG = logging.getLogger(__name__)
Reduction = Literal["mean", "sum", "none"]
REDUCTIONS: tuple[str, ...] = get_args(Reduction)
STANDARD_ERRORS = "standard_errors"


@dataclass(frozen=True, slots=True, eq=False)
class Objective:
    """What is averaged over the examples: a loss and any number of metrics.

    Attributes:
        name: of the loss.
        loss: function of (output, target).
        reduction: what a scalar loss is, the ``mean`` or the ``sum`` over the batch, and so what
            it is over all examples; ``none`` takes one value per example, or several (pixels,
            tokens), which are averaged.
        metrics: functions like the loss, by the name of their field.
        batch_loss: the loss, if it is one of (model, batch); the output is then the loss itself.
        standard_errors: whether the standard error of the mean loss is given as well.
        drawn_from: of how many examples these were drawn without replacement; 0 for a sample of
            a population without end.
    """

    name: str
    loss: LossFunction
    reduction: Reduction = "mean"
    metrics: Mapping[str, LossFunction] = field(default_factory=dict)
    batch_loss: BatchLoss | None = None
    standard_errors: bool = False
    drawn_from: int = 0

    def __post_init__(self) -> None:
        check_known("reduction", self.reduction, REDUCTIONS)
        for name in ("losses", STANDARD_ERRORS):
            if name in self.metrics:
                raise ValueError(f"a metric cannot be named {name!r}; rename it")
        if self.takes_model and self.metrics:
            raise ValueError(
                "metrics are functions of (output, target), which a loss of (model, batch) does "
                f"not give, got {sorted(self.metrics)}; sample each as a loss of its own"
            )

    @property
    def takes_model(self) -> bool:
        """Whether the loss is one of (model, batch)."""
        return self.batch_loss is not None

    def over(self, examples: int) -> float:
        """Return what the loss of so many examples is, as a multiple of its mean over them."""
        return float(examples) if self.reduction == "sum" else 1.0

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of what is averaged, ``losses`` first, ``standard_errors`` last."""
        return ("losses", *self.metrics, *([STANDARD_ERRORS] if self.standard_errors else []))

    def mean(self, output: Any, target: Any, examples: int) -> Tensor:
        """Return the mean loss of a batch, differentiable; for training."""
        values = self._loss(output, target)
        each = _per_example(values, examples, self.reduction)
        if each is not None:
            return each.mean()  # A sum would overflow in half precision.
        return values / examples if self.reduction == "sum" else values

    def sums(self, output: Any, target: Any, examples: int) -> Tensor:
        """Return every field of a batch, [fields] in float64, to be joined by :class:`Totals`."""
        return torch.stack(self.parts(output, target, examples))

    def parts(self, output: Any, target: Any, examples: int) -> list[Tensor]:
        """Return every field of a batch in float64, the first, the loss, differentiable.

        These are sums over the examples; for standard errors, the sum of squared deviations.
        """
        loss = self._loss(output, target)
        sums = [_summed(loss, examples, self.reduction)]
        sums += [
            _summed(metric(output, target), examples, reduction_of(metric))
            for metric in self.metrics.values()
        ]
        return [*sums, *(self._deviations(loss.detach(), examples) if self.standard_errors else [])]

    def values(self, sums: Tensor, examples: int, fields: tuple[str, ...]) -> dict[str, Floats]:
        """Turn totals [fields, K] over all examples into the values of the fields.

        The loss (and its derivatives along axes) is the mean over the examples, or the sum, if that
        is what it returns for a batch: the value that it gives for all of them at once.

        With m examples of loss l_i drawn from M without replacement the standard error of their
        mean is sqrt(s^2 / m (1 - m / M)), s^2 = sum (l_i - mean)^2 / (m - 1), without the last
        factor if M is not known; NaN for one example. Where an example's loss depends on the others
        in its batch, it takes no account of that.

        References:
            Cochran, Sampling Techniques (1977), section 2.6.
        """
        totals = sums.cpu().numpy().astype(np.float64)
        means = dict(zip(fields, totals / examples, strict=True))
        if self.standard_errors:
            share = examples / self.drawn_from if self.drawn_from else 0.0
            freedom = examples - 1 if examples > 1 else np.nan
            with np.errstate(invalid="ignore"):
                means[STANDARD_ERRORS] = np.sqrt(means[STANDARD_ERRORS] / freedom * (1 - share))
        summed = {n for n, metric in self.metrics.items() if reduction_of(metric) == "sum"}
        if self.reduction == "sum":
            summed |= means.keys() - self.metrics.keys()
        return {name: v * examples if name in summed else v for name, v in means.items()}

    def _loss(self, output: Any, target: Any) -> Tensor:
        try:
            value = self.loss(output, target)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            marked = "; mark a loss of (model, batch) by landscape.batch_loss"
            raise ValueError(
                f"the loss {self.name} fails on output {described(output)} and target "
                f"{described(target)}: {error}{marked if 'not callable' in str(error) else ''}"
            ) from error
        if not isinstance(value, Tensor):
            raise ValueError(
                f"the loss {self.name} must return a tensor, got {type(value).__name__}; return "
                "the loss alone, without .item()"
            )
        return value

    def gives_each(self, output: Any, target: Any, examples: int) -> bool:
        """Tell whether the loss gives one value for each example of a batch."""
        return _per_example(self._loss(output, target), examples, self.reduction) is not None

    def _deviations(self, loss: Tensor, examples: int) -> list[Tensor]:
        each = _per_example(loss.to(wide_dtype(loss.device)), examples, self.reduction)
        if each is None:
            raise ValueError(
                f"standard errors need one loss per example, got one number for {examples} of "
                "them; evaluate all examples, or pass standard_errors=False to landscape.sample"
            )
        return [(each - each.mean()).square().sum()]


class Totals:
    """Adds up the sums over batches, [fields, ...].

    Args:
        objective: what the fields are.

    References:
        Chan, Golub, LeVeque (1983), equation 2.1: joining sums of squared deviations.
    """

    def __init__(self, objective: Objective) -> None:
        self._row = len(objective.metrics) + 1 if objective.standard_errors else 0
        self._examples = 0
        self.sums = torch.zeros(())

    def add(self, sums: Tensor, examples: int) -> None:
        """Add the sums over another batch."""
        before = self._examples
        total = self.sums + sums
        if self._row and before:
            apart = self.sums[0] / before - sums[0] / examples
            total[self._row] += apart.square() * (before * examples / (before + examples))
        self._examples += examples
        self.sums = total


def make_objective(
    loss: str | LossFunction,
    batches: Batches,
    *,
    metrics: Mapping[str, LossFunction] | None = None,
    standard_errors: bool = False,
    drawn_from: int = 0,
) -> Objective:
    """Join a loss and metrics.

    Args:
        loss: ``cross_entropy``, ``mse``, or a function of (output, target) that returns one value
            per example or their mean, or of (model, batch). Its attribute ``reduction``, which
            torch's losses have, is heeded: ``sum`` means that it returns the sum, and that the loss
            over all examples is their sum.
        batches: the examples.
        metrics: by name; None takes ``accuracies`` where the targets are class indices and the
            loss is ``cross_entropy``, or torch's, or ``mse``.
        standard_errors: see :class:`Objective`.
        drawn_from: see :class:`Objective`.

    Raises:
        ValueError: for an unknown name; the message lists the known. For metrics of a loss of
            (model, batch). For ``cross_entropy`` where the labels are the very input tokens.
    """
    whole = as_batch_loss(loss)
    name, function = (whole.name, _output_itself) if whole is not None else resolve_loss(loss)
    of_logits = is_cross_entropy(function)
    if of_logits:
        _check_labels(batches)
        _warn_of_uncounted(batches)
    if metrics is None:
        usual = batches.classification and (of_logits or function is mse)
        metrics = {"accuracies": accuracy} if usual else {}
    return Objective(
        name,
        function,
        reduction_of(loss),
        dict(metrics),
        batch_loss=whole,
        standard_errors=standard_errors,
        drawn_from=drawn_from,
    )


def reduction_of(loss: Any) -> Reduction:
    """Return what a loss or metric gives for a batch, by its attribute ``reduction``.

    Without one, or with one that is not known here, a scalar is a mean; ``batchmean`` is one.
    """
    reduction = getattr(loss, "reduction", "mean")
    if reduction in ("none", None):
        return "none"
    return "sum" if reduction == "sum" else "mean"


def _output_itself(output: Tensor, _target: None) -> Tensor:
    return output


def _warn_of_uncounted(batches: Batches) -> None:
    """Warn of examples of which no target counts: they take part in the mean, with a loss of 0."""
    integral = [t for _, t in batches.parts
                if isinstance(t, Tensor) and t.ndim and not t.is_floating_point()]  # fmt: skip
    none = sum(int((t == IGNORED).reshape(len(t), -1).all(dim=1).sum()) for t in integral)
    if none:
        _LOG.warning(
            "%d of %d examples have no target that counts (all are -100): their loss is 0 and "
            "they lower the mean, as they do accuracies; leave them out of the data",
            none, batches.examples,
        )  # fmt: skip


def _check_labels(batches: Batches) -> None:
    """Refuse to score a causal model for repeating its input."""
    inputs, targets = batches.parts[0]
    ids = inputs.get("input_ids") if isinstance(inputs, Mapping) else None
    if not isinstance(ids, Tensor) or not isinstance(targets, Tensor) or ids.shape != targets.shape:
        return
    counted = targets != IGNORED
    if counted.any() and torch.equal(targets[counted], ids[counted]):
        raise ValueError(
            "the labels are the input tokens themselves; a causal model compares each output with "
            "the next token: give the loss "
            "landscape.batch_loss(lambda model, batch: model(**batch).loss)"
        )


def _summed(values: Tensor, examples: int, reduction: str) -> Tensor:
    """Sum over the examples of a batch in float64, whatever the loss returned."""
    values = values.to(wide_dtype(values.device))
    each = _per_example(values, examples, reduction)
    if each is not None:
        return each.sum()
    return values if reduction == "sum" else values * examples


def _per_example(values: Tensor, examples: int, reduction: str) -> Tensor | None:
    """Return one value per example, [n], or None if there is one for the whole batch.

    Raises:
        ValueError: if there is neither.
    """
    if values.ndim == 0 and reduction != "none":
        return None
    if values.shape == (examples,):
        return values
    if reduction == "none" and values.ndim and values.shape[0] == examples:
        # More values per example (pixels, tokens) are averaged.
        return values.reshape(examples, -1).mean(dim=1)
    raise ValueError(
        f"the loss must be the mean of the batch or one value for each of its {examples} "
        f"examples, got shape {tuple(values.shape)}"
    )
