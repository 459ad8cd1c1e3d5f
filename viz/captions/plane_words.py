"""What captions say of the planes of panels: which, through what, how curved, on which grid.

Panels whose planes are alike are told together; what is true of some panels alone names them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from landscape.records.plane import Plane
from landscape.records.plurals import counted, plural
from landscape.records.surface import Surface

from ..geometry.matching import settings_of
from ..geometry.numbers import a_range, listed, minus
from ..geometry.solution_points import solutions_of, solutions_sentence
from ..geometry.window import ends_of
from .normalising import loss_over, statistics_used

_ONE_NETWORK = "Solutions given as weights alone are evaluated in the first one's network."
_KINDS = {
    "hessian": "plane of two eigenvectors of the Hessian (autograd's, without the kinks)",
    "gradient": "plane of steepest descent (towards positive α) and a random direction",
    "update": "plane of the optimizer's last two steps",
    "between": "line between two solutions, at α = 0 and α = 1",
    "through": "plane through three solutions",
}
# What panels share that are told together; segments are told each.
_SHARED = ("kind", "normalisation", "loss", "examples", "batch_norm")

Surfaces = Sequence[Surface]
Planes = Sequence[Plane | None]


def plane_sentences(surfaces: Surfaces, planes: Planes, *, high: bool) -> list[str]:
    """Say what is known of the planes of all panels.

    Args:
        surfaces: of the panels, in the order in which they are shown.
        planes: of each, or None.
        high: whether the picture has heights.
    """
    groups: dict[tuple[str, ...], list[int]] = {}
    for number, (surface, plane) in enumerate(zip(surfaces, planes, strict=True)):
        settings = settings_of(surface, plane)
        alike = tuple(str(settings.get(key)) for key in _SHARED)
        ends = (segment_text(settings),) if settings.get("kind") == "segment" else ()
        groups.setdefault(alike + ends, []).append(number)
    grids = [_grid_of(surface) for surface in surfaces]
    sentences = []
    for numbers in groups.values():
        mine = [surfaces[i] for i in numbers], [planes[i] for i in numbers]
        known = [settings_of(s, p) for s, p in zip(*mine, strict=True)]
        parts = [_what(*mine), *_solutions(*mine, numbers, high=high), *origins(known)]
        parts += _statistics(*mine, numbers)
        parts += _curvatures(*mine)
        if len(set(grids)) > 1:
            parts.append(_grid(mine[0]))
        if len(groups) > 1:
            parts[0] = f"{panels(numbers)}: {parts[0][0].lower()}{parts[0][1:]}"
        sentences += parts
    return sentences if len(set(grids)) > 1 else [*sentences, _grid(surfaces)]


def panels(numbers: Sequence[int]) -> str:
    """Name panels by their numbers, counted from 1, row after row.

    >>> panels([0]), panels([0, 2, 3])
    ('Panel 1', 'Panels 1, 3 and 4')
    """
    return f"{plural(len(numbers), 'Panel')} {listed([str(number + 1) for number in numbers])}"


def origins(every: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say what the solutions of planes with these settings do not share, or do not tell."""
    apart = {str(key) for settings in every for key in settings.get("trained_apart") or ()}
    words = {"data": "other data", "loss": "another loss"}
    others = " and ".join(text for key, text in words.items() if key in apart)
    sentences = [f"The solutions were trained with {others}; one loss and one set of data are "
                 "evaluated for all."] if others else []  # fmt: skip
    if any(settings.get("networks") == "unknown" for settings in every):
        sentences.append(_ONE_NETWORK)
    return sentences


def _what(surfaces: Surfaces, planes: Planes) -> str:
    runs = sorted({surface.run for surface in surfaces if surface.run})
    every = [settings_of(s, p) for s, p in zip(surfaces, planes, strict=True)]
    settings = every[0]
    kind = settings.get("kind") or ""
    if kind == "random":
        what = f"random plane, {settings.get('normalisation')}-normalised directions"
        seeds = {facts.get("seed") for facts in every}
        known = ", ".join(map(str, sorted(seeds, key=str)))
        what += f" ({plural(len(seeds), 'seed')} {known})"
    elif kind == "pca":
        joint = max(int(facts.get("paths") or 1) for facts in every)
        whose = f"{joint} paths'" if joint > 1 else "the path's"
        what = f"plane of {whose} first two principal components"
        what += _variance(every) + _lengths(every)
    elif kind == "segment":
        what = segment_text(settings)
    else:
        what = _KINDS.get(kind, f"{kind} plane" if kind else "surface")
        if kind == "hessian" and all("direction_length" in facts for facts in every):
            lengths = sorted(float(facts["direction_length"]) for facts in every)
            what += f", directions {a_range([f'{v:.3g}' for v in (lengths[0], lengths[-1])])} long"
        if kind == "through" and not solutions_of(surfaces[0], planes[0]):
            what += ", the first at (0, 0) and the second at (1, 0)"
    over = f", {loss_over(settings)}" if settings.get("examples") else ""
    # The solutions of a plane through several are told with their places.
    whose = f" around {runs[0]}" if len(runs) == 1 and kind != "through" else ""
    return f"{what[0].upper()}{what[1:]}{whose}{over}."


def segment_text(settings: Mapping[str, Any]) -> str:
    """Say between which two points of which plane a line lies."""
    (a0, b0), (a1, b1) = settings["ends"]
    of = f"{settings.get('of') or ''} plane".strip()
    text = f"line from A ({a0:.4g}, {b0:.4g}) to B ({a1:.4g}, {b1:.4g}) of the {of}"
    if "seed" in settings:
        text += f" of seed {settings['seed']}"
    return minus(text)


def _variance(every: Sequence[dict[str, Any]]) -> str:
    """Say how much variance the planes hold, and random walks' planes would."""
    known = [settings for settings in every if settings.get("explained_variance")]
    if not known:
        return ""
    held = sorted(float(sum(settings["explained_variance"])) for settings in known)
    walks = sorted(float(sum(settings["random_walk_variance"])) for settings in known
                   if settings.get("random_walk_variance"))  # fmt: skip
    beside = f"; of a random walk's: {_percent(walks)}" if walks else ""
    which = f", in {len(known)} of {len(every)} panels" if len(known) < len(every) else ""
    its = "their" if any((settings.get("paths") or 1) > 1 for settings in known) else "its"
    return f" ({_percent(held)} of {its} variance{beside}{which})"


def _percent(shares: Sequence[float]) -> str:
    return a_range([f"{share:.1%}" for share in (shares[0], shares[-1])])


def _lengths(every: Sequence[dict[str, Any]]) -> str:
    """Say how long the directions of PCA planes are."""
    lengths = sorted(float(settings.get("direction_length") or 1.0) for settings in every)
    if lengths[-1] == 1.0:
        return ", unit directions"
    share = a_range([f"{length:.3g}" for length in (lengths[0], lengths[-1])])
    joint = any((settings.get("paths") or 1) > 1 for settings in every)
    way = "the first path's way" if joint else "the way"
    return f", directions as long as {way} from start to solution ({share})"


def _solutions(
    surfaces: Surfaces, planes: Planes, numbers: Sequence[int], *, high: bool
) -> list[str]:
    """Say where the solutions lie that planes were made through."""
    texts = [solutions_sentence(surface, plane, high=high)
             for surface, plane in zip(surfaces, planes, strict=True)]  # fmt: skip
    return _by_panel(texts, numbers)


def _statistics(surfaces: Surfaces, planes: Planes, numbers: Sequence[int]) -> list[str]:
    """Say which statistics BatchNorm uses."""
    texts = [statistics_used(settings_of(s, p)) for s, p in zip(surfaces, planes, strict=True)]
    return _by_panel(texts, numbers)


def _by_panel(texts: Sequence[str], numbers: Sequence[int]) -> list[str]:
    """Return what is true of all panels once, and else with the panels it is true of."""
    sentences: dict[str, list[int]] = {}
    for number, text in zip(numbers, texts, strict=True):
        if text:
            sentences.setdefault(text, []).append(number)
    if len(sentences) == 1 and len(next(iter(sentences.values()))) == len(numbers):
        return list(sentences)
    return [f"{panels(where)}: {_lower(text)}" for text, where in sentences.items()]


def _lower(text: str) -> str:
    """Return a sentence as it goes on behind a colon; names keep their capital."""
    return text if text[1:2].isupper() or text.startswith("Batch") else text[0].lower() + text[1:]


def _curvatures(surfaces: Surfaces, planes: Planes) -> list[str]:
    """Say the ends of the Hessian's spectrum at the centre, where they were measured.

    And of which loss it is the Hessian, where that is not the surface's.
    """
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for surface, plane in zip(surfaces, planes, strict=True):
        settings = settings_of(surface, plane)
        if hessian := settings.get("hessian"):
            groups.setdefault(_apart(hessian, settings), []).append(hessian)
    sentences = []
    for apart, known in groups.items():
        ends = []
        for name in ("top", "bottom"):
            values = sorted(float(h[name]) for h in known if h.get(name) is not None)
            if values:
                ends.append(f"{name} {a_range([f'{v:.3g}' for v in (values[0], values[-1])])}")
        which = f" ({len(known)} of {len(surfaces)} panels)" if len(known) < len(surfaces) else ""
        of = f"Hessian of {apart}, eigenvalues" if apart else "Hessian eigenvalues"
        if ends:
            text = f"{of} at the centre: {', '.join(ends)}{which}."
            sentences.append(text.replace(" -", " −"))
    return sentences


def _apart(hessian: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """Say of which loss a Hessian is, in what the surface's differs; "" where nothing does."""
    loss, policy = (hessian.get(key) for key in ("loss", "batch_norm"))
    other_loss = None not in (loss, settings.get("loss")) and loss != settings["loss"]
    words = ["the loss" if not other_loss else str(loss).replace("_", " ")]
    if policy and settings.get("normalising_layers") and policy != settings.get("batch_norm"):
        words.append("with frozen statistics" if policy == "frozen" else
                     f"with {policy} statistics")  # fmt: skip
    examples: Any = hessian.get("examples")
    if None not in (examples, settings.get("examples")) and examples != settings["examples"]:
        every = examples == (settings.get("subset") or {}).get("of")
        words.append(f"of {'all ' if every else ''}{counted(examples, 'example')}")
    return " ".join(words) if other_loss or len(words) > 1 else ""


def _grid_of(surface: Surface) -> tuple[Any, ...]:
    return surface.grid.shape, ends_of(surface.grid)


def _grid(surfaces: Surfaces) -> str:
    if len({_grid_of(surface) for surface in surfaces}) > 1:
        return "The panels show different grids or spans: compare with care."
    first = surfaces[0]
    shape = " x ".join(map(str, first.grid.shape))
    ends = ", ".join(
        f"{name} {axis[0]:.3g} to {axis[-1]:.3g}"
        for name, axis in zip("αβ", first.grid.axes, strict=False)
    )
    return minus(f"{shape} points, {ends}, in multiples of the directions.")
