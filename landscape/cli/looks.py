"""How pictures of a study look, as the command line was asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from landscape.store import StudyFile


@dataclass(frozen=True, slots=True)
class Look:
    """How pictures of a study look.

    Attributes:
        height: log, linear or clipped.
        limit: loss above which surfaces are cut; None for the usual one.
        colour: what surfaces are coloured by.
        reference: of a difference or of kinks.
        shading: of 3D surfaces.
        style: its name, or a file of it.
        captions: whether captions are written beside, as .tex and .md.
    """

    height: str = "log"
    limit: float | None = None
    colour: str = "losses"
    reference: Any = None
    shading: str = "flat"
    style: str = "paper"
    captions: bool = False

    def options(self, viz: Any, panels: Iterable[Any], *, flat: bool = False) -> dict[str, Any]:
        """Return what the functions of ``viz`` are called with."""
        height: Any = self.height
        if self.limit is not None:
            panels = list(panels)
            paths = [path for one in panels for path in one.paths]
            height = viz.HeightScale.of(
                [one.surface for one in panels], kind=height, paths=paths, limit=self.limit
            )
        if flat:
            return {"height": height, "style": self.style}
        return {"height": height, "style": self.style, "shading": self.shading,
                "colour": self.colour, "reference": self.reference}  # fmt: skip


def reference_of(study: StudyFile, colour: str, identifier: str | None) -> Any:
    """Return the surface or the kink map that a colour refers to; None if it needs none.

    Raises:
        KeyError: if there is none of this id.
        ValueError: if it is missing, or another colour is chosen.
    """
    from landscape.kink_map import KIND, KinkMap

    if colour not in ("difference", "kinks"):
        if identifier is not None:
            raise ValueError(f"colour {colour!r} has no reference; leave --reference out")
        return None
    if identifier is None:
        known = study.surfaces() if colour == "difference" else study.analyses(KIND)
        raise ValueError(f"colour {colour!r} needs --reference; known: {', '.join(known)}")
    if colour == "difference":
        return study.surface(identifier)
    return KinkMap.from_analysis(study.analysis(KIND, identifier))
