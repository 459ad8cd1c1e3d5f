"""Work in another thread, one piece at a time: what is begun later overtakes what came before."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from landscape.records.surface import Status, Surface

from .moment import OnTile

# News of what is being sampled is no closer than this, in seconds.
_TOLD_EVERY = 0.2
Post = Callable[[Callable[[], None]], Any]


class Job:
    """A piece of work, and whether it is to stop."""

    def __init__(self) -> None:
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Ask it to stop."""
        self._cancelled.set()

    def cancelled(self) -> bool:
        """Whether it was asked to stop."""
        return self._cancelled.is_set()


class Worker:
    """One thread that works, and brings what it found to the thread that draws.

    Args:
        post: takes a function and calls it later in the thread that draws, as
            ``loop.call_soon_threadsafe`` does.
    """

    def __init__(self, post: Post) -> None:
        self._post = post
        self._job: Job | None = None
        # One thread: the next piece waits until the last one has noticed that it is cancelled.
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="landscape-sampler")

    @property
    def busy(self) -> bool:
        """Whether something is being done."""
        return self._job is not None

    def start(
        self,
        work: Callable[[Job], Any],
        then: Callable[[Any], None],
        failed: Callable[[str], None],
    ) -> None:
        """Begin a piece of work; what is being done is cancelled, and what it brings dropped.

        Args:
            work: done in the other thread.
            then: called with what it returned in the thread that draws.
            failed: called there with what went wrong, in a line.
        """
        self.stop()
        job = self._job = Job()

        def run() -> None:
            if job.cancelled():
                return
            try:
                result = work(job)
            except Exception as error:
                # Whatever a network, its data or a full disk raise is told.
                text = " ".join(str(error).split()) or type(error).__name__
                self._post(lambda: self._finish(job, lambda: failed(text)))
            else:
                self._post(lambda: self._finish(job, lambda: then(result)))

        self._pool.submit(run)

    def tell(self, job: Job, news: Callable[[], None]) -> None:
        """Call a function in the thread that draws, unless the job was cancelled or overtaken."""
        self._post(lambda: news() if job is self._job else None)

    def stop(self) -> None:
        """Cancel what is being done."""
        if self._job is not None:
            self._job.cancel()
            self._job = None

    def close(self) -> None:
        """Cancel what is being done and free the thread."""
        self.stop()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def wait(self) -> None:
        """Wait until the thread has nothing to do; what it posted may still have to be called."""
        self._pool.submit(lambda: None).result()

    def _finish(self, job: Job, then: Callable[[], None]) -> None:
        if job is self._job:
            self._job = None
            then()


def seldom(call: Callable[[int, Surface], None]) -> OnTile:
    """Return what calls a function with the number of points and the surface, but not too often."""
    last = 0.0

    def on_tile(surface: Surface) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > _TOLD_EVERY:
            last = now
            call(int(np.sum(surface.status != Status.MISSING)), surface)

    return on_tile
