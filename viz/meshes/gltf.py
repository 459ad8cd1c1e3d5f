"""Parts of a mesh as one binary glTF 2.0 file (GLB).

References:
    Khronos Group (2021), glTF 2.0 specification: 3.6 (accessors), 3.7.2 (meshes), 3.9 (materials),
    4.4 (the binary container).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .parts import Part

_MAGIC, _VERSION = 0x46546C67, 2
_JSON, _BINARY = 0x4E4F534A, 0x004E4942
_FLOAT, _UNSIGNED_SHORT, _UNSIGNED_INT = 5126, 5123, 5125
_ARRAY_BUFFER, _ELEMENT_ARRAY_BUFFER = 34962, 34963
_LINE_STRIP, _TRIANGLES = 3, 4


def glb(parts: Sequence[Part], extras: Mapping[str, Any], generator: str) -> bytes:
    """Return the file: one node and one mesh for each part, in its order.

    Colours are those of the vertices, in linear light as the format wants them. Coordinates and
    normals are single precision.

    Args:
        parts: in the file's coordinates, y upwards.
        extras: about the whole, plain JSON values; they stand at the first node, where viewers and
            Blender show them.
        generator: name of the program.
    """
    buffer = _Buffer()
    meshes, nodes = [], []
    for number, part in enumerate(parts):
        meshes.append({"name": part.name, "primitives": _primitives(buffer, part)})
        node: dict[str, Any] = {"name": part.name, "mesh": number}
        nodes.append({**node, "extras": dict(extras)} if number == 0 else node)
    document = {
        "asset": {"version": "2.0", "generator": generator},
        "scene": 0,
        "scenes": [{"nodes": list(range(len(nodes)))}],
        "nodes": nodes,
        "meshes": meshes,
        "materials": [
            {
                "name": "colours of the vertices",
                "doubleSided": True,
                "pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 0.85},
            }
        ],
        "accessors": buffer.accessors,
        "bufferViews": buffer.views,
        "buffers": [{"byteLength": len(buffer.bytes)}],
    }
    return _container(json.dumps(document, allow_nan=False).encode(), bytes(buffer.bytes))


def linear_light(colours: NDArray[np.float64]) -> NDArray[np.float64]:
    """Undo the transfer function of sRGB (IEC 61966-2-1), values from 0 to 1.

    >>> linear_light(np.array([0.0, 0.5, 1.0])).round(4).tolist()
    [0.0, 0.214, 1.0]
    """
    low = colours / 12.92
    return np.where(colours <= 0.04045, low, ((colours + 0.055) / 1.055) ** 2.4)


class _Buffer:
    """The binary chunk, with a view and an accessor for each array in it."""

    def __init__(self) -> None:
        self.bytes = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def add(
        self,
        values: NDArray[Any],
        component: int,
        kind: str,
        *,
        target: int = _ARRAY_BUFFER,
        **more: Any,
    ) -> int:
        """Append an array and return the number of its accessor."""
        data = values.tobytes()
        self.views.append(
            {
                "buffer": 0,
                "byteOffset": len(self.bytes),
                "byteLength": len(data),
                "target": target,
            }
        )
        self.bytes += data + bytes(-len(data) % 4)
        self.accessors.append(
            {
                "bufferView": len(self.views) - 1,
                "componentType": component,
                "count": len(values),
                "type": kind,
                **more,
            }
        )
        return len(self.accessors) - 1


def _primitives(buffer: _Buffer, part: Part) -> list[dict[str, Any]]:
    """Add a part's arrays and return its primitives: its triangles, or each of its lines."""
    points = part.points.astype("<f4")
    bounds = {"min": points.min(axis=0).tolist(), "max": points.max(axis=0).tolist()}
    attributes = {"POSITION": buffer.add(points, _FLOAT, "VEC3", **bounds)}
    if part.normals is not None:
        attributes["NORMAL"] = buffer.add(part.normals.astype("<f4"), _FLOAT, "VEC3")
    opaque = np.concatenate([linear_light(part.colours), np.ones((len(points), 1))], axis=1)
    shorts = np.round(opaque * 65535).astype("<u2")
    attributes["COLOR_0"] = buffer.add(shorts, _UNSIGNED_SHORT, "VEC4", normalized=True)
    corners = [(line, _LINE_STRIP) for line in part.lines]
    if part.triangles is not None:
        corners.append((part.triangles.ravel(), _TRIANGLES))
    return [
        {
            "attributes": attributes,
            "indices": buffer.add(
                np.asarray(order).astype("<u4"),
                _UNSIGNED_INT,
                "SCALAR",
                target=_ELEMENT_ARRAY_BUFFER,
            ),
            "mode": mode,
            "material": 0,
        }
        for order, mode in corners
    ]


def _container(document: bytes, binary: bytes) -> bytes:
    document += b" " * (-len(document) % 4)
    binary += bytes(-len(binary) % 4)
    length = 12 + 8 + len(document) + 8 + len(binary)
    return b"".join(
        [
            struct.pack("<III", _MAGIC, _VERSION, length),
            struct.pack("<II", len(document), _JSON),
            document,
            struct.pack("<II", len(binary), _BINARY),
            binary,
        ]
    )
