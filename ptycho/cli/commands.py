"""The ``ptycho`` command: run pipelines on scenarios and on your own data.

Exit status: 0 all invariants hold, 1 one does not (or training diverged), 2 usage or input error.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ptycho.cli.progress import libraries_held_back, stage_bars
from ptycho.cli.tables import show_run
from ptycho.config.scenario import list_scenarios, load_scenario
from ptycho.errors import DataError, PtychoError, TrainingDiverged

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
console = Console()
errors = Console(stderr=True)

INTERRUPTED = 130

Out = Annotated[Path, typer.Option("--out", help="Folder for the artifacts.")]
Profile = Annotated[str, typer.Option(help="smoke (seconds), cpu (minutes) or full (the original sizes, for a GPU).")]
Set = Annotated[list[str], typer.Option("--set", help="Change one setting, e.g. --set train.epochs=3. Repeatable.")]
_USUAL = {"quantity": "counts", "order": "xy", "centred": True}
_ELSE = "Default: as the file's format has it, else"
Layout = Annotated[str | None, typer.Option(help=f"What the frames hold: counts or amplitude. {_ELSE} counts.")]
Order = Annotated[str | None, typer.Option(help=f"What the two columns of the positions are: xy or yx. {_ELSE} xy.")]
Centred = Annotated[
    bool | None, typer.Option("--centred/--corner", help=f"Where a frame's zero frequency is. {_ELSE} in its middle.")
]
Probe = Annotated[str, typer.Option("--probe", help="A file with the probe: a product, a data file or a .npy.")]
Masked = Annotated[str, typer.Option("--mask", help="A file with a mask, True where a pixel is valid.")]


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
    _run(chosen, out or Path("out") / scenario)


@app.command("simulate")
def simulate_command(
    scenario: Annotated[str, typer.Argument(help="A simulated scenario of `ptycho list`.")],
    out: Annotated[Path, typer.Option("--out", help="The NPZ file to write.")],
    profile: Profile = "cpu",
    set_: Set = [],  # noqa: B006
) -> None:
    """Write a scenario's simulated data as an NPZ of photon counts, probe, scan and true object."""
    import numpy as np

    from ptycho.data.simulation import simulate_scan
    from ptycho.output import artifacts

    dataset = simulate_scan(load_scenario(scenario, profile, set_).config)
    counts = np.rint((dataset.frames.diffraction.astype(np.float64) * dataset.photon_scale) ** 2)
    arrays = {
        "data": counts.astype(np.float32),
        "probe": dataset.probe,
        "scan": dataset.frames.positions,
        "object": dataset.truth,
    }
    artifacts.write_npz(out, arrays)
    console.print(
        f"{len(counts)} frames of {counts.shape[-1]} pixels, {counts.sum() / len(counts):.4g} photons each, in {out}"
    )


@app.command("reconstruct")
def reconstruct_command(
    data: Annotated[Path, typer.Argument(help="Measured data, in any format of docs/reference/formats.md.")],
    out: Out,
    like: Annotated[str, typer.Option(help="The scenario whose settings to use.")] = "siemens_star",
    profile: Profile = "cpu",
    quantity: Layout = None,
    order: Order = None,
    centred: Centred = None,
    probe: Probe = "",
    mask: Masked = "",
    set_: Set = [],  # noqa: B006
) -> None:
    """Train on your own measured data and reconstruct it. Set N with --set N=64, 128 or 256."""
    import dataclasses

    from ptycho.config.experiment import MeasuredConfig
    from ptycho.config.reading import from_mapping

    base = load_scenario(like, profile, set_)
    sweeps = base.config.measured.refine_probe_sweeps if base.config.measured else 0
    layout = _layout(data, quantity, order, centred, sweeps) | {"probe": probe, "mask": mask}
    measured = from_mapping(MeasuredConfig, layout, "reconstruct")
    config = dataclasses.replace(base.config, simulate=None, measured=measured)
    _run(dataclasses.replace(base, name=data.stem, title=f"Measured data {data.name}", config=config), out)


@app.command("infer")
def infer_command(
    bundle: Annotated[Path, typer.Argument(help="A bundle.npz of an earlier training.")],
    data: Annotated[Path, typer.Argument(help="Measured data for the same probe.")],
    out: Out,
    quantity: Layout = None,
    order: Order = None,
    centred: Centred = None,
    probe: Probe = "",
    mask: Masked = "",
) -> None:
    """Reconstruct new data with a trained model; nothing is trained."""
    from ptycho.config.experiment import MeasuredConfig
    from ptycho.config.reading import from_mapping

    with libraries_held_back():
        from ptycho.pipeline.reuse import infer_file

    layout = _layout(data, quantity, order, centred, 0) | {"probe": probe, "mask": mask}
    measured = from_mapping(MeasuredConfig, layout, "infer")
    with stage_bars(console) as progress:
        error = infer_file(bundle, measured, out, progress)
    console.print(f"Fourier error {error:.4f}; artifacts in {out}")


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


def _layout(data: Path, quantity: str | None, order: str | None, centred: bool | None, sweeps: int) -> dict[str, Any]:
    """The ``[measured]`` table that a command line stands for; what it leaves open is as the file's format has it."""
    from ptycho.data.files import find_data_file
    from ptycho.data.formats import file_layout

    said = {"quantity": quantity, "order": order, "centred": centred}
    known, _ = file_layout(find_data_file(str(data)))
    layout = _USUAL | known | {key: value for key, value in said.items() if value is not None}
    return {"path": str(data), "refine_probe_sweeps": sweeps, **layout}


def _run(scenario: Any, out: Path) -> None:
    with libraries_held_back():
        from ptycho.pipeline.execution import run

    console.print(f"[bold]{scenario.name}[/bold] ({scenario.profile}): {scenario.title}", highlight=False)
    with stage_bars(console) as progress:
        finished = run(scenario, out, progress)
    show_run(console, finished)
    raise typer.Exit(0 if finished.passed else 1)
