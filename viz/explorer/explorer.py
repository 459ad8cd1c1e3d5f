"""The live explorer's state: which region is shown, which is being sampled, what went wrong.

Nothing here draws, serves or knows a network. What samples is handed over by the caller and runs in
a thread of its own; every change of the state happens in the caller's thread, to which ``post``
brings the results.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from landscape.records.grid import Grid
from landscape.records.surface import Surface

from .moment import Atlas, Moment, Place, Point
from .regions import (
    LINE_POINTS,
    POINTS,
    check_line,
    check_points,
    coarse_part,
    first_window,
)
from .worker import Job, Post, Worker, seldom

# Pictures of an unfinished surface are no closer than this, in seconds.
_PREVIEW_EVERY = 0.4
_LINE = "sampling the line"


class Explorer:
    """A walk over surfaces: open, zoom, back, keep; lines between two points.

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
        self.line_points = LINE_POINTS
        self._changed = changed
        self._worker = Worker(post)

    def open(self, name: str) -> None:
        """Show a place of the study."""
        self._visit(lambda: self.atlas.open(name), f"opening {name}")

    def make(self, **choice: Any) -> None:
        """Make a new plane, sample it and show it; arguments as :meth:`Atlas.make`."""
        self._visit(lambda: self.atlas.make(**choice), "making a plane")

    def zoom(self, alpha: Point, beta: Point, *, points: int | None = None) -> None:
        """Sample a window anew and show it; what is shown stays until the first coarse part is in.

        Args:
            alpha: first and last alpha.
            beta: first and last beta.
            points: each way; None for as many as last time.
        """
        # What is seen: also a new plane of which a coarse part is there.
        place = self.moment.here
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

    def mark(self, point: Point) -> None:
        """Choose a point of the surface: the first end of a line, or the second, then sample it."""
        ends = self.moment.ends
        if len(ends) == 1:
            self.draw_line(ends[0], point)
            return
        place = self._settled()
        if place is None:
            return
        if not place.live:
            self._fail("this surface can be looked at only, not sampled")
            return
        self._stop_line()
        self._set(ends=(point,), line=None, line_fresh=False, error="",
                  note="choose the other end of the line")  # fmt: skip

    def draw_line(self, first: Point, second: Point, *, points: int | None = None) -> None:
        """Sample the line from one point of the place to another.

        Args:
            first: its alpha and beta.
            second: likewise.
            points: on the line, its ends among them; None for as many as last time.
        """
        place = self._settled()
        if place is None:
            return
        try:
            self.line_points = check_line(
                first, second, self.line_points if points is None else points
            )
        except ValueError as error:
            self._fail(str(error))
            return
        count = self.line_points

        def work(job: Job) -> Surface:
            def progress(done: int, part: Surface) -> None:
                self._worker.tell(job, lambda: self._set(done=done, line=part))

            return place.sample_line(first, second, count, seldom(progress), job.cancelled)

        def sampled(line: Surface) -> None:
            self._set(line=line, line_fresh=True, note=_sampled(line, "points of the line"),
                      error="", **_IDLE)  # fmt: skip

        self._start(_LINE, work, sampled, target=Grid.line(count, (0.0, 1.0)),
                    ends=(first, second), line=None, line_fresh=False)  # fmt: skip

    def drop_line(self) -> None:
        """Show no line any more."""
        self._stop_line()
        self._set(**_NO_LINE)

    def back(self) -> None:
        """Show the surface before."""
        *before, last = self.moment.before or (None,)
        if last is not None:
            self._worker.stop()
            self._set(
                surface=last, before=tuple(before), note="", error="",
                fresh=not self._stored(last), **self._at_rest(),
            )  # fmt: skip

    def home(self) -> None:
        """Show the place again as it was first seen."""
        place, before = self.moment.place, self.moment.before
        whole = place.surface if place is not None else None
        if whole is None and before:
            whole = before[0]
        if whole is not None:
            self._worker.stop()
            fresh = not self._stored(whole)
            self._set(surface=whole, before=(), note="", error="", fresh=fresh, **self._at_rest())

    def cancel(self) -> None:
        """Stop what is being done; what was shown before comes back."""
        if self._worker.busy:
            self._worker.stop()
            self._set(note="cancelled", **self._at_rest())

    def keep(self) -> None:
        """Put the region that is shown into the study."""
        self._keep(self.moment.surface, "fresh", "surface",
                   "there is nothing to keep yet; wait until a region is sampled")  # fmt: skip

    def keep_line(self) -> None:
        """Put the line that is shown into the study."""
        self._keep(self.moment.line, "line_fresh", "line",
                   "there is no line to keep yet; choose two points and wait until it is "
                   "sampled")  # fmt: skip

    def say(self, note: str) -> None:
        """Tell something beside what is being done."""
        self._set(note=note)

    def close(self) -> None:
        """Cancel what is being done and free the thread."""
        self._worker.close()

    def wait(self) -> None:
        """Wait until the thread has nothing to do; what it posted may still have to be called."""
        self._worker.wait()

    def _keep(self, surface: Surface | None, fresh: str, what: str, missing: str) -> None:
        """Put a surface into the study, unless it is there; ``fresh`` names what says so."""
        place = self.moment.place
        if surface is None or place is None or self.moment.doing:
            self._fail(missing)
            return
        if not getattr(self.moment, fresh):
            self._fail(f"this {what} is in the study already")
            return

        def kept(name: str) -> None:
            self._set(note=f"kept as {name}", error="", **{fresh: False}, **_IDLE)

        self._start("keeping", lambda _job: place.keep(surface), kept)

    def _settled(self) -> Place | None:
        """Return the place if its surface is what is drawn; otherwise say that it is not yet."""
        place = self.moment.place
        if place is None or place is not self.moment.here:
            self._fail("wait until the surface is sampled")
            return None
        return place

    def _visit(self, make: Callable[[], Place], note: str) -> None:
        def arrived(place: Place) -> None:
            if place.surface is None:
                shape = (self.points, self.points)
                self._sample(place, Grid.over(shape, first_window(place)))
                return
            self._set(
                place=place, surface=place.surface, before=(), note="", error="", fresh=False,
                **_IDLE, **_NO_LINE,
            )  # fmt: skip

        self._start("opening", lambda _job: make(), arrived, note=note)

    def _sample(self, place: Place, grid: Grid) -> None:
        there = self.moment.place is place

        def work(job: Job) -> Surface:
            last, size = 0.0, 0

            def progress(done: int, surface: Surface) -> None:
                nonlocal last, size
                now, part = time.monotonic(), None
                if now - last > _PREVIEW_EVERY:
                    coarse, last = coarse_part(surface), now
                    if coarse is not None and coarse.grid.size > size:
                        part, size = coarse, coarse.grid.size
                self._worker.tell(job, lambda: self._progress(done, part))

            return place.sample(grid, seldom(progress), job.cancelled)

        def sampled(surface: Surface) -> None:
            old = self.moment.surface
            before = (*self.moment.before, old) if there and old is not None else ()
            self._set(
                place=place, surface=surface, before=before, note=_sampled(surface, "points"),
                error="", fresh=True, **_IDLE, **({} if there else _NO_LINE),
            )  # fmt: skip

        self._start("sampling", work, sampled, target=grid, going=None if there else place)

    def _progress(self, done: int, part: Surface | None) -> None:
        self._set(done=done, preview=self.moment.preview if part is None else part)

    def _start(
        self,
        doing: str,
        work: Callable[[Job], Any],
        then: Callable[[Any], None],
        *,
        target: Grid | None = None,
        going: Place | None = None,
        note: str = "",
        **more: Any,
    ) -> None:
        def failed(text: str) -> None:
            # The old view stays.
            self._fail(text, **self._at_rest())

        self._worker.stop()
        self._set(**self._at_rest() | {"doing": doing, "target": target, "going": going,
                                       "note": note, "error": ""} | more)  # fmt: skip
        self._worker.start(work, then, failed)

    def _stop_line(self) -> None:
        if self.moment.doing == _LINE:
            self.cancel()

    def _at_rest(self) -> dict[str, Any]:
        """Return what changes when work is stopped: an unfinished line is shown no longer."""
        line = self.moment.line
        return _IDLE | {"line": line if line is not None and line.complete else None}

    def _fail(self, text: str, **more: Any) -> None:
        self._set(error=text, **more)

    def _stored(self, surface: Surface) -> bool:
        return self.moment.place is not None and surface is self.moment.place.surface

    def _set(self, **changes: Any) -> None:
        self.moment = replace(self.moment, **changes)
        self._changed(self.moment)


def _sampled(surface: Surface, what: str) -> str:
    return f"sampled {surface.grid.size:,} {what} in {surface.settings.get('dtype', '?')}"


_IDLE: dict[str, Any] = {"doing": "", "target": None, "going": None, "preview": None, "done": 0}
_NO_LINE: dict[str, Any] = {"ends": (), "line": None, "line_fresh": False}
