"""The commits that may be to blame, and which of them to judge next: by git's own arithmetic.

``git rev-list --bisect-all`` weighs the commits, merges and branches included. Where some of them cannot be judged,
another one is chosen as ``git bisect skip`` does (``bisect.c``, ``skip_away``): away from the middle, by a
number that is the same each time.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from math import isqrt
from pathlib import Path

from harness.core import git

_DISTANCE = re.compile(r"^([0-9a-f]+) \(.*dist=(\d+)\)$", re.MULTILINE)  # names of branches and tags may come before it
_TIES = 8  # commits of the same weight that are looked at more closely
_MODULO = 32768  # of git's number


@dataclass(frozen=True)
class CommitFacts:
    """A commit for people: who made it, when (ISO 8601), and its subject. ``parents``: the hashes of those."""

    commit: str
    author: str
    when: str
    subject: str
    parents: tuple[str, ...]


def commit_facts(root: Path, commit: str) -> CommitFacts:
    """What git tells of a commit."""
    form = "--format=%H%x00%an <%ae>%x00%aI%x00%s%x00%P"
    found = git.git_output(root, "log", "-1", "--no-show-signature", form, commit).decode(errors="replace")
    name, author, when, subject, parents = found.rstrip("\n").split("\0")
    return CommitFacts(name, author, when, subject, tuple(parents.split()))


def leads_to(root: Path, older: str, newer: str) -> bool:
    """Whether ``newer`` is ``older``, or comes from it."""
    return older in git.common_ancestors(root, older, newer)


@dataclass(frozen=True)
class Suspects:
    """The commits that may be to blame: ``bad`` and all it comes from, but for ``goods`` and all that they come from.

    ``skipped``: those that cannot be judged.
    """

    root: Path
    bad: str
    goods: tuple[str, ...]
    skipped: frozenset[str] = field(default=frozenset())

    def weighed(self) -> list[tuple[str, int]]:
        """Every suspect with git's weight, the best to judge first: how many it decides about, whatever comes out."""
        goods = [f"^{good}" for good in self.goods]
        listed = git.git_output(self.root, "rev-list", "--bisect-all", self.bad, *goods, "--").decode()
        return [(name, int(weight)) for name, weight in _DISTANCE.findall(listed)]

    def after(self, commit: str, verdict: str) -> Suspects:
        """Those that are left when ``commit`` is good, bad or skipped."""
        if verdict == "skipped":
            return replace(self, skipped=self.skipped | {commit})
        return replace(self, bad=commit) if verdict == "bad" else replace(self, goods=(*self.goods, commit))

    def next(self) -> str:
        """The commit to judge next; empty where there is none: one suspect is left, or only such as are skipped."""
        weighed = self.weighed()
        able = [(name, weight) for name, weight in weighed if name not in self.skipped and name != self.bad]
        if not able:
            return ""
        if weighed[0][0] in self.skipped:
            return able[min(_away(len(able) + 1), len(able) - 1)][0]  # git counts the bad one, too
        return min((name for name, weight in able[:_TIES] if weight == able[0][1]), key=self._reached)

    def _reached(self, commit: str) -> int:
        """How many suspects are left if ``commit`` is bad: so that of equal ones the smaller is."""
        goods = [f"^{good}" for good in self.goods]
        return int(git.git_output(self.root, "rev-list", "--count", commit, *goods, "--"))


def _away(count: int) -> int:
    """Which of ``count`` commits, the best first, is judged where the best one cannot be: as in git's ``skip_away``."""
    number = (count * 1103515245 + 12345) // 65536 % _MODULO
    return (count * number // _MODULO) * isqrt(number) // isqrt(_MODULO)


def choose(suspects: Suspects, most: int) -> list[str]:
    """What to judge side by side: the next commit, then the next in either case, and so on."""
    chosen: list[str] = []
    states: Sequence[Suspects] = [suspects]
    while states and len(chosen) < most:
        coming = []
        for state in states:
            if (commit := state.next()) and len(chosen) < most:
                chosen += [commit] if commit not in chosen else []
                coming += [state.after(commit, "bad"), state.after(commit, "good")]
        states = coming
    return chosen


def narrowed(suspects: Suspects, verdicts: Sequence[tuple[str, str]]) -> Suspects:
    """The suspects that ``verdicts`` leave, in their order; of a commit that is none any more they say nothing."""
    for commit, verdict in verdicts:
        if commit in left_of(suspects):
            suspects = suspects.after(commit, verdict)
    return suspects


def left_of(suspects: Suspects) -> Collection[str]:
    """The suspects by their hashes."""
    return [name for name, _ in suspects.weighed()]
