"""Pictures of close-ups: what is on one scale, whose colour is whose, and what captions say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from close_ups import WIDTHS, close_up, series
from figures import clashes, shown

from landscape import viz
from landscape.records.close_up import CloseUp
from landscape.viz.closeups import clay_page
from landscape.viz.closeups.blocks import RISE, Block
from landscape.viz.closeups.clay import check_series, log_heights
from landscape.viz.closeups.clay_captions import below_name, microscope_caption, times, width_words

STEP = WIDTHS[-1]


@pytest.fixture
def pair() -> list[CloseUp]:
    """One step of a kinked network and of a smooth one."""
    kinked = replace(close_up("relu", STEP, 0.003), descent=4e-4, noise=2e-3, batch_size=64)
    return [replace(kinked, title="ReLU"), replace(close_up("gelu", STEP), title="GELU")]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Block, str]]:
    """The blocks of a picture and the colours of their walls; nothing is rendered."""
    found: list[tuple[Block, str]] = []

    def note(block: Block, colour: str, view: Any, *, pixels: int, background: str) -> Any:
        found.append((block, colour))
        return np.zeros((round(pixels / view.aspect), pixels, 3), dtype=np.uint8)

    monkeypatch.setattr(clay_page, "render", note)
    return found


def heights(blocks: list[tuple[Block, str]]) -> list[float]:
    return [float(np.ptp(block.points[:, 2])) for block, _ in blocks]


def words(figure: Any) -> list[str]:
    return [text.get_text() for text in shown(figure)]


# -- the microscope -------------------------------------------------------------------------------


@pytest.mark.parametrize("removing", ["nothing", "tilt", "quadratic"])
def test_networks_beside_each_other_have_one_height_scale(
    removing: Any, pair: list[CloseUp], drawn: list[tuple[Block, str]]
) -> None:
    viz.microscope(pair, removing=removing, dpi=100)
    ranges = np.array([np.ptp(one.without(removing).losses) for one in pair])
    np.testing.assert_allclose(heights(drawn), RISE * ranges / ranges.max(), rtol=1e-9)


def test_every_column_of_several_removals_has_a_scale_of_its_own(
    pair: list[CloseUp], drawn: list[tuple[Block, str]]
) -> None:
    figure = viz.microscope(pair, removing=["nothing", "tilt", "quadratic"], dpi=100)
    assert np.reshape(heights(drawn), (2, 3)).max(axis=0) == pytest.approx([RISE] * 3)
    # In rows: three times the kinked network, then three times the smooth one.
    walls = [colour for _, colour in drawn]
    assert walls == [walls[0]] * 3 + [walls[3]] * 3
    assert walls[0] != walls[3]
    told = words(figure)
    for head in ("the loss", "without its tilt", "without its quadratic", "ReLU", "GELU"):
        assert told.count(head) == 1
    assert viz.caption_of(figure).count("each column on one height scale") == 1
    assert not clashes(figure)


def test_the_microscope_says_how_small_what_it_shows_is(
    pair: list[CloseUp], drawn: list[tuple[Block, str]]
) -> None:
    figure = viz.microscope(pair, dpi=100, title="One step", caption=True)
    told, text = words(figure), viz.caption_of(figure)
    surface = pair[0].surface
    left = np.ptp(surface.minus(surface.polynomial()).losses)
    share = f"{100 * left / np.ptp(surface.losses):.2g} %"
    assert f"1 crease; {share} of the loss range here" in told
    assert "no crease; under 0.0001 % of the loss range here" in told
    assert told.count("one step") == 2
    inside = " ".join(told)
    for words_of_caution in ("Not hills of the loss", share, "random plane", "length of a step"):
        assert words_of_caution.split()[0] in inside
    for part in (
        "Mean cross entropy over 1,797 examples in a random plane.",
        "not a hill of the loss",
        "the arrow is the length of the median optimizer step, not its path",
        "on one height scale",
        "The median optimizer step lowers the loss by ReLU 4e-4.",
        "Another minibatch of 64 changes the loss of such a step by a standard deviation of "
        "ReLU 0.002.",
        "Cut ReLU along 1 kink curve of 1, which hold 100 % of the jumps",
        "2 differently trained networks, one plane of each.",
    ):
        assert part in text
    assert not clashes(figure)
    alone = viz.caption_of(viz.microscope(pair[1:], removing="nothing", dpi=100))
    for absent in ("hill", "minibatch", "median optimizer step lowers", "Cut ", "networks"):
        assert absent not in alone


# -- the zoom -------------------------------------------------------------------------------------


def test_a_zoom_is_one_row_for_each_network_and_marks_the_next_window(
    drawn: list[tuple[Block, str]],
) -> None:
    figure = viz.zoom(
        [series("relu", 0.003), series("gelu")], dpi=100, title="Closer", caption=True
    )
    # Every panel is drawn to the same height, and the first has log heights.
    assert heights(drawn) == pytest.approx([RISE] * 6)
    whole = drawn[0][0]
    losses = series("relu", 0.003)[0].surface.losses
    share = (np.log(losses) - np.log(losses).min()) / np.ptp(np.log(losses))
    np.testing.assert_allclose(whole.points[:, 2], RISE * share, atol=1e-12)
    squares = [[line.get_xydata() for line in axes.lines] for axes in figure.axes]
    assert [len(lines) for lines in squares] == [1, 1, 0] * 2
    told = words(figure)
    for head in ("whole surface", "10 × closer", "100 ×: one step", "relu", "gelu", "Closer"):
        assert told.count(head) == 1
    assert "Heights are scaled anew in every panel" in " ".join(told).replace("\n", " ")
    text = viz.caption_of(figure)
    for part in ("Windows 2, 0.2, 0.02 wide", "logarithmic heights", "Red: the next window",
                 "Heights are scaled anew in every panel", "2 differently trained"):  # fmt: skip
        assert part in text
    assert not clashes(figure)


def test_losses_that_are_not_positive_are_drawn_linear_and_the_caption_says_so(
    drawn: list[tuple[Block, str]],
) -> None:
    low = [replace(one, surface=one.surface.minus([1.0, 0, 0, 0, 0, 0])) for one in series("relu")]
    text = viz.caption_of(viz.zoom([low], dpi=100))
    assert "The first has linear heights" in text
    losses = low[0].surface.losses
    share = (losses - losses.min()) / np.ptp(losses)
    np.testing.assert_allclose(drawn[0][0].points[:, 2], RISE * share, atol=1e-12)


def test_a_window_whose_kinks_are_too_many_is_said_to_be_not_cut(
    drawn: list[tuple[Block, str]],
) -> None:
    row = series("relu", 0.003)
    uncut = replace(row[0], surface=replace(row[0].surface, curves=0, cut_share=0.0))
    text = viz.caption_of(viz.zoom([[uncut, *row[1:]]], dpi=100))
    assert "In windows 2 wide kinks are too many to be cut" in text
    assert "too many" not in viz.caption_of(viz.zoom([row], dpi=100))


def test_logarithmic_heights_have_the_slopes_of_the_logarithm() -> None:
    surface = close_up("relu", 0.2, 0.3).surface
    logs = log_heights(surface)
    np.testing.assert_allclose(10**logs.losses, surface.losses, rtol=1e-12)
    step = 1e-7
    for axis in range(2):
        moved = surface.losses + step * surface.gradients[:, axis]
        rise = (np.log10(moved) - logs.losses) / step
        np.testing.assert_allclose(logs.gradients[:, axis], rise, rtol=1e-4, atol=1e-6)


# -- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("width", "said", "wide"),
    [(1.0, "2 × closer", "50 steps"), (0.02, "100 ×: one step", "one step"),
     (0.0208, "96 ×: one step", "one step"), (0.00125, "1,600 × closer", "0.062 steps")],
)  # fmt: skip
def test_a_window_is_told_in_times_and_steps(width: float, said: str, wide: str) -> None:
    closeup = close_up("relu", width)
    assert (times(closeup), width_words(closeup)) == (said, wide)
    assert width_words(replace(closeup, step_width=0.0)).endswith("of the direction")


def test_creases_are_counted_whether_cut_or_not() -> None:
    closeup = close_up("relu", 0.2, 0.3)
    many = replace(closeup, surface=replace(closeup.surface, curves=54, uncut=1946))
    assert below_name(many, "nothing") == "2,000 creases"


def test_only_all_of_the_jumps_are_100_percent() -> None:
    closeup = close_up("relu", STEP, 0.003)
    for uncut, share, said in ((0, 1.0, "100 %"), (3, 0.9999, "over 99.9 %"), (3, 0.87, "87 %")):
        one = replace(closeup, surface=replace(closeup.surface, uncut=uncut, cut_share=share))
        assert f"of {1 + uncut}, which hold {said} of the jumps" in microscope_caption([one], [])


# -- errors ---------------------------------------------------------------------------------------


def test_close_ups_that_cannot_be_compared_are_refused(pair: list[CloseUp]) -> None:
    nan = np.full(len(pair[0].surface.losses), np.nan)
    holed = replace(pair[0], surface=replace(pair[0].surface, losses=nan))
    for rows, message in (
        ([], "needs at least one, got none"),
        ([[]], "needs at least one, got none"),
        ([series("relu"), series("gelu")[:2]], "the same windows, widest first"),
        ([series("relu")[::-1]], "the same windows, widest first"),
        ([[holed]], "the window of ReLU, 0.02 wide, has losses that are not finite"),
    ):
        with pytest.raises(ValueError, match=message):
            check_series(rows)
    with pytest.raises(ValueError, match="unknown what is removed 'hills'"):
        viz.microscope(pair, removing="hills")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="the same windows"):
        viz.microscope([pair[0], close_up("gelu", 0.2)])
