"""The caption that belongs to a picture, kept as long as the picture is."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

_TOLD: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


def remember(picture: Any, text: str) -> None:
    """Keep the caption of a picture, whether it is drawn or not."""
    _TOLD[picture] = text


def caption_of(picture: Any) -> str:
    """Return the caption of a picture; "" if nothing is known of it."""
    return _TOLD.get(picture, "")
