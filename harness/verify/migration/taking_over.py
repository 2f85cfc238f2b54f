"""The data of old files as candidates for the goldens of tests: each is a claim, and today's run must agree with it.

A test is rewritten to ``check`` first. It runs, and what the file holds takes the form of what the test checks; only
where the run agrees with that, by the rule that the test or ``tolerances.toml`` states, is it kept as a candidate. To
accept it is a person's decision, as for any candidate.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harness.core import text
from harness.core.errors import GoldenError, HarnessError, ProjectError, RefusedDataError
from harness.core.ids import GoldenId, checked_id, scenario_of
from harness.core.project import Project, in_ci
from harness.core.protocol import Artifact
from harness.verify.checks.book import CheckBook
from harness.verify.checks.document import RULES, named_value, names_of
from harness.verify.checks.session import CheckedTest, CheckSession, run_checks_of_tests
from harness.verify.migration.moulds import poured, tree_of
from harness.verify.migration.old_files import OldFile, find_old_files

Outcome = Literal["candidate", "golden", "differs", "refused", "waiting", "other"]
_SHOWN = 3  # sentences on one test


@dataclass(frozen=True)
class Takeover:
    """What became of old files that are of one test, whose ``identity`` is empty where there is none yet.

    ``outcome``: they are a candidate now; the test has a golden already; its run differs from them; they are no data,
    or other data than the test's; they wait for a test that checks values; or they seem to be of no test at all.
    """

    identity: str
    files: tuple[str, ...]
    outcome: Outcome
    message: str = ""


def take_over(project: Project, places: Sequence[Path] = (), test: str = "") -> list[Takeover]:
    """Make candidates of the old files in ``places``, by default those of the whole project.

    ``test``: the id of the test that one file is of, where its name does not tell. Raises ProjectError in CI, where
    nothing is kept, and where there is nothing to take over.
    """
    if in_ci():
        raise ProjectError("in CI nothing is kept: take old files over where you can accept them")
    root = project.root.resolve()
    files = find_old_files(places or [root], anywhere=bool(test))
    if not files:
        shown = ", ".join(map(str, places)) or str(root)
        raise ProjectError(f"no file of pytest-regressions or syrupy lies beside a module of tests in {shown}")
    if test and len(files) != 1:
        raise ProjectError(f"--test says of which test one file is, and here are {len(files)}: name one")
    book = CheckBook(project)
    session = run_checks_of_tests(project, [GoldenId.parse(test)] if test else None)
    if session.problem:
        raise ProjectError(session.problem)
    if test and test not in session.tests:
        raise ProjectError(
            f"{test} is no test that checks values: see `harness pending`, and rewrite it to check first"
        )
    named = {place.resolve() for place in places if not place.is_dir()}
    return list(_taken(book, session, files, root, test, named))


def _taken(
    book: CheckBook, session: CheckSession, files: list[OldFile], root: Path, test: str, named: Collection[Path]
) -> Iterator[Takeover]:
    left = list(files)
    for identity, checked in sorted(session.tests.items()):
        own = (
            files if test else [f for f in files if _module(f, root) == scenario_of(identity) and f.is_of(checked.test)]
        )
        if own:
            left = [file for file in left if file not in own]
            yield _one(book, identity, checked, own, root)
    for file in left:
        if file.path in named or file.resembles_a_test():
            hint = "rewrite its test to check(...), or say with --test ID of which test it is"
            yield Takeover("", (file.place(root),), "waiting", f"no test that checks values is called like it: {hint}")
        else:
            hint = "an input, it seems; if not, say with --test ID of which test it is"
            yield Takeover("", (file.place(root),), "other", f"no test of {file.module.name} is called like it: {hint}")


def _module(file: OldFile, root: Path) -> str:
    """The module of a file, as the ids of its tests begin."""
    return checked_id(file.module.relative_to(root), ["any"]).scenario if file.module.is_relative_to(root) else ""


def _one(book: CheckBook, identity: str, checked: CheckedTest, files: list[OldFile], root: Path) -> Takeover:
    places = tuple(file.place(root) for file in files)
    if identity in book.manifest:
        return Takeover(identity, places, "golden", "it has a golden already, which stays as it is")
    if checked.artifact is None or checked.outcome != "passed":
        return Takeover(identity, places, "refused", f"its test {checked.outcome}: {checked.error}")
    try:
        golden_id = GoldenId.parse(identity)
        candidate = claimed(checked.artifact, _claims(files, checked.test, root), checked.test)
        if lacking := book.lacking(golden_id, candidate):
            return Takeover(identity, places, "refused", text.joined(lacking[:_SHOWN]))
        verdicts = [v for v in book.judge(golden_id, candidate, checked.artifact) if v.status.failed]
    except (GoldenError, RefusedDataError) as error:
        return Takeover(identity, places, "refused", str(error))
    except HarnessError as error:  # a rule that cannot be used
        return Takeover(identity, places, "refused", str(error))
    if verdicts:
        said = [f"{v.path}: {v.message}" for v in verdicts[:_SHOWN]]
        more = [f"and {len(verdicts) - _SHOWN} more"] if len(verdicts) > _SHOWN else []
        return Takeover(identity, places, "differs", "; ".join([*said, *more]))
    digests = {file.place(root): file.digest() for file in files}
    book.keep_taken_over(golden_id, candidate, checked.test, digests)
    return Takeover(identity, places, "candidate")


def _claims(files: list[OldFile], test: str, root: Path) -> list[tuple[str, Any]]:
    return [(file.value_name(test), file.data(root)) for file in files]


def claimed(document: Artifact, claims: Sequence[tuple[str, Any]], test: str) -> Artifact:
    """What ``claims`` say, each with its value's name where it has one, in the form of what a test checks.

    A test that checks one value checks all of the one claim, or the only value of it; one that checks several checks
    them by the claims' own names. Raises RefusedDataError where claims and test hold different things.
    """
    tree = {name: value for name, value in tree_of(document).items() if name != RULES}
    names = names_of(document)
    said = claims[0][1] if len(claims) == 1 else _joined(claims)
    if len(names) == 1:
        (name,) = names
        said = said if isinstance(said, dict) and _is_of_one(said, name, tree[name]) else {name: said}
    _refuse_other_keys(said)
    if not isinstance(said, dict):
        raise RefusedDataError(f"the file holds one value, and the test checks {text.joined(sorted(names))}")
    if odd := sorted(names ^ set(map(str, said))):
        whose = "the file" if odd[0] not in names else "the test"
        raise RefusedDataError(f"only {whose} has {odd[0]!r}: check exactly what the file holds, and more of it later")
    values: dict[str, Any] = {}
    arrays: dict[str, Any] = {}
    for name in tree:
        part = named_value(name, poured(said[name], tree[name], name), f"the file of {test}")
        values |= part.values
        arrays |= part.arrays
    rules = {RULES: document.values[RULES]} if RULES in document.values else {}
    return Artifact({**values, **rules}, arrays)


def _refuse_other_keys(said: Any) -> None:
    """Raise RefusedDataError for a key that is no text, which no value of a test has."""
    if isinstance(said, dict):
        if odd := [key for key in said if not isinstance(key, str)]:
            raise RefusedDataError(
                f"the file has the key {odd[0]!r}, which is no text: check str(key), and accept it anew"
            )
        for value in said.values():
            _refuse_other_keys(value)
    elif isinstance(said, list | tuple):
        for value in said:
            _refuse_other_keys(value)


def _is_of_one(said: dict[str, Any], name: str, form: Any) -> bool:
    """Whether a dict of one name holds the value of that name, and is not itself that value."""
    if set(said) != {name}:
        return False
    return not (isinstance(form, dict) and set(form) == {name}) or isinstance(said[name], dict)


def _joined(claims: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Several claims as one, where each has a name or holds values by name."""
    joined: dict[str, Any] = {}
    for name, value in claims:
        claim = {name: value} if name else value
        if not isinstance(claim, dict) or joined.keys() & claim.keys():
            what = f"{len(claims)} files or snapshots that do not say which value is which"
            raise RefusedDataError(f"the test has {what}: name one, and check one value of the test at a time")
        joined |= claim
    return joined
