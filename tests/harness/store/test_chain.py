"""The graph of approvals, on its own: what stands of an id, in whichever order and with however many approvals."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterable

import pytest

from harness.core.errors import GoldenError
from harness.core.files import dump_json, sha256
from harness.store.approvals import Approval, Change, address_of, dump_approval, parse_approval
from harness.store.chain import Chain, replay_approvals

X, Y = "heat/cpu/x", "heat/cpu/y"


class History:
    """Approvals by short names; the digest of a value is that value, sixty-four times."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.links: dict[str, str] = {}

    def add(self, name: str, after: Iterable[str] = (), **changes: tuple[str, str]) -> None:
        """Add an approval that follows others; ``x=("1", "2")`` moves x from 1 to 2, and an empty text is none."""
        moved = {
            f"heat/cpu/{identity}": Change("golden", *(v * 64 or None for v in step), "", "s-1", "refresh")
            for identity, step in changes.items()
        }
        previous = tuple(sorted(self.links[other] for other in after))
        content = dump_approval(Approval("", previous, f"2026-01-01T00:00:{len(self.files):02d}", name, *"1234", moved))
        self.files[f"{address_of(content)}.json"] = content
        self.links[name] = sha256(content)

    def replay(self) -> Chain:
        return replay_approvals(self.files)


def stands(chain: Chain, identity: str = X) -> list[str]:
    """What stands of an id, as the values and the approvals that gave them."""
    return sorted(f"{(c.change.after or '-')[0]} by {c.approval.reason}" for c in chain.last[identity])


@pytest.fixture
def fork():
    """A moves x and y; B and C both follow it, and move x and y; the branches have not joined."""
    history = History()
    history.add("A", x=("", "1"), y=("", "1"))
    history.add("B", "A", x=("1", "2"))
    history.add("C", "A", y=("1", "3"))
    return history


def test_what_branches_change_apart_stands(fork):
    chain = fork.replay()
    assert (chain.problems, chain.unsettled) == ((), {})
    assert (stands(chain), stands(chain, Y)) == (["2 by B"], ["3 by C"])
    assert set(chain.heads) == {fork.links["B"], fork.links["C"]}


def test_the_next_joins_both(fork):
    fork.add("D", "BC", x=("2", "4"))
    chain = fork.replay()
    assert (chain.problems, chain.heads) == ((), (fork.links["D"],))
    assert (stands(chain), stands(chain, Y)) == (["4 by D"], ["3 by C"])


def test_what_both_change_does_not_stand_alone(fork):
    fork.add("D", "C", x=("1", "5"))
    chain = fork.replay()
    assert chain.problems == ()
    assert stands(chain) == ["2 by B", "5 by D"]
    assert list(chain.unsettled) == [X]
    fork.add("E", "D", y=("3", "6"))  # of another id, so x remains open
    assert list(fork.replay().unsettled) == [X]


@pytest.mark.parametrize("before", ["2", "5"])
def test_who_follows_both_settles(fork, before):
    fork.add("D", "C", x=("1", "5"))
    fork.add("E", "BD", x=(before, "2"))
    chain = fork.replay()
    assert (chain.problems, chain.unsettled, stands(chain)) == ((), {}, ["2 by E"])


def test_who_follows_one_settles_nothing(fork):
    fork.add("D", "C", x=("1", "5"))
    fork.add("E", "D", x=("5", "6"))
    assert stands(fork.replay()) == ["2 by B", "6 by E"]


def test_who_settles_starts_from_one_of_both(fork):
    fork.add("D", "C", x=("1", "5"))
    fork.add("E", "BD", x=("1", "6"))
    (problem,) = fork.replay().problems
    assert "changes heat/cpu/x from 111111111111" in problem


def test_both_may_give_the_same(fork):
    fork.add("D", "C", x=("1", "2"))
    chain = fork.replay()
    assert (chain.problems, chain.unsettled) == ((), {})
    assert stands(chain) == ["2 by B", "2 by D"]


def test_the_order_of_the_files_does_not_matter(fork):
    fork.add("D", "BC", x=("2", "4"))
    told = {
        tuple(a.reason for a in replay_approvals(dict(files)).approvals)
        for files in itertools.permutations(fork.files.items())
    }
    assert told == {("A", "B", "C", "D")}


def test_a_gap_is_a_sentence_for_each_that_follows_it(fork):
    fork.add("D", "BC", x=("2", "4"))
    del fork.files[f"{fork.links['C'][:16]}.json"]
    (problem,) = fork.replay().problems
    assert problem.startswith(f"approvals/{fork.links['D'][:16]}.json does not follow the approvals that are here")


def test_a_long_chain_takes_no_longer_than_people_notice():
    history = History()
    history.add("0", x=("", "1"))
    for number in range(1, 600):
        history.add(str(number), [str(number - 1)], x=("12"[(number + 1) % 2], "12"[number % 2]))
    started = time.process_time()
    chain = history.replay()
    assert time.process_time() - started < 2
    assert chain.problems == ()
    assert len(chain.approvals) == 600


@pytest.mark.parametrize(
    "change",
    [
        {"version": 1},
        {"version": True},
        {"version": 2.0},
        {"id": "0" * 16},
        {"previous": "0" * 64},
        {"previous": [1]},
        {"previous": None},
        {"previous": {"a": 1}},
    ],
)
def test_an_approval_of_another_form_is_none(fork, change):
    record = json.loads(next(iter(fork.files.values())))
    with pytest.raises(GoldenError, match="is not an approval"):
        parse_approval(dump_json({**record, **change}), "x.json")
