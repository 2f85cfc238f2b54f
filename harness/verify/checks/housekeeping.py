"""What is wrong with the goldens of tests as such: those of no test any more, and rules that match nothing of them."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

from harness.core.errors import GoldenError, ProjectError
from harness.core.ids import CHECK, GoldenId, is_of_a_test
from harness.core.project import Project
from harness.core.protocol import Artifact
from harness.judge.rules import Rule
from harness.store.candidates import list_pending, read_candidate
from harness.verify.checks.book import CheckBook
from harness.verify.checks.document import prefix_of, without_rules
from harness.verify.checks.session import run_checks_of_tests
from harness.verify.coverage import all_known
from harness.verify.rule_gaps import values_by_address


def problems_of_tests(book: CheckBook, tests: Collection[str]) -> list[str]:
    """One sentence for everything; ``tests``: the ids of all tests that there are."""
    return [*(gone_test(identity) for identity in book.accepted if identity not in tests), *_unused_rules(book)]


def gone_test(identity: str) -> str:
    """The sentence on a golden whose test is not there."""
    return f"golden {identity} is of no test any more: bring the test back, or remove it with `harness prune`"


def all_in_use(project: Project) -> set[str]:
    """Every golden's id that some scenario makes or some test; raises ProjectError where tests cannot be collected."""
    of_scenarios = {identity for identity in all_known(project) if not is_of_a_test(identity)}
    if not CheckBook(project).accepted:
        return of_scenarios
    session = run_checks_of_tests(project, collect_only=True)
    if session.problem:
        raise ProjectError(session.problem)
    return of_scenarios | set(session.collected)


def _unused_rules(book: CheckBook) -> list[str]:
    """Rules of files that speak of tests and match no value that any of them checks."""
    documents = _documents(book)
    unused: dict[tuple[str, str], bool] = {}
    for module in dict.fromkeys(identity.scenario for identity in documents):
        rules = book.rules(module)
        about_tests = [rule for rule in rules.rules if _speaks_of_tests(rule, book.project)]
        if not about_tests:
            continue
        known = {a for i, d in documents.items() if i.scenario == module for a in _addresses(i, d)}
        idle = {rule.pattern for rule in rules.unmatched(known)}
        for rule in about_tests:
            name = (rules.place(rule.source), rule.pattern)
            unused[name] = unused.get(name, True) and rule.pattern in idle
    return [
        f"{place}: rule {pattern!r} matches nothing: remove it or mend its pattern"
        for (place, pattern), nothing in unused.items()
        if nothing
    ]


def _speaks_of_tests(rule: Rule, project: Project) -> bool:
    return not project.adapter or rule.pattern.split("/")[0] == CHECK


def _addresses(identity: GoldenId, document: Artifact) -> set[str]:
    return set(values_by_address(without_rules(document), prefix_of(identity)))


def _documents(book: CheckBook) -> dict[GoldenId, Artifact]:
    """What tests check, as it was accepted or as it waits to be; what cannot be read is told elsewhere."""
    found: dict[GoldenId, Artifact] = {}
    for identity in book.accepted:
        with suppress(GoldenError):
            if golden := book.golden(identity):
                found[identity] = golden.artifact
    waiting = [p.identity for p in list_pending(book.project) if p.kind == "golden" and is_of_a_test(p.identity)]
    for identity in map(GoldenId.parse, waiting):
        with suppress(GoldenError):
            found[identity] = read_candidate(book.project, identity)[0]
    return found
