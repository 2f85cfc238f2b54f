"""The fixture ``check``: whatever values a test has, against the golden of that test.

It collects, and judges at the end of a call that did not raise: a test with three checks tells of all three.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from harness.core.errors import HarnessError, ProjectError
from harness.core.ids import CHECK, GoldenId, checked_id
from harness.plugin.conclusion import judged_by_tests
from harness.plugin.session import GUARDED, note_remarks, noted_check, uses_check

if TYPE_CHECKING:
    from harness.core.protocol import Artifact
    from harness.judge.rules import Rule
    from harness.verify.checks.book import CheckBook

CHECKED = pytest.StashKey["ValueCheck"]()  # of a test that runs: what it checked so far
BOOK = pytest.StashKey["CheckBook"]()  # of a session: the goldens of its tests, and their rules
ALWAYS = f"harness_{CHECK}"  # the fixture's other name, where another plugin has one called check
_NOWHERE = (
    "check has nowhere to keep goldens: this is neither in a git repository nor below a pyproject.toml with a "
    "[tool.harness] table: run `git init`"
)


@dataclass(repr=False)
class ValueCheck:
    """The values that a test checks: call it with each of them, and with the rule that it is judged by.

    ``check(value, rtol=1e-6)``, or by name where there are several: ``check(peaks, "peaks", exact=True)``. A value
    without a rule of its own is judged by ``tolerances.toml``.
    """

    identity: GoldenId
    test: str
    source: Path
    parts: dict[str, Artifact] = field(default_factory=dict)
    rules: dict[str, Rule] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    closed: bool = False

    def __repr__(self) -> str:
        return f"<check of {self.identity}>"

    def __call__(self, value: Any, name: str = "value", **rule: Any) -> None:
        """Note ``value`` as it is now; fails for what has no codec, a name that was given before, or no rule."""
        __tracebackhide__ = True
        try:
            self._note(value, name, rule)
            return
        except HarnessError as error:
            sentence = str(error)
        self.problems.append(sentence)  # for whoever catches the failure
        pytest.fail(sentence, pytrace=False)  # not while the error is handled: pytest would print both

    def _note(self, value: Any, name: str, terms: dict[str, Any]) -> None:
        from harness.verify.checks.document import check_value_name, named_value, rule_of

        check_value_name(name, self.test)
        if self.closed:
            raise ProjectError(f"{self.test} checks {name!r} after its end, when it was judged: check it in the test")
        if name in self.parts:
            hint = 'give each a name of its own, as in check(peaks, "peaks")'
            raise ProjectError(f"{self.test} checks two values called {name!r}: {hint}")
        if terms:
            self.rules[name] = rule_of(self.identity, name, terms, self.source, f"check() of {self.test}")
        self.parts[name] = named_value(name, value, self.test)

    def document(self) -> Artifact:
        """All that was checked; raises HarnessError where that is nothing, or some of it was refused."""
        from harness.verify.checks.document import checked_document

        self.closed = True
        if self.problems:
            raise ProjectError("\n".join(self.problems))
        if not self.parts:
            raise ProjectError(
                f"{self.test} asks for check and checks nothing: call check(value), or take the argument out"
            )
        return checked_document(self.parts, self.rules)


def check_fixture(config: pytest.Config) -> ModuleType:
    """A plugin with the fixture, under the name that no other plugin has."""
    taken = any(CHECK in _fixtures_of(plugin) for plugin in config.pluginmanager.get_plugins())
    plugin = ModuleType("harness_check")
    vars(plugin).update({name: _named(name) for name in ([ALWAYS] if taken else [CHECK, ALWAYS])})
    return plugin


def _fixtures_of(plugin: Any) -> set[str]:
    """The names of a plugin's fixtures; those of a ``conftest.py`` hold in its folder alone, and win there anyway."""
    if str(getattr(plugin, "__file__", "")).endswith("conftest.py"):
        return set()
    members = vars(plugin) if isinstance(plugin, ModuleType) else vars(type(plugin))
    names = set()
    for key, found in members.items():
        if type(found).__name__ == "FixtureFunctionDefinition":
            names.add(found._fixture_function_marker.name or key)
        elif isinstance(found, FunctionType) and (marker := vars(found).get("_pytestfixturefunction")):  # before 8.4
            names.add(marker.name or key)
    return names


def _named(name: str) -> Any:
    def check(request: pytest.FixtureRequest) -> Any:
        """What checks a test's values against its golden; without a golden it fails, and keeps a candidate.
        Example:
            def test_spectrum(check):
                energies = [1.0, 4.0, 9.0]
                check(energies, rtol=1e-6)
                check(len(energies), "count", exact=True)
        """
        item = request.node
        try:
            identity = identity_of_test(item)
            if not uses_check(item):
                raise ProjectError(f"{item.name} asks for check while it runs: take it as an argument of the test")
            _refuse_twins(item, identity)
        except HarnessError as error:
            sentence = str(error)
        else:
            item.stash[CHECKED] = ValueCheck(identity, item.nodeid, item.path.resolve())
            return item.stash[CHECKED]
        pytest.fail(sentence, pytrace=False)

    return pytest.fixture(check, name=name)


def identity_of_test(item: pytest.Item) -> GoldenId:
    """The id of what a test checks; raises ProjectError where it could have none that lasts."""
    guarded = item.config.stash.get(GUARDED, None)
    if guarded is None or guarded.project is None:
        raise ProjectError(guarded.problem if guarded else _NOWHERE)
    root = guarded.project.root.resolve()
    path = item.path.resolve()
    if not path.is_relative_to(root):
        raise ProjectError(f"{path} lies outside of {root}, where its golden would be kept: move it there")
    classes = [node.name for node in item.listchain() if isinstance(node, pytest.Class)]
    case = getattr(item, "callspec", None)
    name = getattr(item, "originalname", None) or item.name
    if case is not None:
        _refuse_places(item, case)
    return checked_id(path.relative_to(root), [*classes, name], case.id if case is not None else "")


def _refuse_places(item: pytest.Item, case: Any) -> None:
    """Raise ProjectError for a case that pytest names by its place, so that its golden would be another's one day."""
    parts = case.id.split("-")
    for name, index in getattr(case, "indices", {}).items():
        place = f"{name}{index}"
        if place in parts and not isinstance(case.params.get(name), str):
            raise ProjectError(
                f"{item.name} is named by the place of its parameter ({place}), which moves when another comes before "
                'it: give each an id that tells it, as in parametrize(..., ids=["small", "large"])'
            )


def _refuse_twins(item: pytest.Item, identity: GoldenId) -> None:
    """Raise ProjectError where another test of the session has the same id."""
    twins = item.config.stash[GUARDED].tests.get(identity, [])
    if len(twins) > 1:
        raise ProjectError(
            f"{' and '.join(twins[:2])} would share the golden {identity}: rename one, or collect it once"
        )


def book_of(config: pytest.Config) -> CheckBook:
    """The goldens of the session's tests; raises HarnessError where they cannot be read."""
    if BOOK not in config.stash:
        from harness.verify.checks.book import CheckBook

        config.stash[BOOK] = CheckBook(config.stash[GUARDED].project)  # type: ignore[arg-type]
    return config.stash[BOOK]


def finish_checks(item: pytest.Item) -> None:
    """At the end of a test's call: judge what it checked, and fail unless all of it is as accepted."""
    check = item.stash.get(CHECKED, None)
    if check is None:
        return
    try:
        document = check.document()
        if (folder := item.config.stash[GUARDED].collects) is not None:
            from harness.plugin.collecting import write_checked

            write_checked(folder, check.identity, document)
            return
        sentence = _judged(item, check, document)
    except HarnessError as error:
        sentence = f"{check.identity}: {error}"
    if sentence:
        pytest.fail(sentence, pytrace=False)


def _judged(item: pytest.Item, check: ValueCheck, document: Artifact) -> str:
    """What is wrong with a document, its candidate kept; empty where nothing is, and then no candidate stays."""
    from harness.plugin.results import mismatch_message

    book, identity = book_of(item.config), check.identity
    report = book.report(identity, document)
    noted_check(item, book, identity, report.failed)
    if report.failed:
        judged_by_tests(item.config).checked[identity] = (report, _golden(book, identity), document)
    note_remarks(item, identity, report)
    if not report.failed and not report.improved:
        book.forget(identity)
        return ""
    new = identity not in book.manifest
    kept = book.keep(identity, document, "there is no golden yet" if new else "pytest", check.test)
    if not report.failed:
        return ""
    if new:
        unfit = [f"  {v.message}" for v in report.verdicts[1:]]
        return "\n".join([f"{identity}: there is no golden yet", *unfit, _remedy(kept, first=True, unfit=bool(unfit))])
    unfit = [f"  {sentence}" for sentence in book.refused(identity, document)]
    remedy = _remedy(kept, first=False, unfit=bool(unfit))
    return "\n".join([mismatch_message(identity, report), *unfit, remedy]).rstrip()


def _golden(book: CheckBook, identity: GoldenId) -> Artifact | None:
    """What was accepted, for a picture; None where that cannot be read, which the verdict tells."""
    try:
        golden = book.golden(identity)
    except HarnessError:
        return None
    return golden.artifact if golden else None


def _remedy(kept: str, first: bool, unfit: bool) -> str:
    """What to do next; ``unfit``: no golden can hold what was checked before something of that is mended."""
    from harness.core.project import in_ci

    if in_ci():
        return "In CI nothing is written: run the test where you can accept what it gives." if first else ""
    if not kept:
        return ""
    accept = f'`harness accept {kept} --reason "..."`'
    if unfit:
        return f"No golden can hold this yet: mend that and run the test again, then {accept}"
    when = "then" if first else "and if it is meant"
    return f"Kept as candidate: look at it with `harness review {kept}`, {when} {accept}"
