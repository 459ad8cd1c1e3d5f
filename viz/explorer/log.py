"""What a terminal says of browsers that leave or send nonsense: a line each, no traceback."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Of what serves the page.
_LOGGERS = ("aiohttp", "wslink", "trame_server")
_LONGEST = 200


class _OneLine(logging.Formatter):
    """Writes a record without its traceback, and nothing that a terminal would obey."""

    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            text += f": {record.exc_info[1]}"
        return "landscape: " + one_line(text)


def _is_trouble(record: logging.LogRecord) -> bool:
    """Whether a record tells more than that a browser has gone."""
    gone = record.exc_info is not None and isinstance(record.exc_info[1], ConnectionError)
    # Some write the traceback into their message.
    return not gone and "ConnectionResetError" not in record.getMessage()


def one_line(text: str) -> str:
    r"""Return a text in one line of printable characters, cut if it is long.

    >>> one_line("two\nlines \x1b[2J and more")
    'two lines ?[2J and more'
    """
    joined = " ".join(text.split())
    printable = "".join(c if c.isprintable() else "?" for c in joined)
    return printable if len(printable) <= _LONGEST else printable[: _LONGEST - 3] + "..."


@contextmanager
def in_one_line() -> Iterator[None]:
    """Write what the server logs in a line each."""
    handler = logging.StreamHandler()
    handler.setLevel(logging.ERROR)
    handler.setFormatter(_OneLine())
    handler.addFilter(_is_trouble)
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [logger.propagate for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, propagated in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.propagate = propagated


def ignore_departures(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Handle what a task of a loop left behind: that a browser has gone is no error."""
    if not isinstance(context.get("exception"), ConnectionError):
        loop.default_exception_handler(context)
