"""The commands for measured data: check, reconstruct, infer."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ptycho.cli.app import Out, Profile, Set, app, console
from ptycho.cli.layout_options import Given, with_layout, with_layout_of_a_bundle
from ptycho.cli.progress import libraries_held_back, stage_bars
from ptycho.cli.running import run_and_show
from ptycho.config.scenario import load_scenario, merge_tables, parse_override

Data = Annotated[Path, typer.Argument(help="Measured data, in any format of docs/reference/formats.md.")]
Force = Annotated[bool, typer.Option("--force", help="Go on although the preflight found errors; the run says so.")]

_COLOURS = {"error": "red", "warning": "yellow", "info": "green"}


@app.command("check")
@with_layout
def check_command(
    data: Data,
    given: Given,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for preflight.json and preflight.png.")] = None,
    n: Annotated[
        int, typer.Option("--n", help="Side of the patches that frames would be cropped to; 0: as the data.")
    ] = 0,
    json_: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Look at measured data for seconds: is it what it is said to be? Exit status 2 where it is not."""
    import json

    from ptycho.output.artifacts import to_plain
    from ptycho.preflight.declared import declared_layout
    from ptycho.preflight.examination import examine
    from ptycho.preflight.outcome import write_preflight

    report, seen = examine(declared_layout(str(data), given), n)
    if out is not None:
        write_preflight(out, report, seen)
    if json_:
        print(json.dumps(to_plain(report.document()), indent=2, sort_keys=True, allow_nan=False))
    else:
        table = Table("finding", "", "what was found", "what mends it", title=f"{report.path}: {report.frames} frames")
        for o in report.observations:
            table.add_row(o.name, f"[{_COLOURS[o.level]}]{o.level}[/]", o.sentence, o.flag)
        console.print(table)
    raise typer.Exit(0 if report.passed else 2)


@app.command("reconstruct")
@with_layout
def reconstruct_command(
    data: Data,
    out: Out,
    given: Given,
    like: Annotated[str, typer.Option(help="The scenario whose settings to use.")] = "siemens_star",
    profile: Profile = "cpu",
    force: Force = False,
    set_: Set = [],  # noqa: B006 (typer reads the default, nothing changes it)
) -> None:
    """Train on your own measured data and reconstruct it. Set N with --set N=64, 128 or 256."""
    from ptycho.preflight.declared import declared_layout

    own, others = split_settings(set_)
    base = load_scenario(like, profile, others)
    sweeps = base.config.measured.refine_probe_sweeps if base.config.measured else 0
    measured = declared_layout(str(data), own | given, refine_probe_sweeps=sweeps)
    config = dataclasses.replace(base.config, simulate=None, measured=measured)
    scenario = dataclasses.replace(base, name=data.stem, title=f"Measured data {data.name}", config=config)
    run_and_show(scenario, out, forced=force)


def split_settings(texts: list[str]) -> tuple[dict[str, Any], list[str]]:
    """``--set measured.key=value`` as keys of the data's layout, and all other settings as they are."""
    own: dict[str, Any] = {}
    others = []
    for text in texts:
        parsed = parse_override(text)
        if set(parsed) == {"measured"} and isinstance(parsed["measured"], dict):
            own = merge_tables(own, parsed["measured"])
        else:
            others.append(text)
    return own, others


@app.command("infer")
@with_layout_of_a_bundle
def infer_command(
    bundle: Annotated[Path, typer.Argument(help="A bundle.npz of an earlier training.")],
    data: Annotated[Path, typer.Argument(help="Measured data for the same probe.")],
    out: Out,
    given: Given,
    rescale: Annotated[
        bool, typer.Option("--rescale", help="Scale another exposure to the training's: an empty object stays 1.")
    ] = False,
    force: Force = False,
) -> None:
    """Reconstruct new data with a trained model; nothing is trained. The data's layout is the bundle's."""
    with libraries_held_back():
        from ptycho.pipeline.reuse import infer_file

    with stage_bars(console) as progress:
        result = infer_file(bundle, str(data), given, out, progress, rescale=rescale, forced=force)
    console.print(f"Fourier error {result.fourier_error:.4f}; artifacts in {out}")
    for gate in result.failed:
        console.print(f"[red]FAIL[/red] {gate.name}: {gate.evidence}", highlight=False, soft_wrap=True)
    raise typer.Exit(1 if result.failed else 0)
