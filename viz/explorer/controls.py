"""The page of the explorer: what it shows of a moment, and what its controls do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..geometry.window import ends_of
from ..style import Style
from .explorer import Explorer
from .line import line_attributes
from .live_scene import Drawn, LiveLook, Scene
from .map import map_attributes
from .moment import Moment
from .picture_on_request import GROUNDS, Since, Wish, jpeg, place_camera
from .regions import rounded_point, rounded_window

ASSETS = Path(__file__).parent / "assets"
_SERVED = "landscape_explorer"
_LOOK = ("shows", "height", "exaggeration", "shading", "isolines", "paths")
_KEEPS_OTHERS = "through"
# Each browser has its own.
_OWN = ("ground", "picking", "resets")
LATE = "ignored: it was drawn on what was shown before; please draw it again"


class Page:
    """Binds an explorer and a scene to the state of a trame server.

    Args:
        server: of trame.
        runs: names of the solutions that new planes go through.

    Raises:
        RuntimeError: if nothing can be rendered here.
    """

    def __init__(self, server: Any, *, runs: tuple[str, ...] = ()) -> None:
        from trame.ui.html import DivLayout

        self.look = LiveLook()
        self._server = server
        self._scene = Scene()
        self._moment = Moment()
        # The latest that can be drawn, and what the scene holds.
        self._drawable = Moment()
        self._drawn: tuple[Any, ...] = ()
        # The plane and window of the map, and the surface of the picture to the last point.
        self._region, self._surface = Since(), Since()
        # What the fields say, but for what was typed over it.
        self._window: tuple[str, ...] = ()
        server.enable_module(
            {
                "serve": {_SERVED: str(ASSETS)},
                "scripts": [f"{_SERVED}/{name}.js" for name in ("map", "curve", "picture")],
                "styles": [f"{_SERVED}/page.css"],
            }
        )
        server.state.update(_first_state(runs, self.look))
        server.state.client_only(*_OWN)
        with DivLayout(server) as layout:
            layout.root.clear()
            layout.root.add_child((ASSETS / "page.html").read_text(encoding="utf-8"))

    def wire(self, explorer: Explorer) -> None:
        """Let the page's controls drive an explorer."""
        self._explorer = explorer
        state, controller = self._server.state, self._server.controller
        state.places = list(explorer.atlas.names)
        state.points, state.line_points = str(explorer.points), str(explorer.line_points)
        for name in ("cancel", "back", "keep", "open", "keep_line", "drop_line"):
            controller.trigger(name)(self._checked(getattr(explorer, name)))
        for name in ("home", "zoom", "make", "line", "picture"):
            controller.trigger(name)(self._checked(getattr(self, name)))
        for name, since in (("zoom_to", self._region), ("pick", self._region),
                            ("point", self._surface)):  # fmt: skip
            controller.trigger(name)(self._checked(self._timely(getattr(self, name), since)))
        state.change(*_LOOK)(self._look_changed)

    def home(self) -> None:
        """Show the whole surface; its window is told again, whatever was typed over it."""
        self._explorer.home()
        self._window = ()
        self._tell_window(self._moment)

    # What stands in a form comes with the click: the state of the page may lag behind it.
    def zoom(self, *texts: str) -> None:
        """Sample a window: first and last alpha, first and last beta, points each way."""
        a0, a1, b0, b1, points = map(_number, texts)
        self._explorer.zoom((a0, a1), (b0, b1), points=_whole(points))

    def zoom_to(self, *ends: float) -> None:
        """Sample the window that was drawn on the map."""
        a0, a1, b0, b1 = ends
        self._explorer.zoom(*rounded_window((a0, b0), (a1, b1)))

    def line(self, *texts: str) -> None:
        """Sample a line: alpha and beta of one end, and of the other, and how many points."""
        a0, b0, a1, b1, points = map(_number, texts)
        self._explorer.draw_line((a0, b0), (a1, b1), points=_whole(points))

    def pick(self, points: list[Any]) -> None:
        """Take what was clicked on the map as the next end of a line; of two, both."""
        surface = self._moment.shown
        chosen = [(float(alpha), float(beta)) for alpha, beta in points]
        if surface is None or not np.isfinite(chosen).all():
            return
        rounded = [rounded_point(point, surface) for point in chosen]
        if len(rounded) == 2:
            self._explorer.draw_line(*rounded)
        elif len(rounded) == 1:
            self._explorer.mark(rounded[0])

    def picture(self, *sent: Any) -> list[Any]:
        """Draw what a browser wants to see; return the picture's number and the picture, a JPEG."""
        wish = Wish.of(*sent)
        self._prepare(wish)
        there = self._scene.shown is not None
        return [self._server.state.picture, jpeg(self._scene, moving=wish.moving) if there else b""]

    def point(self, u: float, v: float, *sent: Any) -> None:
        """Take what was clicked in a picture likewise, at shares of its size, from what it was."""
        self._prepare(Wish.of(*sent))
        place = self._scene.at(float(u), float(v))
        if place is not None:
            self.pick([place])

    def make(
        self, run: str, kind: str, seed: str | None, normalisation: str | None, *others: str | None
    ) -> None:
        """Make a plane, and sample it; what its kind does not need may be None."""
        choice: dict[str, Any] = {"run": run, "kind": kind}
        if kind in ("random", "gradient"):
            choice["seed"] = _whole(_number(seed))
        if kind == "random":
            choice["normalisation"] = normalisation
        if kind == _KEEPS_OTHERS:
            choice["others"] = others
        self._explorer.make(**choice)

    def refresh(self, moment: Moment) -> None:
        """Show a moment."""
        before, self._moment = self._moment, moment
        with self._server.state as state:
            state.doing, state.done, state.total = moment.doing, moment.done, moment.total
            state.note, state.error = moment.note, moment.error
            state.fresh, state.can_back = moment.fresh, bool(moment.before)
            if moment.place is not None:
                state.place, state.live = moment.place.name, moment.place.live
            if before.doing == "keeping" or moment.place is not before.place:
                known = list(self._explorer.atlas.names)
                here = [] if moment.place is None else [moment.place.name]
                state.places = known + [name for name in here if name not in known]
            if moment.window is not before.window:
                self._tell_window(moment)
            if moment.surface is not None and moment.surface is not before.surface:
                state.command = moment.place.command(moment.surface) if moment.place else ""
            self._tell_line(moment, before)
            drawn = [(m.shown, m.here, m.ends) for m in (moment, before)]
            if any(now is not then for now, then in zip(*drawn, strict=True)):
                self._show(moment)

    def close(self) -> None:
        """Free the graphics; nothing is drawn any more."""
        self._scene.close()

    def _checked(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return a call that shows what is wrong with what a browser sent."""

        def checked(*sent: Any) -> Any:
            try:
                return call(*sent)
            except (ValueError, TypeError, OverflowError) as error:
                with self._server.state as state:
                    state.error = " ".join(str(error).split())
                return None

        return checked

    def _timely(self, call: Callable[..., Any], since: Since) -> Callable[..., Any]:
        """Return a call that ignores what was chosen on a picture of something else."""

        def checked(picture: Any, *sent: Any) -> Any:
            return call(*sent) if since.holds(picture) else self._explorer.say(LATE)

        return checked

    def _tell_line(self, moment: Moment, before: Moment) -> None:
        state = self._server.state
        state.line_fresh = moment.line_fresh
        if moment.ends is not before.ends:
            for name, end in zip("ab", moment.ends, strict=False):
                state[f"{name}_alpha"], state[f"{name}_beta"] = map(repr, end)
        lines = [(m.line, m.ends, m.line_seen) for m in (moment, before)]
        if any(now is not then for now, then in zip(*lines, strict=True)):
            state.update(line_attributes(moment))
            line, place = moment.line, moment.place
            state.line_command = ""
            if line is not None and place is not None and line.complete:
                state.line_command = place.command(line)

    def _look_changed(self, **_state: Any) -> None:
        state = self._server.state
        chosen = {name: state[name] for name in _LOOK}
        try:
            chosen["exaggeration"] = float(chosen["exaggeration"])
            self.look = LiveLook(**chosen)
        except (ValueError, TypeError) as error:
            state.error = str(error)
            return
        self._show(self._moment)

    def _prepare(self, wish: Wish) -> None:
        """Draw as a browser wishes, unless it is drawn so: they differ in size, ground, camera."""
        wanted = (self._server.state.picture, wish.ground)
        if self._scene.resize(wish.size, wish.ratio) or wanted != self._drawn:
            look = replace(self.look, style=GROUNDS[wish.ground])
            with suppress(ValueError):  # Told when it was shown first.
                self._scene.draw(self._drawable, look)
            self._drawn = wanted
        place_camera(self._scene, wish)

    def _show(self, moment: Moment) -> None:
        """Let all browsers ask for a picture of a moment, and show it on the map."""
        state = self._server.state
        surface, place, region = moment.shown, moment.here, moment.region
        ends = () if region is None else ends_of(region)
        # What cannot be drawn is there all the same: what is drawn on the old picture is late.
        self._region.note(state.picture + 1, place, ends)
        self._surface.note(state.picture + 1, place, surface, self.look)
        if surface is None or place is None:
            return
        try:
            drawn = Drawn.of(surface, self.look, place.paths)
        except ValueError as error:
            state.error = str(error)
            return
        self._drawable = moment
        state.shown = drawn.note
        state.update(map_attributes(drawn, Style.of(self.look.style)))
        state.picture += 1

    def _tell_window(self, moment: Moment) -> None:
        """Fill the fields with the window, once: what is typed while it is sampled stays."""
        if moment.window is None:
            return
        alpha, beta = ends_of(moment.window)
        short = rounded_window((alpha[0], beta[0]), (alpha[1], beta[1]))
        ends = tuple(repr(end) for both in short for end in both)
        if self._window != ends:
            self._window = ends
            self._server.state.update(
                dict(zip(("alpha0", "alpha1", "beta0", "beta1"), ends, strict=True))
            )


def _first_state(runs: tuple[str, ...], look: LiveLook) -> dict[str, Any]:
    first: dict[str, Any] = {name: getattr(look, name) for name in _LOOK}
    texts = ("place", "doing", "note", "error", "shown", "command", "alpha0", "alpha1", "beta0",
             "beta1", "points", "map_src", "map_values", "map_quantity", "a_alpha", "a_beta",
             "b_alpha", "b_beta", "line_points", "line_command")  # fmt: skip
    run = next(iter(runs), "")
    return {
        **first, **dict.fromkeys(texts, ""), "trame__title": "Loss landscape", "places": [],
        "ground": "light", "runs": list(runs), "run": run, "kind": "random", "seed": "1",
        "normalisation": "filter",
        "other1": runs[1] if len(runs) > 1 else run, "other2": runs[2] if len(runs) > 2 else run,
        "picture": 0, "resets": 0, "elevation": Style.of(look.style).over(()).elevation,
        "done": 0, "total": 0, "fresh": False, "can_back": False,
        "picking": False, "live": True, "line_fresh": False, **line_attributes(Moment()),
        "map_extent": "0 1 0 1", "map_window": "0 1 0 1", "map_path": "[]", "map_shape": "0 0",
    }  # fmt: skip


def _number(text: Any) -> float:
    try:
        return float(str(text).strip().replace("−", "-"))
    except ValueError:
        raise ValueError(f"a number such as 0.25 is needed, got {text!r}") from None


def _whole(number: float) -> int:
    if not number.is_integer():
        raise ValueError(f"a whole number is needed, got {number:g}")
    return int(number)
