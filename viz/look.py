"""How all panels of a picture look: height, colour, shading, style."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from landscape.records.choices import check_known
from landscape.records.results import Projection
from landscape.records.surface import Surface

from .geometry.colouring import AGAINST, Colours, Reference, colours_of
from .geometry.height import KINDS, HeightScale, Kind, scale_of
from .geometry.mesh import Shading, check_shading
from .style import Style


@dataclass(frozen=True, slots=True)
class Look:
    """How all panels of a picture look; ``dataclasses.replace`` varies one thing.

    Attributes:
        height: ``log``, ``linear``, ``clipped`` (linear up to a limit), ``auto`` (log where all
            losses are positive and span more than two decades, else linear), or a scale that
            several pictures share, see :class:`viz.HeightScale`.
        limit: loss above which surfaces are cut; by default ``clipped`` cuts at the upper quartile
            of the losses, and the other heights cut nothing.
        colour: what surfaces are coloured by: ``losses``, ``slope``, ``curvature``, ``status``,
            ``difference``, ``kinks``, or a field such as ``accuracies``. Isolines are those of the
            loss. See :func:`viz.geometry.colouring.colours_of`.
        reference: for ``difference`` the other surface, for ``kinks`` the kink map; one for all
            panels, or one for each.
        shading: of 3D surfaces: ``flat``, ``differences`` or ``gradient``, see
            :func:`viz.geometry.mesh.surface_mesh`. Clay is never flat, as the edges of the
            triangles would look like creases: ``flat`` becomes ``differences``.
        style: fonts, colours, sizes and camera: a style, the name of one, or a file of one.

    Raises:
        OSError: if the file of a style cannot be read.
        ValueError: for an unknown height, shading or style, a limit that is not finite or stands
            beside a scale, or a colour whose reference is missing or which has none.
    """

    height: Kind | HeightScale = "log"
    limit: float | None = None
    colour: str = "losses"
    reference: Reference | Sequence[Reference] | None = None
    shading: Shading = "flat"
    style: Style | str = "paper"

    def __post_init__(self) -> None:
        shared = isinstance(self.height, HeightScale)
        if not shared:
            check_known("height", self.height, KINDS)
        if self.limit is not None and (shared or not np.isfinite(self.limit)):
            raise ValueError(
                f"limit must be a finite loss beside a height of {', '.join(KINDS)}, got "
                f"{self.limit} beside {self.height}; a scale is cut with its cut_at"
            )
        check_shading(self.shading)
        if Style.of(self.style).material == "clay" and self.shading == "flat":
            object.__setattr__(self, "shading", "differences")
        if self.colour not in AGAINST and self.reference is not None:
            raise ValueError(f"colour {self.colour!r} has no reference; leave it out")
        if self.colour in AGAINST and self.reference is None:
            raise ValueError(
                f"colour {self.colour!r} needs a reference, got none; give one "
                f"{AGAINST[self.colour]}, or one for each panel"
            )

    def scale(self, surfaces: Sequence[Surface], paths: Iterable[Projection] = ()) -> HeightScale:
        """Return the height scale of surfaces and of what is drawn of paths.

        Raises:
            ValueError: as :meth:`viz.HeightScale.of` does.
        """
        return scale_of(self.height, surfaces, paths, limit=self.limit)

    def colours(
        self, surfaces: Sequence[Surface], scale: HeightScale, style: Style
    ) -> Colours | None:
        """Return what surfaces are coloured by; None for their losses.

        Raises:
            ValueError: for an unknown field, or a reference that does not fit.
        """
        return colours_of(surfaces, self.colour, style, height=scale.kind,
                          reference=self.reference)  # fmt: skip

    def check_plain(self, what: str) -> None:
        """Check that surfaces are coloured by their losses.

        Raises:
            ValueError: otherwise; ``what`` names the picture that has no other colours.
        """
        if self.colour != "losses":
            raise ValueError(
                f"{what} is coloured by the losses, got colour {self.colour!r}; leave it out"
            )


USUAL = Look()
