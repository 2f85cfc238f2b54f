"""What is verified of a scenario, in which track, under which tier, and which goldens that makes."""

from __future__ import annotations

from harness.core.errors import ProjectError
from harness.core.ids import CONFIGURATION, ENSEMBLE, INVARIANTS, GoldenId
from harness.core.project import Project
from harness.core.protocol import Pipeline, Stage, Tier
from harness.store.goldens import Goldens

OWN_SCHEMAS = {
    CONFIGURATION: "harness/configuration-1",
    INVARIANTS: "harness/invariants-1",
    ENSEMBLE: "harness/ensemble-1",
}


def verified_artifacts(pipeline: Pipeline, profile: str) -> list[tuple[str, str]]:
    """Track and name of every artifact that is verified at ``profile``, the pipeline's order in both tracks."""
    if profile == pipeline.replay_profile:
        raise ProjectError(f"profile {profile!r} is the replay's, which every verification contains: choose another")
    main = [(profile, s.artifact) for s in pipeline.stages if s.main]
    alone = [(pipeline.replay_profile, s.artifact) for s in pipeline.stages if s.replay == "verify"]
    return [(profile, CONFIGURATION), *main, *alone, (profile, INVARIANTS)]


def judged_tier(stage: Stage, replayed: bool) -> Tier:
    """The tier that a stage's values are judged by: given its inputs, one after training has nothing random left."""
    return "deterministic" if replayed and stage.tier == "statistical" else stage.tier


def stored_outputs(pipeline: Pipeline) -> list[str]:
    """The artifacts of which a replay only stores the output, for the stages after it."""
    return [stage.artifact for stage in pipeline.stages if stage.replay == "given"]


def all_known(project: Project) -> set[str]:
    """Every golden's id that some scenario makes at some profile that has goldens."""
    goldens, pipeline = Goldens.of(project), project.pipeline
    kept = (GoldenId.parse(i) for i, entry in goldens.manifest().items() if entry.kind == "golden")
    profiles = {project.profile, *(identity.track for identity in kept)} - {pipeline.replay_profile}
    known: set[str] = set()
    for name in pipeline.scenarios():
        for profile in profiles:
            known |= {GoldenId(name, track, artifact) for track, artifact in verified_artifacts(pipeline, profile)}
            known.add(GoldenId(name, profile, ENSEMBLE))
        known |= {GoldenId(name, pipeline.replay_profile, artifact) for artifact in stored_outputs(pipeline)}
    return known
