"""Figures for people. Never a gate: the arrays behind them are."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ptycho.arrays import Complex, Mask, Real
from ptycho.output import artifacts


def save_figure(path: Path, figure: Figure) -> None:
    """Write a figure as PNG, whole or not at all."""
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)
    artifacts.write_bytes(path, buffer.getvalue())


def save_image(
    path: Path, values: Real, label: str, cmap: str = "gray", limits: tuple[float, float] | None = None
) -> None:
    """One image with a colour bar; NaN is left blank."""
    figure = Figure(figsize=(6, 5), layout="constrained")
    _show(figure, figure.subplots(), values, label, cmap, limits)
    save_figure(path, figure)


def loss_curve(path: Path, history: dict[str, list[float]]) -> None:
    """Every loss over the epochs (logarithmic where all are positive), and the learning rate."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for name, values in history.items():
        if name.endswith("loss") and any(values):
            axes.plot(range(1, len(values) + 1), values, label=name, linestyle="--" if name.startswith("val") else "-")
    axes.set(xlabel="epoch", ylabel="loss")
    if all(v > 0 for name, values in history.items() if name.endswith("loss") and any(values) for v in values):
        axes.set_yscale("log")
    rate = axes.twinx()
    rate.plot(range(1, len(history["learning_rate"]) + 1), history["learning_rate"], color="0.7", linewidth=1)
    rate.set_ylabel("learning rate", color="0.6")
    if axes.get_legend_handles_labels()[0]:
        axes.legend()
    save_figure(path, figure)


def overview(path: Path, title: str, columns: dict[str, Complex], support: Mask) -> None:
    """Amplitude above, phase below, one column an object, on common scales over the support."""
    rows, cols = np.nonzero(support)
    box = (slice(rows.min(), rows.max() + 1), slice(cols.min(), cols.max() + 1))
    hidden = ~support[box]
    amplitudes = {k: np.ma.array(np.abs(v[box]), mask=hidden) for k, v in columns.items()}
    phases = {k: np.ma.array(np.angle(v[box]), mask=hidden) for k, v in columns.items()}
    figure = Figure(figsize=(4.4 * len(columns), 7), layout="constrained")
    grid = figure.subplots(2, len(columns), squeeze=False)
    for row, images, label in ((0, amplitudes, "amplitude"), (1, phases, "phase (rad)")):
        first = next(iter(images.values())).compressed()
        low, high = (float(v) for v in np.percentile(first, [0.5, 99.5]))
        if high - low < 0.1 and row == 1:
            low, high = low - 0.1, high + 0.1
        for axes, (name, values) in zip(grid[row], images.items(), strict=True):
            _show(figure, axes, values, f"{name}: {label}", "gray", (low, high))
    figure.suptitle(title)
    save_figure(path, figure)


def _show(figure: Figure, axes: Any, values: Real, label: str, cmap: str, limits: tuple[float, float] | None) -> None:
    low, high = limits or (None, None)
    shown = axes.imshow(values, cmap=cmap, vmin=low, vmax=high)
    axes.set_title(label, fontsize=10)
    axes.set_axis_off()
    figure.colorbar(shown, ax=axes, shrink=0.8)
