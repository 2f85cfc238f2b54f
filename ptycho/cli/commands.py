"""The ``ptycho`` command: run pipelines on scenarios and on your own data.

Exit status: 0 all invariants hold, 1 one does not (or training diverged), 2 usage or input error.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from ptycho.cli import measured_commands  # noqa: F401 (registers its commands)
from ptycho.cli.app import Profile, Set, app, console, errors
from ptycho.cli.progress import libraries_held_back
from ptycho.cli.running import run_and_show
from ptycho.config.scenario import list_scenarios, load_scenario
from ptycho.errors import DataError, PtychoError, TrainingDiverged

INTERRUPTED = 130


def main() -> None:
    """Run the command; user errors become one sentence and exit status 2."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        status = app(standalone_mode=False)  # returns what typer.Exit carried; 130 after Ctrl-C
        if status == INTERRUPTED:
            errors.print("interrupted: the weights so far, if training had begun, are in train_outputs/bundle.npz")
        sys.exit(status if isinstance(status, int) else 0)
    except TrainingDiverged as error:
        _complain(str(error))
        sys.exit(1)
    except PtychoError as error:
        _complain(str(error))
        sys.exit(2)
    except Exception as error:
        if hasattr(error, "format_message"):  # a usage error of the command line itself
            if message := error.format_message():
                _complain(message)
            sys.exit(2)
        raise


def _complain(message: str) -> None:
    """One sentence on standard error, its own brackets kept."""
    errors.print(f"[red]error:[/red] {escape(message)}", highlight=False, soft_wrap=True)


@app.command("list")
def list_command() -> None:
    """List the scenarios."""
    table = Table("scenario", "what it is")
    for name, title in list_scenarios().items():
        table.add_row(name, title)
    console.print(table)


@app.command("run")
def run_command(
    scenario: Annotated[str, typer.Argument(help="One of `ptycho list`.")],
    profile: Profile = "cpu",
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the artifacts (default: out/SCENARIO).")] = None,
    set_: Set = [],  # noqa: B006 (typer reads the default, nothing changes it)
    if_data: Annotated[
        bool, typer.Option("--if-data", help="Skip, saying so, when the measured data is not here.")
    ] = False,
) -> None:
    """Simulate or load, train, reconstruct and compare one scenario."""
    from ptycho.data.files import find_data_file

    chosen = load_scenario(scenario, profile, set_)
    if if_data and chosen.config.measured:
        try:
            find_data_file(chosen.config.measured.path)
        except DataError as error:
            console.print(f"[yellow]skipped[/yellow] {escape(f'{scenario}: {error}')}", highlight=False, soft_wrap=True)
            return
    run_and_show(chosen, out or Path("out") / scenario)


@app.command("simulate")
def simulate_command(
    scenario: Annotated[str, typer.Argument(help="A simulated scenario of `ptycho list`.")],
    out: Annotated[Path, typer.Option("--out", help="The NPZ file to write.")],
    profile: Profile = "cpu",
    set_: Set = [],  # noqa: B006
) -> None:
    """Write a scenario's simulated data as an NPZ: photon counts, probe, scan, true object, layout, photon scale."""
    import numpy as np

    from ptycho.data.simulation import simulate_scan
    from ptycho.output import artifacts

    dataset = simulate_scan(load_scenario(scenario, profile, set_).config)
    counts = np.rint((dataset.frames.diffraction.astype(np.float64) * dataset.photon_scale) ** 2)
    layout = {"quantity": "counts", "order": "xy", "centred": True, "photon_scale": dataset.photon_scale}
    arrays = {
        "data": counts.astype(np.float32),
        "probe": dataset.probe,
        "scan": dataset.frames.positions,
        "object": dataset.truth,
        **{name: np.array(value) for name, value in layout.items()},
    }
    artifacts.write_npz(out, arrays)
    console.print(
        f"{len(counts)} frames of {counts.shape[-1]} pixels, {counts.sum() / len(counts):.4g} photons each, in {out}"
    )


@app.command("dose")
def dose_command(
    a: Annotated[str, typer.Argument(help="A scenario of `ptycho list`.")],
    b: Annotated[str, typer.Argument(help="Another, for example dose_legacy_gs2.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for dose_normalization_stats.json and .md.")],
    profile: Profile = "cpu",
) -> None:
    """Compare how two scenarios normalise their data, stage by stage; nothing is trained."""
    with libraries_held_back():
        from ptycho.pipeline.dose import write_dose_parity

    both = load_scenario(a, profile), load_scenario(b, profile)
    analysis = write_dose_parity(*both, out, lambda done, total, note: None)
    for figures in analysis.tables:
        table = Table(*figures.columns, title=figures.title)
        for row in figures.rows:
            table.add_row(*(_figure(value) for value in row))
        console.print(table)
    console.print(*analysis.notes, sep="\n", highlight=False)
    console.print(f"artifacts in {out}", highlight=False, soft_wrap=True)


def _figure(value: Any) -> str:
    from ptycho.diagnostics import figure_words

    return figure_words(value)
