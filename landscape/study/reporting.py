"""What a study needs of its data, and whom it tells how far it has come."""

from __future__ import annotations

from typing import Any, Protocol


class Examples(Protocol):
    """What a study needs of its data."""

    inputs: Any
    targets: Any
    sha256: str
    classes: int | None


class Reporter(Protocol):
    """Hears how far a study has come."""

    def stage(self, name: str, total: int) -> None:
        """A stage of ``total`` units begins."""

    def advance(self, units: int) -> None:
        """So many units are done."""

    def note(self, text: str) -> None:
        """Something worth a line."""


class Silent:
    """A reporter that says nothing."""

    def stage(self, name: str, total: int) -> None:
        """Say nothing."""

    def advance(self, units: int) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""
