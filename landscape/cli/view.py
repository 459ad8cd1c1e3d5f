"""``landscape view``: look around in a study, and sample what is looked at."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from landscape.cli.choosing import chosen_surfaces, kinked_beside_smooth
from landscape.cli.options import Chosen, option
from landscape.cli.wiring import configuration_of, load_data
from landscape.records.choices import known_names

if TYPE_CHECKING:
    from landscape.store import StudyFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Where the page is served."""

    browser: Annotated[bool, option("Serve a page, even if there is a display.")] = False
    host: Annotated[str, option("Address that the page is served on.")] = "127.0.0.1"
    port: Annotated[
        int | None, option("Port of the page; 0 takes a free one. [8765, or a free one]")
    ] = None
    allow_network: Annotated[bool, option("Allow a --host that other machines reach.")] = False


def view(
    chosen: Chosen,
    served: Served,
    points: Annotated[int, option("Points a side of a region that is sampled.")] = 51,
) -> None:
    """Turn surfaces, dive into them, and keep what you find.

    The command begins with the first surface that is chosen. It opens a window where there is a
    display. Otherwise, or with --browser, it serves a page on this machine alone and prints its
    address; through SSH, open a tunnel with the line that is printed. Whoever has the address can
    sample and add surfaces to the study, nothing else.

    A box, the wheel or numbers choose a region, and two clicks or four numbers a line. The network
    of the study samples it. A region narrower than 3 % of the norm of the parameters is sampled in
    float64. In a window, ? lists the keys.

    Example: landscape view study --select 'relu-*.random'
    """
    from landscape.store import open_study
    from landscape.study.explore import StudyAtlas
    from landscape.viz.explorer.desktop import explore_in_window
    from landscape.viz.explorer.regions import check_points
    from landscape.viz.explorer.server import check_address, explore_in_browser

    check_points(points)
    check_address(served.host, served.port, network=served.allow_network)
    source = open_study(chosen.study)
    # Imported surfaces, and those of a network of the user's own, can be looked at only.
    config = configuration_of(source) if "network" in source.config else None
    atlas = StudyAtlas(source, config, load_data=load_data)
    start = first_surface(atlas.names, source, chosen)
    if served.browser or not has_display():
        explore_in_browser(
            atlas, runs=atlas.runs, start=start, host=served.host, port=served.port,
            network=served.allow_network, points=points,
            announce=lambda address: tell(source.path, address),
        )  # fmt: skip
        return
    explore_in_window(atlas, start=start, points=points)


def first_surface(names: tuple[str, ...], source: StudyFile, chosen: Chosen) -> str:
    """Return the id of the surface to begin with.

    Args:
        names: of the surfaces that can be shown.
        source: the study.
        chosen: which of them are asked for.

    Raises:
        KeyError: if there is none of that id.
        ValueError: if the study has no surface over a plane, none matches, or the one of that id
            is a line or a volume.
    """
    for surface in chosen.surface or ():
        if surface not in names:
            raise _not_shown(names, source, surface)
    chosen_names = chosen_surfaces(source, chosen)
    if chosen.surface:
        return chosen_names[0]
    # A random plane shows the surroundings; that of a path is usually much wider.
    random = [name for name in chosen_names if name.endswith(".random")]
    return kinked_beside_smooth(source, random or chosen_names)[0]


def _not_shown(names: tuple[str, ...], source: StudyFile, surface: str) -> Exception:
    """Say why a surface is not among those over planes."""
    known = known_names(names)
    if surface not in source.surfaces() or surface.endswith(".nodes"):
        return KeyError(f"{source.path} has no surface {surface}; {known}")
    axes = len(source.surface(surface).grid.shape)
    if axes == 1:
        how = f"draw it with 'landscape render {source.path} --kind line --surface {surface}'"
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
