"""Reassembly limits: where the patches lie, which canvas they need, and what falls off the one that they have."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ptycho.diagnostics.checks import CauseCheck, evaluate
from ptycho.diagnostics.findings import Analysis, Table
from ptycho.diagnostics.records import RunRecord, at_path, finite_or_none, number_or_none
from ptycho.diagnostics.wording import figure_words, percent

ROOMY = 1.2  # a canvas larger by this than centred offsets need was not centred
CLIPPED = 1e-3


@dataclass(frozen=True)
class Uncentred:
    """Offsets that are absolute positions: the canvas that they need, how that is known, and how much larger it is."""

    needs: str
    evidence: tuple[str, ...]
    ratio: float


@dataclass(frozen=True)
class CanvasFacts:
    """The canvases of the subsets and of the stitched reconstruction; ``uncentred`` is None where nothing says so."""

    subsets: Mapping[str, Mapping[str, Any]]
    stitched: Mapping[str, Any]
    uncentred: Uncentred | None

    @property
    def lost(self) -> dict[str, float]:
        """The share of the energy that each subset loses, where it is more than nothing."""
        losses = {name: figures["loss_fraction"] for name, figures in self.subsets.items()}
        return {name: loss for name, loss in losses.items() if loss is not None and loss > CLIPPED}

    @property
    def too_small(self) -> list[str]:
        """What does not fit its canvas."""
        names = [name for name, figures in self.subsets.items() if figures["fits_canvas"] is False]
        return [*names, "the stitched reconstruction"] if self.stitched["fits_canvas"] is False else names


def canvas_figures(run: RunRecord, subset: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of one subset's canvas."""
    axes = at_path(subset, "offsets", "combined", "axis_stats")
    reach = centred_reach(axes[:2]) if isinstance(axes, list) else None
    side = window_side(run)
    fits = at_path(subset, "canvas", "fits_canvas")
    return {
        "window_px": side,
        "max_offset": number_or_none(at_path(subset, "canvas", "max_combined_abs_offset")),
        "max_offset_centred": reach,
        "required_canvas": finite_or_none(at_path(subset, "canvas", "required_canvas")),
        "required_canvas_centred": canvas_side(side, reach) if side and reach is not None else None,
        "given_canvas": number_or_none(at_path(subset, "canvas", "padded_size")),
        "legacy_padded_size": number_or_none(at_path(subset, "canvas", "legacy_padded_size")),
        "fits_canvas": fits if isinstance(fits, bool) else None,
        "loss_fraction": finite_or_none(at_path(subset, "reassembly", "loss_fraction")),
        "loss_fraction_legacy": number_or_none(at_path(subset, "reassembly", "loss_fraction_legacy")),
    }


def centred_reach(axes: list[dict[str, Any]]) -> float | None:
    """The largest distance of an offset from the mean, along either axis."""
    reach = []
    for axis in axes:
        low, high, mean = (number_or_none(at_path(axis, key)) for key in ("min", "max", "mean"))
        if low is None or high is None or mean is None or not all(map(math.isfinite, (low, high, mean))):
            return None
        reach.append(max(high - mean, mean - low))
    return max(reach) if reach else None


def canvas_side(side: float, reach: float) -> int | None:
    """``ceil(N + 2 max|offset|)``: the canvas that holds every patch; None beyond any memory."""
    needed = side + 2 * reach
    return math.ceil(needed) if math.isfinite(needed) and 0 <= needed < 1e7 else None


def stitched_figures(run: RunRecord) -> dict[str, Any]:
    """Where the stitched reconstruction lies, from the run's own inference statistics."""
    return {
        "padded_size": run.positive("inference", "padded_size"),
        "required_canvas": run.positive("inference", "required_canvas"),
        "fits_canvas": run.flag("inference", "fits_canvas"),
        "max_offset": run.positive("inference", "offsets", "max_abs"),
        "declared_centred": run.flag("inference", "offsets", "centred"),
        "object_size": object_side(run),
    }


def window_side(run: RunRecord) -> float | None:
    """Side of what is placed of a patch, px: its central half, or all of it."""
    if (recorded := run.positive("reassembly", "window_px")) is not None:
        return recorded
    half = run.words("metadata", "config", "model", "window") == "half"
    return run.N / 2 if run.N and half else run.N


def object_side(run: RunRecord) -> float | None:
    """Side of the simulated object, which every scan position lies in."""
    return run.first_positive(
        ("metadata", "config", "simulate", "object", "size"), ("metadata", "crop_metadata", "target_size")
    )


def analyze_canvas(run: RunRecord) -> Analysis | None:
    """The reassembly limits of one run or report."""
    subsets = {
        name: canvas_figures(run, subset)
        for name, subset in run.subsets("reassembly").items()
        if isinstance(subset.get("canvas"), dict)
    }
    stitched = stitched_figures(run)
    if not subsets and stitched["padded_size"] is None:
        return None
    tables = []
    if subsets:
        keys = next(iter(subsets.values()))
        rows = tuple((key, *(f[key] for f in subsets.values())) for key in keys)
        tables.append(Table("Canvas, px", ("", *subsets), rows))
    if stitched["padded_size"] is not None:
        tables.append(Table("Stitched reconstruction, px", ("Property", "Value"), tuple(stitched.items())))
    uncentred = uncentred_subset(subsets) or uncentred_reconstruction(stitched, window_side(run))
    return Analysis(
        "reassembly_limits",
        "Reassembly limits",
        {"subsets": subsets, "stitched": stitched},
        tuple(tables),
        (),
        tuple(evaluate(CANVAS_CHECKS, CanvasFacts(subsets, stitched, uncentred))),
    )


def uncentred_subset(subsets: Mapping[str, Mapping[str, Any]]) -> Uncentred | None:
    """The first subset that asks for a larger canvas than its centred offsets need."""
    for name, figures in subsets.items():
        needed, least = figures["required_canvas"], figures["required_canvas_centred"]
        if needed and least and needed > ROOMY * least:
            reach, centred = figure_words(figures["max_offset"]), figure_words(figures["max_offset_centred"])
            return Uncentred(
                f"canvas of {needed:.0f} px, where {least} px would do",
                (f"{name}: offsets reach {reach} px, {centred} px from their mean",),
                needed / least,
            )
    return None


def uncentred_reconstruction(stitched: Mapping[str, Any], side: float | None) -> Uncentred | None:
    """Absolute positions, known by what no centred offset can be: beyond half the object, or beyond its own canvas."""
    size, largest, needed = stitched["object_size"], stitched["max_offset"], stitched["required_canvas"]
    if size and largest and largest > ROOMY * size / 2:
        evidence = (
            f"offsets reach {largest:.1f} px; about the middle of a {size:.0f} px object none exceeds {size / 2:.0f} px"
        )
        return Uncentred(f"canvas of {figure_words(needed)} px", (evidence,), 2 * largest / size)
    if needed and largest and side and needed > ROOMY * (side + 2 * largest + 2):
        least = side + 2 * math.ceil(largest)
        evidence = f"offsets reach {largest:.1f} px from their mean, patches are {side:.0f} px wide"
        return Uncentred(f"canvas of {needed:.0f} px, where {least:.0f} px would do", (evidence,), needed / least)
    return None


def _uncentred_statement(facts: CanvasFacts) -> str:
    assert facts.uncentred is not None
    return f"The offsets were never centred: they are absolute positions and ask for a {facts.uncentred.needs}."


def _uncentred_evidence(facts: CanvasFacts) -> tuple[str, ...]:
    assert facts.uncentred is not None
    ratio = facts.uncentred.ratio
    return (*facts.uncentred.evidence, f"{ratio:.2f} times the side, {ratio**2:.1f} times the memory")


def _clipped_evidence(facts: CanvasFacts) -> tuple[str, ...]:
    lost = (f"{name}: {percent(share)} of the energy is lost" for name, share in facts.lost.items())
    small = (
        f"{name}: {figure_words(f['required_canvas'])} px needed, {figure_words(f['given_canvas'])} px given"
        for name, f in facts.subsets.items()
        if f["fits_canvas"] is False
    )
    return (*lost, *small)


CANVAS_CHECKS: tuple[CauseCheck[CanvasFacts], ...] = (
    CauseCheck(
        cause="offsets_not_centred",
        level="fault",
        when=lambda facts: facts.uncentred,
        statement=_uncentred_statement,
        evidence=_uncentred_evidence,
        remedy="Subtract the mean position before placing patches.",
        weight=0.4,  # it costs memory, and changes no amplitude
    ),
    CauseCheck(
        cause="clipped",
        level="fault",
        when=lambda facts: facts.lost or facts.too_small,
        statement=lambda facts: (
            f"Patches fall off the canvas: {', '.join(dict.fromkeys([*facts.too_small, *facts.lost]))}."
        ),
        evidence=_clipped_evidence,
        remedy="Centre the offsets, and size the canvas as N + 2 max|offset|.",
        # What follows from the cause comes after it.
        weight=lambda facts: 0.3 if facts.uncentred else 0.5 + max(facts.lost.values(), default=0.0),
    ),
)
