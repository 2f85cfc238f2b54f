"""Goldens above a size live in the remote by digest; the manifest in git keeps digest and size, and decides."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import guarded
import numpy as np
import pytest
from guarded import ENERGY

from harness.cli.app import main
from harness.core.errors import GoldenError, HarnessError, ProjectError
from harness.core.files import sha256
from harness.core.protocol import Artifact
from harness.core.verdicts import Status
from harness.remote.stores import RemoteError, Store
from harness.store.acceptance import prune_goldens
from harness.store.approval_check import chain_problems, check_approvals
from harness.store.checkout import checkout_problems
from harness.store.large.collecting import collect_here, collect_remote
from harness.store.large.objects import Objects, large_files, refuse_missing, unpushed_notes
from harness.store.large.transfer import object_name, pull_large, push_large
from harness.store.manifest import dump_manifest, parse_manifest

NPZ = f"goldens/{ENERGY}.npz"


def field(value):
    """An artifact whose arrays are too large for git here."""
    return Artifact({"energy": value}, {"field": np.random.default_rng(int(value * 10)).standard_normal(5000)})


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A repository with one golden, whose arrays are larger than git shall keep."""
    pytest.importorskip("fsspec")
    with pytest.MonkeyPatch.context() as monkeypatch:
        guarded.quiet_environment(monkeypatch)
        made = guarded.make(tmp_path_factory.mktemp("large") / "repository")
        made.write("pyproject.toml", '[tool.harness]\nadapter = "plant:pipeline"\n')
        made.commit()
        made.accept_rules()
        made.commit()
        made.table = {"large_bytes": 10_000, "remote": "file:///nowhere"}
        accept(made, 1.0)
        return made


def accept(repository, value):
    repository.fresh = field(value)
    repository.offer(candidate=field(value))
    approval = repository.accept()
    repository.commit()
    return approval


@pytest.fixture
def remote(tmp_path):
    (tmp_path / "remote").mkdir()
    return f"file://{tmp_path}/remote"


@pytest.fixture
def repository(template, tmp_path, remote, monkeypatch):
    guarded.quiet_environment(monkeypatch)
    return clone_of(template, tmp_path / "here", remote, objects=True)


def clone_of(repository, root, remote, objects=False):
    """What git gives to somebody else; with ``objects`` a copy of this machine's whole repository."""
    if objects:
        made = guarded.copy(repository, root)
    else:
        guarded.git(repository.root, "clone", "-q", str(repository.root), str(root))
        made = guarded.Guarded(root.resolve())
    for key, value in {"user.name": guarded.ME, "user.email": guarded.MAIL}.items():
        guarded.git(made.root, "config", key, value)
    made.table = {"large_bytes": 10_000, "remote": remote, "remote_seconds": 5.0}
    return made


def manifest(repository):
    return repository.goldens.manifest()


def digest(repository):
    return manifest(repository)[ENERGY].files[".npz"]


def test_git_keeps_digest_and_size_and_not_the_arrays(repository):
    entry = manifest(repository)[ENERGY]
    ((name, sha, size),) = large_files(manifest(repository))
    assert (name, entry.remote) == (f"{ENERGY}.npz", {".npz": size})
    assert not (repository.root / NPZ).exists()
    assert sha256(Objects.of(repository.project).content(sha)) == sha == entry.files[".npz"]
    assert "npz" not in guarded.git(repository.root, "ls-files")
    assert guarded.git(repository.root, "status", "--porcelain") == ""
    golden = repository.goldens.read(ENERGY, entry).artifact
    assert (golden.arrays["field"] == field(1.0).arrays["field"]).all()
    assert chain_problems(repository.project) == checkout_problems(repository.project) == []
    assert "harness push" in unpushed_notes(manifest(repository), (ENERGY,))[0]
    assert unpushed_notes(manifest(repository), ("goldens/other",)) == []


def test_what_is_small_or_without_a_remote_is_as_ever(template, tmp_path, monkeypatch):
    """A manifest without large goldens has the bytes that it always had."""
    guarded.quiet_environment(monkeypatch)
    small = guarded.make(tmp_path / "small")
    small.accept_rules()
    small.commit()
    accept(small, 1.0)
    text = (small.root / "goldens/MANIFEST.json").read_text()
    assert "remote" not in text
    assert (small.root / NPZ).is_file()
    assert "remote" not in json.loads(text)["goldens"][ENERGY]
    own = (Path(__file__).parents[3] / "goldens/MANIFEST.json").read_bytes()
    assert dump_manifest(parse_manifest(own, "this repository's")) == own


def test_a_clone_pulls_what_was_pushed(repository, tmp_path, remote):
    pushed = push_large(repository.project)
    assert (pushed.moved, pushed.there) == ((f"{ENERGY}.npz",), 0)
    assert push_large(repository.project).there == 1
    clone = clone_of(repository, tmp_path / "there", remote)
    told = rf"not on this machine.*energy.npz, {pushed.size / 1e3:.1f} kB\).*run `harness pull`"
    with pytest.raises(GoldenError, match=told):
        refuse_missing(clone.project, manifest(clone))
    assert any("run `harness pull`" in problem for problem in chain_problems(clone.project))
    pulled = pull_large(clone.project)
    assert (pulled.moved, pulled.size) == (pushed.moved, pushed.size)
    refuse_missing(clone.project, manifest(clone))
    clone.fresh = field(1.0)
    assert clone.verify() == [Status.PASS]
    assert chain_problems(clone.project) == []
    assert pull_large(clone.project).there == 1


def test_a_worktree_shares_what_its_repository_has(repository, tmp_path):
    guarded.git(repository.root, "worktree", "add", "-q", str(tmp_path / "tree"))
    tree = guarded.Guarded(tmp_path / "tree")
    refuse_missing(tree.project, manifest(tree))
    assert Objects.of(tree.project).folder == Objects.of(repository.project).folder


@pytest.mark.parametrize("poison", [b"", b"no", "one byte", "longer", "shorter"])
def test_a_poisoned_object_is_refused_and_can_be_mended(repository, tmp_path, remote, poison):
    push_large(repository.project)
    good = Objects.of(repository.project).content(digest(repository))
    changed = {"one byte": good[:-1] + bytes([good[-1] ^ 1]), "longer": good + b"x", "shorter": good[:-1]}
    store = Store(remote, 5.0)
    store.write(object_name(digest(repository)), changed.get(poison, poison))
    clone = clone_of(repository, tmp_path / "there", remote)
    with pytest.raises(HarnessError, match=r"not what was accepted|more than the \d+ that are read"):
        pull_large(clone.project)
    assert not list(Objects.of(clone.project).digests())
    with pytest.raises(GoldenError):
        refuse_missing(clone.project, manifest(clone))
    push_large(repository.project, again=True)
    pull_large(clone.project)
    assert Objects.of(clone.project).content(digest(clone)) == good


def test_a_damaged_copy_here_is_named_and_pulled_again_and_never_pushed(repository, remote):
    push_large(repository.project)
    path = Objects.of(repository.project).path(digest(repository))
    good = path.read_bytes()
    path.write_bytes(good[:-1] + b"x")
    with pytest.raises(GoldenError, match=r"damaged.*harness pull"):
        repository.goldens.read(ENERGY, manifest(repository)[ENERGY])
    with pytest.raises(GoldenError, match="damaged"):
        push_large(repository.project, again=True)
    pull_large(repository.project)
    assert path.read_bytes() == good


def test_what_is_nowhere_is_told_with_its_remedy(repository, tmp_path, remote):
    clone = clone_of(repository, tmp_path / "there", remote)
    with pytest.raises(GoldenError, match=r"is not in the remote.*run `harness push` where it was accepted"):
        pull_large(clone.project)
    with pytest.raises(GoldenError, match="is nowhere: run `harness push` on the machine"):
        push_large(clone.project)
    clone.table = {"large_bytes": 10_000}
    with pytest.raises(ProjectError, match="names no remote"):
        pull_large(clone.project)
    clone.table = {"remote": "file:///nowhere/at/all"}
    for move in (push_large, pull_large):
        with pytest.raises(RemoteError, match="create the bucket or folder"):
            move(clone.project)


def test_only_the_manifest_says_what_counts(repository, tmp_path, remote):
    """A digest, a size or a place that was edited by hand is no longer what was approved."""
    for changes in (
        {"remote": {}},
        {"remote": {".npz": 7}},
        {"files": {**manifest(repository)[ENERGY].files, ".npz": "0" * 64}},
    ):
        copy = clone_of(repository, tmp_path / f"copy {len(str(changes))}", remote, objects=True)
        copy.edit_manifest(ENERGY, **changes)
        assert chain_problems(copy.project), changes


@pytest.mark.parametrize(
    "remote_",
    [{".json": 5, ".npz": -1}, {".other": 5}, {".npz": True}, {".npz": 10**9}, [], {".npz": "5"}, "x", None, {"": 5}],
)
def test_a_remote_that_cannot_be_is_no_entry(repository, remote_):
    repository.edit_manifest(ENERGY, remote=remote_)
    if remote_ == []:
        repository.edit_manifest(ENERGY, remote=[".npz"])
    with pytest.raises(GoldenError, match="of its remote what cannot be"):
        manifest(repository)


def test_the_next_golden_follows_and_may_become_small_again(repository, remote):
    first = digest(repository)
    repository.change_pipeline(2.0)
    accept(repository, 2.0)
    assert digest(repository) != first
    assert set(Objects.of(repository.project).digests()) == {first, digest(repository)}
    push_large(repository.project)
    repository.change_pipeline(3.0)
    repository.fresh = None
    repository.offer(candidate=guarded.artifact(3.0))
    repository.accept()
    repository.commit()
    assert manifest(repository)[ENERGY].remote == {}
    assert (repository.root / NPZ).is_file()
    assert check_approvals(repository.project, "HEAD~1") == []


def test_another_branchs_golden_is_merged_where_its_arrays_are(repository, tmp_path):
    guarded.git(repository.root, "checkout", "-q", "-b", "other")
    repository.change_pipeline(2.0)
    accept(repository, 2.0)
    guarded.git(repository.root, "checkout", "-q", "main")
    repository.commit("something else")
    guarded.git(repository.root, "merge", "-q", "--no-edit", "other")
    assert chain_problems(repository.project) == []
    assert repository.goldens.read(ENERGY, manifest(repository)[ENERGY]).artifact.values == {"energy": 2.0}


def test_both_branches_changed_it_and_one_is_taken(repository):
    from harness.store.repository.merging import merge_branches

    guarded.git(repository.root, "branch", "other")
    for branch, value in (("main", 2.0), ("other", 3.0)):
        guarded.git(repository.root, "checkout", "-q", branch)
        repository.change_pipeline(value)
        accept(repository, value)
    guarded.git(repository.root, "checkout", "-q", "main")
    with pytest.raises(Exception, match="merge"):
        guarded.git(repository.root, "merge", "-q", "other")
    guarded.git(repository.root, "checkout", "--theirs", "plant.txt")
    merge_branches(repository.project, ["theirs"], reason="the other is right")
    repository.commit("merge")
    assert chain_problems(repository.project) == []
    golden = repository.goldens.read(ENERGY, manifest(repository)[ENERGY]).artifact
    assert (golden.arrays["field"] == field(3.0).arrays["field"]).all()


def test_earlier_ones_are_pulled_for_history_alone(repository, tmp_path, remote):
    from harness.store.repository.versions import contents_of

    old = manifest(repository)[ENERGY]
    push_large(repository.project)
    repository.change_pipeline(2.0)
    accept(repository, 2.0)
    push_large(repository.project)
    clone = clone_of(repository, tmp_path / "there", remote)
    assert pull_large(clone.project).moved == (f"{ENERGY}.npz",)
    with pytest.raises(GoldenError, match="harness pull --all"):
        contents_of(clone.project, ENERGY, old)
    assert len(pull_large(clone.project, every=True).moved) == 1
    assert sha256(contents_of(clone.project, ENERGY, old)[".npz"]) == old.files[".npz"]


def test_gc_removes_here_only_what_the_remote_has(repository):
    first = digest(repository)
    repository.change_pipeline(2.0)
    accept(repository, 2.0)
    objects = Objects.of(repository.project)
    assert collect_here(repository.project).removed == ()  # the only copy of what a commit names
    push_large(repository.project)
    Store(repository.table["remote"], 5.0).write(object_name(first), objects.content(first))
    assert collect_here(repository.project, dry=True).removed == (first,)
    assert first in set(objects.digests())
    done = collect_here(repository.project)
    assert (done.removed, done.kept) == ((first,), 1)
    assert list(objects.digests()) == [digest(repository)]


def test_gc_keeps_what_the_remote_has_with_another_content(repository, tmp_path, remote):
    first, objects = digest(repository), Objects.of(repository.project)
    push_large(repository.project)
    content, store = objects.content(first), Store(repository.table["remote"], 5.0)
    store.write(object_name(first), bytes([content[0] ^ 1]) + content[1:])
    repository.change_pipeline(2.0)
    accept(repository, 2.0)
    push_large(repository.project)
    done = collect_here(repository.project)
    assert (done.removed, done.damaged) == ((), (first,))
    assert push_large(repository.project, again=True).there == 0
    assert store.read(object_name(first), 2**20) == content
    assert collect_here(repository.project).removed == (first,)


def test_gc_removes_in_the_remote_what_no_branch_names(repository, tmp_path, remote):
    push_large(repository.project)
    guarded.git(repository.root, "checkout", "-q", "-b", "other")
    repository.change_pipeline(2.0)
    accept(repository, 2.0)
    push_large(repository.project)
    guarded.git(repository.root, "checkout", "-q", "main")
    store, useless = Store(remote, 5.0), "a" * 64
    store.write(object_name(useless), b"of a branch that was given up")
    store.write("objects/not/a digest", b"somebody else's")
    assert collect_remote(repository.project, 30).removed == ()  # another clone may be about to publish it
    assert collect_remote(repository.project, 0, dry=True).removed == (object_name(useless),)
    done = collect_remote(repository.project, 0)
    assert (done.removed, done.kept) == ((object_name(useless),), 3)
    assert store.size(object_name(useless)) is None
    assert push_large(repository.project).there == 1
    guarded.git(repository.root, "clone", "-q", "--depth", "1", f"file://{repository.root}", str(tmp_path / "part"))
    shallow = clone_of(repository, tmp_path / "whole", remote)
    shallow.root = tmp_path / "part"
    with pytest.raises(GoldenError, match="--unshallow"):
        collect_remote(shallow.project, 0)


def test_a_pruned_golden_is_gone_and_its_arrays_collected(repository):
    repository.change_pipeline(2.0)
    prune_goldens(repository.project, (), reason="no scenario any more")
    repository.commit()
    assert chain_problems(repository.project) == []
    assert ENERGY not in manifest(repository)


def test_a_disk_that_is_full_accepts_nothing(repository, monkeypatch):
    before = repository.state()
    repository.change_pipeline(2.0)
    repository.fresh = field(2.0)
    repository.offer(candidate=field(2.0))
    folder = Objects.of(repository.project).folder
    shutil.rmtree(folder)
    folder.write_bytes(b"in the way")
    with pytest.raises(HarnessError):
        repository.accept()
    after = repository.state()
    assert {k: v for k, v in after.items() if "pending" not in k} == before


def test_other_signers_of_the_cache_are_named_against_a_base(repository):
    settings = '[tool.harness]\nadapter = "plant:pipeline"\ncache = "file:///cache"\ncache_signers = "signers"\n'
    repository.write("pyproject.toml", settings)
    repository.write("signers", "")
    repository.commit()
    guarded.git(repository.root, "tag", "base")
    repository.change_pipeline(2.0)
    table = {**repository.table, "cache": "file:///cache"}
    for signers, told in (("signers", []), ("others", ["[tool.harness] cache_signers was"])):
        repository.table = {**table, "cache_signers": signers}
        problems = check_approvals(repository.project, "base")
        assert [p[: len("[tool.harness] cache_signers was")] for p in problems if "cache_signers" in p] == told


@pytest.mark.slow
@pytest.mark.parametrize("command", ["push", "pull"])
def test_a_remote_that_cannot_be_used_is_one_sentence(repository, s3, capsys, command, monkeypatch, anew):
    if command == "pull":
        shutil.rmtree(Objects.of(repository.project).folder)

    def told(remote):
        settings = f'[tool.harness]\nadapter = "plant:pipeline"\nremote = "{remote}"\nremote_seconds = 10\n'
        repository.write("pyproject.toml", settings)
        monkeypatch.setattr(sys, "argv", ["harness", command])
        with pytest.raises(SystemExit) as ended:
            main()
        err = " ".join(capsys.readouterr().err.split())
        assert (ended.value.code, err.count("error: ")) == (2, 1), err
        return err

    monkeypatch.chdir(repository.root)
    assert "create the bucket or folder" in told("s3://no-such-bucket-here")
    anew()
    with monkeypatch.context() as broken:
        broken.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        assert "see that the network and the address are right" in told(s3)
    anew()
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert "needs credentials" in told(s3)
    with pytest.raises(RemoteError, match="needs credentials"):
        Store(s3, 5.0).listed("sealed")  # where the library says that there is no such bucket


def test_a_file_in_the_place_of_a_folder_is_told(tmp_path):
    (tmp_path / "env.sh").write_text("export GAIN=2\n")
    with pytest.raises(RemoteError, match=r"env\.sh is a file: correct the address"):
        Store(f"file://{tmp_path}/env.sh", 5.0).listed("sealed")
