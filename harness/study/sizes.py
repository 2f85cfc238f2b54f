"""What large goldens hold, since git keeps every version of them for good; and what would tell as much in less."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from harness.core import text
from harness.core.artifacts import describe_array, parse_artifact
from harness.core.errors import GoldenError, HarnessError
from harness.core.ids import ENSEMBLES, GoldenId, is_of_a_test
from harness.core.project import Project
from harness.core.protocol import Artifact
from harness.store.candidates import stored_candidate
from harness.store.goldens import Goldens

LARGE = 1_000_000
"""Bytes of a golden's files from which on ``harness accept`` and ``harness doctor`` say what they are of."""

_SHOWN = 3  # arrays of a golden
_SMALL = 0.01  # of a golden: what holds less is not named


@dataclass(frozen=True)
class LargeGolden:
    """A golden of at least ``LARGE`` bytes: how many, what they are of, and what to keep in its place."""

    identity: str
    size: int
    holds: str
    remedy: str

    @property
    def sentence(self) -> str:
        """All of it."""
        return f"{self.identity} is {text.size(self.size)}, which git keeps for good: {self.told}"

    @property
    def told(self) -> str:
        """What it holds, and what to keep in its place."""
        return f"{self.holds}; {self.remedy}"


def large_candidates(project: Project, ids: Iterable[str]) -> list[LargeGolden]:
    """Those of some candidates that are large; one that cannot be read is another matter."""
    found = []
    for identity in ids:
        try:
            candidate = stored_candidate(project, identity)
            size = sum(map(len, candidate.files.values()))
            if size - _outside_git(project, candidate.files) >= LARGE:
                found.append(_described(project, identity, size, parse_artifact(candidate.files, identity)[0]))
        except HarnessError:  # a file that was edited, or what accepting it will say
            continue
    return found


def large_goldens(project: Project) -> list[LargeGolden]:
    """The accepted goldens that are large; one that is damaged is another matter."""
    goldens, found = Goldens.of(project), []
    for identity, entry in sorted(goldens.manifest().items()):
        if entry.kind == "golden" and entry.size - sum(entry.remote.values()) >= LARGE:
            try:
                found.append(_described(project, identity, entry.size, goldens.read(identity, entry).artifact))
            except GoldenError:
                continue
    return found


def _outside_git(project: Project, files: Mapping[str, bytes]) -> int:
    """How many bytes of a candidate git would not keep, as the project has a remote for them."""
    return sum(len(c) for c in files.values() if len(c) > project.large_bytes) if project.remote else 0


def _described(project: Project, identity: str, size: int, artifact: Artifact) -> LargeGolden:
    parts = {name: array.nbytes for name, array in artifact.arrays.items()}
    values = len(json.dumps(artifact.values))
    whole = sum(parts.values()) + values
    largest = sorted(parts, key=lambda name: -parts[name])[:_SHOWN]
    said = [
        f"{text.portion(parts[name] / whole)} of its data is {name} ({describe_array(artifact.arrays[name])})"
        for name in largest
        if parts[name] >= _SMALL * whole
    ]
    if values >= _SMALL * whole:
        said.append(f"{text.portion(values / whole)} is values")
    return LargeGolden(identity, size, ", ".join(said), _remedy(project, identity, largest[0] if largest else ""))


def _remedy(project: Project, identity: str, name: str) -> str:
    """What would be less, for whoever decides what a golden holds."""
    golden = GoldenId.parse(identity)
    kept = f"a slice of {name}, or a statistic such as its mean and quantiles" if name else "a part of it"
    if golden.artifact in ENSEMBLES:
        return "fewer rules with interval = true make it smaller"
    if is_of_a_test(identity):
        return f"let the test check {kept}"
    if golden.track == project.pipeline.replay_profile:
        return "it is all that its stage gives to the next: a smaller scenario, or float32, makes it smaller"
    return f"let observe keep {kept}"
