"""Run a scenario: every stage in order, then its artifacts."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from ptycho.config.pipeline import PipelineConfig
from ptycho.config.reading import config_digest, to_mapping
from ptycho.config.scenario import Scenario
from ptycho.config.validation import require
from ptycho.data.normalization import closed_form_scale
from ptycho.diagnostics import RunRecord
from ptycho.diagnostics import measurements as diagnostics
from ptycho.diagnostics.analyses.training_health import oracle_gaps
from ptycho.model import bundle, machine
from ptycho.model.backend import weight_path
from ptycho.output import artifacts, figures
from ptycho.pipeline.declaration import PIPELINE, Stage
from ptycho.pipeline.inference import to_bundle
from ptycho.pipeline.metadata import run_counts, run_seeds
from ptycho.pipeline.products import write_products
from ptycho.pipeline.values import Trained
from ptycho.preflight.outcome import preflight, summary
from ptycho.progress import StageProgress
from ptycho.quality import invariants, telemetry
from ptycho.quality.gates import measured_gates
from ptycho.quality.invariants import Invariant
from ptycho.reconstruction.engines import engine_versions, require_engine
from ptycho.reconstruction.stitching import Reconstruction


@dataclass(frozen=True)
class StageRecord:
    """What a stage ran under: the digest of the whole configuration, and of the keys it reads."""

    stage: str
    config_digest: str
    reads: tuple[str, ...]
    reads_digest: str
    seconds: float


@dataclass(frozen=True)
class Run:
    """A finished run: every stage's output by name, and the content of its JSON artifacts."""

    scenario: Scenario
    out: Path
    outputs: dict[str, Any]
    records: list[StageRecord]
    stats: dict[str, Any]
    inference: dict[str, Any]
    metrics: dict[str, Any]
    invariants: list[Invariant]
    metadata: dict[str, Any]

    @property
    def passed(self) -> bool:
        """Whether every invariant holds."""
        return all(i.passed for i in self.invariants)


def run(scenario: Scenario, out: Path, progress: StageProgress | None = None, forced: bool = False) -> Run:
    """Run every stage of ``scenario`` and write its artifacts into the folder ``out``.

    Measured data are examined first, and refused with DataError where they are wrong, unless ``forced``.
    Raises TrainingDiverged (weights and history saved first), KeyboardInterrupt (likewise), and
    PtychoError for bad input. ``run_metadata.json`` is written last: where it exists, all is whole.
    """
    for earlier in ("run_metadata.json", "error.json"):
        (out / earlier).unlink(missing_ok=True)
    started = time.perf_counter()
    config = scenario.config
    _check(config)
    examined = preflight(config.measured, config.N, out, forced) if config.measured else None
    outputs: dict[str, Any] = {}
    records: list[StageRecord] = []
    for stage in PIPELINE:
        record, outputs[stage.name] = _run_stage(stage, config, outputs, progress)
        records.append(record)
        if stage.name == "train":
            save_training(out, config, outputs)
    seconds = time.perf_counter() - started
    return _finish(scenario, out, outputs, records, seconds, None if examined is None else summary(examined, forced))


def _run_stage(
    stage: Stage, config: PipelineConfig, outputs: dict[str, Any], progress: StageProgress | None
) -> tuple[StageRecord, Any]:
    def report(done: int, total: int, note: str) -> None:
        if progress:
            progress(stage.name, done, total, note)

    report(0, 1, "")
    started = time.perf_counter()
    output = stage.run(config, report, outputs)
    seconds = time.perf_counter() - started
    report(1, 1, f"{seconds:.1f} s")
    seen = {name: getattr(config, name) for name in stage.reads}
    read = config_digest({k: to_mapping(v) if hasattr(v, "__dataclass_fields__") else v for k, v in seen.items()})
    return StageRecord(stage.name, config_digest(config), stage.reads, read, seconds), output


def _check(config: PipelineConfig) -> None:
    """Whatever would fail after hours of training fails here."""
    require(
        not (config.measured and config.loss.realspace_weight and config.loss.realspace_mae_weight),
        "loss.realspace_mae_weight",
        config.loss.realspace_mae_weight,
        "measured data has no truth to compare with",
    )
    require_engine(config.reference)


def save_training(out: Path, config: PipelineConfig, outputs: dict[str, Any]) -> None:
    """The training's artifacts; raises when it did not end well, after saving everything."""
    trained: Trained = outputs["train"]
    folder, outcome = out / "train_outputs", trained.outcome
    history = outcome.history
    bundle.save_bundle(
        folder / "bundle.npz",
        to_bundle(config, outputs["simulate"], outputs["normalize"], trained, machine.versions()),
    )
    epochs = list(range(1, len(history["learning_rate"]) + 1))
    artifacts.write_json(folder / "history.json", {"epochs": epochs, "metrics": history})
    summary = telemetry.history_summary(history)
    if outcome.diverged is not None:
        where = outcome.diverged
        for name in where.components:
            summary["metrics"].setdefault(name, {}).update(
                has_nan=True, first_nan_epoch=where.epoch, first_nan_step=where.step
            )
        summary["nan_overview"] = {"has_nan": True, "metrics": where.components}
    artifacts.write_json(folder / "history_summary.json", summary)
    if history["learning_rate"]:
        figures.loss_curve(folder / "loss_curve.png", history)
    if outcome.diverged is not None:
        where = outcome.diverged
        artifacts.write_json(
            out / "error.json",
            {
                "error": "training_diverged",
                "message": str(where),
                "epoch": where.epoch,
                "step": where.step,
                "components": where.components,
                "kind": where.kind,
                "weights": "train_outputs/bundle.npz",
            },
        )
        raise outcome.diverged
    if outcome.interrupted:
        raise KeyboardInterrupt


def _finish(
    scenario: Scenario,
    out: Path,
    outputs: dict[str, Any],
    records: list[StageRecord],
    seconds: float,
    examined: dict[str, Any] | None,
) -> Run:
    config = scenario.config
    dataset, parts = outputs["simulate"], outputs["split"]
    scales, trained, measured = outputs["normalize"], outputs["train"], outputs["measure"]
    result, comparison = outputs["infer"], outputs["compare"]
    shared = len(set(parts.train.ids.tolist()) & set(parts.test.ids.tolist()))
    held = invariants.check_invariants(
        measured.intensity,
        measured.inference,
        comparison.metrics,
        closed_form_scale(dataset.nphotons, config.N),
        [r.config_digest for r in records],
        shared,
        int((~np.isfinite(result.object)).sum()),
        measured.unmoved,
    )
    if config.measured:
        held += measured_gates(comparison.metrics)
    metadata: dict[str, Any] = {
        "scenario": scenario.name,
        "profile": scenario.profile,
        "title": scenario.title,
        "config": to_mapping(config),
        "config_digest": config_digest(config),
        "stages": records,
        "scales": asdict(scales),
        "seeds": run_seeds(to_mapping(config)),
        "versions": machine.versions() | engine_versions(config.reference),
        "device": machine.compute_device(),
        "counts": run_counts(outputs),
        "timings": {
            "total_seconds": seconds,
            "training_seconds": trained.seconds,
            "oracle_seconds": outputs["oracle"].seconds,
            "groups_per_second": result.groups_per_second,
        },
        "peak_memory_mb": machine.peak_memory_mb(),
        "invariants": held,
        "far_from_oracle": oracle_gaps(RunRecord(scenario.name, "ptycho", {"metrics": comparison.metrics})),
        "finished": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    if examined is not None:
        metadata["preflight"] = examined
    done = Run(
        scenario, out, outputs, records, measured.intensity, measured.inference, comparison.metrics, held, metadata
    )
    _write(done)
    return done


def write_inference(folder: Path, result: Reconstruction, stats: dict[str, Any]) -> None:
    """The reconstruction's arrays and figures, and its statistics."""
    artifacts.write_json(folder / "stats.json", stats)
    artifacts.write_npy(folder / "amplitude.npy", np.abs(result.object))
    artifacts.write_npy(folder / "phase.npy", np.angle(result.object))
    artifacts.write_npy(folder / "coverage.npy", result.weight > 0)
    figures.save_image(folder / "amplitude.png", np.abs(result.object), "amplitude, object units")
    figures.save_image(folder / "phase.png", np.angle(result.object), "phase (rad)")


def _write(done: Run) -> None:
    out, result, comparison = done.out, done.outputs["infer"], done.outputs["compare"]
    title = f"{done.scenario.name} ({done.scenario.profile})"
    artifacts.write_json(out / "intensity_stats.json", done.stats)
    artifacts.write_text(out / "intensity_stats.md", telemetry.intensity_markdown(done.stats))
    artifacts.write_json(out / "comparison_metrics.json", done.metrics)
    write_inference(out / "inference_outputs", result, done.inference)
    truth = done.outputs["simulate"].truth
    for file, content in _measured(done).items():
        artifacts.write_json(out / file, content)
    columns = {} if truth is None else {"truth": truth}
    columns |= {"oracle": comparison.oracle, "network": comparison.network}
    figures.overview(out / "overview.png", title, columns, comparison.support)
    against = comparison.oracle if truth is None else truth
    other = "oracle" if truth is None else "truth"
    shown = np.where(comparison.support, comparison.network, np.nan)
    amplitude = np.abs(shown) - np.abs(against)
    phase = np.angle(shown * against.conj())
    for name, values in (("amplitude", amplitude), ("phase", phase)):
        limit = float(np.nanpercentile(np.abs(values), 99)) or 1.0
        figures.save_image(out / f"{name}_diff.png", values, f"{name}: network - {other}", "RdBu_r", (-limit, limit))
    if done.scenario.config.measured:
        write_products(out / "products", done.scenario.name, done.outputs)
    artifacts.write_json(out / "run_metadata.json", done.metadata)


def _measured(done: Run) -> dict[str, dict[str, Any]]:
    """What only the arrays can say, kept for whoever looks into the run later (see ``ptycho.diagnostics``)."""
    config, parts, grouped = done.scenario.config, done.outputs["split"], done.outputs["group"]
    dataset, result, comparison = done.outputs["simulate"], done.outputs["infer"], done.outputs["compare"]
    train, infer = grouped.train.members, grouped.infer.members
    positions, window = grouped.frames.positions, config.window_px
    files: dict[str, dict[str, Any]] = {
        "grouping_summary.json": {
            "subsets": {
                "train": diagnostics.grouping(parts.train.positions, train, config.N, config.group.train_groups),
                "infer": diagnostics.grouping(positions, infer, config.N, len(grouped.frames)),
            }
        },
        "reassembly_limits.json": {
            "window_px": window,
            "subsets": {
                "infer": diagnostics.reassembly(positions, window, config.gridsize, result.object.shape[0]),
            },
        },
        "probe_report.json": diagnostics.probes(done.outputs["probe"], dataset.probe),
        "train_outputs/weights.json": {
            "trainable": [weight_path(weight) for weight in done.outputs["train"].model.trainable_weights],
            "unmoved": done.outputs["measure"].unmoved,
        },
    }
    if dataset.truth is not None:
        shape = dataset.object_shape
        network = result.on(shape)
        files["prediction_scaling.json"] = diagnostics.scaling(
            network, dataset.truth, comparison.support & result.support(shape)
        )
    return files
