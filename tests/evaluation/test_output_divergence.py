"""The divergence of predictions over a plane against a direct computation."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import landscape
from landscape import Plane, Problem, custom_plane, random_plane
from landscape.evaluation.output_divergence import output_divergence
from landscape.networks.parameters import assign, flatten, layout_of
from landscape.records.layout import Layout, Slot

Pair = tuple[Tensor, Tensor]
PLACES = np.array([[0.0, 0.0], [0.3, -0.2], [-1.0, 1.0], [1e-4, 0.0]])


def direct(model: nn.Module, inputs: Tensor, plane: Plane, places: np.ndarray) -> list[float]:
    """KL by plain sums over probabilities, moving the model."""
    found = []
    assign(model, plane.origin)
    with torch.no_grad():
        centre = torch.softmax(model(inputs), dim=1)
        for theta in plane.points(places):
            assign(model, theta)
            there = torch.softmax(model(inputs), dim=1)
            terms = [
                sum(float(p) * np.log(float(p) / float(q)) for p, q in zip(one, two, strict=True))
                for one, two in zip(centre, there, strict=True)
            ]
            found.append(float(np.mean(terms)))
    assign(model, plane.origin)
    return found


def unread(_output: Tensor, target: Tensor) -> Tensor:
    """A loss that any output has; the divergence does not read it."""
    return torch.zeros(len(target))


def test_it_is_the_mean_divergence_from_the_centre(model: nn.Module, examples: Pair) -> None:
    plane = random_plane(model)
    found = output_divergence(Problem(model, data=examples), plane, PLACES)
    wanted = direct(model, examples[0], plane, PLACES)
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-15)
    assert found[0] == 0.0
    assert np.all(found[1:] > 0)


def test_batches_of_any_size_weigh_examples_alike(model: nn.Module, examples: Pair) -> None:
    inputs, targets = examples
    plane = random_plane(model)
    uneven = [(inputs[:25], targets[:25]), (inputs[25:], targets[25:])]
    np.testing.assert_allclose(
        output_divergence(Problem(model, data=uneven), plane, PLACES),
        output_divergence(Problem(model, data=examples), plane, PLACES),
        rtol=1e-12,
    )


def test_two_classes_by_hand() -> None:
    """Logits (b, 0): KL of one Bernoulli from another."""
    model = nn.Linear(1, 2).double()
    with torch.no_grad():
        model.weight.zero_(), model.bias.zero_()
    line = custom_plane(model, [{"bias": torch.tensor([1.0, 0.0])}])
    found = output_divergence(
        Problem(model, data=(torch.ones(3, 1), torch.zeros(3).long())),
        line,
        np.array([[0.0], [np.log(3.0)]]),
    )
    # From (1/2, 1/2) to (3/4, 1/4): 1/2 log(2/3) + 1/2 log 2.
    np.testing.assert_allclose(found, [0, 0.5 * np.log(4 / 3)], atol=1e-15)


def test_for_small_steps_it_is_quadratic(model: nn.Module, examples: Pair) -> None:
    """Theorem: KL = half the Fisher quadratic form, to third order."""
    plane = random_plane(model)
    near, far = output_divergence(
        Problem(model, data=examples), plane, np.array([[1e-3, 0], [2e-3, 0]])
    )
    assert far / near == pytest.approx(4, rel=0.02)


def test_how_a_function_is_parametrised_does_not_matter(examples: Pair) -> None:
    """ReLU nets with weights (2 w1, w2 / 2) are the same function; so is the divergence."""
    torch.manual_seed(0)
    one = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)).double()
    two = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)).double()
    sizes = np.concatenate([np.full(30, 2.0), np.full(18, 0.5), np.full(3, 1.0)])
    assign(two, sizes * flatten(one))
    directions = np.random.default_rng(0).standard_normal((2, 51))
    a = output_divergence(Problem(one, data=examples), custom_plane(one, list(directions)), PLACES)
    b = output_divergence(
        Problem(two, data=examples), custom_plane(two, list(sizes * directions)), PLACES
    )
    np.testing.assert_allclose(a, b, rtol=1e-10)


def test_float32_models_are_summed_in_float64(examples: Pair) -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 3)
    plane = random_plane(model)
    coarse = output_divergence(Problem(model, data=examples), plane, PLACES)
    fine = output_divergence(Problem(model, data=examples, dtype=torch.float64), plane, PLACES)
    np.testing.assert_allclose(coarse, fine, rtol=1e-3, atol=1e-8)
    assert coarse[0] == 0.0


def test_tokens_are_averaged_and_the_model_is_untouched() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv1d(2, 3, 3), nn.BatchNorm1d(3), nn.Dropout(0.5)).double().train()
    inputs = torch.randn(7, 2, 9, dtype=torch.float64)
    plane = random_plane(model)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    found = output_divergence(
        Problem(model, unread, (inputs, torch.zeros(7).long())), plane, PLACES
    )
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert all(m.training for m in model.modules())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    model.eval()
    with torch.no_grad():
        outputs = []
        for theta in plane.points(PLACES[:2]):
            assign(model, theta)
            outputs.append(torch.softmax(model(inputs), dim=1).numpy())
    terms = outputs[0] * np.log(outputs[0] / outputs[1])
    assert found[1] == pytest.approx(terms.sum(axis=1).mean(), rel=1e-12)


class Tokens(nn.Module):
    """Logits [n, T, C] for tokens [n, T], as language models give them."""

    def __init__(self, *, transposed: bool = False) -> None:
        super().__init__()
        self.table = nn.Embedding(7, 7)
        self.transposed = transposed

    def forward(self, tokens: Tensor) -> Any:
        logits = self.table(tokens)
        return SimpleNamespace(logits=logits.transpose(1, 2) if self.transposed else logits)


def test_tokens_that_do_not_count_are_left_out() -> None:
    torch.manual_seed(0)
    model = Tokens().double()
    tokens = torch.randint(7, (3, 5))
    targets = tokens.clone()
    targets[0, 2:], targets[2] = -100, -100
    line = random_plane(model, axes=1)
    place = np.array([[0.5]])
    tables = [p.reshape(7, 7) for p in (line.origin, line.points(place)[0])]
    one, two = (np.exp(t) / np.exp(t).sum(axis=1, keepdims=True) for t in tables)
    each = np.sum(one * np.log(one / two), axis=1)[tokens.numpy()]
    wanted = (each[0, :2].mean() + each[1].mean()) / 3
    assert output_divergence(Problem(model, data=(tokens, targets)), line, place)[
        0
    ] == pytest.approx(wanted)
    # The same with the classes on the second axis.
    other = Tokens(transposed=True).double()
    other.load_state_dict(model.state_dict())
    assert output_divergence(Problem(other, data=(tokens, targets)), line, place)[
        0
    ] == pytest.approx(wanted)
    square = torch.randint(7, (3, 7))
    with pytest.raises(ValueError, match="do not tell which axis"):
        output_divergence(Problem(model, data=(square, square)), line, place)


class Plain(nn.Module):
    """Returns what it is made to, moved by one parameter."""

    def __init__(self, output: list[float]) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(1, dtype=torch.float64))
        self.output = torch.tensor(output, dtype=torch.float64)

    def forward(self, x: Tensor) -> Tensor:
        logits = self.output.expand(len(x), -1)
        return torch.cat([logits[:, :1] + self.shift, logits[:, 1:]], dim=1)


LINE = Plane(np.zeros(1), np.ones(1), None, Layout((Slot("shift", (1,)),)))
ONE = torch.ones(2, 1, dtype=torch.float64), torch.zeros(2).long()


def test_a_class_that_is_ruled_out_counts_nothing() -> None:
    line = np.array([[0.0], [np.log(3.0)]])
    found = output_divergence(Problem(Plain([0.0, 0.0, -np.inf]), data=ONE), LINE, line)
    np.testing.assert_allclose(found, [0, 0.5 * np.log(4 / 3)], atol=1e-15)


def test_outputs_that_are_not_finite_give_nan() -> None:
    found = output_divergence(
        Problem(Plain([0.0, np.nan]), data=ONE), LINE, np.array([[0.0], [1.0]])
    )
    assert np.all(np.isnan(found))


def test_what_is_no_classifier_is_refused(examples: Pair) -> None:
    for model in (nn.Linear(4, 1), nn.Sequential(nn.Linear(4, 3), nn.Flatten(0))):
        with pytest.raises(ValueError, match="logits"):
            output_divergence(Problem(model, unread, examples), random_plane(model), PLACES)


def test_coordinates_and_plane_must_fit(model: nn.Module, examples: Pair) -> None:
    plane = random_plane(model)
    with pytest.raises(ValueError, match=r"\(K, axes\) = \(K, 2\), got \(4, 1\)"):
        output_divergence(Problem(model, data=examples), plane, PLACES[:, :1])
    with pytest.raises(ValueError, match="must belong to the model"):
        output_divergence(Problem(nn.Linear(4, 3), data=examples), plane, PLACES)
    assert layout_of(model) == plane.layout


def test_a_surface_holds_the_divergence_of_every_point() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 4))
    data = (torch.randn(30, 3), torch.arange(30) % 4)
    plane = landscape.random_plane(model, seed=0)
    grid = landscape.Grid.square(3)
    surface = landscape.sample(
        Problem(model, "cross_entropy", data), plane, grid=grid, divergence=True
    )
    found = surface.fields["divergences"]
    assert found[1, 1] == 0
    wanted = output_divergence(Problem(model, data=data), plane, grid.coordinates(np.arange(9)))
    np.testing.assert_array_equal(found.reshape(-1), wanted)
    with pytest.raises(ValueError, match="leave one of the two out"):
        landscape.sample(
            Problem(model, "cross_entropy", data, batch_norm="batch"), plane, divergence=True
        )
