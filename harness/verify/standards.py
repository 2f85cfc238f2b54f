"""What verdicts rest on beside the pipeline's numbers: the rules, the schemas and the manifest, as they were read.

The pipeline's code runs before they are read and after, and can write files. So what a verdict was made by has to be
what lies there at the end, when the approvals are replayed: else it was made by something that nobody approved. Goldens
need no more, since each is read by the digest that the manifest has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from harness.core.adapters.faults import sentence_of
from harness.core.errors import HarnessError, RuleError
from harness.core.files import json_digest
from harness.core.project import Project
from harness.core.protocol import Pipeline
from harness.judge.rules import Rules
from harness.judge.schema import Schemas
from harness.judge.tolerances import load_rules
from harness.run.runner import environment
from harness.store.goldens import Goldens
from harness.store.manifest import MANIFEST, TOLERANCES, Entry

Standards = Mapping[str, str]
"""By what a sentence calls it, the digest of each thing that was judged by."""


def rules_of(root: Path, scenario: str) -> Rules:
    """A scenario's own tolerances below the goldens' folder ``root``, or else the ones that all scenarios share."""
    files = [root / scenario / TOLERANCES, root / TOLERANCES]
    if (path := next((path for path in files if path.exists()), None)) is None:
        raise RuleError(
            f"{files[1]} is missing: it says how far each value may be from its golden, "
            'in rules such as "my_artifact/*" = { rtol = 1e-6 }'
        )
    return load_rules(path, root)


def levels_of(pipeline: Pipeline) -> Mapping[str, str]:
    """The levels of this environment on the pipeline's axes; raises RuleError where its adapter cannot say."""
    try:
        return pipeline.axes(environment(pipeline))
    except Exception as error:  # the adapter is a stranger's code
        raise RuleError(f"the adapter's axes cannot tell this environment's levels: {sentence_of(error)}") from error


def standards(
    scenario: str, rules: Rules, manifest: Mapping[str, Entry], schemas: Schemas, artifacts: Iterable[str]
) -> Standards:
    """What a scenario is judged by; ``artifacts``: those that have a schema."""
    lists = [sorted(rules.uncompared), sorted(rules.profiles), rules.digest, [rules.place(p) for p in rules.sources]]
    entries = {i: {key: str(value) for key, value in vars(entry).items()} for i, entry in manifest.items()}
    found = {f"the rules of {scenario}": json_digest(lists), MANIFEST: json_digest(entries)}
    for artifact in artifacts:
        with suppress(HarnessError):  # one that is missing or damaged judges nothing
            schema = schemas.of(artifact)
            found[schema.path.name] = json_digest(schema.content)
    return found


def replaced_standards(
    project: Project,
    judged_by: Mapping[str, Standards],
    rules_for: Callable[[Path, str], Rules] = rules_of,
) -> list[str]:
    """A sentence for everything that scenarios were judged by and that lies there otherwise now.

    ``rules_for(goldens, scenario)`` reads the rules again.
    """
    schemas, changed = Schemas(project.schemas), []
    artifacts = [s.artifact for s in project.pipeline.stages if s.main]
    for scenario, used in judged_by.items():
        try:
            rules, manifest = rules_for(project.goldens, scenario), Goldens.of(project).manifest()
            now = standards(scenario, rules, manifest, schemas, artifacts)
        except HarnessError as error:
            changed.append(f"what {scenario} was judged by cannot be read any more: {error}")
            continue
        changed += [
            f"{what} was not the same when {scenario} was judged as it is now: something wrote there while the "
            "pipeline ran; verify again, and look for what in the pipeline writes to goldens or schemas"
            for what in sorted(used)
            if now.get(what) != used[what]
        ]
    return list(dict.fromkeys(changed))
