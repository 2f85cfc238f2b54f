"""Verdicts and the records that carry them from comparison to report; they have no logic but counting."""

from __future__ import annotations

import cmath
import heapq
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

from harness.core.protocol import Json, Tier


class Status(str, Enum):
    """What became of a value."""

    PASS = "pass"
    FAIL = "fail"
    MISSING = "missing"  # in the golden, not obtained; or no golden at all
    UNEXPECTED = "unexpected"  # obtained, not in the golden
    IMPROVED = "improved"  # better than a one-sided bound and outside the golden
    STALE = "stale"  # the golden has an older schema or comparator
    SKIPPED = "skipped"
    WARNING = "warning"  # passes, with more of its tolerance used than its rule is calm about
    IGNORED = "ignored"  # there, and not compared: its rule says why

    @property
    def failed(self) -> bool:
        """Whether a run with this verdict exits with status 1."""
        return self in (Status.FAIL, Status.MISSING, Status.UNEXPECTED, Status.STALE)


NOT_COMPARED = frozenset({Status.SKIPPED, Status.IGNORED})
"""What became of values of which nothing was compared."""

_NEAREST = 20  # passing verdicts of an artifact that are kept as the nearest to their limit


@dataclass(frozen=True)
class Worst:
    """One of the elements that use most of their tolerance."""

    index: tuple[int, ...]
    expected: Json
    obtained: Json
    used: float


@dataclass(frozen=True)
class Explanation:
    """The simple change of a golden that accounts for what was obtained.

    ``kind`` is one of ``harness.judge.explanations.KINDS``; ``sentence`` says it for people, in terms of the golden.
    ``residual``: what the change leaves of the obtained numbers, as a share of their L2 norm; 0 where that is nothing
    but rounding.
    """

    kind: str
    sentence: str
    residual: float = 0.0

    @property
    def text(self) -> str:
        """The sentence with what is left, where that is more than rounding."""
        return self.sentence if not self.residual else f"{self.sentence}; {self.residual:.2g} of it is left"


def _is_odd(value: Json) -> bool:
    """Whether a verdict's value, or a part of it, is a number that is not finite: such are there by their names."""
    try:
        return isinstance(value, str) and not cmath.isfinite(complex(value))
    except ValueError:
        return False


@dataclass(frozen=True)
class Verdict:
    """What became of one value or array.

    ``path``: the place within the artifact, parts joined by ``/``. ``rule``: the rule as it is
    written. ``used``: share of the tolerance that was used, 1 at the limit; None where there is no
    such share. For an array, ``share`` is the part of its elements that is out, ``worst`` shows some of
    them. ``explanation`` says which simple change of the golden accounts for the array, or for the values that this
    one is among, such as a column of a table; None where none does. ``unit``: that of its numbers, where the schema
    gives one.
    """

    path: str
    status: Status
    tier: Tier
    message: str = ""
    rule: str = ""
    expected: Json = None
    obtained: Json = None
    allowed: str = ""
    used: float | None = None
    share: float | None = None
    worst: tuple[Worst, ...] = ()
    explanation: Explanation | None = None
    unit: str = ""

    @property
    def told_share(self) -> float | None:
        """``used`` for people, who are to see of what fails that it is out.

        Of what fails without such a share, as where a NaN came, that of its furthest finite element, else infinite;
        None where nothing but equality would do, or nothing was compared.
        """
        if self.used is not None or self.status is not Status.FAIL or not self.measured:
            return self.used
        shares = [worst.used for worst in self.worst if 1 < worst.used < math.inf]
        pairs = [(self.expected, self.obtained), *((worst.expected, worst.obtained) for worst in self.worst)]
        odd = any(_is_odd(value) for pair in pairs for value in pair)
        return max(shares, default=math.inf if odd else None)

    @property
    def measured(self) -> bool:
        """Whether there is a tolerance of which a share could be used: equality has none."""
        return not self.allowed.startswith("exactly")

    @property
    def sentence(self) -> str:
        """What is wrong, the explanation first."""
        return ": ".join(filter(None, (self.explanation.text if self.explanation else "", self.message)))


@dataclass(frozen=True)
class ArtifactReport:
    """Everything about one artifact: its verdicts, and how its stage came by it.

    ``track`` is the profile, or the replay. ``error``: the stage raised, and ``details`` is its traceback;
    ``blocked``: an earlier stage did, so this one has no input.
    """

    stage: str
    artifact: str
    track: str
    verdicts: tuple[Verdict, ...] = ()
    cached: bool = False
    seconds: float = 0.0
    error: str = ""
    blocked: str = ""
    details: str = ""

    @cached_property
    def notable(self) -> tuple[Verdict, ...]:
        """The verdicts that did not simply pass: they are few, so that whoever looks closer looks at these alone."""
        return tuple(v for v in self.verdicts if v.status is not Status.PASS)

    @cached_property
    def failed(self) -> bool:
        """Whether any verdict fails, or the stage did."""
        return bool(self.error or self.blocked) or any(v.status.failed for v in self.notable)

    @property
    def improved(self) -> bool:
        """Whether any verdict says better than accepted."""
        return any(v.status is Status.IMPROVED for v in self.notable)

    @cached_property
    def most_used(self) -> tuple[Verdict, ...]:
        """Those verdicts that passed and used most of their tolerance, the one that used most of it first."""
        used = ((v.used, i) for i, v in enumerate(self.verdicts) if v.used and v.status is Status.PASS)
        nearest = heapq.nlargest(_NEAREST, used, key=lambda pair: (pair[0], -pair[1]))
        return tuple(self.verdicts[i] for _, i in nearest)

    def worst(self) -> Verdict | None:
        """The failing verdict that is furthest out, an explained one first; else what uses most of its tolerance."""

        def rank(verdict: Verdict) -> tuple[bool, bool, float]:
            unknown = float("inf") if verdict.status.failed else 0.0
            used = unknown if verdict.used is None else verdict.used
            return verdict.status.failed, verdict.explanation is not None, used

        return max(self.verdicts, key=rank, default=None)


@dataclass(frozen=True)
class StageFinding:
    """What the diagnosis says of one stage: ``sound``, ``wrong``, ``input already wrong``, or ``differs here``
    (right on its stored input, and no earlier stage differs)."""

    stage: str
    verdict: str
    reason: str


@dataclass(frozen=True)
class Diagnosis:
    """Where to look first. ``first`` is None when nothing failed."""

    headline: str
    first: str | None = None
    findings: tuple[StageFinding, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """What is wrong with the first stage; the headline where there is none."""
        return next((f.reason for f in self.findings if f.stage == self.first), self.headline)


FOR_REVIEW = Diagnosis("Candidates for review")
"""The diagnosis of candidates beside their goldens: nothing failed, and all is to be decided."""


@dataclass(frozen=True)
class ScenarioReport:
    """One scenario: its artifacts in the pipeline's order, its invariants, and the diagnosis.

    ``analysis``: what the pipeline itself says is wrong with the run, one run of a
    ``schemas/harness/diagnosis.schema.json``; None where it does not say. ``statistics``: how sharp and how calm its
    statistical tier is, without its single values; None where no ensemble judges anything.
    """

    scenario: str
    profile: str
    title: str
    artifacts: tuple[ArtifactReport, ...] = ()
    invariants: tuple[Verdict, ...] = ()
    diagnosis: Diagnosis = Diagnosis("nothing was verified")
    skipped: str = ""
    analysis: Json = None
    statistics: Json = None

    @property
    def causes(self) -> list[Json]:
        """What the pipeline itself finds wrong, the most probable cause first; mere information is left out."""
        return [f for f in (self.analysis or {}).get("findings", ()) if f["level"] != "info"]

    @cached_property
    def counts(self) -> Counter[Status]:
        """How many verdicts have each status."""
        every = sum(len(artifact.verdicts) for artifact in self.artifacts) + len(self.invariants)
        found = Counter(v.status for artifact in self.artifacts for v in artifact.notable)
        found += Counter(v.status for v in self.invariants if v.status is not Status.PASS)
        return found + Counter({Status.PASS: every - found.total()})

    def verdicts(self) -> Iterator[Verdict]:
        """Every verdict of the scenario."""
        for artifact in self.artifacts:
            yield from artifact.verdicts
        yield from self.invariants

    @cached_property
    def failed(self) -> bool:
        """Whether anything in it failed."""
        return any(a.failed for a in self.artifacts) or any(v.status.failed for v in self.invariants)


@dataclass(frozen=True)
class Report:
    """A whole verification.

    ``problems``: what is wrong with the store itself, one sentence each. ``omitted``: what was not compared because
    nobody asked for it, one sentence each. ``subject``: digest of what was verified, the pipeline's source and the
    manifest of its goldens. ``log``: the file with what the stages printed, from the report's folder.
    """

    project: str
    profile: str
    environment: dict[str, str]
    started: str
    seconds: float
    scenarios: tuple[ScenarioReport, ...]
    problems: tuple[str, ...] = ()
    timings: dict[str, float] = field(default_factory=dict)
    subject: str = ""
    log: str = ""
    omitted: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing failed and something was compared."""
        return not self.problems and not any(s.failed for s in self.scenarios) and self.compared > 0

    @property
    def of_candidates(self) -> bool:
        """Whether it shows candidates beside their goldens, and is of no verification."""
        return bool(self.scenarios) and all(s.diagnosis == FOR_REVIEW for s in self.scenarios)

    @property
    def compared(self) -> int:
        """How many values were compared."""
        return self._counts.total() - sum(self._counts[status] for status in NOT_COMPARED)

    def count(self, status: Status) -> int:
        """How many verdicts have ``status``."""
        return self._counts[status]

    @cached_property
    def _counts(self) -> Counter[Status]:
        return sum((scenario.counts for scenario in self.scenarios), Counter())
