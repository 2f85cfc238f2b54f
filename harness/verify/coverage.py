"""What is verified of a scenario, in which track, under which tier, and which goldens that makes or leaves out.

What the pipeline declares is code; what may stay uncompared is data under approval, in ``tolerances.toml``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core import globs, text
from harness.core.errors import GoldenError, ProjectError
from harness.core.ids import CHECK, CONFIGURATION, ENSEMBLE, ENSEMBLES, INVARIANTS, ROUNDING, GoldenId, is_of_a_test
from harness.core.project import Project
from harness.core.protocol import Pipeline, Stage, Tier
from harness.core.trees import leaves
from harness.store.goldens import Goldens
from harness.store.manifest import Entry

if TYPE_CHECKING:
    from harness.verify.examination import Examination

OWN_SCHEMAS = {
    CONFIGURATION: "harness/configuration-1",
    INVARIANTS: "harness/invariants-1",
    ENSEMBLE: "harness/ensemble-1",
    ROUNDING: "harness/ensemble_rounding-1",
}


def verified_artifacts(pipeline: Pipeline, profile: str) -> list[tuple[str, str]]:
    """Track and name of every artifact that is verified at ``profile``, the pipeline's order in both tracks."""
    if profile == pipeline.replay_profile:
        raise ProjectError(f"profile {profile!r} is the replay's, which every verification contains: choose another")
    if CHECK in (profile, pipeline.replay_profile):
        raise ProjectError(f"profile {CHECK!r} is the track of what tests check: choose another name for it")
    main = [(profile, s.artifact) for s in pipeline.stages if s.main]
    alone = [(pipeline.replay_profile, s.artifact) for s in pipeline.stages if s.replay == "verify"]
    return [(profile, CONFIGURATION), *main, *alone, (profile, INVARIANTS)]


def verified_parts(pipeline: Pipeline, profile: str, training: bool) -> list[list[tuple[str, str]]]:
    """What ``verified_artifacts`` gives in parts, the cheapest first, each with those before it.

    The first needs nothing that was trained. The next has every replay, also of what training decides, which begins
    with what is stored. The last has, with ``training``, what that decides in the scenario's own profile: the
    statistical stages, those that need them, and the invariants of a whole run. A part that adds nothing is none.
    """
    everything = verified_artifacts(pipeline, profile)
    trained = {s.name for s in pipeline.stages if s.tier == "statistical"}
    decided = {s.artifact for s in pipeline.stages if trained & pipeline.leading_to(s.name)}
    untrained = [(track, a) for track, a in everything if track != profile or a not in {*decided, INVARIANTS}]
    parts = [[(track, a) for track, a in untrained if a not in decided], untrained, *([everything] if training else [])]
    return [part for part, longer in itertools.pairwise(parts) if len(part) < len(longer)] + parts[-1:]


def judged_tier(stage: Stage, replayed: bool) -> Tier:
    """The tier that a stage's values are judged by: given its inputs, one after training has nothing random left."""
    return "deterministic" if replayed and stage.tier == "statistical" else stage.tier


def stored_outputs(pipeline: Pipeline) -> list[str]:
    """The artifacts of which a replay only stores the output, for the stages after it."""
    return [stage.artifact for stage in pipeline.stages if stage.replay == "given"]


def all_known(project: Project) -> set[str]:
    """Every golden's id that some scenario makes at some profile that has goldens."""
    goldens, pipeline = Goldens.of(project), project.pipeline
    kept = accepted_of_stages(goldens.manifest())
    profiles = {project.profile, *(identity.track for identity in kept)} - {pipeline.replay_profile}
    known = {identity for identity in goldens.manifest() if is_of_a_test(identity)}  # no scenario makes these
    for name in pipeline.scenarios():
        for profile in profiles:
            known |= {GoldenId(name, track, artifact) for track, artifact in verified_artifacts(pipeline, profile)}
            known |= {GoldenId(name, profile, ensemble) for ensemble in ENSEMBLES}
        known |= {GoldenId(name, pipeline.replay_profile, artifact) for artifact in stored_outputs(pipeline)}
    return known


def accepted_of_stages(manifest: Mapping[str, Entry]) -> list[GoldenId]:
    """The ids of the goldens that belong to scenarios, and not to tests."""
    return [GoldenId.parse(i) for i, entry in manifest.items() if entry.kind == "golden" and not is_of_a_test(i)]


def coverage_problems(examinations: Mapping[str, Examination], complete: bool) -> list[str]:
    """Goldens that nothing compares though no file says so, and entries that say so for nothing.

    Scenarios that cannot run here are another matter. ``complete``: every scenario is there, so that an entry
    which all of them share has no excuse.
    """
    problems: list[str] = []
    unlisted: dict[tuple[str, str], list[str]] = {}
    idle: dict[tuple[Path, str], bool] = {}
    for examination in (e for e in examinations.values() if not e.scenario.missing):
        rules, makes = examination.rules, _made(examination)
        patterns = {entry: globs.compiled(entry) for entry in rules.uncompared}
        used: set[str] = set()
        for identity, (address, compared) in makes.items():
            listed = [entry for entry, regex in patterns.items() if regex.fullmatch(address + "/")]
            used.update(listed)
            if compared:
                problems += [
                    f'{rules.place(rules.uncompared[entry])}: uncompared "{entry}" names {address}, '
                    "which is compared: take it out"
                    for entry in listed
                ]
            elif not listed and _of_a_stage(examination, identity):
                unlisted.setdefault((address, rules.place(rules.sources[-1])), []).append(identity)
            elif not listed:
                problems.append(
                    f"golden {identity} belongs to no stage of any scenario: remove it with `harness prune`"
                )
        for entry, source in rules.uncompared.items():
            idle[source, entry] = idle.get((source, entry), True) and entry not in used
    problems += [_unlisted(address, place, ids) for (address, place), ids in unlisted.items()]
    problems += [
        f'{source.parent.name}/{source.name}: uncompared "{entry}" matches no golden: take it out or mend it'
        for (source, entry), nothing in idle.items()
        if nothing and (complete or source.parent.name in examinations)
    ]
    return [*dict.fromkeys(problems), *_other_profiles(examinations, complete)]


def _other_profiles(examinations: Mapping[str, Examination], complete: bool) -> list[str]:
    """Goldens that no verification at the project's own profile looks at, unless a file names their profile."""
    problems: dict[tuple[str, str], int] = {}
    idle: dict[tuple[str, str], bool] = {}
    for examination in (e for e in examinations.values() if e.profile == e.project.profile):
        tracks = [i.track for i in accepted_of_stages(examination.manifest) if i.scenario == examination.scenario.name]
        for track in set(tracks) - {examination.profile, examination.replay, *examination.rules.profiles}:
            place = (track, examination.rules.place(examination.rules.sources[-1]))
            problems[place] = problems.get(place, 0) + tracks.count(track)
        for profile, source in examination.rules.profiles.items():
            entry = (profile, examination.rules.place(source))
            idle[entry] = idle.get(entry, True) and profile not in tracks
    return [
        f'{text.count(n, "golden")} of {track} {"is" if n == 1 else "are"} compared by nothing here: add "{track}" to '
        f"profiles in {place}, and let a job run `harness verify --profile {track}`"
        for (track, place), n in sorted(problems.items())
    ] + [
        f'{place}: profiles names "{profile}", of which there is no golden: take it out'
        for (profile, place), nothing in sorted(idle.items())
        if nothing and complete
    ]


def _made(examination: Examination) -> dict[GoldenId, tuple[str, bool]]:
    """Every golden that a scenario has or makes, in the tracks that are examined: its address, and whether it counts.

    One counts that a verification with training compares, as the pipeline declares it, or whose intervals judge.
    """
    profile, replay = examination.profile, examination.replay
    compared = {examination.identity(*name) for name in verified_artifacts(examination.pipeline, profile)}
    stored = {examination.identity(replay, artifact) for artifact in stored_outputs(examination.pipeline)}
    own = {
        i
        for i in accepted_of_stages(examination.manifest)
        if i.scenario == examination.scenario.name and i.track in (profile, replay)
    }
    return {
        i: (
            f"replay/{i.artifact}" if i.track == replay else i.artifact,
            i in compared or (i.artifact in ENSEMBLES and i.track == profile and intervals_used(examination)),
        )
        for i in sorted(compared | stored | own)
    }


def intervals_used(examination: Examination) -> bool:
    """Whether some rule judges by an interval of the scenario's ensemble."""
    rules = map(examination.rules.find, examination.ensemble)
    return any(rule is not None and rule.policy.ensemble for rule in rules)


def _of_a_stage(examination: Examination, identity: GoldenId) -> bool:
    """Whether some stage still emits the artifact, though nothing compares it."""
    return identity.artifact in ENSEMBLES or any(s.artifact == identity.artifact for s in examination.pipeline.stages)


def _unlisted(address: str, place: str, ids: list[str]) -> str:
    artifact = address.removeprefix("replay/")
    if artifact in ENSEMBLES:
        remedy = "give a rule interval = true, or remove it"
    elif address == artifact:
        remedy = "let its stage run in the scenario's own profile (main)"
    else:
        remedy = 'give its stage replay = "verify"'
    are = "are" if len(ids) > 1 else "is"
    return f'{text.joined(ids)} {are} compared by nothing: {remedy}, or add "{address}" to uncompared in {place}'


def left_out(examination: Examination) -> list[GoldenId]:
    """The accepted goldens of a scenario that an option leaves out; none of a scenario that cannot run here."""
    everything = verified_artifacts(examination.pipeline, examination.profile)
    if examination.training or examination.scenario.missing:
        return []
    names = [name for name in everything if name not in examination.artifacts]
    ids = (
        examination.identity(*name) for name in [*names, *((examination.profile, ensemble) for ensemble in ENSEMBLES)]
    )
    return [identity for identity in ids if identity in examination.manifest]


def training_problems(examination: Examination) -> list[str]:
    """Goldens that --no-training leaves out as decided by training, though no approved rule says so of any value."""
    if "--no-training" not in examination.left_out_by:
        return []
    problems = []
    untrained = verified_parts(examination.pipeline, examination.profile, training=False)[-1]
    kept = {examination.identity(*name) for name in untrained}  # which only --fail-fast can have left out
    for identity in (i for i in left_out(examination) if i not in kept):
        if identity.artifact in OWN_SCHEMAS or (values := _values(examination, identity)) is None:
            continue
        prefix = examination.prefix(identity.track, identity.artifact)
        rules = (examination.rules.find(prefix + path) for path in values)
        if not any(rule is not None and rule.tier_or("deterministic") == "statistical" for rule in rules):
            problems.append(
                f"{identity} is left out by --no-training, and no rule says that training decides any of it: "
                'give one of its rules tier = "statistical", or keep its stage apart from what is trained'
            )
    return problems


def omissions(examinations: Iterable[Examination], complete: bool) -> list[str]:
    """What nobody asked to compare, one sentence each with its number; ``complete``: every scenario was examined."""
    examined = list(examinations)
    sentences = []
    if ids := [(e, identity) for e in examined for identity in left_out(e)]:
        values = sum(len(_values(e, i) or ()) for e, i in ids if i.artifact not in ENSEMBLES)
        options = [*dict.fromkeys(option for e in examined for option in e.left_out_by)]
        of = f"{text.count(values, 'value')} of {text.count(len(ids), 'golden')}"
        sentences.append(f"{of} {'was' if values == 1 else 'were'} not compared: {text.joined(options)}")
    elsewhere: dict[str, int] = {}
    for examination in examined if complete else ():
        here = {examination.profile, examination.replay}
        for identity in accepted_of_stages(examination.manifest):
            if identity.scenario == examination.scenario.name and identity.track not in here:
                command = f"harness verify {examination.scenario.name} --profile {identity.track}"
                elsewhere[command] = elsewhere.get(command, 0) + 1
    return sentences + [f"{text.count(n, 'golden')} of another profile: `{how}`" for how, n in elsewhere.items()]


def _values(examination: Examination, identity: GoldenId) -> list[str] | None:
    """The paths of a golden's values and arrays; None of one that is damaged, which is noted."""
    try:
        golden = examination.golden(identity.track, identity.artifact)
    except GoldenError as error:
        examination.damaged[identity] = str(error)
        return None
    assert golden is not None
    return [*dict(leaves(golden.artifact.values)), *golden.artifact.arrays]
