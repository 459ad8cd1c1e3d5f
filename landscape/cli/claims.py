"""``landscape claims``: the ten claims, measured and judged."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from landscape.cli.mistakes import one_line_errors
from landscape.cli.wiring import AsJson, bars, load_data
from landscape.records.plurals import counted

if TYPE_CHECKING:
    from landscape.study.sweep_settings import ClaimsConfig


@one_line_errors
def claims(
    config: Annotated[
        Path | None,
        typer.Option("--config", help="TOML file, see --show; or a study, to measure it again."),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help="Digits, one small network, three seeds: minutes; a pilot. The default."
        ),
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Three data sets, two networks, 16 seeds: a night.")
    ] = False,
    claim: Annotated[
        list[int] | None,
        typer.Option("--claim", help="Only this one, 1 to 10. Repeat for several."),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option("--data", help="Instead of the form's data sets. Repeat for several."),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(
            "--network", help="Instead of the form's networks: mlp, cnn or, for claim 8, resnet."
        ),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option("--seeds", min=1, help="So many seeds, 0, 1, ...")
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes, one core each.")] = 1,
    show: Annotated[
        bool, typer.Option("--show", help="Print the whole configuration as TOML and stop.")
    ] = False,
    as_json: AsJson = False,
    out: Annotated[Path, typer.Option("--out", help="The study file.")] = Path("claims.h5"),
) -> None:
    """Measure what is claimed of smooth and kinked activations, and judge it.

    Every claim is measured with its control. Three are judged, by twins as alike as can be but for
    their kinks: 1 (bounce), 2 (stable rate) and 8 (speed); the others are exploratory. Beside what
    is not decided stands how many seeds it would need. Called again, it continues what is
    unfinished; more claims or seeds are added. 'landscape report' makes a page of it.
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

    with bars() as shown:
        study = run_claims(config, out, load_data=load_data, reporter=shown, workers=workers)
    found = claim_findings(study, config.claims)
    if as_json:
        print(json.dumps([one.record() for one in found], indent=2))
        return
    from rich.console import Console

    console = Console()
    form = config.form if "form" in config.form else f"{config.form} form"
    console.print(f"{form}, {counted(len(config.seeds), 'seed')}{few_seeds(len(config.seeds))}.\n",
                  highlight=False)  # fmt: skip
    for one in found:
        said, record = wording(one.number), one.record()
        console.print(f"{one.number}. {said.title}: {record['spoken']}", style="bold",
                      highlight=False)  # fmt: skip
        console.print(f"   {record['sentence']}", highlight=False, markup=False)
    print(f"wrote {study.path}")
