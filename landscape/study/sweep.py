"""A sweep over claims: one task for each claim, data set, network, arm and seed.

A task is done when its record, an analysis of kind ``claims``, is in the study file, so that the
same call continues a sweep that was interrupted, and one with more claims or seeds adds to it.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from landscape.claims.claim import Claim, known_claims
from landscape.claims.effort import ARMS, Arm
from landscape.claims.primary import deciding_arm, digest
from landscape.claims.setting import KIND, Setting
from landscape.claims.verdicts import Finding, together
from landscape.evaluation.choice import threads
from landscape.networks.randomness import keyed_generator
from landscape.records.plain import to_plain
from landscape.records.results import Analysis
from landscape.store import StudyFile, StudyWriter
from landscape.store.places import analysis_path
from landscape.study.reporting import Examples, Reporter, Silent
from landscape.study.sweep_settings import ClaimsConfig


@dataclass(frozen=True, slots=True)
class ClaimTask:
    """One claim for one setting.

    Attributes:
        claim: what is measured.
        setting: on what.
        sweep: what makes it the same measurement: effort, data, network.
        form: name of the sweep.
    """

    claim: Claim
    setting: Setting
    sweep: dict[str, Any]
    form: str = "custom"

    @property
    def identifier(self) -> str:
        """Name of the record, ``<number>.<data>.<network>.<arm>.seed<seed>``."""
        return f"{self.claim.number}.{self.setting.group}.seed{self.setting.seed}"

    def measured(self) -> Analysis:
        """Measure, and note the sweep and the seconds of computing it took."""
        start = time.process_time()
        with threads(1):
            analysis = self.claim.measure(self.setting)
        noted: dict[str, Any] = {
            "cpu_seconds": round(time.process_time() - start, 2),
            "primary": digest(),
        }
        noted |= {"sweep": self.sweep, "form": self.form}
        return replace(analysis, settings={**analysis.settings, **noted})


def run_claims(
    config: ClaimsConfig,
    path: Path,
    *,
    load_data: Callable[[Any], Examples],
    reporter: Reporter | None = None,
    workers: int = 1,
) -> StudyFile:
    """Do the tasks of a sweep that are not done yet.

    Args:
        config: which claims, on what.
        path: the study file; made if absent. Claims are added to a study of another kind, with its
            runs and surfaces.
        load_data: called with each ``config.data``.
        reporter: receives stages, progress and notes.
        workers: processes that measure, each on one core; 1 measures in this one.

    Raises:
        ValueError: if the file holds the same claims of another sweep, or a claim cannot be
            measured.
        RuntimeError: at the end, if some measurements failed; the others are kept.
    """
    reporter = reporter or Silent()
    tasks = list(claim_tasks(config, load_data))
    with _writer(path, config.identity()) as writer:
        missing = [task for task in tasks if not _done(task, writer)]
        reporter.stage("claims", len(missing))
        failed = []
        for task, result in _measured(missing, workers):
            if isinstance(result, Analysis):
                writer.put_record(analysis_path(KIND, task.identifier), result)
            else:
                reporter.note(f"{task.identifier}: {result}")
                failed.append(task.identifier)
            reporter.advance(1)
        study = writer.publish()
    if failed:
        raise RuntimeError(
            f"{len(failed)} of {len(tasks)} measurements failed, among them {failed[0]}; "
            "the others are in the file, and the same command tries these again"
        )
    return study


def _done(task: ClaimTask, writer: StudyWriter) -> bool:
    """Whether a task's record is there.

    Raises:
        ValueError: if it is one of another sweep.
    """
    stored = writer.find(analysis_path(KIND, task.identifier))
    if stored is None:
        return False
    if not isinstance(stored, Analysis) or stored.settings.get("sweep") != task.sweep:
        raise ValueError(
            f"{writer.path} holds {task.identifier} of another sweep; choose another --out"
        )
    return True


def _measured(
    tasks: Sequence[ClaimTask], workers: int
) -> Iterator[tuple[ClaimTask, Analysis | Exception]]:
    """Yield tasks with what was found or what went wrong, in the order in which they end."""
    if workers <= 1:
        for task in tasks:
            yield task, _tried(lambda t=task: t.measured())  # type: ignore[misc]
        return
    # A forked copy of a process that has used torch may wait for ever for its threads.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context)
    try:
        waiting = {pool.submit(_parts, task): task for task in tasks}
        for future in as_completed(waiting):
            result = _tried(lambda f=future: Analysis(KIND, *f.result()))  # type: ignore[misc]
            yield waiting[future], result
    finally:
        pool.shutdown(cancel_futures=True)


def _tried(measure: Callable[[], Analysis]) -> Analysis | Exception:
    """One measurement that fails must not end a night's work."""
    try:
        return measure()
    except (ValueError, RuntimeError, LookupError) as error:
        return error


def _parts(task: ClaimTask) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measure; a record's read-only mappings do not travel between processes."""
    analysis = task.measured()
    return dict(analysis.arrays), dict(analysis.settings)


def claim_tasks(config: ClaimsConfig, load_data: Callable[[Any], Examples]) -> Iterator[ClaimTask]:
    """Yield the tasks of a sweep: arm by arm, in it seed by seed.

    The arm that decides is done first; what is done of it at any time is balanced.

    Raises:
        ValueError: if two networks could not be told apart by the names of their records.
    """
    claims = known_claims(config.claims)
    loaded = [(source, load_data(source)) for source in config.data]
    every = {seed: list(_settings(config, loaded, seed)) for seed in config.seeds}
    groups = [setting.group for setting, _ in every[config.seeds[0]]]
    twice = sorted({group for group in groups if groups.count(group) > 1})
    if twice:
        raise ValueError(
            f"networks must differ by more than effort, or by its optimizer or schedule; two are "
            f"{twice[0]}; join them (batch_sizes = [16, 64])"
        )
    for arm in config.arms:
        for seed in config.seeds:
            for setting, sweep in every[seed]:
                for claim in claims:
                    armed = replace(setting, arm=_arm(arm))
                    yield ClaimTask(claim, armed, sweep, config.form)


def _arm(name: str) -> Arm:
    return "gain" if name == "gain" else "identical"


def claim_findings(study: StudyFile, numbers: Sequence[int] = ()) -> tuple[Finding, ...]:
    """Judge what a study has measured.

    Args:
        study: with analyses of kind ``claims``.
        numbers: only these claims; none takes all that were measured. Holm's correction runs over
            the primary contrasts of all families of the study in either case.
    """
    measured: dict[int, list[Analysis]] = {}
    for name in study.analyses(KIND):
        analysis = study.analysis(KIND, name)
        measured.setdefault(int(analysis.settings["claim"]), []).append(analysis)
    if not measured:
        return ()
    alone = [_finding(claim, measured[claim.number]) for claim in known_claims(tuple(measured))]
    return tuple(finding for finding in together(alone) if not numbers or finding.number in numbers)


def claims_config(study: StudyFile) -> ClaimsConfig:
    """Return the configuration that measures again what a study holds of claims.

    Raises:
        ValueError: if it holds none, or claims of several sweeps or of an older version.
    """
    names = study.analyses(KIND)
    if not names:
        raise ValueError(f"{study.path} holds no claims; measure them with 'landscape claims'")
    noted = [study.analysis(KIND, name).settings for name in names]
    sweeps = [settings.get("sweep", {}) for settings in noted]
    if any("data_sha256" not in sweep for sweep in sweeps):
        raise ValueError(f"{study.path} does not tell how its claims were measured; it is older")
    given = ("kind", *sorted({k for sweep in sweeps for k in sweep["network"]} - _GIVEN))
    networks = [{k: sweep["network"][k] for k in given if k in sweep["network"]}
                for sweep in sweeps]  # fmt: skip
    return ClaimsConfig.from_dict({
        **{key: sweeps[0][key] for key in ("examples", "held_out", "effort")},
        "form": str(noted[-1].get("form", "custom")),
        "claims": sorted({int(settings["claim"]) for settings in noted}),
        "seeds": sorted({int(settings["seed"]) for settings in noted}),
        "arms": [arm for arm in ARMS if any(settings["arm"] == arm for settings in noted)],
        "data": _distinct(sweep["data"] for sweep in sweeps),
        "networks": _distinct(networks),
    })  # fmt: skip


# What follows from the claims and the data.
_GIVEN = frozenset({"kind", "activation", "input_shape", "outputs"})


def _distinct(items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    distinct: list[dict[str, Any]] = []
    for item in items:
        if item not in distinct:
            distinct.append(item)
    return distinct


def _finding(claim: Claim, analyses: Sequence[Analysis]) -> Finding:
    """Judge the arm that decides; what the others found is shown beside it."""
    arms: dict[str, list[Analysis]] = {}
    for analysis in analyses:
        arms.setdefault(str(analysis.settings["arm"]), []).append(analysis)
    first = deciding_arm(arms)
    finding = claim.verdict(arms.pop(first))
    beside = [claim.verdict(others) for others in arms.values()]
    contrasts = [
        replace(c, family="") for other in beside for c in (*other.contrasts, *other.shown)
    ]
    return replace(finding, shown=(*finding.shown, *contrasts))


def _writer(path: Path, sweep: dict[str, Any]) -> StudyWriter:
    """Open a study: one of claims must be the same sweep; any other just gets records."""
    if path.exists() and "effort" not in StudyFile(path).config:
        return StudyWriter(path)
    return StudyWriter(path, config=sweep)


def _settings(
    config: ClaimsConfig, loaded: Sequence[tuple[Any, Examples]], seed: int
) -> Iterator[tuple[Setting, dict[str, Any]]]:
    """Yield every data set with every network that takes it, and what makes it the same again."""
    for source, data in loaded:
        (inputs, targets), held_out = _split(data, config, seed)
        for number in range(len(config.networks)):
            shape = tuple(inputs.shape[1:])
            if not config.takes(number, shape):
                continue
            setting = Setting(
                data=source.name, inputs=inputs, targets=targets, held_out=held_out,
                network=config.spec(number, shape, data.classes or 1),
                loss="cross_entropy" if data.classes else "mse", seed=seed,
                effort=config.effort_of(number),
            )  # fmt: skip
            own = {k: v for k, v in config.networks[number].items() if k == "effort"}
            sweep = {**config.identity(), "data": to_plain(source), "data_sha256": data.sha256,
                     "network": {**setting.network.to_dict(), **own}}  # fmt: skip
            yield setting, sweep


Pair = tuple[Tensor, Tensor]


def _split(data: Examples, config: ClaimsConfig, seed: int) -> tuple[Pair, Pair | None]:
    """Cut a data set into what is trained on and what is held out, anew for every seed.

    Seeds that shared their examples would tell of these examples alone.
    """
    inputs = torch.from_numpy(np.array(data.inputs, dtype=np.float64))
    targets = torch.from_numpy(np.array(data.targets))
    order = torch.randperm(len(targets), generator=keyed_generator("claims", data.sha256, seed))
    held = int(config.held_out * len(targets))
    outside, inside = order[:held], order[held:]
    if config.examples:
        inside, outside = inside[: config.examples], outside[: config.examples]
    pairs = [(inputs[chosen], targets[chosen]) for chosen in (inside, outside)]
    return pairs[0], pairs[1] if held else None
