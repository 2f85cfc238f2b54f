"""Two scenarios through the stages before training, side by side: whether each treats its own dose alike."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ptycho.config.pipeline import PipelineConfig
from ptycho.config.reading import to_mapping
from ptycho.config.scenario import Scenario
from ptycho.data.normalization import Scales
from ptycho.data.splitting import Split
from ptycho.diagnostics import Analysis, RunRecord, analysis_markdown, normalization_parity
from ptycho.model.features import FeatureMaker
from ptycho.model.network import PtychoModel
from ptycho.output import artifacts
from ptycho.pipeline import stages
from ptycho.pipeline.stages import Grouped, Trained
from ptycho.quality import telemetry
from ptycho.training.training import Progress, TrainingOutcome


@dataclass(frozen=True)
class Untrained:
    """A scenario's data after every stage before training, and the network as it starts."""

    parts: Split
    grouped: Grouped
    scales: Scales
    model: PtychoModel
    maker: FeatureMaker


def untrained(config: PipelineConfig, report: Progress) -> Untrained:
    """Simulate or load, split, group, normalise, and build the network."""
    dataset = stages.simulate(config, report)
    parts = stages.split(config, report, dataset)
    probe = stages.probe(config, report, dataset, parts)
    grouped = stages.group(config, report, dataset, parts)
    scales = stages.normalize(config, report, dataset, parts, probe, grouped)
    model, maker = stages.make_model(config, scales, probe, max(grouped.train.reach, grouped.infer.reach))
    return Untrained(parts, grouped, scales, model, maker)


def normalized_run(scenario: Scenario, report: Progress) -> RunRecord:
    """What normalisation did, as far as a run would tell of it before training."""
    made = untrained(scenario.config, report)
    frames, groups, scales = made.grouped.frames, made.grouped.infer, made.scales
    given = stages.network_inputs(Trained(made.model, made.maker, TrainingOutcome(), [], 0.0), frames, groups)
    told = telemetry.stage_stats(frames, groups, scales, given, "test")
    intensity = {"normalize_gain": scales.gain, "bundle_intensity_scale": scales.counts_scale, "stages": told}
    metadata = {"config": to_mapping(scenario.config), "scales": asdict(scales)}
    return RunRecord(scenario.name, "ptycho", artifacts.to_plain({"metadata": metadata, "intensity": intensity}))


def write_dose_parity(a: Scenario, b: Scenario, out: Path, report: Progress) -> Analysis:
    """Write ``dose_normalization_stats.json`` and ``.md`` of two scenarios into the folder ``out``."""
    runs = [normalized_run(scenario, report) for scenario in (a, b)]
    analysis = normalization_parity(*runs)
    assert analysis is not None
    figures: dict[str, Any] = analysis.figures
    artifacts.write_json(out / f"{analysis.name}.json", figures)
    artifacts.write_text(out / f"{analysis.name}.md", analysis_markdown(analysis))
    return analysis
