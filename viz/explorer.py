"""The live explorer's state: which region is shown, which is being sampled, what went wrong.

Nothing here draws, serves or knows a network. What samples is handed over by the caller and runs in
a thread of its own; every change of the state happens in the caller's thread, to which ``post``
brings the results.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from landscape.grid import Grid
from landscape.results import Projection
from landscape.surface import Status, Surface
from viz.regions import POINTS, check_points, coarse_part, first_window

# Called with a surface, unfinished as it is, after each tile.
OnTile = Callable[[Surface], None]
# Whether to stop after this tile.
Cancelled = Callable[[], bool]
# Gives the surface over a grid, unfinished only if it was cancelled.
Sampler = Callable[[Grid, OnTile, Cancelled], Surface]
Post = Callable[[Callable[[], None]], Any]
# Pictures of an unfinished surface are no closer than this, in seconds.
_PREVIEW_EVERY = 0.4
_TOLD_EVERY = 0.2


class Place(Protocol):
    """A plane to look at, with what samples it."""

    @property
    def name(self) -> str:
        """Short, unique: the id of the surface, or how the plane was made."""

    @property
    def title(self) -> str:
        """Of the picture."""

    @property
    def surface(self) -> Surface | None:
        """What the study holds of it; None if it was not sampled yet."""

    @property
    def paths(self) -> tuple[Projection, ...]:
        """Placed on it."""

    def sample(self, grid: Grid, on_tile: OnTile, cancelled: Cancelled) -> Surface:
        """Sample a region anew; a :data:`Sampler`."""

    def keep(self, surface: Surface) -> str:
        """Put a sampled region into the study and return its id."""

    def command(self, surface: Surface) -> str:
        """Write the command that samples the same."""


class Atlas(Protocol):
    """All there is to look at."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the places in the study."""

    def open(self, name: str) -> Place:
        """Return a place of the study."""

    def make(self, **choice: Any) -> Place:
        """Make a new plane."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What the explorer shows.

    Attributes:
        place: the plane; None until the first one is open.
        surface: on it, finished.
        going: the plane that is being sampled for the first time; it becomes the place when that
            is done.
        before: surfaces that were shown before, the latest last.
        preview: the finished coarse part of what is being sampled.
        target: the grid that is being sampled.
        doing: ``opening``, ``sampling`` or ``keeping``; "" for nothing.
        done: points that are sampled.
        note: what happened last.
        error: what went wrong last; "" after the next success.
        fresh: whether the surface was sampled here and is not in the study.
    """

    place: Place | None = None
    surface: Surface | None = None
    going: Place | None = None
    before: tuple[Surface, ...] = ()
    preview: Surface | None = None
    target: Grid | None = None
    doing: str = ""
    done: int = 0
    note: str = ""
    error: str = ""
    fresh: bool = False

    @property
    def total(self) -> int:
        """Points of what is being sampled; 0 for nothing."""
        return self.target.size if self.target is not None else 0

    @property
    def shown(self) -> Surface | None:
        """What is drawn: the coarse part of the new region as soon as there is one."""
        return self.preview if self.preview is not None else self.surface

    @property
    def here(self) -> Place | None:
        """The plane of what is drawn."""
        return self.going if self.preview is not None and self.going is not None else self.place


@dataclass(slots=True)
class _Job:
    """Work in the other thread."""

    cancelled: threading.Event


class Explorer:
    """A walk over surfaces: open, zoom, back, keep.

    Every method is called in one thread, which draws, and returns at once.

    Args:
        atlas: what there is to see.
        post: takes a function and calls it later in the thread that draws, as
            ``loop.call_soon_threadsafe`` does.
        changed: called after every change with the new moment.
        points: of a region, each way.
    """

    def __init__(
        self,
        atlas: Atlas,
        *,
        post: Post,
        changed: Callable[[Moment], None],
        points: int = POINTS,
    ) -> None:
        self.atlas = atlas
        self.moment = Moment()
        self.points = check_points(points)
        self._post = post
        self._changed = changed
        self._job: _Job | None = None
        # One worker: the next region waits until the last one has noticed that it is cancelled.
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="landscape-sampler")

    def open(self, name: str) -> None:
        """Show a place of the study."""
        self._visit(lambda: self.atlas.open(name), f"opening {name}")

    def make(self, **choice: Any) -> None:
        """Make a new plane, sample it and show it; arguments as :meth:`Atlas.make`."""
        self._visit(lambda: self.atlas.make(**choice), "making a plane")

    def zoom(
        self, alpha: tuple[float, float], beta: tuple[float, float], *, points: int | None = None
    ) -> None:
        """Sample a window anew and show it; what is shown stays until the first coarse part is in.

        Args:
            alpha: first and last alpha.
            beta: first and last beta.
            points: each way; None for as many as last time.
        """
        place = self.moment.place
        if place is None:
            self._fail("open a surface first")
            return
        try:
            self.points = check_points(self.points if points is None else points)
            grid = Grid.over((self.points, self.points), (alpha, beta))
        except ValueError as error:
            self._fail(str(error))
            return
        self._sample(place, grid)

    def back(self) -> None:
        """Show the surface before."""
        *before, last = self.moment.before or (None,)
        if last is not None:
            self._stop()
            self._set(
                surface=last, before=tuple(before), note="", error="",
                fresh=not self._stored(last), **_IDLE,
            )  # fmt: skip

    def home(self) -> None:
        """Show the place again as it was first seen."""
        place, before = self.moment.place, self.moment.before
        whole = place.surface if place is not None else None
        if whole is None and before:
            whole = before[0]
        if whole is not None:
            self._stop()
            fresh = not self._stored(whole)
            self._set(surface=whole, before=(), note="", error="", fresh=fresh, **_IDLE)

    def cancel(self) -> None:
        """Stop what is being done; what was shown before comes back."""
        if self._job is not None:
            self._stop()
            self._set(note="cancelled", **_IDLE)

    def keep(self) -> None:
        """Put the region that is shown into the study."""
        place, surface = self.moment.place, self.moment.surface
        if place is None or surface is None or self.moment.doing:
            self._fail("there is nothing to keep yet; wait until a region is sampled")
            return
        if not self.moment.fresh:
            self._fail("this surface is in the study already")
            return

        def kept(name: str) -> None:
            self._set(note=f"kept as {name}", error="", fresh=False, **_IDLE)

        self._start("keeping", lambda _job: place.keep(surface), kept)

    def close(self) -> None:
        """Cancel what is being done and free the thread."""
        self._stop()
        self._worker.shutdown(wait=False, cancel_futures=True)

    def wait(self) -> None:
        """Wait until the thread has nothing to do; what it posted may still have to be called."""
        self._worker.submit(lambda: None).result()

    def _visit(self, make: Callable[[], Place], note: str) -> None:
        def arrived(place: Place) -> None:
            if place.surface is None:
                shape = (self.points, self.points)
                self._sample(place, Grid.over(shape, first_window(place)))
                return
            self._set(
                place=place, surface=place.surface, before=(), note="", error="", fresh=False,
                **_IDLE,
            )  # fmt: skip

        self._start("opening", lambda _job: make(), arrived, note=note)

    def _sample(self, place: Place, grid: Grid) -> None:
        there = self.moment.place is place

        def work(job: _Job) -> Surface:
            last, told, size = 0.0, 0.0, 0

            def on_tile(surface: Surface) -> None:
                nonlocal last, told, size
                now, part = time.monotonic(), None
                if now - last > _PREVIEW_EVERY:
                    found, last = coarse_part(surface), now
                    if found is not None and found.grid.size > size:
                        part, size = found, found.grid.size
                if part is not None or now - told > _TOLD_EVERY:
                    told, done = now, int(np.sum(surface.status != Status.MISSING))
                    self._post(lambda: self._progress(job, done, part))

            return place.sample(grid, on_tile, job.cancelled.is_set)

        def sampled(surface: Surface) -> None:
            old = self.moment.surface
            before = (*self.moment.before, old) if there and old is not None else ()
            note = f"sampled {surface.grid.size:,} points in {surface.settings.get('dtype', '?')}"
            self._set(
                place=place, surface=surface, before=before, note=note, error="", fresh=True,
                **_IDLE,
            )  # fmt: skip

        self._start("sampling", work, sampled, target=grid, going=None if there else place)

    def _progress(self, job: _Job, done: int, part: Surface | None) -> None:
        if job is self._job:
            self._set(done=done, preview=self.moment.preview if part is None else part)

    def _start(
        self,
        doing: str,
        work: Callable[[_Job], Any],
        then: Callable[[Any], None],
        *,
        target: Grid | None = None,
        going: Place | None = None,
        note: str = "",
    ) -> None:
        self._stop()
        job = self._job = _Job(threading.Event())
        self._set(
            doing=doing, target=target, going=going, preview=None, done=0, note=note, error=""
        )

        def run() -> None:
            if job.cancelled.is_set():
                return
            try:
                result = work(job)
            except Exception as error:
                # Whatever a network, its data or a full disk raise is shown; the old view stays.
                text = " ".join(str(error).split()) or type(error).__name__
                self._post(lambda: self._finish(job, lambda: self._fail(text, **_IDLE)))
            else:
                self._post(lambda: self._finish(job, lambda: then(result)))

        self._worker.submit(run)

    def _finish(self, job: _Job, then: Callable[[], None]) -> None:
        # What comes from a job that was cancelled or overtaken is dropped.
        if job is self._job:
            self._job = None
            then()

    def _stop(self) -> None:
        if self._job is not None:
            self._job.cancelled.set()
            self._job = None

    def _fail(self, text: str, **more: Any) -> None:
        self._set(error=text, **more)

    def _stored(self, surface: Surface) -> bool:
        return self.moment.place is not None and surface is self.moment.place.surface

    def _set(self, **changes: Any) -> None:
        self.moment = replace(self.moment, **changes)
        self._changed(self.moment)


_IDLE: dict[str, Any] = {"doing": "", "target": None, "going": None, "preview": None, "done": 0}
