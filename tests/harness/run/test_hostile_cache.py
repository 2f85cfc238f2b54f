"""Whatever lies in the cache's folder counts as absent unless it is a whole item: nothing hangs, or leads out of it."""

from __future__ import annotations

import os
import shutil
import socket

import pytest
from test_cache import files, key, place, put, same

from harness.core.errors import HarnessError
from harness.run.cache import Cache

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")


def sparse(path):
    with path.open("wb") as file:
        file.truncate(2**40)


def listening(path):
    with socket.socket(socket.AF_UNIX) as server:
        folder = os.open(path.parent, os.O_RDONLY)
        server.bind(f"/proc/self/fd/{folder}/{path.name}")  # a socket's own path has to be short
        os.close(folder)


def linked(path, elsewhere):
    elsewhere.write_bytes(b"secret")
    path.symlink_to(elsewhere)


THINGS = {
    "a pipe": lambda path, elsewhere: os.mkfifo(path),
    "a socket": lambda path, elsewhere: listening(path),
    "a link that leads out": linked,
    "a link to a device": lambda path, elsewhere: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path, elsewhere: path.symlink_to(path),
    "a folder": lambda path, elsewhere: path.mkdir(),
    "a huge file": lambda path, elsewhere: sparse(path),
}


@pytest.fixture
def cache(tmp_path):
    cache = Cache(tmp_path / "cache", 2**30)
    put(cache)
    return cache


@pytest.mark.parametrize("thing", THINGS)
@pytest.mark.parametrize("name", ["index", "output.json", "output.npz", "artifact.npz"])
def test_in_place_of_a_file_it_is_damage_and_the_item_is_made_again(cache, name, thing, tmp_path):
    path = place(cache) / name
    path.unlink()
    THINGS[thing](path, tmp_path / "elsewhere")
    item = cache.get(key(0))
    assert item is None
    assert same(put(cache).output())
    assert same(cache.get(key(0)).output())
    assert not (tmp_path / "elsewhere").exists() or (tmp_path / "elsewhere").read_bytes() == b"secret"


@pytest.mark.parametrize("level", ["items", "part", "item"])
def test_what_lies_behind_a_linked_folder_is_neither_read_nor_removed(cache, level, tmp_path):
    path = {"items": cache.folder / "items", "part": place(cache).parent, "item": place(cache)}[level]
    elsewhere = tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    before = sorted(p.relative_to(elsewhere) for p in elsewhere.rglob("*"))
    assert cache.get(key(0)) is None
    cache.limit_bytes = 0
    cache.clean()
    cache.limit_bytes = 2**30
    assert same(put(cache).output())
    assert sorted(p.relative_to(elsewhere) for p in elsewhere.rglob("*")) == before
    if level == "item":  # the link made way
        assert same(cache.get(key(0)).output())
    else:
        assert any("leads out" in line for line in cache.unkept)


@pytest.mark.parametrize("folder", ["writing", "locks"])
def test_what_lies_behind_a_linked_folder_of_leftovers_is_not_removed(cache, folder, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "mine").mkdir(parents=True)
    (elsewhere / "mine.lock").write_bytes(b"mine")
    os.utime(elsewhere / "mine.lock", (0, 0))
    if (cache.folder / folder).is_dir():
        shutil.rmtree(cache.folder / folder)
    (cache.folder / folder).symlink_to(elsewhere)
    cache.clean()
    assert (elsewhere / "mine").is_dir()
    assert (elsewhere / "mine.lock").read_bytes() == b"mine"


@pytest.mark.parametrize("thing", ["a pipe", "a socket", "a link that leads out", "a folder"])
def test_a_lock_is_a_plain_file(cache, thing, tmp_path):
    path = cache.folder / "locks" / f"{key(0)}.lock"
    path.parent.mkdir(exist_ok=True)
    THINGS[thing](path, tmp_path / "elsewhere")
    with pytest.raises(HarnessError, match=r"\.lock is a .*, not a plain file: remove it"):
        cache.lock(key(0)).__enter__()
    os.utime(path, (0, 0), follow_symlinks=False)
    cache.clean()  # leaves it alone
    if thing == "a link that leads out":
        assert (tmp_path / "elsewhere").read_bytes() == b"secret"


@pytest.mark.parametrize("folder", ["items", "writing", "locks", ""])
@pytest.mark.parametrize("thing", ["a pipe", "a file"])
def test_in_place_of_a_folder_nothing_is_kept_and_nothing_hangs(cache, folder, thing, tmp_path):
    path = cache.folder / folder
    if path.is_dir():
        shutil.rmtree(path)
    os.mkfifo(path) if thing == "a pipe" else path.write_bytes(b"")
    assert same(put(cache).output())
    if folder == "locks" or not folder:
        with pytest.raises(HarnessError, match="cannot lock the cache"):
            cache.lock(key(0)).__enter__()
    if folder:
        cache.clean()
    else:
        with pytest.raises(HarnessError, match="cannot clean the cache"):
            cache.clean()


def test_rubbish_that_is_no_folder_is_removed(cache, tmp_path):
    writing = cache.folder / "writing"
    os.mkfifo(writing / "pipe")
    (tmp_path / "elsewhere").mkdir()
    (writing / "link").symlink_to(tmp_path / "elsewhere")
    cache.clean()
    assert list(writing.iterdir()) == []
    assert (tmp_path / "elsewhere").is_dir()
    assert "index" in files(cache)
