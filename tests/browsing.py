"""Waiting for a page whose policy forbids what Playwright's own waiting evaluates in it."""

from __future__ import annotations

import time
from typing import Any


def until(page: Any, expression: str, *, seconds: float = 20.0) -> None:
    """Ask a page until an expression is true.

    Raises:
        TimeoutError: if it stays false.
    """
    end = time.monotonic() + seconds
    while not page.evaluate(f"Boolean({expression})"):
        if time.monotonic() > end:
            raise TimeoutError(f"still not true after {seconds} s: {expression}")
        page.wait_for_timeout(20)
