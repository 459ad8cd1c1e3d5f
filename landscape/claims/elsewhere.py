"""Claim 10: is a kinked activation faster on one data set or network, and slower on another?

Claim 8 (:mod:`landscape.claims.convergence`) with the first batch size and few twins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from landscape.claims.comparing import contrasts, groups
from landscape.claims.convergence import quantities, trained
from landscape.claims.pilot import judged_apart, pilot_sentence
from landscape.claims.setting import Setting
from landscape.claims.summaries import effects
from landscape.claims.twins import activations_of, twins
from landscape.claims.verdicts import Finding, finding
from landscape.records.plurals import counted
from landscape.records.results import Analysis


def measure(setting: Setting) -> Analysis:
    """Measure claim 10 for one seed; arrays as of :func:`landscape.claims.convergence.measure`."""
    effort = replace(setting.effort, batch_sizes=setting.effort.batch_sizes[:1])
    return trained(replace(setting, effort=effort), activations_of(twins("few")), 10)


def verdict(analyses: Sequence[Analysis]) -> Finding:
    """Estimate claim 10: whether a twin is faster on one data set or network, slower on another.

    Other seeds choose the rates, as in claim 8.
    """
    judged = judged_apart(analyses)
    fixed = [c for quantity in quantities(judged, 10) for c in contrasts(judged, quantity)]
    # A place that a sweep has only begun with is not compared, and counts for nothing.
    places = [seeds[0].settings for seeds in groups(judged).values()]
    data = {str(place["data"]) for place in places}
    networks = {str(place["network"].get("kind")) for place in places}
    return finding(
        10,
        fixed,
        sentence=f"{counted(len(data), 'data set')}, {counted(len(networks), 'kind')} of network. "
        f"{pilot_sentence(analyses, judged)} Kinked over smooth: "
        f"{effects(fixed) or 'not compared'}.",
        limits="At least three data sets and two networks are needed to see both directions; each "
        "is one data set of its kind, not a sample of kinds.",
    )
