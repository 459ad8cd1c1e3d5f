"""What the analyses of a study found, in words for machines."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from landscape.claims.swapped import KIND as SWAP
from landscape.claims.swapped import undone_share
from landscape.curvature.spectrum import KIND as SPECTRUM
from landscape.kinks.path_following import KIND as ALONG_PATH
from landscape.kinks.path_following import missed_share, share_of_promise
from landscape.networks.activations import get
from landscape.records.budget import SlopeBudget
from landscape.records.naming import RunKey
from landscape.records.results import Analysis
from landscape.store import StudyFile

KIND = "slope_budget"
# What is summarised, as median and range over the segments.
MEASURED = ("closure_error", "net_residual", "bend_share", "kink_share", "signed_kink",
            "signed_smooth", "off_by", "slope_change", "crossings", "kink_noise")  # fmt: skip
# Likewise over the steps of a path that were measured in full.
FOLLOWED = ("linear_range", "lipschitz", "sharpness", "crossings", "kink_noise")
# Sums over the steps of a path, as shares of the sum of what their gradients promise.
OF_PROMISE = ("slope_change", "kink", "smooth", "taken_back",
              "predicted_taken_back", "predicted_taken_back_size")  # fmt: skip


def budgets(source: StudyFile) -> list[SlopeBudget]:
    """Return all slope budgets of a study."""
    return [
        SlopeBudget.from_analysis(source.analysis(KIND, name)) for name in source.analyses(KIND)
    ]


def largest_of(source: StudyFile, kind: str, run: str) -> Analysis | None:
    """Return the analysis of a run that holds most numbers, or None."""
    every = (source.analysis(kind, name) for name in source.analyses(kind))
    of_run = [analysis for analysis in every if analysis.settings.get("run") == run]
    return max(
        of_run, key=lambda analysis: sum(a.size for a in analysis.arrays.values()), default=None
    )


def spectra(source: StudyFile, run: str) -> list[Analysis]:
    """Return the spectra of a run: autograd's, then those with a scale; the largest of each."""
    largest: dict[str, Analysis] = {}
    for name in source.analyses(SPECTRUM):
        spectrum = source.analysis(SPECTRUM, name)
        if spectrum.settings.get("run") == run:
            key = scale_of(spectrum)
            largest[key] = max(
                spectrum, largest.get(key, spectrum), key=lambda a: int(a.settings["products"])
            )
    return [largest[key] for key in sorted(largest)]


def scale_of(spectrum: Analysis) -> str:
    """Return which scale was asked for: "" for autograd's Hessian, ``step``, or a number."""
    settings = spectrum.settings
    if settings.get("scale") is None:
        return ""
    return str(settings["scale"]) if settings.get("scale_step") is None else "step"


def report(source: StudyFile) -> dict[str, Any]:
    """Summarise the slope budgets of a study for machines.

    Returns:
        ``{"runs": {name: {"activation_class": ..., "slope_budget": {...}}}}``. Each quantity is a
        number for one segment, else ``{"median", "low", "high"}`` over the segments. Optimizer
        steps are under ``slope_budget``, random lines under ``slope_budget_random``; what was
        measured along the path under ``along_path`` (over the ``first`` and the ``last`` third of
        its steps sums over steps), with the activation swapped under ``swap_control``, curvature
        against scale under ``curvature_scale``,
        spectral densities of the Hessian under ``spectra``.
    """
    every = budgets(source)
    runs: dict[str, Any] = {}
    for name in source.runs():
        of_run = [b for b in every if b.settings.get("run") == name]
        entry: dict[str, Any] = {"activation_class": _class_of(name)}
        for segment, key in (("step", KIND), ("random", f"{KIND}_random")):
            some = [b for b in of_run if b.settings.get("segment") == segment]
            if some:
                entry[key] = summary(some, segment)
        for kind, summarise in _SUMMARIES.items():
            largest = largest_of(source, kind, name)
            if largest is not None:
                entry[kind] = summarise(largest)
        if some_spectra := spectra(source, name):
            entry["spectra"] = [_of_spectrum(spectrum) for spectrum in some_spectra]
        runs[name] = entry
    return {"runs": runs}


def summary(some: list[SlopeBudget], segment: str) -> dict[str, Any]:
    """Summarise budgets of one kind of segment as median and range."""
    values = {name: [float(getattr(b, name)) for b in some] for name in MEASURED}
    return {
        "segment": segment,
        "segments": len(some),
        "examples": some[0].examples,
        "samples": some[0].samples,
        "passed": sum(b.passed for b in some),
        "unseen": sorted({text for b in some for text in b.unseen}),
        **{name: _spread(v) for name, v in values.items()},
    }


def _along(analysis: Analysis) -> dict[str, Any]:
    arrays = analysis.arrays
    return {
        "steps": arrays["steps"].tolist(),
        "loss_over": analysis.settings["loss_over"],
        "checked": len(arrays["checked"]),
        "passed": int(np.nansum(arrays["passed"])),
        **{name: _over_steps(analysis, part) for name, part in thirds(arrays["steps"]).items()},
        **{name: _spread(arrays[name].tolist()) for name in FOLLOWED},
    }


def thirds(steps: Any) -> dict[str, slice]:
    """Return which of the steps are the first third of them and which the last; of one the last."""
    third = max(len(steps) // 3, 1)
    last = {"last": slice(len(steps) - third, None)}
    return last if len(steps) == 1 else {"first": slice(0, third), **last}


def _over_steps(analysis: Analysis, part: slice) -> dict[str, Any]:
    """Sum up what was measured along some steps of a path."""
    steps, change, predicted, start = (
        analysis.arrays[name][part] for name in ("steps", "slope_change", "predicted", "start")
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = {name: np.abs(values / change - 1)
                  for name, values in (("predicted", predicted), ("start", start))}  # fmt: skip
    return {
        "from_step": int(steps[0]),
        "to_step": int(steps[-1]),
        "missed": _number(missed_share(analysis, part)),
        **{f"{name}_of_promise": _number(share_of_promise(analysis, name, part))
           for name in OF_PROMISE},
        **{f"{name}_error": _spread(values.tolist()) for name, values in errors.items()},
    }  # fmt: skip


def _swapped(analysis: Analysis) -> dict[str, Any]:
    """Sum up the swap of an activation, over the first and the last third of the steps."""
    arrays = analysis.arrays
    summed: dict[str, Any] = {
        "other": analysis.settings["other"],
        "width": analysis.settings["width"],
    }
    for name, part in thirds(arrays["steps"]).items():
        promised = np.abs(arrays["promised"][part]).sum()
        summed[name] = {
            "from_step": int(arrays["steps"][part][0]),
            "to_step": int(arrays["steps"][part][-1]),
            "own": _number(arrays["slope_change"][part].sum() / promised),
            "swapped": _number(arrays["swapped_slope_change"][part].sum() / promised),
            "moved": _number(float(np.median(arrays["moved"][part]))),
            "undone": _number(undone_share(analysis, part)),
        }
    return summed


def _of_spectrum(analysis: Analysis) -> dict[str, Any]:
    """Sum up a spectral density: mean and root mean square of all eigenvalues."""
    settings = analysis.settings
    mean, square = settings["moments"]
    errors = settings["moment_errors"] or [None, None]
    kept = ("scale", "scale_step", "check", "unseen", "parameters", "examples", "steps", "starts")
    return {"mean": mean, "mean_error": errors[0], "rms": math.sqrt(square),
            **{name: settings.get(name) for name in kept}}  # fmt: skip


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _against_scale(analysis: Analysis) -> dict[str, Any]:
    arrays = analysis.arrays
    means = {
        f"{name}_{what}": function(arrays[name], axis=1).tolist()
        for name in ("ratios", "predicted")
        for what, function in (("mean", np.mean), ("deviation", np.std))
    }
    return {
        "scales": arrays["scales"].tolist(),
        "centres": len(arrays["centres"]),
        "rounding": arrays["rounding"].tolist(),
        "budget_passed": analysis.settings["budget_passed"],
        **means,
    }


_SUMMARIES: Mapping[str, Callable[[Analysis], dict[str, Any]]] = MappingProxyType(
    {ALONG_PATH: _along, SWAP: _swapped, "curvature_scale": _against_scale}
)


def _spread(values: list[float]) -> Any:
    finite = [v for v in values if np.isfinite(v)]
    if len(values) == 1:
        return values[0] if finite else None
    if not finite:
        return None
    return {"median": float(np.median(finite)), "low": min(finite), "high": max(finite)}


def _class_of(run: str) -> str | None:
    try:
        return get(RunKey.parse(run).activation).smoothness.value
    except ValueError:
        return None
