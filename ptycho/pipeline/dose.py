"""Two scenarios through the stages before training, side by side: whether each treats its own dose alike."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ptycho.config.reading import to_mapping
from ptycho.config.scenario import Scenario
from ptycho.diagnostics import Analysis, RunRecord, analysis_markdown, normalization_parity
from ptycho.output import artifacts
from ptycho.pipeline.declaration import PIPELINE
from ptycho.pipeline.inference import make_model
from ptycho.pipeline.measurement import network_inputs
from ptycho.pipeline.values import Trained
from ptycho.progress import Progress
from ptycho.quality import telemetry
from ptycho.training.training import TrainingOutcome


def normalized_run(scenario: Scenario, progress: Progress) -> RunRecord:
    """What normalisation did, as far as a run would tell of it before training."""
    config, outputs = scenario.config, dict[str, Any]()
    for stage in PIPELINE[: [stage.name for stage in PIPELINE].index("train")]:
        outputs[stage.name] = stage.run(config, progress, outputs)
    groups, scales = outputs["group"], outputs["normalize"]
    model, maker = make_model(config, scales, outputs["probe"], groups.reach)
    inputs = network_inputs(Trained(model, maker, TrainingOutcome(), [], 0.0), groups.frames, groups.infer)
    stats = telemetry.stage_stats(groups.frames, groups.infer, scales, inputs, "test")
    intensity = {"normalize_gain": scales.gain, "bundle_intensity_scale": scales.counts_scale, "stages": stats}
    metadata = {"config": to_mapping(config), "scales": asdict(scales)}
    return RunRecord(scenario.name, "ptycho", artifacts.to_plain({"metadata": metadata, "intensity": intensity}))


def write_dose_parity(a: Scenario, b: Scenario, out: Path, progress: Progress) -> Analysis:
    """Write ``dose_normalization_stats.json`` and ``.md`` of two scenarios into the folder ``out``."""
    runs = [normalized_run(scenario, progress) for scenario in (a, b)]
    analysis = normalization_parity(*runs)
    assert analysis is not None
    figures: dict[str, Any] = analysis.figures
    artifacts.write_json(out / f"{analysis.name}.json", figures)
    artifacts.write_text(out / f"{analysis.name}.md", analysis_markdown(analysis))
    return analysis
