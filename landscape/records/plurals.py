"""Counts with their nouns: "1 run", "1,797 examples"."""

from __future__ import annotations


def plural(count: int, noun: str, many: str = "") -> str:
    """Return a noun as it goes with a count.

    Args:
        count: how many.
        noun: for one.
        many: for several, where that is not the noun and an s.

    >>> plural(1, "run"), plural(0, "run"), plural(2, "loss", "losses")
    ('run', 'runs', 'losses')
    """
    return noun if count == 1 else many or f"{noun}s"


def counted(count: int, noun: str, many: str = "") -> str:
    """Write a count with its noun; arguments as of :func:`plural`.

    >>> counted(1, "run"), counted(1797, "example")
    ('1 run', '1,797 examples')
    """
    return f"{count:,} {plural(count, noun, many)}"
