"""What the commands share: loading data, options that are not plain values, progress."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from landscape.store import StudyFile
    from landscape.study.configuration import DataConfig, StudyConfig
    from landscape.study.reporting import Examples, Reporter

# Seconds between two lines of progress where there is no terminal: at least two a minute.
EVERY = 25.0


def load_data(config: DataConfig) -> Examples:
    """Load the data set of a configuration."""
    from landscape import data

    folder = Path(config.folder) if config.folder else None
    return data.load(config.name, standardise=config.standardise, folder=folder)


def configuration_of(study: StudyFile) -> StudyConfig:
    """Return the configuration a study was made with.

    Raises:
        ValueError: if it was made without one, or with one this version does not understand.
    """
    from landscape.study.configuration import StudyConfig

    if not study.config:
        raise ValueError(
            f"{study.path} holds no configuration: it was not made by 'landscape run'; "
            "use landscape.sample with your own model"
        )
    if "own" in study.config:
        raise ValueError(
            f"{study.path} holds a network of your own, which is not built from a configuration; "
            "'landscape analyse --model' and landscape.kinks.along_path measure it, 'landscape "
            "sample --model' adds surfaces"
        )
    return StudyConfig.from_dict(study.config)


def minutes(seconds: float) -> str:
    """Write a duration for people.

    >>> minutes(42.0), minutes(200.0)
    ('under a minute', 'about 3 min')
    """
    return "under a minute" if seconds < 60 else f"about {seconds / 60:.0f} min"


class Bars:
    """Progress bars with the time left, on the terminal's error stream."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._progress = Progress(
            TextColumn("{task.description:<16}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(file=sys.stderr),
        )
        self._task: Any = None

    def stage(self, name: str, total: int) -> None:
        """Begin a bar; a stage with nothing to do has none."""
        self._task = self._progress.add_task(name, total=total) if total else None

    def advance(self, units: int) -> None:
        """Move the present bar."""
        if self._task is not None:
            self._progress.advance(self._task, units)

    def note(self, text: str) -> None:
        """Print a line above the bars."""
        self._progress.console.print(text, highlight=False)


class Lines:
    """Progress as lines on the error stream, for the log of a run that nobody looks at.

    A line comes at least twice a minute, with the time left, and as soon as it is known that the
    stage takes longer than that. What is over sooner says nothing.

    Args:
        clock: seconds from any start.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._begin("the start", 0)

    def stage(self, name: str, total: int) -> None:
        """Begin to count."""
        with self._lock:
            self._begin(name, total)

    def advance(self, units: int) -> None:
        """Count."""
        with self._lock:
            self._done += units
            left = self._left()
            ends = self._told and self._open and self._done >= self._total
            estimate = not self._told and left is not None and left > EVERY
            if ends or estimate or self._rest() <= 0:
                self._tell()

    def note(self, text: str) -> None:
        """Write a line."""
        print(text, file=sys.stderr, flush=True)

    def beat(self, wait: Callable[[float], bool]) -> None:
        """Write a line whenever none came for long, however long a unit takes.

        Args:
            wait: waits for so many seconds; returns whether the work is done.
        """
        while not wait(max(self._rest(), 0.0)):
            with self._lock:
                if self._rest() <= 0:
                    self._tell()

    def _begin(self, name: str, total: int) -> None:
        self._name, self._total, self._done = name, total, 0
        # Whether a line was written of this stage, and whether its end was not.
        self._told, self._open = False, total > 0
        self._last = self._clock()
        # Times and counts of the latest lines: what an earlier call did is soon forgotten.
        self._marks = deque([(self._last, 0)], maxlen=8)

    def _rest(self) -> float:
        return self._last + EVERY - self._clock()

    def _left(self) -> float | None:
        """Return the seconds that are left, None while nothing is known."""
        start, done = self._marks[0]
        new = self._done - done
        return (self._clock() - start) * (self._total - self._done) / new if new > 0 else None

    def _tell(self) -> None:
        left, now = self._left(), self._clock()
        text = f"{self._name}: {self._done:,} of {self._total:,}"
        if self._done < self._total:
            ends = "time left not known yet" if left is None else f"{minutes(left)} left"
            text = f"{text}, {ends}"
        elif self._open:
            self._open = False
        else:
            text = f"after {self._name}: still working"
        self._told, self._last = True, now
        self._marks.append((now, self._done))
        self.note(text)


@contextmanager
def bars() -> Iterator[Reporter]:
    """Show progress while the block runs: bars on a terminal, lines elsewhere."""
    if sys.stderr.isatty():
        terminal = Bars()
        with terminal._progress:
            yield terminal
        return
    lines, done = Lines(), threading.Event()
    beating = threading.Thread(target=lines.beat, args=(done.wait,), daemon=True)
    beating.start()
    try:
        yield lines
    finally:
        done.set()
        beating.join()
