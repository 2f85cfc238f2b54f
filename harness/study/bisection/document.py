"""A bisection as JSON, by ``schemas/harness/bisect.schema.json``."""

from __future__ import annotations

from harness.core.protocol import Json
from harness.study.bisection.commits import CommitFacts
from harness.study.bisection.culprit import Bisection
from harness.study.bisection.search import CommitVerdict

_VERSION = 1


def bisection_to_json(bisection: Bisection) -> dict[str, Json]:
    """The bisection as strict JSON."""
    question = bisection.question
    return {
        "version": _VERSION,
        "good": bisection.good.commit,
        "bad": bisection.bad.commit,
        "goldens": question.standard or None,
        "scenarios": list(question.names),
        "profile": question.profile,
        "training": question.training,
        "addresses": list(question.addresses),
        "stages": list(question.stages),
        "found": bisection.found,
        "suspects": [_commit(facts) for facts in bisection.suspects],
        "blames": [
            {"scenario": b.scenario, "stage": b.stage or None, "reason": b.reason, "values": list(b.values)}
            for b in bisection.blames
        ],
        "evaluations": len(bisection.findings),
        "judged": [_finding(finding) for finding in bisection.findings],
        "notes": list(bisection.notes),
    }


def _commit(facts: CommitFacts) -> dict[str, Json]:
    return {
        "commit": facts.commit,
        "author": facts.author,
        "when": facts.when,
        "subject": facts.subject,
        "parents": list(facts.parents),
    }


def _finding(finding: CommitVerdict) -> dict[str, Json]:
    judged = finding.judged
    return {
        "commit": finding.commit,
        "verdict": finding.verdict,
        "why": finding.why,
        "ran": judged.ran,
        "cached": judged.cached,
        "seconds": round(judged.seconds, 3),
    }
