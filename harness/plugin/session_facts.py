"""What happened in a process of a session, told from inside: a hook may change reports, and drop or end tests.

With pytest-xdist each worker sends its own to the process that a user started, in plain values.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class SessionFacts:
    """The tests that use a fixture of the harness, by their names, and what came of them.

    ``collected``: before anything chose among them; ``deselected``: those of them that pytest was told of; ``chosen``:
    those that were to run. ``shadowed``: where tests have a fixture in the place of ``golden``. ``item``: whether the
    check of the store was to run. ``expected`` and ``store``: what it said, and the problems that it found.
    ``compared``: goldens, and whether each failed; ``by_test``: the goldens of each test. ``judged_by``: of scenarios;
    ``checked_by``: of modules of tests. ``reports``: what is not as accepted, as the text of a report. ``remarks``: by
    golden, its warnings and what is ignored of it, a line a rule.
    """

    collected: list[str] = field(default_factory=list)
    deselected: list[str] = field(default_factory=list)
    chosen: list[str] = field(default_factory=list)
    shadowed: list[str] = field(default_factory=list)
    item: bool = False
    expected: dict[str, Any] | None = None
    store: list[str] = field(default_factory=list)
    compared: dict[str, bool] = field(default_factory=dict)
    by_test: dict[str, list[str]] = field(default_factory=dict)
    judged_by: dict[str, dict[str, str]] = field(default_factory=dict)
    checked_by: dict[str, dict[str, str]] = field(default_factory=dict)
    reports: list[str] = field(default_factory=list)
    remarks: dict[str, list[str]] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """As values that cross processes."""
        return asdict(self)

    @property
    def taken_out(self) -> list[str]:
        """The tests that were collected and are neither to run nor deselected."""
        return sorted({*self.collected} - {*self.deselected, *self.chosen})

    def add(self, other: SessionFacts) -> None:
        """Take in what another process saw; each collects all the tests."""
        for name in ("collected", "deselected", "chosen", "shadowed", "store", "reports"):
            mine = getattr(self, name)
            mine += [each for each in getattr(other, name) if each not in mine]
        self.item, self.expected = self.item or other.item, other.expected or self.expected
        self.compared |= other.compared
        for test, ids in other.by_test.items():
            self.by_test.setdefault(test, []).extend(ids)
        self.judged_by |= other.judged_by
        self.checked_by |= other.checked_by
        self.remarks |= other.remarks
