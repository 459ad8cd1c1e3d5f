"""A user's mistake ends in one line with the remedy, never in a traceback."""

from __future__ import annotations

import errno
import functools
import logging
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import typer

from landscape.records.presenting import one_line

P = ParamSpec("P")
R = TypeVar("R")

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_INTERRUPTED = 130


def one_line_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Turn errors of a command into one line and an exit code.

    2 for a mistake, 1 where the machine is the reason (no room, no graphics), 130 for Ctrl-C.
    Warnings become one line too. With LANDSCAPE_DEBUG=1 in the environment the traceback is shown
    instead, and the log: how the engine was chosen, for example.
    """

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        if os.environ.get("LANDSCAPE_DEBUG") == "1":
            logging.basicConfig(level=logging.WARNING, format="%(message)s")
            logging.getLogger("landscape").setLevel(logging.DEBUG)
            return command(*args, **kwargs)
        try:
            with warnings.catch_warnings():
                warnings.showwarning = _show
                return command(*args, **kwargs)
        except (typer.Exit, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            _say("interrupted; finished work is saved, the same command continues it")
            raise typer.Exit(_INTERRUPTED) from None
        except (ValueError, OSError, KeyError, TypeError, ImportError, RuntimeError) as error:
            _say(_text(error))
            raise typer.Exit(_code(error)) from None

    return wrapped


def _code(error: Exception) -> int:
    no_room = isinstance(error, OSError) and error.errno in _NO_ROOM
    return 1 if no_room or isinstance(error, RuntimeError) else 2


def _text(error: Exception) -> str:
    if isinstance(error, KeyError) and error.args:
        text = str(error.args[0])
    elif isinstance(error, OSError) and error.strerror:
        text = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    else:
        text = str(error)
    return text or type(error).__name__


def _show(message: Warning | str, *_where: Any, **_more: Any) -> None:
    """Show a warning in one line, without the place in the code that it came from."""
    _say(str(message))


def _say(text: str) -> None:
    print(f"landscape: {one_line(text)}", file=sys.stderr)
