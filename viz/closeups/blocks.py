"""A surface as a block of clay: one colour, a raking light, walls in the colour of its network.

Light alone shows the shape: where the slope jumps, so does the brightness. The corners of the mesh
have the exact gradient of their own side of a crease. Nothing is smoothed, nothing is made up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.records.arrays import Floats
from landscape.records.close_up import CloseUp
from landscape.records.kink_cut_surface import KinkCutSurface

from ..geometry.clay_material import TOP, WALL, direction, light_clay
from ..offscreen import ensure

# Of the camera: azimuth and elevation in degrees.
VIEW = (-58.0, 32.0)
# Height of the highest block over the floor's side of 2, and of the clay below its lowest place.
RISE, DEPTH = 0.95, 0.26
# Around a block in its picture.
_MARGIN = 0.02
# A range below this share of the losses is rounding: it is drawn lower than a hundredth of a block.
_ROUNDING = 200 * float(np.finfo(np.float64).eps)
_MARK = "#d7191c"


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """One surface as it is drawn: a square of 2 units, the lowest place of its top at height 0.

    Attributes:
        points: corners of the top, [M, 3].
        normals: unit vectors, [M, 3].
        triangles: of the top, [T, 3].
        rims: its four upper edges, each from corner to corner, [K, 3].
    """

    points: Floats
    normals: Floats
    triangles: NDArray[np.int64]
    rims: tuple[Floats, ...]

    @classmethod
    def of(cls, surface: KinkCutSurface, *, largest: float = 0.0) -> Block:
        """Lay a surface out.

        Args:
            surface: its losses are heights.
            largest: range of losses that is drawn as high as a block can be; its own by default.
        """
        ends = np.array(surface.window)
        unit = 2.0 / np.ptp(ends, axis=1)
        flat = (surface.coordinates - ends.mean(axis=1)) * unit
        # What is left of losses of this size by rounding alone stays flat.
        size = abs(surface.removed[0]) + float(np.abs(surface.losses).max())
        tall = max(largest or float(np.ptp(surface.losses)), _ROUNDING * size)
        rise = RISE / (tall or 1.0)
        points = np.column_stack([flat, (surface.losses - surface.losses.min()) * rise])
        normals = np.column_stack([-surface.gradients * rise / unit, np.ones(len(points))])
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        return cls(points, normals, surface.triangles, tuple(_rims(points)))

    def walls(self) -> Iterator[tuple[Floats, NDArray[np.int64]]]:
        """Yield points [2 K, 3] and quadrangles [K - 1, 4] of each wall down to the floor."""
        for rim in self.rims:
            count = len(rim)
            i = np.arange(count - 1)
            faces = np.stack([i, i + 1, count + i + 1, count + i], axis=1)
            yield np.concatenate([rim, rim * [1, 1, 0] - [0, 0, DEPTH]]), faces

    def square(self, share: float) -> Floats:
        """Return a square of this share of the side around the centre, on the top, [K, 3]."""
        t = np.linspace(-share, share, 33)
        side = np.full_like(t, share)
        pairs = ((t, -side), (side, t), (t[::-1], side), (-side, t[::-1]))
        flat = np.concatenate([np.stack(pair, axis=1) for pair in pairs])
        return self.laid(flat)

    def laid(self, flat: Floats) -> Floats:
        """Return places [K, 2] in units of the block, laid on its top, [K, 3]."""
        from scipy.interpolate import LinearNDInterpolator

        height = LinearNDInterpolator(self.points[:, :2], self.points[:, 2])(flat)
        return np.column_stack([flat, height])


def _rims(points: Floats) -> Iterator[Floats]:
    for axis, side in ((1, -1.0), (0, 1.0), (1, 1.0), (0, -1.0)):
        rim = points[np.abs(points[:, axis] - side) < 1e-9]
        rim = rim[np.argsort(rim[:, 1 - axis], kind="stable")]
        yield rim[np.append(True, np.diff(rim[:, 1 - axis]) > 1e-12)]


@dataclass(frozen=True, slots=True)
class View:
    """A camera and the part of its picture that is drawn, in units of the picture.

    Attributes:
        azimuth: of the camera in degrees.
        elevation: likewise.
        extent: left, right, lower and upper end.
    """

    azimuth: float
    elevation: float
    extent: tuple[float, float, float, float]

    @classmethod
    def around(
        cls, blocks: Sequence[Block], azimuth: float = VIEW[0], elevation: float = VIEW[1]
    ) -> View:
        """Return the view that holds every block and its floor."""
        view = cls(azimuth, elevation, (0.0, 1.0, 0.0, 1.0))
        floor = np.array([(x, y, -DEPTH) for x in (-1.0, 1.0) for y in (-1.0, 1.0)])
        flat = view.flat(np.concatenate([floor, *(block.points for block in blocks)]))
        (left, low), (right, high) = (flat.min(axis=0) - _MARGIN, flat.max(axis=0) + _MARGIN)
        return cls(azimuth, elevation, (float(left), float(right), float(low), float(high)))

    @classmethod
    def all_around(cls, azimuth: float, aspect: float, elevation: float = VIEW[1]) -> View:
        """Return a view of a block of full height that keeps its scale when the camera turns."""
        far, tilt = np.sqrt(2.0), np.radians(elevation)
        low = -far * np.sin(tilt) - DEPTH * np.cos(tilt)
        high = far * np.sin(tilt) + RISE * np.cos(tilt)
        tall = max(1.18 * (high - low), 2.1 * far / aspect)
        # More room above, for a name.
        middle = (low + high) / 2 + 0.02 * tall
        low, high = float(middle - tall / 2), float(middle + tall / 2)
        return cls(azimuth, elevation, (-tall * aspect / 2, tall * aspect / 2, low, high))

    def as_wide_as(self, others: Sequence[View]) -> View:
        """Return the view with the widest extent of several to the left and right."""
        left = min(view.extent[0] for view in others)
        right = max(view.extent[1] for view in others)
        return replace(self, extent=(left, right, *self.extent[2:]))

    def flat(self, points: Floats) -> Floats:
        """Return where points [K, 3] are in the picture, [K, 2]."""
        towards = direction(self.azimuth, self.elevation)
        right = np.cross([0.0, 0.0, 1.0], towards)
        right /= np.linalg.norm(right)
        return np.stack([points @ right, points @ np.cross(towards, right)], axis=1)

    @property
    def aspect(self) -> float:
        """Width over height."""
        left, right, low, high = self.extent
        return (right - left) / (high - low)

    def aim(self, plotter: Any) -> None:
        """Point a plotter's camera."""
        towards = direction(self.azimuth, self.elevation)
        right = np.cross([0.0, 0.0, 1.0], towards)
        right /= np.linalg.norm(right)
        left, right_end, low, high = self.extent
        focus = right * (left + right_end) / 2 + np.cross(towards, right) * (low + high) / 2
        camera = plotter.camera
        camera.focal_point, camera.position = tuple(focus), tuple(focus + 10 * towards)
        camera.up = (0.0, 0.0, 1.0)
        camera.parallel_projection = True
        camera.parallel_scale = (high - low) / 2
        plotter.renderer.reset_camera_clipping_range()


def render(
    block: Block,
    colour: str,
    view: View,
    *,
    pixels: int,
    background: str = "#ffffff",
) -> NDArray[np.uint8]:
    """Render a block, [H, W, 3].

    Args:
        block: what is drawn.
        colour: of its walls.
        view: the camera.
        pixels: width of the picture.
        background: behind it.

    Raises:
        RuntimeError: if nothing can be rendered here.
    """
    ensure()
    import pyvista

    size = [pixels, round(pixels / view.aspect)]
    plotter = pyvista.Plotter(off_screen=True, window_size=size, lighting="none", border=False)
    try:
        plotter.set_background(background)
        plotter.enable_anti_aliasing("ssaa")
        draw_block(plotter, block, colour)
        view.aim(plotter)
        return np.asarray(plotter.screenshot(return_img=True))
    finally:
        plotter.close()


def draw_block(plotter: Any, block: Block, colour: str) -> None:
    """Put a block and its lights into the plotter's active renderer."""
    import pyvista

    top = pyvista.PolyData.from_regular_faces(block.points, block.triangles)
    top.point_data["Normals"] = block.normals
    top.point_data.active_normals_name = "Normals"
    plotter.add_mesh(top, smooth_shading=True, **TOP)
    for points, faces in block.walls():
        plotter.add_mesh(pyvista.PolyData.from_regular_faces(points, faces), color=colour,
                         **WALL)  # fmt: skip
    light_clay(plotter)


def mark(block: Block, share: float) -> tuple[Floats, str]:
    """Return the line that marks the next window, drawn no smaller than a twentieth."""
    return block.square(max(share, 0.05)), _MARK


def walk(block: Block, closeup: CloseUp) -> list[tuple[Floats, str]]:
    """Return a line for each step of an optimizer, and a point for each of its places."""
    ends = np.array(closeup.surface.window)
    places = (closeup.path - ends.mean(axis=1)) * 2.0 / np.ptp(ends, axis=1)
    t = np.linspace(0.0, 1.0, 65)[:, None]
    steps = [block.laid(a + t * (b - a)) for a, b in pairwise(places)]
    return [(points, _MARK) for points in [*steps, *(block.laid(p[None]) for p in places)]]
