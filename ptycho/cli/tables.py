"""What a finished run shows: the ladder of gains, its quality, and whether each invariant holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from ptycho.pipeline.execution import Run

_QUALITY = (
    ("amplitude pearson_r", "amplitude", "pearson_r", ".4f"),
    ("relative amplitude bias", "amplitude", "relative_bias", "+.2%"),
    ("amplitude MAE", "amplitude", "mae", ".4f"),
    ("amplitude SSIM", "amplitude", "ssim", ".4f"),
    ("phase pearson_r", "phase", "pearson_r", ".4f"),
    ("phase MAE (rad)", "phase", "mae", ".4f"),
    ("FRC, mean over rings", "frc", "mean", ".4f"),
)


def show_run(console: Console, run: Run) -> None:
    """Print the three tables, and where everything is."""
    gains = Table("gain", "expected", "measured", title="Ladder of gains, raw data to object units")
    for rung in run.stats["gain_ladder"]:
        gains.add_row(rung["gain"], f"{rung['expected']:.4f}", f"{rung['measured']:.4f}")
    gains.add_row("[bold]full chain product[/bold]", "1", f"{run.stats['full_chain_product']:.4f}")
    console.print(gains)

    quality = Table("figure", "network", "oracle", title="Quality over the illuminated support")
    for row in _quality(run.metrics):
        quality.add_row(*row)
    console.print(quality)

    invariants = Table("invariant", "", "evidence")
    for item in run.invariants:
        invariants.add_row(item.name, "[green]pass[/green]" if item.passed else "[red]FAIL[/red]", item.evidence)
    console.print(invariants)
    if gaps := run.metadata["far_from_oracle"]:
        console.print(
            f"[yellow]The network is far from what the data allow, as its oracle shows[/yellow]: {'; '.join(gaps)}",
            highlight=False,
            soft_wrap=True,
        )
    times, memory = run.metadata["timings"], run.metadata["peak_memory_mb"]
    console.print(
        f"{times['total_seconds']:.0f} s ({times['training_seconds']:.0f} s of training), "
        f"peak memory {memory:.0f} MB; artifacts and figures in {run.out}",
        highlight=False,
        soft_wrap=True,
    )


def _quality(metrics: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Rows of the quality table: figure, network, oracle."""

    def cell(value: float | None, form: str = ".4f") -> str:
        return "-" if value is None else format(value, form)

    errors = metrics["fourier_error"]
    yield "Fourier error", cell(errors["network"]), cell(errors["oracle"])
    known = "amplitude" in metrics
    if known:
        network, oracle = metrics, metrics["oracle"]
    else:
        yield "Fourier error, held-out frames", cell(errors["network_held_out"]), "-"
        if not metrics["half_scan"]:
            return
        network, oracle = metrics["half_scan"].values()
    for label, part, key, form in _QUALITY:
        name = label if known else f"half-scan agreement: {label}"
        yield name, cell(network[part][key], form), cell(oracle[part][key], form)
