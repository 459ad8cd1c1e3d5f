"""``landscape view`` in a process of its own, and a page of it in a browser."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import browsing
import numpy as np
from calling import ENVIRONMENT
from small_study import SMALL

from landscape import SamplingConfig
from landscape.study.configuration import RandomPlaneConfig

CONFIG = replace(
    SMALL, activations=("relu",), optimizers=("gd",), random_plane=RandomPlaneConfig(points=(9, 9)),
    # Small batches: minutes for a large region, so that it can be cancelled at leisure.
    sampling=SamplingConfig(strategy="loop", chunk=1, batch_size=16, threads=1),
)  # fmt: skip
PLACE = "relu-gd-seed0.random"


class Served:
    """``landscape view`` in a process of its own."""

    def __init__(self, study: Path) -> None:
        self.study = study
        command = [sys.executable, "-P", "-m", "landscape.cli", "view", study, "--surface", PLACE,
                   "--browser", "--port", "0", "--points", "11"]  # fmt: skip
        # A shell that runs in the background has its children ignore Ctrl-C.
        self.process = subprocess.Popen(
            command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )  # fmt: skip
        assert self.process.stdout is not None
        self.url, said = "", []
        for line in self.process.stdout:
            said.append(line)
            if line.strip().startswith("open "):
                self.url = line.split()[-1]
            if line.startswith("Ctrl-C"):
                break
        if not self.url:
            with self.process:
                raise AssertionError("".join(said))
        self.tunnel = next(line for line in said if "ssh -L" in line)

    @property
    def root(self) -> str:
        return self.url.partition("?")[0]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        with self.process:
            return self.process.wait(timeout=browsing.PATIENCE / 1000)


class Visit:
    """A page of the explorer, with what its console said and what it asked of the network."""

    def __init__(self, browser: Any, served: Served, **options: Any) -> None:
        size = {"width": 1300, "height": 800}
        self.page = browsing.open_page(browser, viewport=size, **options)
        self.said: list[str] = []
        self.foreign: list[str] = []
        self.page.on("console", lambda m: m.type == "error" and self.said.append(m.text))
        self.page.on("pageerror", lambda e: self.said.append(str(e)))
        own = (served.root, "data:", "blob:")
        self.page.on("request", lambda r: r.url.startswith(own) or self.foreign.append(r.url))
        self.page.goto(served.url)
        self.page.locator("landscape-map[shape]:not([shape='0 0'])").wait_for()

    def window(self) -> list[float]:
        return [float(self.page.input_value(f"#{name}"))
                for name in ("alpha0", "alpha1", "beta0", "beta1")]  # fmt: skip

    def values(self) -> Any:
        told = "(map => ['shape', 'values'].map(name => map.getAttribute(name)))"
        shape, values = self.page.evaluate(f"{told}(document.querySelector('#map'))")
        raw = base64.b64decode(values)
        return np.frombuffer(raw, dtype="<f4").reshape([int(n) for n in shape.split()])

    def until(self, condition: str, value: Any = None) -> None:
        """Wait for a condition; if it stays false, tell what the page says instead."""
        try:
            self.page.wait_for_function(condition, arg=value)
        except Exception as error:
            state = self.page.evaluate(
                "Object.fromEntries(['doing', 'note', 'error', 'shown', 'command']"
                ".map(name => [name, document.getElementById(name)?.textContent]))"
            )
            raise AssertionError(f"{condition} stays false with {value!r}: {state}") from error

    def drawn(self) -> None:
        """Wait until the picture is that of all that was done here and is known of the server."""
        self.heard()
        # Its number comes with the state; the picture of that number is asked for afterwards.
        self.until("(view => view.getAttribute('shown') === view.getAttribute('version'))"
                   "(document.querySelector('.view'))")  # fmt: skip

    def heard(self) -> None:
        """Wait until the server knows all that was done here, and its answer has arrived."""
        self.until("!trame.state.dirtyKeys.size && !trame.client.isBusy()")
        # No points are chosen, on the latest picture of all.
        self.page.evaluate("trame.trigger('pick', [1e9, []])")

    def idle(self, note: str) -> None:
        self.until(
            "note => !document.querySelector('#doing') && "
            "document.querySelector('#note').textContent.startsWith(note)",
            note,
        )

    def go_home(self) -> None:
        """Show the whole surface, as it is in the study."""
        self.page.click("#home")
        # Its answer fills the fields, also over what was typed meanwhile.
        self.until(
            "ends => ends.every(([id, text]) => document.getElementById(id).value === text)"
            " && document.querySelector('#back').disabled"
            " && document.querySelector('#map').getAttribute('shape') === '9 9'",
            [["alpha0", "-1.0"], ["alpha1", "1.0"], ["beta0", "-1.0"], ["beta1", "1.0"]],
        )

    def go_back_to(self, place: str) -> None:
        """Show a place of the study after a plane that was sampled."""
        self.page.select_option("#place", place)
        # What was sampled is noted until another place is there.
        self.until(
            "place => !document.querySelector('#doing')"
            " && document.querySelector('#note').textContent === ''"
            " && document.querySelector('#place').value === place",
            place,
        )

    def drag(self, first: tuple[float, float], last: tuple[float, float]) -> None:
        """Draw a box on the map, corners as shares of its width and height."""
        box = self.page.locator(".map-frame").bounding_box()
        places = [(box["x"] + u * box["width"], box["y"] + v * box["height"])
                  for u, v in (first, last)]  # fmt: skip
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        self.page.mouse.move(*places[1], steps=3)
        self.page.mouse.up()

    def sample(self, *ends: float, points: int) -> None:
        for name, value in zip(("alpha0", "alpha1", "beta0", "beta1"), ends, strict=True):
            self.page.fill(f"#{name}", repr(value))
        self.page.fill("#points", str(points))
        self.page.click("#sample")


def cpu_share(pid: int, seconds: float = 1.0) -> float:
    """Return how busy a process is, in processors."""

    def ticks() -> int:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    first = ticks()
    time.sleep(seconds)
    return (ticks() - first) / os.sysconf("SC_CLK_TCK") / seconds
