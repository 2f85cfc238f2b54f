"""Two artifacts whose items were matched, and what was found when they were."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from harness.core.protocol import Artifact, Json
from harness.core.verdicts import Verdict
from harness.judge.rules import Rule


class MatchedItems(list[Json]):
    """Some items of a list, or of a column; ``places`` are those that they have in the golden."""

    def __init__(self, items: Iterable[Json], places: Sequence[int]) -> None:
        super().__init__(items)
        self.places = places


@dataclass
class Aligned:
    """Both sides, to be compared place by place, and the verdicts on lists, tables and arrays as such.

    ``refused``: paths of which nothing more is compared. ``spoken``: by path, the rule that matched it, by which one
    tells a term that found nothing to speak of. ``names``: by path, what the rows of a list or table are called, and
    whether it is a table of columns.
    """

    golden: Artifact
    obtained: Artifact
    verdicts: list[Verdict] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    spoken: dict[str, Rule] = field(default_factory=dict)
    names: dict[str, tuple[Sequence[str], bool]] = field(default_factory=dict)

    @cached_property
    def told(self) -> set[str]:
        """The paths of the lists, tables and arrays that have a verdict as such."""
        return {verdict.path for verdict in self.verdicts}

    def is_idle(self, path: str, rule: Rule) -> bool:
        """Whether a rule of a single value says how items are matched, and there are none."""
        if not rule.structural:
            return False
        parts = path.split("/")
        return not any(self.spoken.get("/".join(parts[:n])) is rule for n in range(len(parts) + 1))

    def named(self, verdict: Verdict) -> Verdict:
        """A failing verdict that says which row it is of."""
        for path, (names, columns) in self.names.items() if verdict.status.failed else ():
            if path and not verdict.path.startswith(f"{path}/"):
                continue
            parts = verdict.path.removeprefix(path).strip("/").split("/")[columns:]
            if not parts and verdict.worst:
                parts, where = [str(verdict.worst[0].index[0])], "the worst in "
            else:
                where = ""
            if parts and parts[0].isdigit() and int(parts[0]) < len(names):
                return replace(verdict, message=f"{where}{names[int(parts[0])]}: {verdict.message}")
        return verdict
