"""The pipeline that the harness guards: the stages as ``ptycho`` declares them, and what is judged of each.

``ptycho.pipeline.declaration.PIPELINE`` says what every stage reads and needs. Here is added only what the
harness asks beside that: the artifact, what is observed of it, the replay, and the tier.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from typing import Any

from guard import bundles, observers, stages, training
from guard.axes import axes
from guard.diagnosis import explain
from guard.scenarios import files, invariants, load, reseed, scenarios
from harness import Curve, Image, Ladder, Pipeline, Stage
from ptycho.config.pipeline import PipelineConfig
from ptycho.pipeline.declaration import PIPELINE

MODEL = ("N", "gridsize", "model", "loss")  # what a trained model is built anew from

# A stage's output is data here. What putting it together again takes beside itself: outputs of other stages,
# and parts of the configuration.
RESTORING: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "split": (("simulate",), ()),
    "group": (("simulate",), ()),
    "train": (("simulate", "probe", "group", "normalize"), MODEL),
}

JUDGED: dict[str, dict[str, Any]] = {
    "simulate": {"artifact": "simulation", "observe": observers.observe_simulation, "files": files},
    "split": {"artifact": "split", "observe": observers.observe_split},
    "probe": {"artifact": "probe", "observe": observers.observe_probe},
    "group": {"artifact": "groups", "observe": observers.observe_groups},
    "normalize": {"artifact": "normalized"},
    "train": {
        "artifact": "trained",
        "observe": observers.observe_trained,
        "replay": "given",
        "tier": "statistical",
    },
    "infer": {"artifact": "reconstruction", "observe": observers.observe_reconstruction, "tier": "statistical"},
    "oracle": {"artifact": "oracle", "observe": observers.observe_oracle},
    "compare": {"artifact": "comparison", "observe": observers.observe_comparison, "tier": "statistical"},
    "measure": {"artifact": "telemetry", "observe": observers.observe_telemetry, "tier": "statistical"},
}

REHEARSAL = Stage(
    name="rehearse",
    artifact="rehearsal",
    run=training.rehearse,
    observe=training.observe_rehearsal,
    needs=("group",),
    reads=("train",),
    replay="verify",
    tier="exact",
)


def declared_stages() -> Iterator[Stage]:
    """The stages of ``PIPELINE``; before the training what it builds, and after it what it does from stored weights."""
    order = [stage.name for stage in PIPELINE]
    for stage in PIPELINE:
        needs, reads = {*stage.needs}, {*stage.reads}
        for name in stage.needs:
            others, keys = RESTORING.get(name, ((), ()))
            needs |= {*others}
            reads |= {*keys}
        if stage.name == "train":
            yield REHEARSAL
        run = getattr(stages, stage.name)
        judged = {"replay": "verify", **JUDGED[stage.name]}
        yield Stage(
            name=stage.name, run=run, needs=tuple(sorted(needs, key=order.index)), reads=tuple(sorted(reads)), **judged
        )
        if stage.name == "train":
            yield Stage(
                name="pinned",
                artifact="pinned",
                run=stages.pinned,
                needs=(*stage.needs, "train"),
                reads=tuple(sorted({*stage.reads, *MODEL})),
                main=False,
                replay="verify",
                tier="pinned",
            )
            yield Stage(
                name="loop",
                artifact="training_loop",
                run=training.loop,
                needs=("simulate", "probe", "group", "normalize", "train"),
                reads=(*MODEL, "train"),
                main=False,
                replay="verify",
                tier="pinned",
            )
            yield Stage(
                name="bundle",
                artifact="bundle",
                run=bundles.bundle,
                needs=("simulate", "probe", "group", "normalize", "train"),
                reads=tuple(field.name for field in dataclasses.fields(PipelineConfig)),
                main=False,
                replay="verify",
            )


pipeline = Pipeline(
    name="ptycho",
    stages=tuple(declared_stages()),
    scenarios=scenarios,
    load=load,
    source_roots=("ptycho", "guard"),
    invariants=invariants,
    reseed=reseed,
    libraries=("numpy", "scipy", "scikit-image", "h5py", "keras", os.environ.get("KERAS_BACKEND", "tensorflow")),
    environment=("KERAS_BACKEND", "PTYCHO_TEST_DATA"),
    axes=axes,
    reference=(
        "oracle/**",
        "comparison/metrics/oracle/**",
        "comparison/oracle/**",
        "comparison/metrics/fourier_error/oracle",
    ),
    quality=("comparison/**",),
    learned="train",
    analyze="ptycho.diagnostics:analyze",
    contrast="ptycho.diagnostics:contrast",
    explain=explain,
    errors=("ptycho.errors:PtychoError",),
    views=(
        Image("reconstruction", "amplitude", "Amplitude, object units"),
        Image("comparison", "phase", "Phase, rad", "twilight"),
        Image("oracle", "amplitude", "Oracle's amplitude, object units"),
        Image("simulation", "truth_amplitude", "True amplitude, object units"),
        Image("simulation", "mean_diffraction", "Mean diffraction amplitude, log10(1 + A)", "viridis"),
        Curve("trained", "history/loss", "Training loss", log=True),
        Curve("oracle", "fourier_errors", "Oracle's Fourier error a sweep", log=True),
        Ladder("telemetry", "intensity/gain_ladder", "Gains from raw data to object units"),
    ),
)
