"""What goes into a report: everything a study holds, in the order in which it is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landscape import viz
from landscape.cli import pictures
from landscape.cli.choosing import (
    by_kind,
    by_smoothness,
    of_first_optimizer,
    planes_only,
    runs_by_smoothness,
)
from landscape.cli.report_claims import claim_parts, findings, measured
from landscape.records.plurals import counted

if TYPE_CHECKING:
    from landscape.store import StudyFile
    from landscape.study.reporting import Reporter

_USUAL = ("relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid")


def contents(study: StudyFile, *, title: str, panels: int, progress: Reporter) -> Any:
    """Collect a report of a study.

    Args:
        study: the file.
        title: of the page; "" makes one.
        panels: at most so many surfaces in a picture.
        progress: hears of progress.
    """
    from landscape.claims.answer import answer

    claims_found = findings(study)
    analyses = measured(study)
    facts = [dict(analysis.settings) for group in analyses.values() for analysis in group]
    progress.stage("drawing", len(_SECTIONS) + 1)
    claims = claim_parts(claims_found, analyses, source=study.path.name if _sweep(study) else "")
    progress.advance(1)
    sections = []
    for make in _SECTIONS:
        sections += list(make(study, panels, progress))
        progress.advance(1)
    return viz.report.Report(
        title=title or "Does smoothness of the activation change descent?",
        subtitle=_subtitle(study),
        answer=answer(list(claims_found.values()), facts=facts, paths=_followed(study)),
        claims=claims,
        sections=sections,
        provenance=_provenance(study),
        configuration=_configuration(study),
    )


def _followed(study: StudyFile) -> dict[str, Any]:
    """Return what single steps of each run showed, by the label of the run."""
    from landscape.study.analysis_summaries import report

    return {pictures.title_of(run) or run: steps for run, steps in report(study)["runs"].items()}


def _subtitle(study: StudyFile) -> str:
    listed = study.config.get("data", [])
    claims = [entry.settings for group in measured(study).values() for entry in group]
    data = [str(entry.get("name")) for entry in (listed if isinstance(listed, list) else [listed])
            if isinstance(entry, dict)]  # fmt: skip
    data = data or list(dict.fromkeys(str(entry.get("data")) for entry in claims))
    counts = {"run": len(study.runs()), "surface": len(study.surfaces()),
              "measurement of claims": len(claims)}  # fmt: skip
    parts = [f"Data {', '.join(data)}"] if data else []
    for name, count in counts.items():
        many = name.replace("measurement", "measurements") if " " in name else ""
        parts += [counted(count, name, many)] if count else []
    forms = dict.fromkeys(str(entry["form"]) for entry in claims if entry.get("form"))
    return ", ".join([*parts, *(f if "form" in f else f"{f} form" for f in forms)])


def _runs(study: StudyFile, _panels: int, _: Reporter) -> Iterator[Any]:
    """What each run reached."""
    names = study.analyses("summary")
    if not names:
        return
    order = runs_by_smoothness(study, names)
    keys = ("run", "final_loss", "accuracy", "sharpness", "steps_to_target", "captured")
    rows = [study.analysis("summary", name).settings for name in order]
    target = rows[0].get("target_loss")
    yield viz.report.Section(
        name="runs",
        title="Runs",
        tables=(
            viz.report.Table(
                name="runs",
                title="What each run reached",
                header=("run", "final loss", "accuracy", "sharpness", "steps to target",
                        "in PCA plane"),
                rows=tuple(tuple(row.get(key) for key in keys) for row in rows),
                note=f"Loss and accuracy over the training set; target loss {target}. Sharpness: "
                "largest curvature in the random plane at the solution.",
            ),
        ),
    )  # fmt: skip


def _activations(study: StudyFile, _panels: int, _: Reporter) -> Iterator[Any]:
    """Classes, bounds and kinks of the activations of the study."""
    from landscape.networks import activations

    names = [name for name in study.config.get("activations", ()) if isinstance(name, str)]
    chosen = list(dict.fromkeys(names)) or list(_USUAL)
    records = [activations.profile(name) for name in chosen]
    rows = []
    for record in records:
        settings, arrays = record.settings, record.arrays
        kinks = "; ".join(f"{place:g} ({jump:+.3g})" for place, jump in arrays["kinks"][:3])
        more = len(arrays["kinks"]) - 3
        rows.append((settings["label"], settings["smoothness"], *map(float, arrays["bounds"]),
                     *map(float, arrays["slopes"]),
                     kinks + (f" and {more} more" if more > 0 else "") or "none"))  # fmt: skip
    plate = viz.activation_plate(records, columns=min(len(records), 4))
    yield viz.report.Section(
        name="activations",
        title="Activations",
        pictures=(
            viz.report.picture_of(plate, alt="Each activation with its two first derivatives"),
        ),
        tables=(
            viz.report.Table(
                name="activations",
                title="What is known of them",
                header=("activation", "class", "lower bound", "upper bound", "slope at −∞",
                        "slope at +∞", "kinks (jump of the slope)"),
                rows=tuple(rows),
            ),
        ),
    )  # fmt: skip


def _surfaces(study: StudyFile, panels: int, progress: Reporter) -> Iterator[Any]:
    """Surfaces at full scale, one picture for each kind of plane, and all of them to turn."""
    drawn, turning = [], []
    chosen = of_first_optimizer(study, planes_only(study))
    for kind, names in by_kind(study, chosen).items():
        shown = by_smoothness(study, names)[:panels]
        turning += shown
        alt = f"Loss surfaces over the {kind} plane: " + ", ".join(shown)
        drawn.append(viz.report.picture_of(_drawn(study, shown, progress), alt=alt))
    if drawn:
        yield viz.report.Section(
            name="surfaces",
            title="Surfaces at full scale",
            text=("One scale for all panels. At this scale kinks cannot be seen, whatever the "
                  "activation; the close-ups above show them.",),
            pictures=tuple(drawn),
            scenes=tuple(_scenes(study, turning)),
        )  # fmt: skip


def _drawn(study: StudyFile, names: list[str], progress: Reporter) -> Any:
    """Draw surfaces in 3D, or flat where nothing can be rendered."""
    from landscape.viz.offscreen import ensure

    panels = pictures.shortened([pictures.panel(study, name) for name in names])
    try:
        ensure()
    except RuntimeError as error:
        progress.note(f"no 3D pictures: {error}")
        return viz.contour(panels, caption=False)
    screen = replace(viz.Style.named("paper"), dpi=144, font="sans")
    return viz.compare(panels, viz.Look(style=screen), caption=False)


def _scenes(study: StudyFile, chosen: list[str]) -> Iterator[Any]:
    """One page in which the surfaces turn, with their paths, kink curves and microscope."""
    from landscape.cli.web_page import page_of_study
    from landscape.viz.browser.html import page_of

    records, options = page_of_study(study, chosen)
    yield viz.report.Scene(
        title="Surfaces that turn: drag, pinch or use the arrow keys",
        page=page_of(records, **options),
    )


def _contrast(study: StudyFile, _panels: int, _: Reporter) -> Iterator[Any]:
    """Kinked beside smooth: from the whole surface down to one optimizer step."""
    from landscape.cli.analysis_pictures import close_up_figures

    alts = {
        "zoom": "Loss surfaces from full scale down to the size of one optimizer step",
        "microscope": "The loss in a window of one optimizer step: itself, without its tilt, "
                      "without its best-fitting quadratic",
    }  # fmt: skip
    drawn = tuple(viz.report.picture_of(figure, alt=alts[name])
                  for name, figure in close_up_figures(study))  # fmt: skip
    if drawn:
        yield viz.report.Section(name="contrast", title="Kinked beside smooth", pictures=drawn)


def _measurements(study: StudyFile, _panels: int, _: Reporter) -> Iterator[Any]:
    """Slope budgets, curvature against scale, facts along the path."""
    from landscape.cli.analysis_pictures import figures

    drawn = tuple(
        viz.report.picture_of(figure, alt=f"Figure {name}; its caption tells what is to be seen")
        for name, figure in figures(study)
    )  # fmt: skip
    if drawn:
        yield viz.report.Section(
            name="measurements", title="Where the slope changes", pictures=drawn
        )


_SECTIONS: tuple[Callable[[Any, int, Any], Iterator[Any]], ...] = (
    _contrast, _surfaces, _measurements, _activations, _runs,
)  # fmt: skip


def _provenance(study: StudyFile) -> dict[str, str]:
    import landscape

    facts = {"Report made by": f"lossoscope {landscape.__version__}", "Study": study.path.name,
            "SHA-256 of the study": _digest(study.path)}  # fmt: skip
    attributes = study.attributes
    if "data_sha256" in attributes:
        facts["SHA-256 of the data"] = str(attributes["data_sha256"])
    versions = json.loads(str(attributes.get("versions", "{}")) or "{}")
    if isinstance(versions, dict):
        facts["Measured with"] = ", ".join(f"{name} {value}" for name, value in versions.items())
    facts |= _fixed(study)
    facts["This report again"] = f"landscape report {study.path.name} --out report.html"
    if study.config.get("training"):
        facts["The study again"] = (
            f"landscape info --config {study.path.name} > study.toml && "
            "landscape run --config study.toml --out FOLDER"
        )
    return {name: value for name, value in facts.items() if value}


def _fixed(study: StudyFile) -> dict[str, str]:
    """Say whether the file of primary contrasts is still the one that stood before the sweep."""
    from landscape.claims.primary import digest

    settings = [analysis.settings for group in measured(study).values() for analysis in group]
    digests = {str(noted["primary"]) for noted in settings if "primary" in noted}
    if not digests:
        return {}
    same = "the same now" if digests == {digest()} else f"another now: {digest()}"
    return {
        "SHA-256 of the primary contrasts": f"{', '.join(sorted(digests))} when measured; {same}"
    }


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _configuration(study: StudyFile) -> str:
    import tomli_w

    return _sweep(study) or (tomli_w.dumps(study.config) if study.config else "")


def _sweep(study: StudyFile) -> str:
    """Return the configuration of the claims of a study without runs; "" where there is none."""
    from landscape.study.sweep import claims_config

    if study.runs():
        return ""
    try:
        return claims_config(study).to_toml()
    except ValueError:
        return ""
