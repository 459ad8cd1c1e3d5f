"""Progress without a terminal: lines with the time left, by a clock that the test turns."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

import pytest

from landscape.cli.wiring import EVERY, Lines, bars


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def waiting(self, seconds: float) -> Callable[[float], bool]:
        """Return a wait that turns the clock, and says that the work ends after so long."""
        ends = self.now + seconds

        def wait(pause: float) -> bool:
            assert pause <= 30
            self.now += pause
            return self.now >= ends

        return wait


@pytest.fixture
def clock() -> Clock:
    return Clock()


Told = Callable[[], list[str]]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    return lambda: capsys.readouterr().err.splitlines()


def test_at_least_two_lines_a_minute_while_nothing_is_counted(clock: Clock, told: Told) -> None:
    assert EVERY <= 30
    lines = Lines(clock)
    lines.beat(clock.waiting(60))
    assert told() == ["after the start: still working"] * 2
    lines.stage("spectra", 1200)
    lines.beat(clock.waiting(60))
    assert told() == ["spectra: 0 of 1,200, time left not known yet"] * 2
    lines.advance(1200)
    lines.beat(clock.waiting(30))
    assert told() == ["spectra: 1,200 of 1,200", "after spectra: still working"]


def test_the_first_unit_gives_an_estimate_of_a_long_stage(clock: Clock, told: Told) -> None:
    lines = Lines(clock)
    lines.stage("spectra", 300)
    clock.now += 2
    lines.advance(1)
    assert told() == ["spectra: 1 of 300, about 10 min left"]
    for _ in range(10):
        clock.now += 2
        lines.advance(1)
    assert told() == []
    clock.now += 8
    lines.advance(5)
    # 16 units in 30 seconds, 284 are left.
    assert told() == ["spectra: 16 of 300, about 9 min left"]


def test_what_is_over_soon_says_nothing(clock: Clock, told: Told) -> None:
    lines = Lines(clock)
    lines.stage("drawing", 4)
    for _ in range(4):
        clock.now += 5
        lines.advance(1)
    assert told() == []


def test_units_of_an_earlier_call_are_soon_forgotten(clock: Clock, told: Told) -> None:
    lines = Lines(clock)
    lines.stage("sampling", 10_000)
    lines.advance(9_000)
    for _ in range(9):
        clock.now += EVERY
        lines.advance(5)
    assert told()[-1] == "sampling: 9,045 of 10,000, about 80 min left"


def test_the_lines_come_from_a_thread_that_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    beaten = []

    def beat(_: Lines, wait: Callable[[float], bool]) -> None:
        while not wait(10):
            raise AssertionError("the work was over after 10 seconds")
        beaten.append("ended")

    monkeypatch.setattr(Lines, "beat", beat)
    with pytest.raises(ZeroDivisionError), bars():
        1 / 0  # noqa: B018
    assert beaten == ["ended"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_has_bars_and_lines_above_them(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with bars() as progress:
        progress.stage("sample", 4)
        progress.advance(1)
        progress.advance(2)
        progress.note("the engine is fixed")
        progress.stage("nothing to do", 0)
        progress.advance(1)
    text = screen.getvalue()
    assert "sample" in text
    assert "3/4" in text
    assert "4/4" not in text
    assert "\nthe engine is fixed" in text or "the engine is fixed\n" in text
    assert "nothing to do" not in text
