"""Making sure that VTK can render here, before it is asked to.

Without GL libraries VTK does not raise: it crashes the process as soon as a window is made. So a
child process renders a few pixels first.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys

PACKAGES = "libegl1 libgl1-mesa-dri"
_VARIABLE = "VTK_DEFAULT_OPENGL_WINDOW"
_SECONDS = 60.0
_PROBE = """
import os, sys
from vtkmodules.vtkRenderingCore import vtkRenderer, vtkRenderWindow, vtkWindowToImageFilter
import vtkmodules.vtkRenderingOpenGL2
window = vtkRenderWindow()
window.SetOffScreenRendering(1)
window.SetSize(8, 8)
renderer = vtkRenderer()
renderer.SetBackground(1, 0, 0)
window.AddRenderer(renderer)
window.Render()
image = vtkWindowToImageFilter()
image.SetInput(window)
image.Update()
red = image.GetOutput().GetPointData().GetScalars().GetTuple3(0)
sys.exit(0 if red == (255.0, 0.0, 0.0) else 1)
"""


def probe() -> str | None:
    """Find a way to render off-screen, in child processes.

    Returns:
        The value for VTK_DEFAULT_OPENGL_WINDOW, "" if VTK's own choice works, None if nothing does.
    """
    named = os.environ.get(_VARIABLE)
    without_display = ["vtkEGLRenderWindow", "vtkOSOpenGLRenderWindow"]
    # VTK's own choice asks for an X server first, and complains where there is none.
    display = sys.platform != "linux" or os.environ.get("DISPLAY")
    candidates = ["", *without_display] if display else [*without_display, ""]
    if named:
        candidates = [named]
    for candidate in candidates:
        environment = {**os.environ, _VARIABLE: candidate}
        if not candidate:
            del environment[_VARIABLE]
        try:
            done = subprocess.run(  # noqa: S603  (our own interpreter and script)
                [sys.executable, "-P", "-c", _PROBE],
                env=environment,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            continue
        if done.returncode == 0:
            return candidate
    return None


@functools.cache
def ensure() -> None:
    """Make sure that pictures can be rendered without a display; looks once per process.

    Raises:
        RuntimeError: if they cannot; the message names the packages that are missing.
    """
    way = probe()
    if way is None:
        raise RuntimeError(
            "3D pictures cannot be rendered here: VTK finds no OpenGL. "
            f"On Debian or Ubuntu: sudo apt-get install -y {PACKAGES}"
        )
    if way:
        os.environ[_VARIABLE] = way


if __name__ == "__main__":
    try:
        ensure()
    except RuntimeError as error:
        sys.exit(str(error))
    sys.stdout.write("Rendering without a display works.\n")
