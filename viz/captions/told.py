"""The caption that belongs to a picture, kept as long as the picture is."""

from __future__ import annotations

import re
from typing import Any
from weakref import WeakKeyDictionary

# A sentence ends where the next begins; not at "et al. (2018)".
_END = re.compile(r"(?<=\.) (?=[A-Z0-9])")
# What a reader of the picture alone must know too.
_WARNING = "Compare with care"
_TOLD: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


def remember(picture: Any, text: str) -> None:
    """Keep the caption of a picture, whether it is drawn or not."""
    _TOLD[picture] = text


def caption_of(picture: Any) -> str:
    """Return the caption of a picture; "" if nothing is known of it."""
    return _TOLD.get(picture, "")


def lead_of(text: str) -> str:
    """Return what of a caption is drawn into its picture: its first sentence, and warnings.

    >>> lead_of("Random plane around a, loss 0.5. 51 x 51 points. Compare with care: windows.")
    'Random plane around a, loss 0.5. Compare with care: windows.'
    """
    first, *others = _END.split(text)
    return " ".join([first, *(other for other in others if other.startswith(_WARNING))])
