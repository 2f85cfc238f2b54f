"""What ``harness bisect`` prints: a line for each verdict, then the judged commits as a table, and the culprit."""

from __future__ import annotations

from harness.cli.console import FAILED, PASSED, Styled, Words, show_line, show_table
from harness.core import text
from harness.study.bisection.culprit import Bisection
from harness.study.bisection.search import CommitVerdict

_COMMIT = 12  # characters that are shown of a hash
_STATES: dict[str, Words] = {"good": PASSED, "bad": FAILED, "skipped": Styled("skipped", "yellow")}


def finding_line(finding: CommitVerdict, left: int) -> str:
    """A verdict in a line, as soon as there is one; ``left``: how many commits may be the first bad one."""
    judged = finding.judged
    runs = f" ({judged.ran} ran, {judged.cached} cached)" if judged.ran + judged.cached else ""
    more = f"; {text.count(left, 'commit')} left" if left else ""
    return f"{finding.commit[:_COMMIT]} is {finding.verdict}{runs}{more}"


def show_bisection(bisection: Bisection) -> None:
    """Print what was judged, and which commit it is, or may be."""
    rows = [(f.commit[:_COMMIT], _STATES[f.verdict], text.clipped(f.why)) for f in bisection.findings]
    show_table(("commit", "", "why"), rows)
    evaluations = text.count(len(bisection.findings), "commit")
    if not bisection.found:
        show_line(
            Styled(
                f"After {evaluations} it is one of {len(bisection.suspects)}, of which no more can be judged:", "bold"
            )
        )
    for facts in bisection.suspects:
        words = f"{facts.commit[:_COMMIT]} {facts.subject}" + (" (a merge)" if len(facts.parents) > 1 else "")
        show_line(Styled(f"First bad of {evaluations} judged: {words}" if bisection.found else f"  {words}", "bold"))
        if bisection.found:
            show_line(f"  {facts.author}, {facts.when}")
    for blame in bisection.blames:
        where = f"first in {blame.stage}: " if blame.stage else ""
        show_line(f"  {blame.scenario}: {where}{blame.reason}")
