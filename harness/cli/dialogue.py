"""The review in a terminal: group by group, or value by value, with one key for each decision.

Nothing is written while it goes on. To loosen a rule is not offered: a value that should have another tolerance is
skipped, and the rule is edited, and accepted, by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from harness.cli.console import show_line, show_rule
from harness.cli.tables.approval import show_details, show_values
from harness.core import text
from harness.report.differences.folding import folded
from harness.report.differences.groups import AlikeValues, single

_ACCEPT, _REJECT, _SKIP, _SHOW, _EACH, _QUIT = "a", "r", "s", "d", "e", "q"
_SHOWN = 5  # values of a group, before somebody asks for all


@dataclass
class Decided:
    """What somebody decided about candidates; ``quit`` says that there was no end, and nothing is to be done.

    ``accepted``, ``rejected`` and ``skipped``: paths by id, where the path of a whole artifact is empty.
    """

    accepted: dict[str, list[str]] = field(default_factory=dict)
    rejected: dict[str, list[str]] = field(default_factory=dict)
    skipped: dict[str, list[str]] = field(default_factory=dict)
    quit: bool = False

    @property
    def to_accept(self) -> list[str]:
        """The ids of which everything was accepted."""
        return [i for i in self.accepted if i not in self.rejected and i not in self.skipped]

    @property
    def to_accept_partly(self) -> dict[str, list[str]]:
        """The paths that were accepted of each id of which the rest was not."""
        return {i: paths for i, paths in self.accepted.items() if i in self.rejected or i in self.skipped}

    @property
    def to_reject(self) -> list[str]:
        """The ids of which everything was rejected."""
        return [i for i in self.rejected if i not in self.accepted and i not in self.skipped]


def go_through(groups: Sequence[AlikeValues], key: Callable[[], str]) -> Decided:
    """Ask about each group; ``key`` gives the next key that is pressed, empty at the end of input."""
    decided = Decided()
    for n, group in enumerate(groups, 1):
        if not _ask(group, key, decided, f"{n} of {len(groups)}"):
            decided.quit = True
            break
    return decided


def _ask(group: AlikeValues, key: Callable[[], str], decided: Decided, number: str) -> bool:
    """Ask about one group until there is an answer; gives whether to go on. ``number``: which of how many it is."""
    show_rule(f"{number}: {group.title}")
    _show(group, _SHOWN)
    many = len(group.verdicts) if len(group.verdicts) > 1 and not group.whole else 0
    each = ", e each value" if many else ""
    words = f"  a accept, r reject, s skip, d show{each}, q quit"
    show_line(words)
    while True:
        pressed = key()
        if pressed in (_ACCEPT, _REJECT, _SKIP):
            answers = {_ACCEPT: decided.accepted, _REJECT: decided.rejected, _SKIP: decided.skipped}
            answers[pressed].setdefault(group.identity, []).extend(_paths(group))
            show_line(f"  {({_ACCEPT: 'accept', _REJECT: 'reject', _SKIP: 'skip'})[pressed]}")
            return True
        if pressed == _SHOW:
            _show(group, len(group.verdicts))
            for verdict in group.verdicts:
                show_details(verdict)
            show_line(words)
        elif pressed == _EACH and many:
            each_one = enumerate(single(group), 1)
            return all(_ask(one, key, decided, f"{number}, value {n} of {many}") for n, one in each_one)
        elif pressed in (_QUIT, "", "\x04"):
            return False
        else:
            show_line(f"  {_refused(pressed, group)}")
            show_line(words)


def _refused(pressed: str, group: AlikeValues) -> str:
    """Why a key does nothing here."""
    if pressed != _EACH:
        return f"{pressed if pressed.isprintable() else 'that'} is no key here"
    if group.whole and len(group.verdicts) > 1:
        return "e is not offered here: of this artifact nobody can accept a part"
    return "e is not offered here: it is one value"


def _paths(group: AlikeValues) -> list[str]:
    return [""] if group.whole else [verdict.path for verdict in group.verdicts]


def _show(group: AlikeValues, most: int) -> None:
    show_values(group.verdicts[:most])
    for told in folded(group.verdicts, group.verdicts):
        if told.explanation:
            show_line(f"  {told.path or 'it'}: {told.explanation.text}")
    if (rest := len(group.verdicts) - most) > 0:
        show_line(f"  and {text.count(rest, 'more value')} like these: d shows all")
