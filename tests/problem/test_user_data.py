"""What users bring as data: every form gives the value of the plain pair."""

from __future__ import annotations

from collections import UserDict
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from landscape import Grid, Problem, SamplingConfig, random_plane, sample
from landscape.networks.parameters import flatten
from landscape.problem.reading import GivenData

ENGINE = SamplingConfig(strategy="copy", batch_size=16, threads=1)


def loss_at_its_weights(model: nn.Module, data: Any, loss: Any = "cross_entropy") -> float:
    evaluator = Problem(model, loss, data, dtype=torch.float64).evaluator()
    return float(evaluator(flatten(model)[None])["losses"][0])


def dataset(examples: Any) -> TensorDataset:
    return TensorDataset(*examples)


FORMS: dict[str, Any] = {
    "list": list,
    "numpy": lambda e: [one.numpy() for one in e],
    "object": lambda e: SimpleNamespace(inputs=e[0], targets=e[1]),
    "mapping": lambda e: {"input": e[0], "labels": e[1]},
    "user mapping": lambda e: UserDict(input=e[0], labels=e[1]),
    "data set": dataset,
    "loader": lambda e: DataLoader(dataset(e), batch_size=25),
    "loader of mappings": lambda e: DataLoader(
        [{"input": x, "labels": y} for x, y in zip(*e, strict=True)], batch_size=25
    ),
    "list of numpy batches": lambda e: [
        (e[0][:25].numpy(), e[1][:25].numpy()),
        (e[0][25:].numpy(), e[1][25:].numpy()),
    ],
    "generator": lambda e: ((x[None], y[None]) for x, y in zip(*e, strict=True)),
    "function": lambda e: lambda: ((x[None], y[None]) for x, y in zip(*e, strict=True)),
    "function of a pair": lambda e: lambda: e,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_data_gives_the_mean_over_the_examples(
    form: str, model: nn.Module, examples: Any
) -> None:
    wanted = float(functional.cross_entropy(model(examples[0]), examples[1]).detach())
    found = loss_at_its_weights(model, FORMS[form](examples))
    assert found == pytest.approx(wanted, rel=1e-13)


def test_a_function_is_called_once(model: nn.Module, examples: Any) -> None:
    calls = []

    def load() -> Any:
        calls.append(1)
        return iter([examples])

    sample(Problem(model, "cross_entropy", load), random_plane(model), grid=Grid.square(3))
    assert calls == [1]


class Sum(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3, dtype=torch.float64)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return self.linear(left - 2 * right)  # type: ignore[no-any-return]


@pytest.mark.parametrize("container", [tuple, list, lambda e: DataLoader(dataset(e), batch_size=7)])
def test_of_several_tensors_the_last_is_the_target(container: Any, examples: Any) -> None:
    model, (inputs, targets) = Sum(), examples
    wanted = float(functional.cross_entropy(model(inputs, inputs**2), targets).detach())
    found = loss_at_its_weights(model, container((inputs, inputs**2, targets)))
    assert found == pytest.approx(wanted, rel=1e-13)


def test_entries_of_a_mapping_but_the_labels_are_keyword_arguments(examples: Any) -> None:
    model, (inputs, targets) = Sum(), examples
    batch = {"right": inputs**2, "labels": targets, "left": inputs}
    wanted = float(functional.cross_entropy(model(inputs, inputs**2), targets).detach())
    assert loss_at_its_weights(model, batch) == pytest.approx(wanted, rel=1e-13)
    assert loss_at_its_weights(model, [batch, batch]) == pytest.approx(wanted, rel=1e-13)


def test_integers_keep_their_type() -> None:
    ids = np.arange(6, dtype=np.int32).reshape(2, 3)
    batches = (
        GivenData((ids, torch.zeros(2, dtype=torch.bool))).read()[0].moved("cpu", torch.float64)
    )
    inputs, targets = batches.parts[0]
    assert (inputs.dtype, targets.dtype) == (torch.int32, torch.bool)


class Tokens(nn.Module):
    """Embeds token ids; answers with an object that holds logits, like a language model."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(7, 5, dtype=torch.float64)
        self.head = nn.Linear(5, 7, dtype=torch.float64)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Any:
        hidden = torch.tanh(self.embed(input_ids)) * attention_mask[..., None]
        return SimpleNamespace(logits=self.head(hidden.cumsum(dim=1)))


def sentences() -> dict[str, Tensor]:
    draws = torch.Generator().manual_seed(0)
    ids = torch.randint(7, (6, 4), generator=draws)
    labels = torch.randint(7, (6, 4), generator=draws)
    labels[0, 1:], labels[1], labels[2, 0] = -100, -100, -100
    return {"input_ids": ids, "attention_mask": torch.ones(6, 4), "labels": labels}


@pytest.mark.parametrize("strategy", ["loop", "copy", "vmap", "gradient"])
def test_sequences_weigh_every_example_alike_by_the_mean_over_its_counted_tokens(
    strategy: str,
) -> None:
    model, batch = Tokens(), sentences()
    logs = torch.log_softmax(model(batch["input_ids"], batch["attention_mask"]).logits, -1).detach()
    each = []
    for example in range(6):
        counted = [t for t in range(4) if batch["labels"][example, t] != -100]
        values = [-float(logs[example, t, batch["labels"][example, t]]) for t in counted]
        each.append(np.mean(values) if values else 0.0)
    engine = SamplingConfig(strategy=strategy, chunk=2, batch_size=4, threads=1)  # type: ignore[arg-type]
    surface = sample(
        Problem(model, "cross_entropy", batch),
        random_plane(model),
        grid=Grid.square(3),
        engine=engine,
    )
    assert surface.losses[1, 1] == pytest.approx(np.mean(each), rel=1e-12)


def test_pixels_may_have_their_classes_second_as_in_torch() -> None:
    model = nn.Conv2d(2, 3, 1).double()
    draws = torch.Generator().manual_seed(0)
    images = torch.randn(5, 2, 4, 6, generator=draws, dtype=torch.float64)
    labels = torch.randint(3, (5, 4, 6), generator=draws)
    wanted = float(functional.cross_entropy(model(images), labels).detach())
    assert loss_at_its_weights(model, (images, labels)) == pytest.approx(wanted, rel=1e-13)


def test_shapes_that_do_not_tell_where_the_classes_are_are_refused() -> None:
    model = nn.Linear(4, 4).double()
    inputs, labels = torch.randn(5, 4, 4).double(), torch.zeros(5, 4, dtype=torch.long)
    with pytest.raises(ValueError, match="do not tell which axis holds the classes"):
        loss_at_its_weights(model, (inputs, labels))
    with pytest.raises(ValueError, match="do not fit"):
        loss_at_its_weights(model, (inputs, torch.zeros(5, 3, dtype=torch.long)))


def test_a_causal_model_is_not_scored_for_repeating_its_input() -> None:
    batch = sentences()
    batch["labels"] = torch.where(batch["labels"] == -100, -100, batch["input_ids"])
    with pytest.raises(ValueError, match=r"next token: give the loss landscape.batch_loss"):
        loss_at_its_weights(Tokens(), batch)


def test_an_example_that_does_not_count_is_no_index_and_said(
    model: nn.Module, examples: Any, caplog: pytest.LogCaptureFixture
) -> None:
    inputs, targets = examples[0], examples[1].clone()
    targets[:3] = -100
    each = functional.cross_entropy(model(inputs), targets, reduction="none").detach()
    engine = SamplingConfig(strategy="batched", chunk=4, batch_size=16, threads=1)
    surface = sample(
        Problem(model, "cross_entropy", (inputs, targets)),
        random_plane(model),
        grid=Grid.square(3),
        engine=engine,
    )
    assert float(each[:3].abs().max()) == 0
    assert surface.losses[1, 1] == pytest.approx(float(each.mean()), rel=1e-12)
    assert any("3 of 30 examples have no target that counts" in m for m in caplog.messages)


# -- mistakes -------------------------------------------------------------------------------------


def test_a_generator_that_was_read_before_is_explained(model: nn.Module, examples: Any) -> None:
    data = iter([examples])
    plane = random_plane(model)
    sample(Problem(model, "cross_entropy", data), plane, grid=Grid.square(3), engine=ENGINE)
    with pytest.raises(ValueError, match=r"iterator is at its end.*returns a new iterator"):
        sample(Problem(model, "cross_entropy", data), plane, grid=Grid.square(3), engine=ENGINE)


def test_an_empty_loader_is_explained(model: nn.Module, examples: Any) -> None:
    data = DataLoader(dataset(examples), batch_size=64, drop_last=True)
    with pytest.raises(ValueError, match=r"DataLoader is empty.*drop_last"):
        loss_at_its_weights(model, data)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ({"x": torch.ones(2, 4)}, TypeError, "the target as 'labels', got 'x'; rename"),
        ([torch.ones(2, 4)], TypeError, "must be a pair .* got Tensor"),
        ([(torch.ones(2, 4),)], TypeError, "must be a pair .* got 1 of them"),
        (torch.ones(2, 4), TypeError, "data must be a pair"),
        ({"x": [[1, 2]], "labels": [1]}, TypeError, "got int; .*return_tensors='pt'"),
        (
            (torch.ones(2, 4), torch.ones(3, 4), torch.zeros(2)),
            ValueError,
            "same length, got 2 and 3",
        ),
        ([(torch.ones(4), torch.tensor(1))], ValueError, "batches, not single examples"),
    ],
)
def test_other_data_are_explained(
    data: Any, error: type[Exception], message: str, model: nn.Module
) -> None:
    with pytest.raises(error, match=message):
        loss_at_its_weights(model, data)


def test_a_model_that_fails_on_the_data_is_told_their_shapes(model: nn.Module) -> None:
    data = torch.ones(3, 5), torch.zeros(3, dtype=torch.long)
    with pytest.raises(ValueError, match=r"model fails on the inputs float64 \[3, 5\]: mat1"):
        loss_at_its_weights(model, data)


def test_a_loss_that_fails_is_told_the_shapes(model: nn.Module, examples: Any) -> None:
    wrong = examples[0], torch.full((30,), 7)
    with pytest.raises(
        ValueError, match=r"cross_entropy fails on output float64 \[8, 3\] and target int64 \[8\]"
    ):
        loss_at_its_weights(model, wrong)
    with pytest.raises(ValueError, match=r"must return a tensor, got float; return the loss alone"):
        loss_at_its_weights(model, examples, lambda output, target: output.mean().item())


def test_weights_that_are_no_numbers_are_explained(model: nn.Module, examples: Any) -> None:
    with torch.no_grad():
        model[0].bias[0] = float("nan")  # type: ignore[index, operator]
    with pytest.raises(ValueError, match=r"parameter 0\.bias holds NaN .* diverged"):
        random_plane(model)
