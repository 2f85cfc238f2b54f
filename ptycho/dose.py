"""Two scenarios through the stages before training, side by side: whether each treats its own dose alike."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ptycho import artifacts, stages, telemetry
from ptycho.config import to_mapping
from ptycho.diagnostics.compare import parity
from ptycho.diagnostics.findings import Analysis, markdown
from ptycho.diagnostics.run import Run
from ptycho.scenario import Scenario
from ptycho.stages import Trained
from ptycho.train import Outcome, Report


def normalized(scenario: Scenario, report: Report) -> Run:
    """Simulate or load, split, group, normalise; the network is built for its input scaler, and not trained."""
    config = scenario.config
    dataset = stages.simulate(config, report)
    parts = stages.split(config, report, dataset)
    probe = stages.probe(config, report, dataset, parts)
    grouped = stages.group(config, report, dataset, parts)
    scales = stages.normalize(config, report, dataset, parts, probe, grouped)
    model, maker = stages.make_model(config, scales, probe, max(grouped.train.reach, grouped.infer.reach))
    built = Trained(model, maker, Outcome(), [], 0.0)
    given = stages.container(built, grouped.frames, grouped.infer)
    told = telemetry.stage_stats(grouped.frames, grouped.infer, scales, given, "test")
    intensity = {"normalize_gain": scales.gain, "bundle_intensity_scale": scales.counts_scale, "stages": told}
    metadata = {"config": to_mapping(config), "scales": asdict(scales)}
    return Run(scenario.name, "ptycho", artifacts.plain({"metadata": metadata, "intensity": intensity}))


def write(a: Scenario, b: Scenario, out: Path, report: Report) -> Analysis:
    """Write ``dose_normalization_stats.json`` and ``.md`` of two scenarios into the folder ``out``."""
    runs = [normalized(scenario, report) for scenario in (a, b)]
    found = parity(*runs)
    assert found is not None
    figures: dict[str, Any] = found.figures
    artifacts.write_json(out / f"{found.name}.json", figures)
    artifacts.write_text(out / f"{found.name}.md", markdown(found))
    return found
