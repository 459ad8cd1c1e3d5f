"""The interfaces of a study: the data it reads, and the reporter that shows its progress."""

from __future__ import annotations

from typing import Any, Protocol


class Examples(Protocol):
    """What a study needs of its data."""

    @property
    def inputs(self) -> Any:
        """Array or tensor, [N, ...]."""

    @property
    def targets(self) -> Any:
        """Array or tensor, [N]."""

    @property
    def sha256(self) -> str:
        """Digest of the decoded data."""

    @property
    def classes(self) -> int | None:
        """Number of classes; None for a regression."""


class Reporter(Protocol):
    """Hears how far a study has come."""

    def stage(self, name: str, total: int) -> None:
        """A stage of ``total`` units begins."""

    def advance(self, units: int) -> None:
        """So many units are done."""

    def note(self, text: str) -> None:
        """Something worth a line."""


class WithinStage:
    """A reporter for a part of a stage, which begins no stages of its own."""

    def __init__(self, reporter: Reporter) -> None:
        self.advance, self.note = reporter.advance, reporter.note

    def stage(self, name: str, total: int) -> None:
        """Say nothing: the whole stage is under way."""


class Silent:
    """A reporter that says nothing."""

    def stage(self, name: str, total: int) -> None:
        """Say nothing."""

    def advance(self, units: int) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""
