"""Tables as columns of one length, of numpy arrays or of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor


class Columns:
    """A dataclass whose fields are the columns."""

    __slots__ = ()

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Return the names of the columns."""
        return tuple(f.name for f in fields(cls))  # type: ignore[arg-type]

    @classmethod
    def joined(cls, parts: Sequence[Self], **others: Any) -> Self:
        """Put the rows of several tables one after another; others are further fields."""
        lists = {name: [getattr(part, name) for part in parts] for name in cls.columns()}
        whole: dict[str, Any] = {
            name: torch.cat(values) if isinstance(values[0], Tensor) else np.concatenate(values)
            for name, values in lists.items()
        }
        return cls(**whole, **others)

    def only(self, rows: Any) -> Self:
        """Return the rows that a mask or an order chooses."""
        chosen = {name: getattr(self, name)[rows] for name in self.columns()}
        return replace(self, **chosen)  # type: ignore[type-var]
