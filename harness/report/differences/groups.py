"""Values that moved alike, so that somebody decides about them at once: the items of a list, the rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.core.verdicts import Report, Status, Verdict
from harness.report.selection import list_of


@dataclass(frozen=True)
class AlikeValues:
    """Values of the golden ``identity`` whose paths differ in numbers alone; ``pattern`` is what they have in common.

    ``whole``: all that the artifact has, of which nobody can choose a part.
    """

    identity: str
    pattern: str
    verdicts: tuple[Verdict, ...]
    whole: bool = False

    @property
    def title(self) -> str:
        """The group in a heading."""
        what = self.verdicts[0].path if len(self.verdicts) == 1 and not self.whole else self.pattern
        return f"{self.identity}/{what}" if what else self.identity


def groups_of(report: Report, whole: Sequence[str] = ()) -> list[AlikeValues]:
    """Whatever differs, in the report's order, group by group; of the ids ``whole`` there is one group each."""
    found: list[AlikeValues] = []
    for scenario in report.scenarios:
        for artifact in scenario.artifacts:
            identity = f"{scenario.scenario}/{artifact.track}/{artifact.artifact}"
            differing = [v for v in artifact.verdicts if v.status is not Status.PASS]
            if identity in whole or not all(verdict.path for verdict in differing) or not differing:
                found.append(AlikeValues(identity, "", tuple(differing or artifact.verdicts), True))
                continue
            alike: dict[str, list[Verdict]] = {}
            for verdict in differing:
                alike.setdefault(list_of(verdict.path), []).append(verdict)
            found += [AlikeValues(identity, pattern, tuple(verdicts)) for pattern, verdicts in alike.items()]
    return found


def single(group: AlikeValues) -> list[AlikeValues]:
    """The group's values, each as a group of its own."""
    return [AlikeValues(group.identity, group.pattern, (verdict,)) for verdict in group.verdicts]
