"""A script that kills children while they accept goldens, and looks at what they leave; test_kill_accept.py runs it.

The children are forked from one process that has imported everything, so that a kill costs
milliseconds. It prints as JSON how often it saw each outcome; an assertion that fails ends it.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import guarded
from guarded import ENERGY, approval_log

from harness.store.approval_check import chain_problems
from harness.store.candidates import list_pending, read_candidate
from harness.store.transaction import FOLDER, recover_acceptance

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}


def child(work, die_at=None, began=None):
    """Fork; the child does ``work`` and exits with 0, or dies just before its change number ``die_at`` of the disk.

    It writes to the pipe ``began`` when it starts to write anything.
    """
    pid = os.fork()
    if pid:
        return pid
    seen = [0]

    def hook(event, arguments):
        if began is not None and event == "os.mkdir" and str(arguments[0]).endswith(FOLDER):
            os.write(began, b"!")
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if die_at is not None and (event in CHANGES or writes):
            if seen[0] == die_at:
                os.kill(os.getpid(), signal.SIGKILL)
            seen[0] += 1

    try:
        sys.addaudithook(hook)
        work()
        os._exit(0)
    except BaseException as error:
        print(f"child: {error!r}", file=sys.stderr)
        os._exit(1)


def killed(pid):
    status = os.waitpid(pid, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the child failed by itself"
    return os.WIFSIGNALED(status)


class Nursery:
    def __init__(self, root: Path) -> None:
        self.repository = guarded.make(root)
        self.repository.accept_rules()
        self.value, self.count = 1.0, 1
        self.offer()
        self.repository.accept()
        self.outcomes: Counter[str] = Counter()
        self.turn()

    def offer(self):
        """Keep a candidate that differs from the golden, with and without arrays by turns."""
        self.value = 3.0 - self.value
        candidate = guarded.artifact(self.value)
        if self.value == 2.0:
            candidate = guarded.Artifact(candidate.values)
        self.repository.fresh = candidate
        self.repository.offer(ENERGY, candidate)

    def snapshot(self):
        folder = self.repository.root / "goldens"
        return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    def accept(self):
        self.repository.accept()

    def check(self):
        """Check that the old state or the new one is there, whole; after the new one it is another candidate's turn."""
        project = self.repository.project
        assert not (project.state / FOLDER).exists()
        approvals = approval_log(project)
        assert chain_problems(project) == []
        entry = self.repository.goldens.manifest()[ENERGY]
        energy = self.repository.goldens.read(ENERGY, entry).artifact.values["energy"]
        new = len(approvals) == self.count + 1
        assert new or len(approvals) == self.count
        waiting = [p.identity for p in list_pending(project)]
        if new:
            assert (energy, waiting) == (self.value, [])
            expected = {"heat/cpu/energy.json", "MANIFEST.json", "heat/tolerances.toml", "tolerances.toml"}
            expected |= {"heat/cpu/energy.npz"} if self.value == 1.0 else set()
            expected |= {f"approvals/{approval.id}.json" for approval in approvals}
            assert set(self.snapshot()) == expected
        else:
            assert (energy, waiting) == (3.0 - self.value, [ENERGY])
            assert read_candidate(project, ENERGY)[0].values == {"energy": self.value}
            assert self.snapshot() == self.old
        self.outcomes["new" if new else "old"] += 1
        if new:
            self.turn()

    def turn(self):
        self.count += 1
        if self.count % 10 == 0:
            self.repository.commit()
        self.offer()
        self.old = self.snapshot()

    def recover(self):
        sentence = recover_acceptance(self.repository.project).sentence
        self.outcomes[sentence.split()[0] if sentence else "nothing to do"] += 1


def at_every_change(nursery, chance):
    """Kill before each change of the disk in turn, and then once more while that is repaired."""
    for moment in range(10_000):
        if not killed(child(nursery.accept, moment)):
            nursery.outcomes["moments"] = moment
            nursery.check()
            return
        if (nursery.repository.project.state / FOLDER).exists():
            nursery.outcomes["repairs killed"] += killed(child(nursery.recover, chance.randrange(12)))
        nursery.recover()
        nursery.check()


def at_random(nursery, chance, kills):
    """Kill at random moments by the clock: half of them in all of an acceptance, half in what it writes."""
    usual = {"all": 0.05, "writes": 0.005}
    while nursery.outcomes["kills"] < kills:
        phase = chance.choice(list(usual))
        reader, writer = os.pipe()
        started = time.perf_counter()
        pid = child(nursery.accept, began=writer)
        os.close(writer)
        if phase == "writes":
            os.read(reader, 1)
            started = time.perf_counter()
        time.sleep(chance.uniform(0, 1.2 * usual[phase]))
        os.kill(pid, signal.SIGKILL)
        if killed(pid):
            nursery.outcomes["kills"] += 1
            usual[phase] *= 1.05  # until some are late: it should come to the end now and then
        else:
            usual[phase] = min(usual[phase] * 0.8, time.perf_counter() - started)
        os.close(reader)
        nursery.recover()
        nursery.check()


if __name__ == "__main__":
    os.fsync = lambda handle: None  # what a killed process wrote, the system keeps; on a busy disk this takes minutes
    nursery, randomness = Nursery(Path(sys.argv[1])), random.Random(int(sys.argv[2]))
    if len(sys.argv) > 3:
        at_random(nursery, randomness, int(sys.argv[3]))
    else:
        at_every_change(nursery, randomness)
    print(json.dumps(nursery.outcomes))
