"""The explorer in a window of its own: keys instead of a page."""

from __future__ import annotations

import queue
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..geometry.mesh import SHADINGS
from .explorer import Explorer
from .live_scene import HEIGHTS, SHOWS, LiveLook, Scene
from .moment import Atlas, Moment
from .regions import POINTS, rounded_point, rounded_window

_TICK = 60  # Milliseconds.
HELP = (
    ("z", "zoom in to the point under the pointer: sampled anew"),
    ("x", "zoom out"),
    ("b", "back"),
    ("h", "whole surface"),
    ("n", "next surface"),
    ("c", "cancel"),
    ("k", "keep in the study"),
    ("a", "choose the ends of a line under the pointer, one by one: sampled anew"),
    ("o", "keep the line"),
    ("e", "remove the line"),
    ("l", "log or linear heights"),
    ("m", "loss, residual, or whichever shows more"),
    ("i", "isolines"),
    ("p", "paths"),
    ("s", "shading"),
    ("u d", "heights up, down"),
    ("r", "reset the view"),
    ("q", "quit"),
)


class Controls:
    """What the keys of the window do.

    Args:
        explorer: what they steer.
        scene: where it is drawn.
    """

    def __init__(self, explorer: Explorer, scene: Scene) -> None:
        self.explorer = explorer
        self.scene = scene
        self.look = LiveLook()
        self._helping = False

    def keys(self) -> dict[str, Callable[[], None]]:
        """Return what each key calls."""
        explorer = self.explorer
        return {
            "z": lambda: self.zoom(1 / 3), "x": lambda: self.zoom(3.0), "b": explorer.back,
            "h": explorer.home, "n": self.next_place, "c": explorer.cancel, "k": explorer.keep,
            "a": self.mark, "o": explorer.keep_line, "e": explorer.drop_line,
            "l": lambda: self.turn("height", HEIGHTS), "m": lambda: self.turn("shows", SHOWS),
            "s": lambda: self.turn("shading", SHADINGS),
            "i": lambda: self.change(isolines=not self.look.isolines),
            "p": lambda: self.change(paths=not self.look.paths),
            "u": lambda: self.stretch(1.25), "d": lambda: self.stretch(0.8),
            "r": lambda: self.draw(turn_back=True),
        }  # fmt: skip

    def zoom(self, factor: float) -> None:
        """Sample a window around the point under the pointer, ``factor`` times as wide."""
        surface = self.explorer.moment.surface
        point = self.pointed()
        if surface is None or point is None:
            return
        ends = [
            (middle - factor * float(axis[-1] - axis[0]) / 2,
             middle + factor * float(axis[-1] - axis[0]) / 2)
            for middle, axis in zip(point, surface.grid.axes, strict=True)
        ]  # fmt: skip
        alpha, beta = rounded_window(*zip(*ends, strict=True))
        self.explorer.zoom(alpha, beta)

    def pointed(self) -> tuple[float, float] | None:
        """Return (alpha, beta) of the surface under the pointer; its middle if there is none."""
        frame = self.scene.frame
        if frame is None:
            return None
        return self.scene.pointed() or (sum(frame.alpha) / 2, sum(frame.beta) / 2)

    def mark(self) -> None:
        """Choose the point under the pointer as the next end of a line."""
        surface, point = self.explorer.moment.shown, self.scene.pointed()
        if surface is not None and point is not None:
            self.explorer.mark(rounded_point(point, surface))

    def next_place(self) -> None:
        """Show the surface of the study that comes next."""
        names, place = self.explorer.atlas.names, self.explorer.moment.place
        here = names.index(place.name) if place is not None and place.name in names else -1
        self.explorer.open(names[(here + 1) % len(names)])

    def turn(self, name: str, known: tuple[str, ...]) -> None:
        """Take the next of the known values."""
        now = known.index(getattr(self.look, name))
        self.change(**{name: known[(now + 1) % len(known)]})

    def stretch(self, factor: float) -> None:
        """Draw heights so many times as high."""
        self.change(exaggeration=min(max(self.look.exaggeration * factor, 0.1), 10.0))

    def change(self, **changes: Any) -> None:
        """Draw with another look."""
        self.look = replace(self.look, **changes)
        self.draw()

    def toggle_help(self) -> None:
        """List the keys, or no longer."""
        self._helping = not self._helping
        self.draw()

    def draw(self, *, turn_back: bool = False) -> None:
        """Draw the moment, and what it says below."""
        moment = self.explorer.moment
        try:
            drawn = self.scene.draw(moment, self.look, turn_back=turn_back)
            text = status_line(moment) if drawn is None or not drawn.note else (
                f"{status_line(moment)}\n{drawn.note}"
            )  # fmt: skip
        except ValueError as error:
            text = str(error)
        help_text = "\n".join(f"{key}   {what}" for key, what in HELP) if self._helping else ""
        self.scene.write(text, help_text)
        charted = moment.line_seen and not self._helping
        self.scene.chart(moment.line if charted else None, self.look)
        self.scene.plotter.render()


def status_line(moment: Moment) -> str:
    """Say in a line what is being done, what was done last, or what went wrong."""
    if moment.error:
        return moment.error
    if moment.doing:
        share = f" {moment.done:,} of {moment.total:,} points" if moment.total else ""
        return f"{moment.doing}{share} (c cancels)"
    return moment.note or "z zooms to the pointer, x out; ? lists the keys"


def explore_in_window(atlas: Atlas, *, start: str = "", points: int = POINTS) -> None:
    """Open a window and explore until it is closed.

    Args:
        atlas: what there is to see.
        start: name of the place that is shown first; "" for the first one.
        points: of a region, each way.
    """
    scene = Scene(off_screen=False, size=(1200, 800))
    posted: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
    explorer = Explorer(atlas, post=posted.put, changed=lambda _: None, points=points)
    controls = Controls(explorer, scene)
    explorer.open(start or atlas.names[0])
    try:
        _run(controls, posted)
    finally:
        explorer.close()
        scene.close()


def _run(controls: Controls, posted: queue.SimpleQueue[Callable[[], None]]) -> None:
    """Show the window until it is closed, with what the other thread posts done between events."""
    plotter = controls.scene.plotter
    plotter.iren.clear_key_event_callbacks()
    for key, call in controls.keys().items():
        plotter.add_key_event(key, call)
    plotter.add_key_event("question", controls.toggle_help)
    # VTK's own meaning of p, s, u and others.
    plotter.iren.interactor.RemoveObservers("CharEvent")

    def tick(*_: Any) -> None:
        before = controls.explorer.moment
        while not posted.empty():
            posted.get()()
        if controls.explorer.moment is not before:
            controls.draw()

    def char(*_: Any) -> None:
        if plotter.iren.interactor.GetKeyCode() == "q":
            plotter.iren.interactor.ExitCallback()

    plotter.iren.add_observer("CharEvent", char)
    plotter.iren.add_observer("TimerEvent", tick)
    plotter.iren.create_timer(_TICK)
    plotter.show(title="Loss landscape", auto_close=False)
