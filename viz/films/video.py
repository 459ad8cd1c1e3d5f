"""Writing frames to a film as they are made: none is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.records.atomic import replacing, writable_folder

VIDEO_FORMATS = (".mp4", ".gif")
INSTALL = "pip install 'lossoscope[video]'"
_LEAST_DEVIATION = 5.0
# One palette for each frame, so that ffmpeg need not keep them all to find a common one.
_GIF = (
    "split[a][b];[a]palettegen=stats_mode=single[p];"
    "[b][p]paletteuse=new=1:dither=bayer:bayer_scale=4"
)
# Constant quality that keeps text and thin lines clean; about 1 MB for 6 seconds of a surface.
_MP4 = ["-crf", "18", "-preset", "medium", "-movflags", "+faststart"]


def check_video(path: Path, size: tuple[int, int], fps: float, seconds: float) -> int:
    """Return the number of frames of a film that can be written.

    Raises:
        ValueError: for another suffix, or a size, rate or duration that makes no film.
        ImportError: if the package that writes films is missing.
    """
    if path.suffix not in VIDEO_FORMATS:
        raise ValueError(f"a film is written as {' or '.join(VIDEO_FORMATS)}, got {path.name!r}")
    if any(side < 16 or side % 2 for side in size):
        raise ValueError(f"a film's sides must be even and >= 16 pixels, got {size[0]}x{size[1]}")
    if not (1 <= fps <= 120 and 0 < seconds <= 600):
        raise ValueError(
            f"fps must be from 1 to 120 and seconds up to 600, got {fps} and {seconds}"
        )
    _writer_package()
    return max(round(seconds * fps), 2)


def write_video(
    frames: Iterator[NDArray[np.uint8]], path: Path, *, size: tuple[int, int], fps: float
) -> None:
    """Write frames [height, width, 3] to a film, one after the other.

    Raises:
        ImportError: if the package that writes films is missing.
        RuntimeError: if a frame is blank, or ffmpeg fails.
        OSError: if the folder cannot be written.
    """
    ffmpeg = _writer_package()
    writable_folder(path.parent)
    with replacing(path) as temporary:
        writer = ffmpeg.write_frames(
            str(temporary), size, fps=fps, **_codec(path.suffix), ffmpeg_log_level="error",
            # Its default of 16 would stretch 1080 lines to 1088.
            macro_block_size=2,
        )  # fmt: skip
        writer.send(None)
        try:
            for frame in frames:
                _check(frame, size)
                writer.send(np.ascontiguousarray(frame))
        except OSError as error:
            raise RuntimeError(f"ffmpeg could not write {path}: {error}") from None
        finally:
            writer.close()
        if not temporary.stat().st_size:
            raise RuntimeError(f"ffmpeg wrote nothing to {path}")


def _codec(suffix: str) -> dict[str, Any]:
    if suffix == ".gif":
        return {"codec": "gif", "pix_fmt_out": "pal8", "output_params": ["-filter_complex", _GIF]}
    # quality=None leaves the choice to -crf.
    return {"codec": "libx264", "pix_fmt_out": "yuv420p", "quality": None, "output_params": _MP4}


def _check(frame: NDArray[np.uint8], size: tuple[int, int]) -> None:
    if frame.shape != (size[1], size[0], 3):
        raise RuntimeError(f"a frame must have shape {(size[1], size[0], 3)}, got {frame.shape}")
    if frame.std() < _LEAST_DEVIATION:
        raise RuntimeError("a frame came out blank; 'landscape doctor' tells whether rendering "
                           "works here")  # fmt: skip


def _writer_package() -> Any:
    try:
        import imageio_ffmpeg
    except ImportError:
        raise ImportError(f"films need the package imageio-ffmpeg: {INSTALL}") from None
    return imageio_ffmpeg
