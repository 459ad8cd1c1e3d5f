"""The table of spectra: a line for each Hessian of each run, autograd's and averaged ones."""

from __future__ import annotations

from typing import Any

COLUMNS = ("run", "scale", "mean", "rms", "error", "noise", "autograd")
NOTE = (
    "All eigenvalues of the Hessian at the solution: their mean (the curvature along random "
    "directions, with its standard error) and root mean square. Scale: size of the cloud that the "
    "loss is averaged over, the root mean square length of its steps in parameter space (and of "
    "which step of the run it is the length), so that kinks are in; none is autograd's Hessian, "
    "without kinks. Error: of curvatures with that scale, against a Monte Carlo mean of gradients, "
    "as a share of their root mean square; noise: of that mean; autograd: error of autograd's "
    "curvatures. An error below the noise is not told from zero."
)


def spectrum_rows(found: dict[str, Any]) -> list[list[str]]:
    """Return the cells of every spectrum.

    Args:
        found: what :func:`landscape.study.report.report` returns.
    """
    return [
        _row(name, values)
        for name, entry in found["runs"].items()
        for values in entry.get("spectra", [])
    ]


def _row(name: str, values: dict[str, Any]) -> list[str]:
    step, check = values["scale_step"], values["check"] or {}
    scale = "none" if values["scale"] is None else f"{values['scale']:.3g}"
    scale += "" if step is None else f" (step {step})"
    error = "" if values["mean_error"] is None else f" ({values['mean_error']:.1g})"
    shares = [f"{check[key]:.1%}" if check else "-"
              for key in ("rms_error", "noise", "autograd_rms_error")]  # fmt: skip
    return [name, scale, f"{values['mean']:.3g}{error}", f"{values['rms']:.3g}", *shares]
