"""Kill pushes, pulls and writers of a shared cache at random moments, and see that nothing is ever half there.

``python benchmarks/remote_kills.py [KILLS] [SEED]`` does so for a folder and for an S3-compatible server on this
machine, that many kills each, and prints what was seen. After each kill every file under its final name, here and
there, must be what its name says; and at the end an undisturbed push and pull must give everything.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from harness.core.files import json_digest, sha256
from harness.core.project import Project, read_table
from harness.core.protocol import Artifact
from harness.remote.sealed import SHELF, opened
from harness.remote.stores import Store
from harness.run.shared.cache import project_cache
from harness.store.large.objects import Objects
from harness.store.large.transfer import OBJECTS, pull_large, push_large
from harness.store.manifest import MANIFEST, Entry, dump_manifest

FILES, ITEMS = 5, 4
SIZES = (30_000, 300_000, 3_000_000)


def content(number: int) -> bytes:
    return np.random.default_rng(number).bytes(SIZES[number % len(SIZES)])


def machine(folder: Path, url: str, keys: Path) -> Project:
    """A machine with a manifest of large files, and the cache of that place."""
    table = {"remote": url, "cache": url, "cache_signers": str(keys / "signers"), "remote_seconds": 30.0}
    folder.mkdir(parents=True, exist_ok=True)
    entries = {}
    for number in range(FILES):
        files = {".json": "0" * 64, ".npz": sha256(content(number))}
        size = len(content(number))
        about = {"sha256": json_digest(files), "size": size, "files": files, "approval": "", "remote": {".npz": size}}
        entries[f"scenario/cpu/artifact{number}"] = Entry(kind="golden", **about)
    (folder / "goldens").mkdir(exist_ok=True)
    (folder / "goldens" / MANIFEST).write_bytes(dump_manifest(entries))
    return read_table(folder, table)


def fill(project: Project) -> None:
    for number in range(FILES):
        Objects.of(project).keep(sha256(content(number)), content(number))


def share(project: Project) -> None:
    """Compute and share every item of the cache."""
    cache = project_cache(project)
    for number in range(ITEMS):
        key, array = json_digest(number), np.frombuffer(content(number), np.uint8)
        cache.put(key, ({"a": {"$array": "a"}}, {"a": array}), Artifact({"n": number}), {"seconds": 1.0})
        cache.share(key)


def check(projects: list[Project], keys: Path) -> Counter[str]:
    """How many files are where; raises AssertionError for one that is not what its name says."""
    seen: Counter[str] = Counter()
    store = Store(projects[0].remote, 60.0)
    signers = (keys / "signers").read_bytes()
    for name in store.listed(OBJECTS):
        found = store.read(name, 10**9)
        assert found is not None
        assert sha256(found) == name.rpartition("/")[2], f"{name} is not whole: {len(found)} bytes"
        seen["in the remote"] += 1
    for name in store.listed(SHELF):
        found = store.read(name, 10**9)
        assert found is not None
        opened(found, name.rpartition("/")[2], signers)
        seen["in the cache"] += 1
    for project in projects:
        for digest in Objects.of(project).digests():
            assert Objects.of(project).content(digest) is not None
            seen["on a machine"] += 1
    return seen


def in_child(work: Callable[[], object], killed_after_s: float | None = None) -> bool:
    """Do some work in a process of its own, and kill that after some time; whether it was killed."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(1)
    if killed_after_s is not None:
        time.sleep(killed_after_s)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise SystemExit("a process that nobody killed failed, as said above")
    return os.WIFSIGNALED(status)


def kill_all(url: str, folder: Path, keys: Path, kills: int, seed: int, empty: Callable[[], None]) -> dict[str, object]:
    """Kill as often, each kind of work in turn, in at most four times as many attempts; what was seen."""
    os.environ["HARNESS_CACHE_KEY"] = str(keys / "robot")
    here, there = machine(folder / "here", url, keys), machine(folder / "there", url, keys)
    fill(here)
    rng, outcomes = random.Random(seed), Counter[str]()
    for library in ("fsspec", "s3fs", "fsspec.implementations.local"):  # so that no moment falls within an import
        importlib.import_module(library)

    def clear(project: Project) -> None:
        for path in Objects.of(project).folder.rglob("*"):
            if path.is_file():
                path.unlink()
        subprocess.run(["rm", "-rf", str(project.state / "cache")], check=True)

    work = {
        "push": lambda: push_large(here, again=rng.random() < 0.3),
        "pull": lambda: pull_large(there),
        "share": lambda: share(here),
    }
    lasts = {}
    for name, do in work.items():  # in this order all can be done
        began = time.monotonic()
        in_child(do)
        lasts[name] = time.monotonic() - began
    seen = folder / "seen"

    def look_and_prepare(name: str, emptied: bool) -> None:
        found = check([here, there], keys)
        with seen.open("a") as file:
            file.write(json.dumps(found) + "\n")
        if name == "pull":
            push_large(here)
        elif emptied:
            empty()

    for name in islice(cycle(work), 4 * kills):
        if outcomes.total() - outcomes["was quicker"] == kills:
            break
        in_child(partial(look_and_prepare, name, rng.random() < 0.7))
        clear(there) if name == "pull" else subprocess.run(["rm", "-rf", str(here.state / "cache")], check=True)
        killed = in_child(work[name], rng.uniform(0.0, lasts[name]))
        outcomes[f"{name}: killed" if killed else "was quicker"] += 1
        lasts[name] *= 1.05 if killed else 0.9  # so that two in three are killed, at whatever speed the machine has
    in_child(partial(look_and_prepare, "pull", False))
    clear(there)
    in_child(lambda: pull_large(there))
    assert len(list(Objects.of(there).digests())) == FILES
    states = Counter(seen.read_text().splitlines())
    return {
        "place": url.split("://")[0],
        "seconds": {k: round(v, 2) for k, v in lasts.items()},
        "different states seen": len(states),
        **outcomes,
    }


def make_keys(folder: Path) -> Path:
    folder.mkdir()
    line = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "robot", "-f", str(folder / "robot")]
    subprocess.run(line, check=True, stdin=subprocess.DEVNULL)
    (folder / "signers").write_text(f"robot@example.org {(folder / 'robot.pub').read_text()}")
    return folder


def in_folder(base: Path, kills: int, seed: int) -> dict[str, object]:
    """The kills where the place is a folder."""
    place = base / "place"
    place.mkdir()

    def empty() -> None:
        subprocess.run(["rm", "-rf", *map(str, place.glob("*"))], check=True)

    return kill_all(f"file://{place}", base, make_keys(base / "keys"), kills, seed, empty)


def in_bucket(base: Path, kills: int, seed: int, server: str) -> dict[str, object]:
    """The kills where the place is a bucket of an S3-compatible server."""
    os.environ |= {"AWS_ENDPOINT_URL": server, "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ |= {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    bucket = f"kills-{os.getpid()}-{seed}"

    def make() -> None:
        import fsspec

        fsspec.filesystem("s3").mkdir(bucket)

    def empty() -> None:
        store = Store(f"s3://{bucket}", 60.0)
        for name in (*store.listed(OBJECTS), *store.listed(SHELF)):
            store.remove(name)

    in_child(make)
    return kill_all(f"s3://{bucket}", base, make_keys(base / "keys"), kills, seed, empty)


def serve() -> None:
    """An S3-compatible server that says where it is and goes on until its standard input ends."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    print("http://{}:{}".format(*server.get_host_and_port()), flush=True)
    sys.stdin.read()


def main(kills: int, seed: int) -> None:
    """Both places."""
    line = [sys.executable, __file__, "serve"]
    with (
        subprocess.Popen(
            line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as server,
        tempfile.TemporaryDirectory() as one,
        tempfile.TemporaryDirectory() as other,
    ):
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        try:
            print(json.dumps(in_folder(Path(one), kills, seed)), flush=True)
            print(json.dumps(in_bucket(Path(other), kills, seed, address)), flush=True)
        finally:
            server.kill()


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 200, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
