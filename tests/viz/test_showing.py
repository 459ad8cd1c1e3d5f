"""What ``show`` does with a picture: a window where there is a display, else a sentence."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from landscape import Surface, viz
from landscape.viz.style import TESTING

SCRIPT = """
import numpy as np
from landscape import Grid, Surface, viz
grid = Grid.square(9)
a, b = np.meshgrid(*grid.axes, indexing="ij")
made = Surface(grid, {"losses": 1 + a**2 + b**2}, np.ones(grid.shape, dtype=np.uint8))
picture = viz.surface(made, caption=False, style="testing")
picture.show(interactive_update=True, auto_close=False)
from PIL import ImageGrab
seen = np.asarray(ImageGrab.grab(xdisplay=""))
print("colours", len(np.unique(seen.reshape(-1, seen.shape[-1]), axis=0)))
"""


@pytest.fixture
def no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    if sys.platform != "linux":
        pytest.skip("other systems always have a display")


@pytest.fixture
def display(tmp_path: Path) -> Iterator[str]:
    """Start a display without a screen."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed")
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "640x480x24"]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(command, pass_fds=[write], stdout=log, stderr=log)
    os.close(write)
    try:
        with os.fdopen(read) as told:
            number = told.readline().strip()
        if not number:
            pytest.skip("Xvfb does not start here")
        time.sleep(0.2)
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(timeout=10)


def test_without_a_display_a_sentence_says_what_to_do(
    oblong: Surface, no_display: None, rendering: None, tmp_path: Path
) -> None:
    picture = viz.surface(oblong, viz.Look(style=TESTING), caption=False)
    with pytest.warns(UserWarning, match=r"no display.*viz.save\(picture, 'picture.png'\)"):
        assert picture.show() is None
    # Nothing is lost.
    assert viz.save(picture, tmp_path / "x.png").stat().st_size > 1000


def test_a_screenshot_is_written_off_screen_as_ever(
    oblong: Surface, no_display: None, rendering: None, tmp_path: Path
) -> None:
    picture = viz.surface(oblong, viz.Look(style=TESTING), caption=False)
    picture.show(screenshot=str(tmp_path / "x.png"))
    assert (tmp_path / "x.png").stat().st_size > 1000


def test_where_there_is_a_display_a_window_opens(display: str) -> None:
    environment = {**os.environ, "DISPLAY": display}
    environment.pop("VTK_DEFAULT_OPENGL_WINDOW", None)
    done = subprocess.run([sys.executable, "-P", "-c", SCRIPT], env=environment, timeout=600,
                          capture_output=True, text=True, check=False)  # fmt: skip
    if "xdisplay" in done.stderr or "XCB" in done.stderr:
        pytest.skip("this Pillow cannot look at a display")
    assert done.returncode == 0, done.stderr
    # An empty display has one colour.
    assert int(done.stdout.split()[-1]) > 30


def test_pictures_leave_no_render_window_behind(oblong: Surface, rendering: None) -> None:
    import gc

    from vtkmodules.vtkRenderingCore import vtkRenderWindow

    def windows() -> int:
        gc.collect()
        return sum(issubclass(type(one), vtkRenderWindow) for one in gc.get_objects())

    before = windows()
    for _ in range(3):
        picture = viz.surface(oblong, viz.Look(style=TESTING), caption=False)
        assert np.asarray(picture.screenshot(return_img=True)).std() > 5
        picture.close()
    del picture
    assert windows() <= before
