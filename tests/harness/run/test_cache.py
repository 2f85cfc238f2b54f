"""The cache: what is put comes back to the bit, and whatever is not whole counts as absent."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
import zipfile
from pathlib import Path

import numpy as np
import pytest

from harness.core.artifacts import array_file, array_name
from harness.core.errors import HarnessError
from harness.core.files import dump_json, json_digest, read_plain, sha256
from harness.core.protocol import Artifact
from harness.core.trees import join_tree, split_tree
from harness.run import cache as cache_module
from harness.run import locks
from harness.run.cache import LOCK_SECONDS, AbsentError, Cache, parse_index, unless_taken

PLENTY = 2**30
ROOT = Path(__file__).parents[3]


def key(n):
    return json_digest(n)


def result(n=0, size=100):
    rng = np.random.default_rng(n)
    output = {
        "z first": {"field": rng.standard_normal(size), "mask": np.arange(6).reshape(2, 3) % 2 == 0},
        "a second": [1, 2.5, "text", None, True, float("nan"), float("-inf"), -0.0],
        "complex": rng.standard_normal((3, 4)).astype(np.complex64),
        "fortran": np.asfortranarray(rng.integers(0, 9, (3, 5))),
        "empty": np.empty((0, 2), np.float32),
    }
    return split_tree(output), Artifact({"n": n, "mean": "NaN"}, {"field/mean": output["z first"]["field"]})


def put(cache, n=0, size=100, **about):
    output, artifact = result(n, size)
    return cache.put(key(n), output, artifact, {"stage": "simulate", "seconds": 1.5, **about})


def same(output, n=0, size=100):
    """Whether an output is what was put, to the bit, order of keys included."""
    expected = result(n, size)[0]
    values, arrays = split_tree(output)
    assert json.dumps(values) == json.dumps(expected[0])
    assert arrays.keys() == expected[1].keys()
    for name, array in expected[1].items():
        assert (arrays[name].dtype, arrays[name].shape) == (array.dtype, array.shape)
        assert arrays[name].tobytes() == array.tobytes()
    return True


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache", PLENTY)


def place(cache, n=0):
    return next(cache.folder.glob(f"items/*/{key(n)}"))


def files(cache):
    return sorted(p.name for p in cache.folder.rglob("*") if p.is_file())


def test_what_is_put_comes_back_to_the_bit(cache):
    assert cache.get(key(0)) is None
    first = put(cache)
    again = Cache(cache.folder, PLENTY).get(key(0))
    for item in (first, again):
        assert item.key == key(0)
        assert item.about == {"stage": "simulate", "seconds": 1.5}
        assert same(item.output())
        assert item.artifact().values == {"n": 0, "mean": "NaN"}
        np.testing.assert_array_equal(item.artifact().arrays["field/mean"], result()[1].arrays["field/mean"])
    assert cache.repaired == cache.unkept == []
    assert files(cache) == ["artifact.json", "artifact.npz", "index", "output.json", "output.npz"]


def test_an_output_and_an_artifact_without_arrays(cache):
    cache.put(key(0), ({"x": 1}, {}), Artifact({"y": 2}), {})
    item = cache.get(key(0))
    assert (item.output(), item.artifact(), item.about) == ({"x": 1}, Artifact({"y": 2}, {}), {})


def test_what_is_told_about_an_item_becomes_strict_json(cache):
    item = put(cache, worst=float("nan"), count=np.int64(3))
    assert (item.about["worst"], item.about["count"]) == ("NaN", 3)


def test_the_first_result_of_a_key_stays(cache):
    put(cache, who="first")
    assert put(cache, who="second").about["who"] == "first"
    assert cache.get(key(0)).about["who"] == "first"
    assert files(cache) == ["artifact.json", "artifact.npz", "index", "output.json", "output.npz"]


@pytest.mark.parametrize(
    "bad", ["", "../../../../etc/passwd", "a" * 31, "A" * 64, "g" * 64, "a" * 64 + "/x", "a" * 200]
)
def test_a_key_is_a_digest(bad, cache):
    output, artifact = result()
    with pytest.raises(ValueError, match="is not a digest"):
        cache.get(bad)
    with pytest.raises(ValueError, match="is not a digest"):
        cache.put(bad, output, artifact, {})
    with pytest.raises(ValueError, match="is not a digest"), cache.lock(bad):
        pass


def flip(path, where=0.5):
    content = bytearray(path.read_bytes())
    content[int(where * (len(content) - 1))] ^= 1
    path.write_bytes(content)


DAMAGE = {
    "a flipped bit": flip,
    "a flipped first bit": lambda p: flip(p, 0),
    "a flipped last bit": lambda p: flip(p, 1),
    "its end lost": lambda p: p.write_bytes(p.read_bytes()[:-1]),
    "nothing in it": lambda p: p.write_bytes(b""),
    "something after it": lambda p: p.write_bytes(p.read_bytes() + b"\n"),
    "no file": lambda p: p.unlink(),
    "a folder in its place": lambda p: (p.unlink(), p.mkdir()),
}


@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("name", ["index", "artifact.json", "artifact.npz", "output.json", "output.npz"])
def test_a_damaged_item_is_absent_and_reported_and_can_be_put_again(name, how, cache):
    put(cache)
    DAMAGE[how](place(cache) / name)
    item = cache.get(key(0))
    if item is not None:  # noticed when it is read, and only in what was damaged
        assert "flipped" in how
        part = item.artifact if name.startswith("artifact") else item.output
        assert same(item.output()) if part is item.artifact else item.artifact().values["n"] == 0
        with pytest.raises(AbsentError, match="was evicted or damaged while it was in use: run again"):
            part()
    assert len(cache.repaired) == 1
    assert f"the cached result {key(0)[:12]} was damaged and is removed" in cache.repaired[0]
    assert cache.get(key(0)) is None
    assert same(put(cache).output())
    assert same(cache.get(key(0)).output())
    assert len(cache.repaired) == 1


def test_put_replaces_a_damaged_item(cache):
    put(cache, who="first")
    flip(place(cache) / "index")
    assert put(cache, who="second").about["who"] == "second"
    assert len(cache.repaired) == 1


def rewrite(cache, change):
    """An index that was altered by someone who knows how it is made."""
    path = place(cache) / "index"
    value = json.loads(path.read_bytes().partition(b"\n")[2])
    change(value)
    text = dump_json(value)
    path.write_bytes(sha256(text).encode() + b"\n" + text)


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.update(version=2),
        lambda v: v.pop("files"),
        lambda v: v["files"].update({"../../../secret": v["files"]["output.json"]}),
        lambda v: v["files"].update({"output.json": 3}),
        lambda v: v.update(files=[1]),
        lambda v: v.update(about=None),
        lambda v: v["files"].pop("output.json"),
    ],
)
def test_an_index_of_another_kind_is_absent(change, cache):
    put(cache)
    (cache.folder / "secret").write_bytes((place(cache) / "output.json").read_bytes())
    rewrite(cache, change)
    item = cache.get(key(0))
    if item is not None:
        assert not any("secret" in name for name in parse_index((place(cache) / "index").read_bytes()).files)
        with pytest.raises(AbsentError):
            item.output()
    assert cache.get(key(0)) is None
    assert len(cache.repaired) == 1


def test_what_an_item_costs_does_not_grow_with_their_number(cache, monkeypatch):
    """All items were looked at for each that was written: a thousand of them cost a million looks."""
    looks = []
    monkeypatch.setattr(type(cache), "size", lambda self: looks.append(1) or 0)
    cache.limit_bytes = 10**9
    for number in range(200):
        cache.put(key(number), ({"total": number}, {}), Artifact({}), {})
    assert len(looks) <= 2  # of some 400 bytes each: one in 40,000
    cache.limit_bytes = 10_000
    for number in range(200, 220):
        cache.put(key(number), ({"total": number}, {}), Artifact({}), {})
    assert len(looks) >= 15  # each is more than a 64th of the limit


def test_an_item_that_is_evicted_while_it_is_read_is_absent_and_not_damaged(cache):
    put(cache)
    item = cache.get(key(0))
    Cache(cache.folder, 0).clean()
    with pytest.raises(AbsentError, match="run again, it is recomputed"):
        item.output()
    with pytest.raises(AbsentError):
        item.artifact()
    assert cache.get(key(0)) is None
    assert cache.repaired == []


def test_an_item_that_was_replaced_while_it_was_read_is_left_alone(cache):
    """The reader holds the old index: the new files do not fit it, and are whole all the same."""
    put(cache, who="first")
    item = cache.get(key(0))
    Cache(cache.folder, 0).clean()
    output, artifact = result(7)
    cache.put(key(0), output, artifact, {"who": "second"})
    with pytest.raises(AbsentError):
        item.output()
    assert cache.repaired == []
    assert cache.get(key(0)).about["who"] == "second"
    assert same(cache.get(key(0)).output(), 7)


def test_an_item_that_appears_while_another_is_missed_is_left_alone(cache, monkeypatch):
    missed = FileNotFoundError("no index a moment ago")
    put(cache)
    cache._discard(key(0), b"", missed)
    assert cache.repaired == []
    assert same(cache.get(key(0)).output())


def test_the_least_recently_used_go_first(cache):
    for n in range(5):
        put(cache, n)
        os.utime(place(cache, n) / "index", (n, n))
    weight = cache.size() // 5
    assert cache.get(key(0))  # used just now
    cache.limit_bytes = 3 * weight + weight // 2
    cache.clean()
    kept = [n for n in range(5) if cache.get(key(n))]
    assert kept == [0, 3, 4]
    assert cache.size() <= cache.limit_bytes
    cache.clean()
    assert [n for n in range(5) if cache.get(key(n))] == [0, 3, 4]
    assert cache.repaired == []


def test_putting_keeps_it_within_its_limit(cache):
    put(cache, 0)
    cache.limit_bytes = 3 * cache.size() + 500
    for n in range(1, 12):
        assert same(put(cache, n).output(), n)
        assert cache.size() <= cache.limit_bytes
    assert cache.get(key(11))
    assert not cache.get(key(0))
    assert cache.unkept == []


def test_size_counts_every_byte(cache):
    assert cache.size() == 0
    put(cache)
    assert cache.size() == sum(p.stat().st_size for p in cache.folder.rglob("*") if p.is_file()) > 1000


UNKEPT = {
    "too large": (({"x": 1}, {"a": np.zeros(2**20)}), Artifact({}), "too large"),
    "too much of everything": (({"x": "x" * 2**20}, {}), Artifact({}), "more than the whole cache may have"),
    "too deep": (({"x": json.loads("[" * 70 + "]" * 70)}, {}), Artifact({}), "nested more than 64 deep"),
    "a name without an end": (({}, {"a" * 40_000: np.zeros(2)}), Artifact({}), "a name of 40000 characters"),
    "half a character as a name": (({}, {}), Artifact({}, {"\udc80": np.zeros(2)}), "a name that is not Unicode"),
    "objects": (({}, {"a": np.array([{}])}), Artifact({}), "only numbers, booleans and text are kept"),
    "an artifact that is not strict": (({}, {}), Artifact({"x": float("nan")}), "not JSON compliant"),
    "an artifact that is not data": (({}, {}), Artifact({"x": Ellipsis}), "not JSON serializable"),
}


@pytest.mark.parametrize("why", UNKEPT)
def test_what_cannot_be_stored_lives_on_in_memory_and_is_reported(why, tmp_path):
    output, artifact, message = UNKEPT[why]
    cache = Cache(tmp_path, 2**20)
    item = cache.put(key(0), output, artifact, {"stage": "a"})
    assert repr(item.artifact()) == repr(artifact)
    assert item.about == {"stage": "a"}
    assert repr(item.output()) == repr(join_tree(*output))
    assert len(cache.unkept) == 1
    assert f"the result {key(0)[:12]} of stage a is not kept in {tmp_path}: " in cache.unkept[0]
    assert message in cache.unkept[0]
    assert cache.get(key(0)) is None
    assert files(cache) == []


ODD_NAMES = [
    "kernel:0",
    "../a",
    "/a",
    "a//b",
    "..",
    "",
    "a\\b",
    "a\0b",
    "x/.npy",
    "%41",
    "50%",
    "a/.npy",
    "ü:é",
    ". ",
    "C:x",
]


def test_an_array_may_have_any_name(cache):
    arrays = {name: np.full(2, n) for n, name in enumerate(ODD_NAMES)}
    values = {f"v{n}": {"$array": name} for n, name in enumerate(ODD_NAMES)}
    cache.put(key(0), (values, arrays), Artifact({}, arrays), {})
    item = cache.get(key(0))
    assert cache.unkept == []
    assert {name: array.tolist() for name, array in item.artifact().arrays.items()} == {
        name: array.tolist() for name, array in arrays.items()
    }
    assert [item.output()[f"v{n}"][0] for n in range(len(ODD_NAMES))] == list(range(len(ODD_NAMES)))
    with zipfile.ZipFile(place(cache) / "output.npz") as archive:
        for member in archive.namelist():  # wherever anybody unpacks it, it stays there
            assert not set(member) & set('\\:\0"<>|?*')
            assert not member.startswith("/")
            assert ".." not in member.split("/")


def test_the_names_of_today_keep_their_bytes_and_no_two_names_share_a_file():
    for name in ("a", "a/b.c", "weights/0", "50%", "%41", "kernel.npy", "ü", " x", "a/b:c"):
        assert array_file(name) == f"{name}.npy"
    names = [*ODD_NAMES, *(array_file(n).removesuffix(".npy") for n in ODD_NAMES), "kernel%3A0", "kernel%3A0/"]
    assert len({array_file(n) for n in set(names)}) == len(set(names))
    assert [array_name(array_file(n)) for n in names] == names


@pytest.mark.parametrize("filename", ["a%3a/.npy", "a/.npy", "%zz/.npy", "a%2Eb/.npy", "%ff/.npy", "..%2F/.npy"])
def test_a_name_that_no_writer_would_have_chosen_is_damage(filename):
    with pytest.raises(ValueError, match=r"is not an array's name|can't decode"):
        array_name(filename)


def test_a_full_disk_costs_no_result(cache, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert same(put(cache).output())
    assert "No space left on device" in cache.unkept[0]
    assert files(cache) == []


def test_leftovers_of_killed_writers_go_and_those_of_living_ones_stay(cache):
    put(cache)
    writing = cache.folder / "writing"
    (writing / "dead").mkdir()
    (writing / "dead" / "output.npz").write_bytes(b"half")
    (writing / "dead.lock").touch()
    (writing / "older").mkdir()
    (writing / "alive").mkdir()
    assert cache.size() > 4
    with unless_taken(writing / "alive.lock") as mine:
        assert mine
        cache.clean()
        assert sorted(p.name for p in writing.iterdir()) == ["alive", "alive.lock"]
    cache.clean()
    assert list(writing.iterdir()) == []
    assert same(cache.get(key(0)).output())


def test_forgotten_locks_go_and_those_in_use_stay(cache):
    for n in range(3):
        with cache.lock(key(n)):
            pass
    old = time.time() - 2 * LOCK_SECONDS
    for n in (0, 1):
        os.utime(cache.folder / "locks" / f"{key(n)}.lock", (old, old))
    held = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(cache.folder), key(1)], stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    assert held.stdout.readline() == "held\n"
    os.utime(cache.folder / "locks" / f"{key(1)}.lock", (old, old))
    cache.clean()
    held.kill()
    held.communicate()
    left = {p.name for p in (cache.folder / "locks").iterdir()}
    assert left == {f"{key(1)}.lock", f"{key(2)}.lock"}
    with cache.lock(key(1)):  # the killed process holds it no more
        pass


HOLD = """
import sys, time
from pathlib import Path
from harness.run.cache import Cache
with Cache(Path(sys.argv[1]), 10**9).lock(sys.argv[2]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_one_may_clean_while_a_key_is_locked(cache):
    with cache.lock(key(0)):
        put(cache)
        old = time.time() - 2 * LOCK_SECONDS
        os.utime(cache.folder / "locks" / f"{key(0)}.lock", (old, old))
        cache.clean()
        assert cache.get(key(0))
        assert (cache.folder / "locks" / f"{key(0)}.lock").exists()


def test_a_lock_that_is_held_is_said_and_then_named(cache, monkeypatch):
    monkeypatch.setattr(locks, "SAY_AFTER_S", 0.1)
    said = []
    command = [sys.executable, "-c", HOLD, str(cache.folder), key(1)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as held:
        assert held.stdout.readline() == "held\n"
        place = cache.folder / "locks" / f"{key(1)}.lock"
        with pytest.raises(HarnessError, match=f"another process has held {place} for 1 s: wait for it, or end it"):
            cache.lock(key(1), 0.6, said.append).__enter__()
        assert said == [f"waits for another process, which holds {place}"]
        held.kill()
    said.clear()
    with cache.lock(key(1), 0.6, said.append):
        assert said == []


def test_a_lock_is_free_again_after_an_error(cache):
    with pytest.raises(RuntimeError, match="stop"), cache.lock(key(0)):
        raise RuntimeError("stop")
    with cache.lock(key(0)):
        pass


def test_a_folder_that_cannot_be_written_is_reported(tmp_path):
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file" / "cache", PLENTY)
    assert cache.get(key(0)) is None
    assert same(put(cache).output())
    assert len(cache.unkept) == 1
    with pytest.raises(HarnessError, match=r"cannot lock the cache in .*: make the folder writable, or run with"):
        cache.lock(key(0)).__enter__()
    with pytest.raises(HarnessError, match=r"cannot clean the cache in .*: make the folder writable"):
        cache.clean()


def test_the_whole_folder_may_be_deleted_at_any_time(cache):
    put(cache)
    item = cache.get(key(0))
    shutil.rmtree(cache.folder)
    with pytest.raises(AbsentError):
        item.output()
    assert cache.get(key(0)) is None
    assert cache.size() == 0
    assert same(put(cache).output())
    assert same(cache.get(key(0)).output())
    assert cache.repaired == cache.unkept == []


@pytest.mark.slow
def test_many_items_are_read_again_and_again(cache):
    for n in range(20):
        put(cache, n, size=2000)
    for n in list(range(20)) * 2:
        item = cache.get(key(n))
        assert item.about["stage"] == "simulate"
        assert item.artifact().values["n"] == n


def test_an_output_is_not_read_before_it_is_asked_for(cache, monkeypatch):
    put(cache)
    read = []
    monkeypatch.setattr(cache_module, "read_plain", lambda path, *a: read.append(path.name) or read_plain(path, *a))
    item = cache.get(key(0))
    assert read == ["index"]
    item.artifact()
    assert sorted(read) == ["artifact.json", "artifact.npz", "index"]


def test_a_place_whose_lock_a_cleaner_has_taken_is_left_to_it(cache, monkeypatch):
    names = [uuid.UUID(int=1), uuid.UUID(int=2)]
    (cache.folder / "writing").mkdir(parents=True)
    monkeypatch.setattr(locks.uuid, "uuid4", lambda: names.pop(0))
    with unless_taken(cache.folder / f"writing/{key(0)[:12]}-{names[0].hex}.lock"):
        assert same(put(cache).output())
    assert names == cache.unkept == []
