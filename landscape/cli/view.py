"""``landscape view``: look around in a study, and sample what is looked at."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from landscape.cli.mistakes import one_line_errors
from landscape.cli.options import Run, Study, Surface, option
from landscape.cli.wiring import configuration_of, load_data
from landscape.records.choices import known_names

if TYPE_CHECKING:
    from landscape.store import StudyFile


@one_line_errors
def view(
    study: Study,
    surface: Surface = "",
    run: Run = "",
    browser: Annotated[
        bool, option("Serve a page, even if there is a display.", name="--browser")
    ] = False,
    points: Annotated[int, option("Points a side of a region that is sampled.")] = 51,
    host: Annotated[str, option("Address that the page is served on.")] = "127.0.0.1",
    port: Annotated[
        int | None, option("Port of the page; 0 takes a free one. [8765, or a free one]")
    ] = None,
    allow_network: Annotated[
        bool, option("Allow a --host that other machines reach.", name="--allow-network")
    ] = False,
) -> None:
    """Turn surfaces, dive into them, and keep what you find.

    The command begins with the surface or the run that is named, or with the first surface. It
    opens a window where there is a display. Otherwise, or with --browser, it serves a page on this
    machine alone and prints its address; through SSH, open a tunnel with the line that is printed.
    Whoever has the address can sample and add surfaces to the study, nothing else.

    A box, the wheel or numbers choose a region, and two clicks or four numbers a line. The network
    of the study samples it. A region narrower than 3 % of the norm of the parameters is sampled in
    float64. In a window, ? lists the keys.
    """
    from landscape.store import open_study
    from landscape.study.explore import StudyAtlas
    from landscape.viz.explorer.desktop import explore_in_window
    from landscape.viz.explorer.regions import check_points
    from landscape.viz.explorer.server import check_address, explore_in_browser

    check_points(points)
    check_address(host, port, network=allow_network)
    source = open_study(study)
    # Imported surfaces, and those of a network of the user's own, can be looked at only.
    config = configuration_of(source) if "network" in source.config else None
    atlas = StudyAtlas(source, config, load_data=load_data)
    start = first_surface(atlas, source, surface, run)
    if browser or not has_display():
        explore_in_browser(
            atlas, runs=atlas.runs, start=start, host=host, port=port, network=allow_network,
            points=points, announce=lambda address: tell(source.path, address),
        )  # fmt: skip
        return
    explore_in_window(atlas, start=start, points=points)


def first_surface(atlas: Any, source: StudyFile, surface: str, run: str) -> str:
    """Return the id of the surface to begin with.

    Raises:
        KeyError: if there is none of that id, or none of that run.
        ValueError: if the study has no surface over a plane, or the one of that id is a line, a
            volume, or of another run.
    """
    names: tuple[str, ...] = atlas.names
    if surface and surface not in names:
        raise _not_shown(names, source, surface)
    if not names:
        raise ValueError(
            f"{source.path} has no surface over a plane; make one with 'landscape sample'"
        )
    if not run:
        return surface or names[0]
    of_run = [name for name in names if source.surface(name).run == run]
    if not of_run:
        raise KeyError(
            f"{source.path} has no surface of the run {run}; {known_names(source.runs())}"
        )
    if surface and surface not in of_run:
        raise ValueError(
            f"the surface {surface} is not of the run {run}; leave --run out, or choose from "
            f"{', '.join(of_run)}"
        )
    # A random plane shows the surroundings; that of a path is usually much wider.
    return surface or next((name for name in of_run if name.endswith(".random")), of_run[0])


def _not_shown(names: tuple[str, ...], source: StudyFile, surface: str) -> Exception:
    """Say why a surface is not among those over planes."""
    known = known_names(names)
    if surface not in source.surfaces() or surface.endswith(".nodes"):
        return KeyError(f"{source.path} has no surface {surface}; {known}")
    axes = len(source.surface(surface).grid.shape)
    if axes == 1:
        how = f"draw it with 'landscape figure {source.path} --kind line --surface {surface}'"
        return ValueError(f"{surface} is a line, and 'view' shows surfaces over a plane; {how}")
    return ValueError(
        f"{surface} has {axes} axes, and 'view' shows surfaces over a plane, which has 2; {known}"
    )


def has_display() -> bool:
    """Whether a window can be opened."""
    if sys.platform in ("win32", "darwin"):
        return "SSH_CONNECTION" not in os.environ
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def tell(path: Path, address: Any) -> None:
    """Say where the page is."""
    print(f"exploring {path}")
    print(f"  open               {address.url}")
    print(f"  from elsewhere     {address.tunnel}")
    print("                     and there open the same address")
    print("Ctrl-C ends it.", flush=True)
