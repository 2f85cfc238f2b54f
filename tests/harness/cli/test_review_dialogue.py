"""The review in a terminal: what keys decide, through a real pseudo-terminal, and what nobody may do there."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import time
from dataclasses import replace

import pytest
from heat_repository import Repository
from small_reports import BAD, GOOD, a_report, an_artifact

from harness.cli.dialogue import go_through
from harness.core.verdicts import Explanation, Status, Verdict
from harness.report.differences.groups import AlikeValues, groups_of

LINE = ("heat.py", "np.log(heights), 1)[0]", "np.log(heights), 1, w=heights)[0]")
PROMPT = "q quit"
REASON = "why? (an empty line accepts nothing)"


class Terminal:
    """``harness review`` before a pseudo-terminal; ``text`` is all that it printed so far."""

    def __init__(self, repository: Repository, line: str, **more: str) -> None:
        self.text, self._read = "", 0
        self.master, slave = pty.openpty()
        environment = repository.environment | {"UNPREPARED": "1", "TERM": "dumb", **more}
        self.process = subprocess.Popen(
            f"exec harness {line}",
            shell=True,
            cwd=repository.root,
            env=environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_own_terminal,
        )
        os.close(slave)

    def until(self, words: str, seconds: float = 120) -> str:
        """What was printed since the last call, up to ``words``."""
        end = time.monotonic() + seconds
        while words not in self.text[self._read :]:
            ready = select.select([self.master], [], [], max(0.0, end - time.monotonic()))[0]
            assert ready, f"{words!r} did not come:\n{self.text}"
            if not (content := self._more()):
                raise AssertionError(f"{words!r} did not come before the end:\n{self.text}")
            self.text += content
        start, self._read = self._read, self.text.index(words, self._read) + len(words)
        return self.text[start : self._read]

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def ended(self, seconds: float = 120) -> int:
        """The exit status, after all that it still printed."""
        end = time.monotonic() + seconds
        while True:
            ready = select.select([self.master], [], [], max(0.0, end - time.monotonic()))[0]
            assert ready, f"it did not end:\n{self.text}"
            if not (content := self._more()):
                break
            self.text += content
        os.close(self.master)
        return self.process.wait(120)

    def _more(self) -> str:
        try:
            return os.read(self.master, 65536).decode(errors="replace").replace("\r\n", "\n")
        except OSError:  # nobody holds the other end any more
            return ""


def _own_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a background job's children ignore it


@pytest.fixture
def changed(inner) -> Repository:
    """The repository after a committed change, verified: candidates of one scenario wait."""
    inner.repository.edit(*LINE)
    inner.repository.commit("weights")
    inner.repository.harness("verify smooth", 1)
    return inner.repository


def pending(repository: Repository) -> list[str]:
    return repository.harness("pending --ids").stdout.split()


def test_keys_accept_skip_and_reject_and_a_reason_is_asked_for(changed):
    ids = pending(changed)
    assert ids == [
        "smooth/cpu/comparison",
        "smooth/cpu/reference",
        "smooth/replay/comparison",
        "smooth/replay/reference",
    ]
    terminal = Terminal(changed, "review")
    shown = terminal.until(PROMPT)
    assert "report:" in shown
    assert ids[0] in shown
    assert "loosen" not in shown
    terminal.press("x")  # no key: the question stays
    terminal.until(PROMPT)
    terminal.press("\x1b[A")
    terminal.until(PROMPT)
    terminal.press("s")
    assert ids[1] in terminal.until(PROMPT)
    terminal.press("d")
    terminal.until(PROMPT)
    terminal.press("a")
    assert ids[2] in terminal.until(PROMPT)
    terminal.press("s")
    terminal.until(PROMPT)
    terminal.press("r")
    assert f"accept: {ids[1]}\nreject: {ids[3]}" in terminal.until(REASON)
    assert pending(changed) == ids  # nothing was written so far
    terminal.press("weights are meant\n")
    assert terminal.ended() == 0, terminal.text
    assert "accepted, approval " in terminal.text
    assert f"rejected: {ids[3]}" in terminal.text
    log = json.loads(changed.harness("log --json").stdout)
    assert (log[-1]["reason"], [*log[-1]["changes"]]) == ("weights are meant", [ids[1]])
    assert pending(changed) == [ids[0], ids[2]]


def test_quitting_and_no_reason_write_nothing(changed):
    ids = pending(changed)
    for keys, words in (("aq", "nothing was decided, and nothing was written"), ("aaaa\n", "nothing was written")):
        terminal = Terminal(changed, "review")
        for key in keys:
            terminal.until(REASON if key == "\n" else PROMPT)
            terminal.press(key)
        assert terminal.ended() == 0, terminal.text
        assert words in terminal.text
    assert pending(changed) == ids


def test_ctrl_c_leaves_the_terminal_and_the_store_as_they_were(changed):
    ids = pending(changed)
    terminal = Terminal(changed, "review")
    terminal.until(PROMPT)
    terminal.press("a")
    terminal.until(PROMPT)
    terminal.press("\x03")
    assert terminal.ended() == 130, terminal.text
    assert "interrupted" in terminal.text
    assert pending(changed) == ids


def test_what_changed_while_somebody_decided_is_not_accepted(changed):
    """The code that would run again is the one that was imported when the review began."""
    ids = pending(changed)
    terminal = Terminal(changed, f"review -i {ids[1]} --reason meant")
    terminal.until(PROMPT)
    changed.edit(LINE[0], LINE[2], LINE[1])
    changed.commit("back again")
    terminal.press("a")
    assert terminal.ended() == 2, terminal.text
    assert "changed while candidates were reviewed" in terminal.text
    assert pending(changed) == ids


def test_another_candidate_than_the_reviewed_one_is_not_accepted(changed):
    ids = pending(changed)
    terminal = Terminal(changed, f"review -i {ids[1]} --reason meant")
    terminal.until(PROMPT)
    path = changed.root / f".harness/pending/{ids[1]}"
    other = changed.root / f".harness/pending/{ids[1].replace('reference', 'comparison')}"
    for suffix in (".json", ".about.json"):
        path.with_suffix(suffix).write_bytes(other.with_suffix(suffix).read_bytes())
    terminal.press("a")
    assert terminal.ended() == 2, terminal.text
    assert "is another candidate now than the one that was reviewed" in terminal.text


def test_a_fresh_run_that_disagrees_refuses_what_was_accepted(changed):
    """What the code gives now, and not what somebody saw, is what the referee asks."""
    ids = pending(changed)
    changed.edit(LINE[0], LINE[2], LINE[1])
    changed.commit("back again")
    terminal = Terminal(changed, f"review -i {ids[1]} --reason meant")
    terminal.until(PROMPT)
    terminal.press("a")
    assert terminal.ended() == 2, terminal.text
    assert "a fresh run disagrees with the candidate" in terminal.text
    assert pending(changed) == ids


def test_without_a_terminal_and_in_ci_nobody_decides(changed):
    ids = pending(changed)
    assert "there is no terminal to decide in" in changed.harness("review < /dev/null", 2).stderr
    assert "there is no terminal" in changed.harness(f"review -i {ids[0]} < /dev/null", 2).stderr
    assert "names the ids" in changed.harness("review --json", 2).stderr.replace("name the ids", "names the ids")
    changed.harness(f"review {ids[0]} < /dev/null")
    terminal = Terminal(changed, "review", CI="1")
    assert terminal.ended() == 2
    assert "decides nothing in CI" in terminal.text


# Groups


def rows(*names: str) -> tuple[Verdict, ...]:
    return tuple(Verdict(name, Status.FAIL, "exact", expected=1.0, obtained=2.0) for name in names)


def test_values_that_differ_in_numbers_alone_are_one_group():
    verdicts = rows("rows/0/area", "rows/12/area", "rows/0/x2", "total")
    groups = groups_of(a_report(an_artifact(GOOD, *verdicts)))
    assert [(g.pattern, len(g.verdicts)) for g in groups] == [("rows/*/area", 2), ("rows/*/x2", 1), ("total", 1)]
    assert groups[1].title == "s/cpu/stage/rows/0/x2"
    (whole,) = groups_of(a_report(an_artifact(GOOD, *verdicts)), ["s/cpu/stage"])
    assert whole.whole
    assert len(whole.verdicts) == 4


def decide(groups, keys):
    left = iter(keys)
    return go_through(groups, lambda: next(left, ""))


GROUPS = [
    AlikeValues("s/cpu/a", "r/*", rows("r/0", "r/1")),
    AlikeValues("s/cpu/a", "b", (BAD,)),
    AlikeValues("s/cpu/c", "", (BAD,), True),
]


@pytest.mark.parametrize(
    ("keys", "whole", "parts", "rejected"),
    [
        ("aaa", ["s/cpu/a", "s/cpu/c"], {}, []),
        ("asr", [], {"s/cpu/a": ["r/0", "r/1"]}, ["s/cpu/c"]),
        ("earas", [], {"s/cpu/a": ["r/0", "bad"]}, []),
        ("rra", ["s/cpu/c"], {}, ["s/cpu/a"]),
        ("rsa", ["s/cpu/c"], {}, []),
        ("sss", [], {}, []),
        ("dAdrzS", [], {"s/cpu/a": ["r/0", "r/1"]}, []),
    ],
)
def test_what_is_accepted_in_whole_and_in_part(keys, whole, parts, rejected):
    decided = decide(GROUPS, keys.lower())
    assert not decided.quit
    assert (decided.to_accept, decided.to_accept_partly, decided.to_reject) == (whole, parts, rejected)


@pytest.mark.parametrize("keys", ["aq", "", "aa", "eaq", "a\x04"])
def test_whoever_leaves_decides_nothing(keys):
    assert decide(GROUPS, keys).quit


TIMES = Explanation("factor", "every number is × 1.01")
MANY = AlikeValues("s/cpu/a", "r/*", tuple(replace(row, explanation=TIMES) for row in rows("r/0", "r/1")))


def test_a_question_says_which_it_is_of_how_many_and_what_happened(capsys):
    decide([MANY, GROUPS[1]], "eaaa")
    said = capsys.readouterr().out
    assert "1 of 2: s/cpu/a/r/*" in said
    assert "r/*: 2 of 2, every number is × 1.01" in said.partition("a accept")[0]  # before any key
    assert "1 of 2, value 2 of 2: s/cpu/a/r/1" in said
    assert "r/1: every number is × 1.01" in said
    assert "2 of 2: s/cpu/a/bad" in said


@pytest.mark.parametrize(("group", "key", "why"), [
    (GROUPS[1], "e", "e is not offered here: it is one value"),
    (AlikeValues("s/cpu/c", "", rows("a", "b"), True), "e", "e is not offered here: of this artifact nobody can"),
    (GROUPS[0], "x", "x is no key here"),
    (GROUPS[0], "\x1b", "that is no key here"),
])  # fmt: skip
def test_a_key_that_does_nothing_says_why(group, key, why, capsys):
    assert not decide([group], f"{key}a").quit
    assert why in capsys.readouterr().out
