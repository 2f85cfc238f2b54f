"""A shared cache is read without trusting it: what no signer sealed for its key is named, and costs only time."""

from __future__ import annotations

import json
import socket
import threading
import time

import numpy as np
import pytest

from harness.core.errors import ProjectError
from harness.core.files import json_digest
from harness.core.project import find_project, read_table
from harness.core.protocol import Artifact
from harness.remote.sealed import SHELF, Sealer
from harness.remote.stores import Store
from harness.run.shared.cache import SharedCache, project_cache, writing_key

KEY, OTHER = json_digest(1), json_digest(2)


@pytest.fixture(autouse=True)
def writes(monkeypatch, keys):
    """Results are signed by the robot, unless a test says otherwise."""
    monkeypatch.setenv("HARNESS_CACHE_KEY", str(keys / "robot"))


def put(cache, key=KEY, value=1.0):
    array = np.full(1000, value)
    cache.put(key, ({"array": {"$array": "array"}}, {"array": array}), Artifact({"v": value}), {"seconds": 1.0})
    cache.share(key)


def value(cache, key=KEY):
    """The value of an item, None where there is none."""
    item = cache.get(key)
    return None if item is None else (item.artifact().values["v"], float(item.output()["array"].mean()))


def place(machines):
    return Store(machines.url, 5.0)


def name(key=KEY):
    return f"{SHELF}/{key[:2]}/{key}"


BOTH = pytest.mark.parametrize("machines", ["file", "s3"], indirect=True)


@BOTH
def test_what_one_machine_computed_another_has(machines):
    here, there = (project_cache(machines.machine(n)) for n in ("here", "there"))
    put(here)
    assert value(there) == (1.0, 1.0)
    assert value(there, OTHER) is None
    place(machines).remove(name())
    assert value(project_cache(machines.machine("there"))) == (1.0, 1.0)  # the first level keeps it
    assert [here.warnings, there.warnings, there.repaired] == [[], [], []]


def test_an_item_that_is_there_is_not_written_again(machines, monkeypatch):
    put(project_cache(machines.machine("here")))
    before = place(machines).read(name(), 10**6)
    put(project_cache(machines.machine("there")), value=2.0)
    assert place(machines).read(name(), 10**6) == before


def poisonings(machines, keys):
    """What may lie under KEY and was not sealed for it by a signer, each with what is said of it."""
    put(project_cache(machines.machine("robot's")))
    put(project_cache(machines.machine("robot's")), OTHER, 2.0)
    good, other = (place(machines).read(name(k), 10**6) for k in (KEY, OTHER))
    head, _, body = good.removeprefix(b"harness sealed 1\n").partition(b"\n")
    files, at = {}, 0
    for file, (size, _) in sorted(json.loads(head)["files"].items()):
        files[file], at = body[at : at + size], at + size

    def with_head(**changes):
        return b"harness sealed 1\n" + json.dumps({**json.loads(head), **changes}).encode() + b"\n" + body

    signers = (keys / "signers").read_bytes()
    stranger = Sealer(keys / "mallory", b"robot@example.org " + (keys / "mallory.pub").read_bytes())
    approval = Sealer(keys / "robot", signers)
    evil = {**files, "../../../evil": b"x"}
    swapped = {**files, "artifact.json": files["artifact.json"].replace(b"1.0", b"9.0")}
    return {
        "another key's, of the same signer": (other, "not signed for this key"),
        "unsigned files": (body, "it is not signed"),
        "nothing": (b"", "it is not signed"),
        "a stranger's signature": (stranger.sealed(KEY, files), "whom the cache's signers vouch for"),
        "one byte changed": (good[:-1] + bytes([good[-1] ^ 1]), "is not what robot@example.org signed"),
        "cut short": (good[:-100], "is not what robot@example.org signed"),
        "more than was signed": (good + b"x", "holds more than"),
        "another file list": (with_head(files={}), "not signed for this key"),
        "another signer's name": (with_head(signer="mallory@example.org"), "not signed for this key"),
        "no signature": (with_head(signature=""), "not signed for this key"),
        "a head that is no head": (b"harness sealed 1\n[]\n", "it is damaged"),
        "a head without an end": (b"harness sealed 1\n" + b"9" * 200_000, "it is damaged"),
        "a signer who leads out": (approval.sealed(KEY, evil), "other files than a result has"),
        "signed, yet no result": (approval.sealed(KEY, {"index": b"no"}), "other files than a result"),
        "signed, yet another result than its index says": (approval.sealed(KEY, swapped), "other files than a result"),
    }


@pytest.mark.slow
@BOTH
def test_a_poisoned_result_is_refused_named_and_computed(machines, keys, tmp_path):
    for number, (what, (content, said)) in enumerate(poisonings(machines, keys).items()):
        place(machines).write(name(), content)
        cache = project_cache(machines.machine(f"victim {number}"))
        assert value(cache) is None, what
        assert [KEY in told for told in cache.warnings] == [True], what
        assert said in cache.warnings[0], what
        put(cache, value=3.0)
        assert value(cache) == (3.0, 3.0), what
    assert not list(tmp_path.rglob("evil"))


def test_one_that_is_too_large_is_refused_unread(machines):
    put(project_cache(machines.machine("here")))
    cache = project_cache(machines.machine("there", cache_bytes=5000))
    assert value(cache) is None
    assert "more than the 5000 that are read" in cache.warnings[0]


@pytest.mark.parametrize(
    ("variable", "value_", "reads"),
    [
        ("HARNESS_CACHE_KEY", "", "names no key"),
        ("GITHUB_EVENT_NAME", "pull_request", "a pull request"),
        ("GITHUB_EVENT_NAME", "pull_request_target", "a pull request"),
        ("CI_MERGE_REQUEST_IID", "17", "a pull request"),
        ("BUILD_REASON", "PullRequest", "a pull request"),
    ],
)
def test_who_has_no_key_and_a_pull_request_only_read(machines, monkeypatch, variable, value_, reads):
    put(project_cache(machines.machine("main")))
    monkeypatch.setenv(variable, value_)
    assert reads in writing_key()[1]
    cache = project_cache(machines.machine("request"))
    put(cache, OTHER)
    assert value(cache) == (1.0, 1.0)
    assert (place(machines).size(name(OTHER)), cache.warnings) == (None, [])
    monkeypatch.setenv("GITHUB_EVENT_NAME", "push")


@pytest.mark.parametrize(("key", "said"), [("mallory", "none of the cache's signers"), ("nobody", "cannot sign")])
def test_a_key_that_readers_do_not_know_writes_nothing_and_is_named_once(machines, monkeypatch, keys, key, said):
    monkeypatch.setenv("HARNESS_CACHE_KEY", str(keys / key))
    cache = project_cache(machines.machine("here"))
    put(cache)
    put(cache, OTHER)
    assert len(cache.warnings) == 1
    assert said in cache.warnings[0]
    assert place(machines).size(name()) is None


def test_a_key_with_a_passphrase_is_no_endless_question(machines, monkeypatch, tmp_path, keys):
    import shutil
    import subprocess

    shutil.copy(keys / "robot", tmp_path / "locked")
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "secret phrase", "-f", str(tmp_path / "locked")], check=True)
    monkeypatch.setenv("HARNESS_CACHE_KEY", str(tmp_path / "locked"))
    cache = project_cache(machines.machine("here"))
    put(cache)
    assert "without a passphrase" in cache.warnings[0]


def unusable(port):
    """Addresses behind which nothing is, each with what is said."""
    return {
        "file:///nowhere/at/all": "create the bucket or folder",
        "nosuch://bucket/x": "fsspec does not know",
        "s3://no-such-bucket/x": "create the bucket or folder",
    }


@pytest.mark.parametrize("url", unusable(0))
def test_a_place_that_is_not_there_is_one_warning_and_work_goes_on(tmp_path, keys, s3, url):
    project = read_table(tmp_path, {"cache": url, "cache_signers": str(keys / "signers"), "remote_seconds": 5.0})
    cache = project_cache(project)
    assert value(cache) is None
    put(cache)
    put(cache, OTHER)
    assert value(cache) == (1.0, 1.0)
    assert len(cache.warnings) == 1
    assert unusable(0)[url] in cache.warnings[0]
    assert cache.warnings[0].startswith("the shared cache is not used")


@pytest.mark.slow
def test_no_credentials_no_network_and_a_server_that_says_nothing(tmp_path, keys, s3, monkeypatch, anew):
    table = {"cache": s3, "cache_signers": str(keys / "signers"), "remote_seconds": 1.0}
    with monkeypatch.context() as without:
        for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            without.delenv(variable)
        without.setenv("AWS_EC2_METADATA_DISABLED", "true")
        without.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
        without.setenv("AWS_CONFIG_FILE", "/nowhere")
        anew()
        cache = project_cache(read_table(tmp_path, table))
        assert value(cache) is None
        assert "needs credentials" in cache.warnings[0]
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        anew()
        cache = project_cache(read_table(tmp_path, table))
        began = time.monotonic()
        assert value(cache) is None
        assert time.monotonic() - began < 20  # it would be never
        assert "did not answer within 1 s" in cache.warnings[0]
    assert value(cache, OTHER) is None  # and is not asked again
    anew()
    cache = project_cache(read_table(tmp_path, {**table, "remote_seconds": 10.0}))
    assert value(cache) is None
    assert "cannot be used" in cache.warnings[0]
    assert threading.active_count() < 20


def test_signers_that_cannot_be_read_trust_nobody(machines, tmp_path):
    put(project_cache(machines.machine("here")))
    for content in (None, b""):
        cache = project_cache(machines.machine("there", cache_signers="signers"))
        if content is not None:
            (tmp_path / "there/signers").write_bytes(content)
        assert value(cache) is None
        assert cache.warnings


def test_what_no_longer_counts_here_is_not_fetched_again(machines):
    put(project_cache(machines.machine("here")))
    cache = project_cache(machines.machine("there"))
    assert value(cache) == (1.0, 1.0)
    cache.forget(KEY)
    assert value(cache) is None


def test_an_evicted_item_comes_again(machines):
    put(project_cache(machines.machine("here")))
    cache = project_cache(machines.machine("there"))
    assert value(cache) == (1.0, 1.0)
    assert cache._remove(cache._place(KEY))
    assert value(cache) == (1.0, 1.0)


def test_another_folder_and_a_machine_of_its_own_have_a_cache_of_their_own(machines, monkeypatch, tmp_path):
    project = machines.machine("here")
    assert isinstance(project_cache(project), SharedCache)
    assert not isinstance(project_cache(project, tmp_path / "fresh"), SharedCache)
    assert isinstance(project_cache(project, project.state / "cache"), SharedCache)
    monkeypatch.setenv("HARNESS_CACHE", "local")
    assert not isinstance(project_cache(project), SharedCache)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('cache = "s3://bucket"', "needs cache_signers"),
        ('cache = "memory://x"\ncache_signers = "s"', "keeps nothing for anybody else"),
        ('cache = "simplecache::s3://x"\ncache_signers = "s"', "is no address"),
        ('cache = "bucket"\ncache_signers = "s"', "is no address"),
        ('cache = "s3://key:secret@bucket"\ncache_signers = "s"', "credentials belong into the environment"),
        ('remote = "file://folder"', "is not absolute"),
        ('remote = "s3://a/../b"', "has a '..'"),
        ('remote = ""', "is no address"),
        ("remote = 3", "is not of type str"),
        ("large_bytes = 0", "at least 1"),
        ("remote_seconds = 0", "above 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path, table, said):
    (tmp_path / "pyproject.toml").write_text(f"[tool.harness]\n{table}\n")
    with pytest.raises(ProjectError, match=said):
        find_project(tmp_path)
