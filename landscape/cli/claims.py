"""``landscape claims``: the ten claims, measured and judged."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from landscape.cli.options import Json, Show, option
from landscape.cli.wiring import bars, load_data
from landscape.records.plurals import counted

if TYPE_CHECKING:
    from landscape.study.sweep_settings import ClaimsConfig


def claims(
    config: Annotated[
        Path | None, option("TOML file of settings, or a study to measure again. [none]")
    ] = None,
    quick: Annotated[bool, option("A pilot on digits, the default: three seeds, minutes.")] = False,
    full: Annotated[bool, option("Three data sets, two networks, 16 seeds: a night.")] = False,
    claim: Annotated[list[int] | None, option("Number of a claim, 1 to 10. Repeat. [all]")] = None,
    data: Annotated[list[str] | None, option("Data set. Repeat. [by --quick or --full]")] = None,
    network: Annotated[
        str | None, option("mlp, cnn or, for claim 8, resnet. [by --quick or --full]")
    ] = None,
    seeds: Annotated[
        int | None, option("Number of seeds, 0, 1, ... [3; with --full 16]", min=1)
    ] = None,
    workers: Annotated[int, option("Number of processes, one core each.", min=1)] = 1,
    show: Show = False,
    as_json: Json = False,
    out: Annotated[Path, option("The study file.")] = Path("claims.h5"),
) -> None:
    """Measure what is claimed of smooth and kinked activations, and judge it.

    Every claim is measured with its control. Three are judged, by twins as alike as can be but for
    their kinks: 1 (bounce), 2 (stable rate) and 8 (speed); the others are exploratory. Beside what
    is not decided stands how many seeds it would need. Called again, it continues what is
    unfinished; more claims or seeds are added. 'landscape report' makes a page of it.

    Example: landscape claims --quick --claim 3 --out claims.h5
    """
    chosen = _chosen(config, quick=quick, full=full)
    changes: dict[str, Any] = {}
    if claim:
        changes["claims"] = tuple(claim)
    if seeds is not None:
        changes["seeds"] = tuple(range(seeds))
    if data:
        changes["data"] = tuple(replace(chosen.data[0], name=name) for name in data)
    if network is not None:
        changes["networks"] = ({"kind": network},)
    chosen = replace(chosen, **changes)
    if show:
        print(chosen.to_toml(), end="")
        return
    if out.is_dir():
        raise ValueError(f"--out is a folder, {out}; name the file, as {out / 'claims.h5'}")
    _run(chosen, out, workers=workers, as_json=as_json)


def _chosen(config: Path | None, *, quick: bool, full: bool) -> ClaimsConfig:
    from landscape.study import sweep_settings as forms

    if (config is not None) + quick + full > 1:
        raise ValueError("give one of --config, --quick and --full")
    if config is not None and config.suffix in (".h5", ".hdf5"):
        from landscape.store import open_study
        from landscape.study.sweep import claims_config

        return claims_config(open_study(config))
    if config is not None:
        return forms.ClaimsConfig.from_toml(config)
    return forms.full() if full else forms.quick()


def _run(config: ClaimsConfig, out: Path, *, workers: int, as_json: bool) -> None:
    from landscape.claims.answer import few_seeds
    from landscape.claims.wording import wording
    from landscape.study.sweep import claim_findings, run_claims

    with bars() as progress:
        study = run_claims(config, out, load_data=load_data, reporter=progress, workers=workers)
    findings = claim_findings(study, config.claims)
    if as_json:
        print(json.dumps([finding.record() for finding in findings], indent=2))
        return
    from rich.console import Console

    console = Console()
    form = config.form if "form" in config.form else f"{config.form} form"
    console.print(f"{form}, {counted(len(config.seeds), 'seed')}{few_seeds(len(config.seeds))}.\n",
                  highlight=False)  # fmt: skip
    for finding in findings:
        title, record = wording(finding.number).title, finding.record()
        console.print(f"{finding.number}. {title}: {record['spoken']}", style="bold",
                      highlight=False)  # fmt: skip
        console.print(f"   {record['sentence']}", highlight=False, markup=False)
    print(f"wrote {study.path}")
