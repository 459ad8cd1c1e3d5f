"""The answer in a few sentences, made from the findings. Needs no torch.

The question: does smoothness of the activation itself, rather than slope, gain or saturation,
change the speed of gradient descent? Three claims answer it, whose contrasts were fixed before and
are judged; the others are exploratory.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import Any

from landscape.records.plurals import plural

# Claims whose verdict tells whether kinks change how fast descent is: largest rate, and steps.
SPEED = (2, 8)
# What is said beside it of how descent goes, by the verdict on claim 1.
_BOUNCES = MappingProxyType(
    {
        "supported": "descent does bounce more at kinks",
        "equivalent": "descent hardly bounces more at kinks",
        "contradicted": "descent bounces less at kinks",
    }
)
# Seeds from which on a verdict may hold.
ENOUGH = 12
_ORDER = ("supported", "equivalent", "contradicted", "undecided", "exploratory")
_COUNTED = MappingProxyType(
    {
        "supported": "supported",
        "equivalent": "true to a degree that would not matter (“hardly”)",
        "contradicted": "not supported",
        "undecided": "not decided",
        "exploratory": "only explored, without a verdict",
    }
)
_SHORT = MappingProxyType(
    {
        "supported": "supported",
        "equivalent": "hardly different",
        "contradicted": "the other way",
        "undecided": "not decided",
    }
)
_NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def answer(
    findings: Sequence[Mapping[str, Any]],
    *,
    facts: Sequence[Mapping[str, Any]] = (),
    paths: Mapping[str, Mapping[str, Any]] | None = None,
    of: int = 10,
) -> tuple[str, ...]:
    """Put the findings into a few sentences.

    Args:
        findings: records of findings with ``number``, ``verdict`` and ``contrasts``.
        facts: of the settings they rest on, with ``data``, ``seed`` and ``network``.
        paths: what single steps of runs showed, by label: ``along_path`` and ``swap_control`` of
            :func:`landscape.study.analysis_summaries.report`.
        of: how many claims there are.

    Returns:
        What is said of speed; the size of every quantity that decides; what single steps show
        (first, where no claim was measured); how the verdicts are spread; what it rests on.
    """
    verdicts = {int(finding["number"]): str(finding["verdict"]) for finding in findings}
    speed, beside = _speed(verdicts), _BOUNCES.get(verdicts.get(1, ""))
    if beside:
        speed = f"{speed[:-1]}; {beside}."
    sizes = [line for finding in findings for line in _sizes(finding)]
    per_run = (_steps(label, run) for label, run in (paths or {}).items())
    steps = [line for line in per_run if line]
    # What was measured comes first.
    first = [speed, *sizes, *steps] if verdicts else [*steps, speed]
    return (*first, _spread(verdicts, of), _ground(verdicts, facts))


def _sizes(finding: Mapping[str, Any]) -> Iterator[str]:
    """Say how large each deciding quantity of a claim is, and how its contrasts were judged."""
    judged = [c for c in finding.get("contrasts", ()) if c["family"] and c["estimate"] is not None]
    for quantity, some in groupby(judged, key=lambda c: str(c["name"]).partition(": ")[0]):
        contrasts = list(some)
        log = contrasts[0]["scale"] == "log"
        values = sorted(float(c["estimate"]) for c in contrasts)
        ends = [f"×{math.exp(v):.3g}" if log else f"{v:+.2g}" for v in (values[0], values[-1])]
        counts = Counter(str(c["verdict"]) for c in contrasts)
        judged_so = ", ".join(f"{_word(counts[v])} {_SHORT[v]}" for v in _ORDER if counts[v])
        yield (
            f"{quantity[:1].upper()}{quantity[1:]}, kinked {'over' if log else 'minus'} smooth: "
            f"{' to '.join(dict.fromkeys(ends))} in {_count(len(contrasts), 'contrast')} "
            f"({judged_so})."
        )


def _steps(label: str, run: Mapping[str, Any]) -> str:
    """Say what late single steps of one run showed; "" where it was not followed."""
    late = run.get("along_path", {}).get("last")
    if late is None:
        return ""
    change, kinks = late["slope_change_of_promise"], late["kink_of_promise"]
    if change is None or kinks is None:
        return ""
    line = (
        f"{label}, steps {late['from_step']} to {late['to_step']}: within a step the slope changes "
        f"by {change:.1%} of what the gradient promises, kinks by {abs(kinks):.1%}"
    )
    undone = run.get("swap_control", {}).get("last", {}).get("undone")
    if not kinks or undone is None:
        return f"{line}."
    return f"{line}; the next step undoes {undone:.0%} of the crossings."


def few_seeds(count: int) -> str:
    """Say what so few seeds cannot do, to follow a number of seeds; "" for twelve and more.

    Signs of n differences can be chosen in 2^n ways, so that no sign test falls below 2^(1 - n).

    >>> few_seeds(3)
    ': a pilot, which decides nothing (no sign test of 3 seeds can fall below p = 0.25)'
    >>> few_seeds(10)
    ': too few to decide among many contrasts'
    """
    if count >= ENOUGH:
        return ""
    if count < 2:
        return ": nothing to compare, which needs two"
    least = 2.0 ** (1 - count)
    if least <= 0.05:
        return ": too few to decide among many contrasts"
    return (
        f": a pilot, which decides nothing (no sign test of {count} seeds can fall below "
        f"p = {least:.2g})"
    )


def _speed(verdicts: Mapping[int, str]) -> str:
    counts = Counter(verdicts[number] for number in SPEED if number in verdicts)
    if not counts:
        return (
            "Whether smoothness of the activation itself changes the speed of gradient descent was "
            "not measured in this study."
        )
    if counts["supported"] and counts["contradicted"]:
        return (
            "Smoothness of the activation changes the speed of gradient descent here in some "
            "respects as was claimed, in others the other way."
        )
    if counts["supported"]:
        only = "" if counts.total() == counts["supported"] else ", though not in every respect"
        return f"Yes: smoothness of the activation itself changes the speed of descent here{only}."
    if counts["contradicted"]:
        return "No: where a difference shows, it is the opposite of what was claimed."
    if counts["equivalent"] and counts["equivalent"] >= counts["undecided"]:
        return (
            "Hardly: smoothness of the activation itself changes the speed of gradient descent "
            "by less than would matter here."
        )
    return (
        "Not decided: these runs show neither that smoothness itself changes the speed of "
        "gradient descent, nor that it does not."
    )


def _spread(verdicts: Mapping[int, str], of: int) -> str:
    if not verdicts:
        return f"Of the {_word(of)} claims none has been measured yet."
    counts = Counter(verdicts.values())
    parts = [f"{_word(counts[v])} {_COUNTED[v]}" for v in _ORDER if counts[v]]
    listed = ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1]
    be = "was" if len(verdicts) == 1 else "were"
    return f"Of the {_word(of)} claims {_word(len(verdicts))} {be} measured: {listed}."


def _ground(verdicts: Mapping[int, str], facts: Sequence[Mapping[str, Any]]) -> str:
    if not verdicts:
        return "Each claim below names the command that measures it."
    seeds = len({fact.get("seed") for fact in facts})
    data = sorted({str(fact["data"]) for fact in facts if "data" in fact})
    networks = len({str(fact["network"]) for fact in facts if "network" in fact})
    ground = f"This rests on {_count(seeds, 'seed')} of {_count(networks, 'network')}"
    ground += f" trained on {', '.join(data)}" if data else ""
    if seeds < ENOUGH:
        return f"{ground}{few_seeds(seeds)}."
    return f"{ground}, and says nothing of other networks, data sets or scales."


def _word(number: int) -> str:
    return _NUMBERS[number] if number < len(_NUMBERS) else str(number)


def _count(number: int, noun: str) -> str:
    return f"{_word(number)} {plural(number, noun)}"
