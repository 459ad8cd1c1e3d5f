"""A problem: a network, its loss and its data. It is given once."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import torch
from torch import nn

from landscape.networks.parameters import layout_of, unwrapped
from landscape.problem.batch_loss import takes_model
from landscape.problem.batch_norm import (
    BatchNorm,
    check_policy,
    check_statistics,
    layers_with_statistics,
)
from landscape.problem.copying import Copies
from landscape.problem.coupling import coupled
from landscape.problem.evaluator import Evaluator
from landscape.problem.examples import Batches
from landscape.problem.findings import Facts, look
from landscape.problem.losses import LossFunction, resolve_loss
from landscape.problem.network import Network, bound
from landscape.problem.objective import Objective, make_objective
from landscape.problem.reading import GivenData
from landscape.problem.subsets import Subset
from landscape.records.layout import Layout

_LOG = logging.getLogger(__name__)
# Examples on which network and loss are looked at.
_FEW = 8
# Half precision is for training and serving: a difference of losses drowns in its rounding.
_WIDER = {torch.float16: torch.float32, torch.bfloat16: torch.float32}


@dataclass(frozen=True, eq=False)
class Problem:
    """A network with its loss over examples.

    Everything that evaluates or differentiates a loss takes one first. The network, the loss and
    the data are only read (but by :func:`landscape.train`, which trains the network); the data are
    read once, when they are first needed, and network, loss and data are checked once. Vary it with
    :func:`dataclasses.replace`; what varies is derived from the data as they were given.

    Attributes:
        model: any module. Its parameters and buffers may change later, its structure may not.
        loss: ``cross_entropy``, ``mse`` (of classes as one-hot vectors), or a function of (output,
            target) that returns the mean of a batch or one value per example (the sum, if its
            attribute ``reduction`` says so); or a function of (model, batch), see
            :func:`landscape.batch_loss`. Where the loss of an example depends on the others in its
            batch, the examples stay in the batches in which they came, a pair, a mapping or a
            Dataset in one.
        data: pair (inputs, targets), mapping with ``labels``, DataLoader, Dataset or any iterable
            of batches, or a function that returns one of these; see
            :mod:`landscape.problem.reading`.
        dtype: precision of the forward pass; None takes the model's (float32 for half precision).
            Derivatives and kinks are computed in float64 wherever it can be had.
        batch_norm: which statistics normalise: ``frozen``, those the model holds; ``batch``, those
            of each batch as in training; ``recalibrated``, those of all the data, computed anew at
            every point. For the last two, batches stay as they came; data that are one batch are
            cut by the engine's ``batch_size`` alone.
        subset: the examples drawn, ``Subset(512, seed=0)``; None takes all.
        metrics: functions like the loss, by the name of their field; None takes ``accuracies``
            where the targets are class indices and the loss is a cross-entropy or ``mse``.
        device: where it is evaluated; None is where the model is.

    Raises:
        TypeError: for something else than a module, a subset or a precision.
        ValueError: for an unknown loss or policy, or a model without parameters.

    >>> bowl = Problem(nn.Linear(2, 1), "mse", (torch.eye(2), torch.zeros(2, 1)))
    >>> bowl.examples
    2
    """

    model: nn.Module
    loss: str | LossFunction = "cross_entropy"
    data: Any = None
    _: KW_ONLY
    dtype: torch.dtype | None = None
    batch_norm: BatchNorm = "frozen"
    subset: Subset | None = None
    metrics: Mapping[str, LossFunction] | None = None
    device: torch.device | str | None = None
    _seen: list[Facts] = field(init=False, repr=False, default_factory=list)
    _cast: dict[tuple[torch.dtype, str], Batches] = field(
        init=False, repr=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        if not isinstance(self.model, nn.Module):
            raise TypeError(
                f"model must be a torch.nn.Module, got {type(self.model).__name__}; give "
                "Problem(model, loss, data)"
            )
        if next(self.model.parameters(), None) is None:
            raise ValueError("the model has no parameters; nothing can be varied")
        if self.subset is not None and not isinstance(self.subset, Subset):
            raise TypeError(f"subset must be a Subset, got {self.subset!r}; write Subset(512)")
        if self.dtype is not None and not getattr(self.dtype, "is_floating_point", False):
            raise TypeError(
                f"dtype must be a floating point type of torch, got {self.dtype!r}; write "
                "torch.float64"
            )
        check_policy(self.batch_norm)
        _check_device(self.device)
        _check_functions(self.loss, self.metrics)
        if not isinstance(self.data, GivenData):
            object.__setattr__(self, "data", GivenData(self.data))

    @property
    def layout(self) -> Layout:
        """Names and shapes of the network's P parameters."""
        return layout_of(self.model)

    @property
    def examples(self) -> int:
        """Number of examples N."""
        return self._given[0].examples

    @property
    def whole(self) -> bool:
        """Whether the loss is one of (model, batch)."""
        return takes_model(self.loss)

    @property
    def precision(self) -> torch.dtype:
        """Precision of the forward pass: as asked, or the model's, at least float32."""
        model_dtype = next(self.model.parameters()).dtype
        return self.dtype or _WIDER.get(model_dtype, model_dtype)

    @property
    def coupled(self) -> bool:
        """Whether the loss of an example depends on the others in its batch, as far as is seen."""
        facts = self._facts()
        if facts.coupled is not None or not self._one_whole_batch:
            return facts.coupled is True
        # A whole batch is cut for this question alone.
        objective = self._objective({}, standard_errors=False)
        network = self._network(objective, self.precision, private=facts.private)
        network.in_place = facts.in_place
        return coupled(network, self.batches())[0] is True

    def check_uncoupled(self, purpose: str) -> None:
        """Check that the loss of each example is its own, whatever else is in its batch.

        Raises:
            ValueError: otherwise; the message begins with the purpose.
        """
        if self.coupled:
            raise ValueError(
                f"{purpose} needs a loss in which every example counts by itself, but the loss of "
                "an example depends on the others in its batch (a weighted mean, a root of the "
                "mean, statistics of the batch); give a loss that returns one value per example"
            )

    def batches(self, dtype: torch.dtype | None = None) -> Batches:
        """Return the examples on the device in a precision, in batches as they may be cut."""
        dtype, device = dtype or self.precision, self._device
        key = (dtype, str(device))
        if key not in self._cast:
            self._cast[key] = self._given[0].moved(device, dtype)
        return self._cast[key]

    def evaluator(
        self,
        *,
        dtype: torch.dtype | None = None,
        metrics: Mapping[str, LossFunction] | None = None,
        batch_size: int = 0,
        standard_errors: bool | None = None,
    ) -> Evaluator:
        """Return what evaluates loss and metrics at any parameters.

        Args:
            dtype: precision of the forward pass; None takes the problem's.
            metrics: None takes the problem's.
            batch_size: examples per batch where examples depend on their batch by ``batch_norm`` or
                by a loss of (model, batch), and the data are one batch; 0 leaves it whole.
            standard_errors: whether the field ``standard_errors`` is evaluated; None does for a
                subset, if the loss gives one value for each example.

        Raises:
            ValueError: for unusable data, running statistics that are not finite, or a network or
                loss that fails on the data.
        """
        model, dtype = unwrapped(self.model), dtype or self.precision
        if self.batch_norm == "frozen":
            check_statistics(model)
        facts = self._facts(dtype, batch_size)
        objective = self._objective(
            self.metrics if metrics is None else metrics,
            self._standard_errors(facts) if standard_errors is None else standard_errors,
        )
        network = self._network(objective, dtype, private=facts.private)
        network.in_place, network.cut_off = facts.in_place, facts.cut_off
        return Evaluator(
            network,
            self._kept(network, facts, self.batches(dtype), batch_size),
            self.batch_norm,
            len(layers_with_statistics(model)),
            self.subset,
        )

    def wide_evaluator(self) -> Evaluator:
        """Return what evaluates the loss alone, in float64 where it can be had.

        A network that makes float32 tensors of its own, or a device without float64, is evaluated
        in float32; a warning says so.

        Raises:
            ValueError: as :meth:`evaluator`.
        """
        try:
            return self._tried(torch.float64)
        except (ValueError, TypeError) as error:
            narrow = self.works_in(torch.float32)
            if narrow is None:
                raise
            _LOG.warning(
                "evaluated in float32, where float64 cannot be had (%s): values are exact to about "
                "1e-6 of themselves, derivatives to about 1e-5", error,
            )  # fmt: skip
            return narrow

    def works_in(self, dtype: torch.dtype) -> Evaluator | None:
        """Return an evaluator of the loss alone in a precision, None where the network fails."""
        try:
            return self._tried(dtype)
        except (ValueError, TypeError):
            return None

    def training_objective(self) -> Objective:
        """Return the loss as the network itself is trained with it, in the network's precision.

        Raises:
            ValueError: for a loss of (model, batch).
        """
        if self.whole:
            raise ValueError(
                "training needs a loss of (output, target), got one of (model, batch); train in a "
                "loop of your own, and record it with landscape.TrajectoryRecorder"
            )
        model = unwrapped(self.model)
        first = next(model.parameters())
        copies = Copies(first.device, first.dtype)
        copies.keep(model)
        return bound(self._objective({}, standard_errors=False), copies)

    def _tried(self, dtype: torch.dtype) -> Evaluator:
        """Return an evaluator of the loss alone that has worked on an example."""
        evaluator = self.evaluator(dtype=dtype, metrics={}, standard_errors=False)
        with torch.no_grad(), evaluator.network.ready():
            evaluator.network.sums(evaluator.batches.head(1).parts[0])
        return evaluator

    # -- what is found out once ----------------------------------------------------------------

    @property
    def _device(self) -> torch.device:
        model_device = next(self.model.parameters()).device
        return model_device if self.device is None else torch.device(self.device)

    @property
    def _given(self) -> tuple[Batches, int]:
        return self.data.read(whole=self.whole, subset=self.subset)  # type: ignore[no-any-return]

    @property
    def _one_whole_batch(self) -> bool:
        return self.whole and len(self._given[0].parts) == 1

    def _objective(
        self, metrics: Mapping[str, LossFunction] | None, standard_errors: bool
    ) -> Objective:
        batches, drawn_from = self._given
        return make_objective(
            self.loss, batches, metrics=metrics, standard_errors=standard_errors,
            drawn_from=drawn_from,
        )  # fmt: skip

    def _network(self, objective: Objective, dtype: torch.dtype, *, private: bool) -> Network:
        return Network(
            unwrapped(self.model), objective, dtype=dtype, device=self._device,
            batch_norm=self.batch_norm, private=private,
        )  # fmt: skip

    def _facts(self, dtype: torch.dtype | None = None, batch_size: int = 0) -> Facts:
        if not self._seen:
            self._seen.append(self._looked(dtype or self.precision, batch_size))
        return self._seen[0]

    def _looked(self, dtype: torch.dtype, batch_size: int) -> Facts:
        layout_of(self.model)
        batches = self.batches(dtype)
        objective = self._objective(self.metrics, standard_errors=False)
        # A loss of (model, batch) may need the whole of its batch.
        seen = batches.cut(batch_size) if self.whole else batches.head(_FEW)
        return look(
            lambda private: self._network(objective, dtype, private=private),
            seen.parts[0],
            None if self._one_whole_batch else batches,
        )

    def _standard_errors(self, facts: Facts) -> bool:
        """Tell whether a subset's losses come with standard errors: where they can."""
        return self.subset is not None and facts.each

    def _kept(self, network: Network, facts: Facts, batches: Batches, batch_size: int) -> Batches:
        """Return the examples in the batches in which the loss is what it says."""
        if not batches.divisible:
            return batches
        if network.batch_norm != "frozen" or self._one_whole_batch:
            return batches.kept(batch_size)
        apart = facts.coupled is False and not facts.together
        return batches if apart else batches.whole()


def check_problem(problem: Any) -> None:
    """Check that a function was given a problem.

    Raises:
        TypeError: otherwise; the message says what to write.
    """
    if not isinstance(problem, Problem):
        raise TypeError(
            f"problem must be a landscape.Problem, got {type(problem).__name__}; write "
            "landscape.Problem(model, loss, data)"
        )


def _check_device(device: Any) -> None:
    if device is None:
        return
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise ValueError(
            f"device must be one that torch has here, got {device!r} ({_first_line(error)}); leave "
            "it out to evaluate where the model is"
        ) from None


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:120]


def _check_functions(loss: Any, metrics: Any) -> None:
    if isinstance(loss, type):
        raise TypeError(
            f"loss must be a name or a function, got the class {loss.__name__}; give an instance: "
            f"{loss.__name__}()"
        )
    if not isinstance(loss, str) and not callable(loss):
        raise TypeError(
            f"loss must be a name or a function, got {type(loss).__name__}; write "
            "Problem(model, loss, data)"
        )
    if not takes_model(loss):
        resolve_loss(loss)
    if metrics is None:
        return
    if not isinstance(metrics, Mapping) or not all(map(callable, metrics.values())):
        raise TypeError(
            f"metrics must be functions of (output, target) by name, got {metrics!r}; write "
            "{'name': function}"
        )
