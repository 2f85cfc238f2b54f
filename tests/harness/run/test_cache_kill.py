"""The cache under ``kill -9`` at random moments, and under several processes at once; real processes all."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.core.files import json_digest
from harness.run.cache import AbsentError, Cache
from harness.run.locks import unless_taken

KILLS = 120
LIMIT = 600_000  # half of what all items have, so that there is always one to write and one to evict

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL and fork are POSIX's")

COMMON = """
import os, random, signal, sys, time
from pathlib import Path
import filelock
import numpy as np
from harness.core.files import json_digest
from harness.run.cache import AbsentError, Cache
from harness.core.protocol import Artifact

folder, limit = Path(sys.argv[1]), int(sys.argv[2])

def key(n):
    return json_digest(["item", n])

def put(cache, n):
    array = np.full(5_000 * (1 + n % 4), float(n))
    return cache.put(key(n), ({"n": n, "array": {"$array": "array"}}, {"array": array}),
                     Artifact({"n": n}, {"array": array[:1000]}), {"n": n})
"""

# Forks writers, one after another, and kills each at a random moment. A fork starts at once, so that
# the moments fall within the writing and not within the imports.
NURSERY = (
    COMMON
    + """
import json
rng = random.Random(int(sys.argv[3]))
kills, before = [], set()
began = time.monotonic()
put(Cache(folder, limit), 0)
one = time.monotonic() - began  # this machine's time to write an item
for _ in range(int(sys.argv[4])):
    child = os.fork()
    if child == 0:
        cache, rng = Cache(folder, limit), random.Random(os.getpid())
        while True:
            n = rng.randrange(12)
            with cache.lock(key(n)):
                if cache.get(key(n)) is None:
                    put(cache, n)
            if rng.random() < 0.1:
                cache.clean()
    time.sleep(rng.uniform(0.0, 6 * one))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    left = {path for path in folder.glob("writing/*") if path.is_dir()}
    kills.append([os.WTERMSIG(status), len(left - before), sum(1 for _ in folder.glob("items/*/*"))])
    before = left
    cache = Cache(folder, limit)
    for n in range(12):
        item = cache.get(key(n))
        if item is not None:
            array = item.output()["array"]
            assert item.about == {"n": n} and item.artifact().values == {"n": n}
            assert array.shape == (5_000 * (1 + n % 4),) and (array == n).all()
            assert (item.artifact().arrays["array"] == n).all()
    assert cache.repaired == [], cache.repaired
    if rng.random() < 0.2:
        cache.clean()
        assert not list(folder.glob("writing/*"))
print(json.dumps(kills))
"""
)


def start(code, *arguments):
    line = [sys.executable, "-c", code, *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(line, stdout=pipe, stderr=pipe, text=True, cwd=Path(__file__).parents[3])


def ends(process, seconds=120):
    out, err = process.communicate(timeout=seconds)
    assert process.returncode == 0, err
    return out


@pytest.mark.slow
def test_after_a_kill_at_any_moment_every_item_is_whole_or_absent(tmp_path):
    kills = json.loads(ends(start(NURSERY, tmp_path, LIMIT, random.randrange(10**6), KILLS)))
    assert len(kills) == KILLS
    assert {how for how, _, _ in kills} == {signal.SIGKILL}
    # The kills fell where they hurt: many left a half-written folder, and items were there to be hurt.
    assert sum(left > 0 for _, left, _ in kills) >= 10
    assert sum(items > 1 for _, _, items in kills) >= 10
    cache = Cache(tmp_path, LIMIT)
    cache.clean()
    assert list((tmp_path / "writing").iterdir()) == []
    assert cache.size() <= LIMIT
    assert not (tmp_path / "clean.lock").exists()
    assert cache.repaired == []


# Kills a writer before its n-th step (whatever opens, makes, renames, removes or lists a file is one),
# for every n until it lives to the end. The writer puts one item, and evicts another to make room.
STEPS = (
    COMMON
    + """
import itertools
FILES = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.utime", "os.listdir", "os.scandir")
countdown = None

def hook(event, arguments):
    global countdown
    if countdown is not None and event in FILES:
        countdown -= 1
        if countdown < 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(hook)
seen = set()
for n in itertools.count():
    put(Cache(folder, limit), 0)
    child = os.fork()
    if child == 0:
        countdown = n
        put(Cache(folder, limit), 1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    cache = Cache(folder, limit)
    items = [cache.get(key(i)) for i in (0, 1)]
    for i, item in enumerate(items):
        assert item is None or ((item.output()["array"] == i).all() and item.artifact().values == {"n": i}), (n, i)
    assert cache.repaired == [], (n, cache.repaired)
    seen.add(tuple(item is not None for item in items))
    cache.clean()
    assert not list(folder.glob("writing/*")) and not (folder / "clean.lock").exists(), n
    assert cache.size() <= limit
    Cache(folder, 0).clean()
    if status == 0:
        break
    assert os.WTERMSIG(status) == signal.SIGKILL, status
print(n, sorted(seen))
"""
)


@pytest.mark.slow
def test_a_kill_before_each_step_of_writing_and_evicting(tmp_path):
    steps, seen = ends(start(STEPS, tmp_path, 100_000)).split(maxsplit=1)
    assert int(steps) > 30
    assert seen.strip() == "[(False, True), (True, False), (True, True)]"  # before, between, after


ONE = (
    COMMON
    + """
log = os.open(sys.argv[3], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
while not Path(sys.argv[4]).exists():
    time.sleep(0.001)
cache = Cache(folder, limit)
for n in range(5):
    with cache.lock(key(n)):
        item = cache.get(key(n))
        if item is None:
            os.write(log, b"%d\\n" % n)
            time.sleep(0.1)
            item = put(cache, n)
    assert (item.output()["array"] == n).all() and item.about == {"n": n}
assert cache.repaired == cache.unkept == [], (cache.repaired, cache.unkept)
"""
)


@pytest.mark.slow
def test_of_several_processes_that_want_one_result_one_computes_it(tmp_path):
    log, go = tmp_path / "log", tmp_path / "go"
    processes = [start(ONE, tmp_path / "cache", 2**30, log, go) for _ in range(4)]
    time.sleep(0.5)
    go.touch()
    for process in processes:
        ends(process)
    assert sorted(log.read_text().split()) == list("01234")


WITHOUT_LOCKS = (
    COMMON
    + """
cache, rng = Cache(folder, limit), random.Random(os.getpid())
reads = absent = 0
for _ in range(100):
    n = rng.randrange(12)
    item = cache.get(key(n)) or put(cache, n)
    try:
        assert (item.output()["array"] == n).all() and item.artifact().values == {"n": n}
        reads += 1
    except AbsentError:
        absent += 1
    if rng.random() < 0.05:
        cache.clean()
assert cache.repaired == cache.unkept == [], (cache.repaired, cache.unkept)
print(reads, absent)
"""
)


@pytest.mark.slow
def test_processes_that_put_get_and_evict_at_once_see_whole_items_or_none(tmp_path):
    outs = [ends(p).split() for p in [start(WITHOUT_LOCKS, tmp_path, LIMIT) for _ in range(4)]]
    reads, absent = (sum(int(out[i]) for out in outs) for i in (0, 1))
    assert reads + absent == 400
    assert absent < reads
    cache = Cache(tmp_path, LIMIT)
    cache.clean()
    assert cache.size() <= LIMIT
    assert list((tmp_path / "writing").iterdir()) == []


HOLD = (
    COMMON
    + """
with Cache(folder, limit).lock(key(0)):
    print("held", flush=True)
    time.sleep(60)
"""
)


@pytest.mark.slow
def test_a_killed_process_frees_its_lock(tmp_path):
    holder = start(HOLD, tmp_path, LIMIT)
    assert holder.stdout.readline() == "held\n"
    cache, began = Cache(tmp_path, LIMIT), time.monotonic()
    with unless_taken(tmp_path / "locks" / f"{json_digest(['item', 0])}.lock") as mine:
        assert not mine
    holder.kill()
    holder.communicate()
    with cache.lock(json_digest(["item", 0])):
        assert time.monotonic() - began < 10


@pytest.mark.slow
def test_an_evicted_item_says_so_to_whoever_still_reads_it(tmp_path):
    ends(start(COMMON + "put(Cache(folder, limit), 3)", tmp_path, LIMIT))
    cache = Cache(tmp_path, LIMIT)
    item = cache.get(json_digest(["item", 3]))
    ends(start(COMMON + "Cache(folder, 0).clean()", tmp_path, LIMIT))
    with pytest.raises(AbsentError):
        item.output()
    assert cache.repaired == []
