"""The answer in three sentences, made from the findings. Needs no torch.

The question: does smoothness of the activation itself, rather than slope, gain or saturation,
change the speed of gradient descent? Three claims answer it, whose contrasts were fixed before and
are judged; the others are exploratory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from landscape.plurals import plural

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
_NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def answer(
    findings: Sequence[Mapping[str, Any]], *, facts: Sequence[Mapping[str, Any]] = (), of: int = 10
) -> tuple[str, str, str]:
    """Put the findings into three sentences.

    Args:
        findings: records of findings with ``number`` and ``verdict``.
        facts: of the settings they rest on, with ``data``, ``seed`` and ``network``.
        of: how many claims there are.

    Returns:
        What is said of speed; how the verdicts are spread; what it rests on.
    """
    verdicts = {int(found["number"]): str(found["verdict"]) for found in findings}
    speed, beside = _speed(verdicts), _BOUNCES.get(verdicts.get(1, ""))
    if beside:
        speed = f"{speed[:-1]}; {beside}."
    return (speed, _spread(verdicts, of), _ground(verdicts, facts))


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
    found = Counter(verdicts[number] for number in SPEED if number in verdicts)
    if not found:
        return (
            "Whether smoothness of the activation itself changes the speed of gradient descent was "
            "not measured in this study."
        )
    if found["supported"] and found["contradicted"]:
        return (
            "Smoothness of the activation changes the speed of gradient descent here in some "
            "respects as was claimed, in others the other way."
        )
    if found["supported"]:
        only = "" if found.total() == found["supported"] else ", though not in every respect"
        return f"Yes: smoothness of the activation itself changes the speed of descent here{only}."
    if found["contradicted"]:
        return "No: where a difference shows, it is the opposite of what was claimed."
    if found["equivalent"] and found["equivalent"] >= found["undecided"]:
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
