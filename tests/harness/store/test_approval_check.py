"""``--approvals BASE`` passes what was approved, against the right commit, and never compares nothing silently."""

from __future__ import annotations

import json
import shutil

import guarded
import pytest
from guarded import ENERGY, approval_log, number_the_approvals

from harness.core import git
from harness.core.artifacts import dump_artifact
from harness.core.errors import ApprovalError
from harness.store.acceptance import prune_goldens
from harness.store.approval_check import chain_problems, check_approvals
from harness.store.manifest import combined_digest

FLUX = "heat/cpu/flux"


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Rules and two goldens, which were accepted one by one (approvals 1 to 3) and committed as ``base``."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        guarded.quiet_environment(monkeypatch)
        repository = guarded.make(tmp_path_factory.mktemp("template") / "repository")
        repository.accept_rules()
        for identity in (ENERGY, FLUX):
            repository.offer(identity, 1.0)
            repository.accept(identity)
        repository.commit()
        guarded.git(repository.root, "tag", "base")
        return repository


@pytest.fixture
def repository(template, tmp_path, monkeypatch):
    guarded.quiet_environment(monkeypatch)
    return guarded.copy(template, tmp_path / "repository")


@pytest.fixture
def moved(repository):
    """The energy was changed and accepted (approval 4) since ``base``."""
    move(repository, 2.0)
    return repository


def move(repository, value, identity=ENERGY):
    repository.commit()
    repository.change_pipeline(value)
    repository.offer(identity, value)
    return repository.accept(identity)


def problems(repository, base="base"):
    """What is wrong against ``base``; every problem is one line of text."""
    sentences = check_approvals(repository.project, base)
    assert all(isinstance(s, str) and s and "\n" not in s for s in sentences)
    return sentences


# What is fine


@pytest.mark.slow
def test_nothing_changed_is_fine(repository):
    repository.change_pipeline(1.0)
    assert problems(repository) == []
    assert problems(repository, guarded.git(repository.root, "rev-parse", "base")) == []


def test_an_approved_change_is_fine_committed_or_not(moved):
    assert problems(moved) == []
    moved.commit()
    assert problems(moved) == []


@pytest.mark.slow
def test_several_approvals_of_one_id_chain(moved):
    move(moved, 3.0)
    move(moved, 4.0, FLUX)
    assert problems(moved) == []
    move(moved, 1.0)  # back to where it was: every step is on record
    assert problems(moved) == []


@pytest.mark.slow
def test_a_new_a_removed_and_a_returned_golden_are_fine(repository):
    move(repository, 1.0, "heat/cpu/third")
    assert problems(repository) == []
    repository.commit()
    prune_goldens(repository.project, {ENERGY, "heat/cpu/third"}, reason="no such stage")
    assert problems(repository) == []
    move(repository, 5.0, FLUX)
    assert problems(repository) == []


def test_a_rule_and_its_golden_in_two_approvals_are_fine(moved):
    moved.write("goldens/heat/tolerances.toml", 'version = 1\n[rules]\n"energy" = { rtol = 0.1 }\n')
    moved.accept("heat/tolerances.toml")
    moved.write("schemas/other.schema.json", json.dumps({"$id": "plant/other-2"}))
    moved.accept("schemas/other.schema.json")
    assert problems(moved) == []


def test_other_files_do_not_matter(repository):
    repository.write("goldens/heat/scenario.toml", "x = 1\n")
    repository.write("new.py", "")
    repository.commit()
    assert problems(repository) == []


def test_a_golden_that_base_had_altered_may_be_restored(repository):
    good = (repository.root / f"goldens/{ENERGY}.json").read_bytes()
    repository.write(f"goldens/{ENERGY}.json", b"{}")
    repository.commit()
    guarded.git(repository.root, "tag", "worse")
    repository.commit()
    assert [p.split(" (its")[0] for p in problems(repository, "worse")] == [f"{ENERGY}.json is not what was accepted"]
    repository.write(f"goldens/{ENERGY}.json", good)
    assert problems(repository, "worse") == []


# The commit that is compared with


def branch(repository, name, start="base"):
    repository.commit()
    guarded.git(repository.root, "checkout", "-q", "-b", name, start)


def test_a_branch_behind_the_base_is_no_false_alarm(moved):
    """What the base accepted since the branch left it is not missing here."""
    branch(moved, "mine")
    assert any("compares nothing" in p for p in problems(moved, "main"))  # the branch has done nothing yet
    move(moved, 3.0, FLUX)
    assert problems(moved, "main") == []
    moved.commit()
    assert problems(moved, "main") == []


def test_a_name_that_the_base_gave_to_another_approval_meanwhile_is_a_sentence(moved):
    """Only numbers can collide, which an older harness gives."""
    moved.write("goldens/approvals/0001.json", "theirs")
    branch(moved, "mine")
    move(moved, 3.0, FLUX)
    moved.write("goldens/approvals/0001.json", "ours")
    assert any(p.startswith("approvals/0001.json is not what it was in main") for p in problems(moved, "main"))


def test_a_branch_behind_the_base_is_no_bypass(moved):
    branch(moved, "mine")
    moved.commit("work of this branch")
    path = moved.root / f"goldens/{FLUX}.json"
    path.write_bytes(path.read_bytes().replace(b"1.0", b"9.0"))
    assert problems(moved, "main") == [p for p in chain_problems(moved.project) if f"{FLUX}.json is not what" in p]


def test_the_base_itself_its_descendant_and_its_twin_prove_nothing(moved):
    (sentence,) = problems(moved, "base")[:1] or [""]
    assert sentence == ""  # the energy was accepted and is not committed yet
    moved.commit()
    for base in ("HEAD", "main", guarded.git(moved.root, "rev-parse", "HEAD")):
        (sentence,) = problems(moved, base)
        assert sentence.startswith(f"{base} is the commit that is checked out, and nothing was accepted since")
    guarded.git(moved.root, "checkout", "-q", "--detach", "base")
    (sentence,) = problems(moved, "main")
    assert sentence.startswith("main has everything that is checked out")


def test_what_is_not_committed_yet_counts_against_head(repository):
    repository.change_pipeline(2.0)
    repository.offer(ENERGY, 2.0)
    repository.accept()
    assert problems(repository, "HEAD") == []
    forged = repository.root / f"goldens/{FLUX}.json"
    forged.write_bytes(forged.read_bytes().replace(b"1.0", b"9.0"))
    assert len(problems(repository, "HEAD")) == 1


def test_a_commit_without_goldens_proves_nothing(repository):
    start = guarded.git(repository.root, "rev-list", "--max-parents=0", "HEAD")
    (sentence,) = problems(repository, start)
    assert "holds no goldens, so --approvals compares nothing" in sentence


def test_a_shallow_clone_says_what_it_lacks(moved, tmp_path):
    moved.commit()
    branch(moved, "mine")
    move(moved, 3.0, FLUX)
    moved.commit()
    for depth, lacks in ((1, True), (9, False)):
        clone = tmp_path / f"depth {depth}"
        url = moved.root.as_uri()
        guarded.git(moved.root, "clone", "-q", f"--depth={depth}", "--no-single-branch", url, str(clone))
        shallow = guarded.Guarded(clone)
        guarded.git(clone, "checkout", "-q", "mine")
        told = problems(shallow, "origin/main")
        assert [("this clone is shallow" in p and "--unshallow" in p) for p in told] == [True] * lacks
    with pytest.raises(ApprovalError, match=r"'base~3' is not a commit .* shallow"):
        check_approvals(guarded.Guarded(tmp_path / "depth 1").project, "base~3")


def test_branches_merged_crosswise_are_compared_with_all_that_they_share(moved):
    """Both of two merges have both sides as parents, so that the branches have two newest ancestors in common."""
    branch(moved, "mine")
    moved.fresh = guarded.artifact(3.0)
    moved.offer(FLUX, moved.fresh)
    moved.accept(FLUX)
    mine = moved.commit()
    main = guarded.git(moved.root, "rev-parse", "main")
    for name, other in (("mine", main), ("main", mine)):
        guarded.git(moved.root, "checkout", "-q", name)
        guarded.git(moved.root, "merge", "-q", "--no-edit", other)
        assert chain_problems(moved.project) == []
    assert len(git.common_ancestors(moved.root, "main", "mine")) == 2
    assert [p.split(" and ")[0] for p in problems(moved, "mine")] == []
    moved.approval(4).unlink()
    assert any("was removed" in p for p in problems(moved, "mine"))


@pytest.mark.parametrize("key", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE"])
def test_what_a_hook_has_set_for_git_does_not_matter(moved, tmp_path, monkeypatch, key):
    other = guarded.make(tmp_path / "other")
    monkeypatch.setenv(key, str(other.root / ".git" / {"GIT_INDEX_FILE": "index"}.get(key, "")))
    monkeypatch.setenv("GIT_PREFIX", "goldens/")
    assert problems(moved) == []
    moved.edit_approval(1, reason="x")
    assert problems(moved) != []


def test_a_project_in_a_folder_of_its_repository_is_compared_there(repository, tmp_path):
    outer = tmp_path / "outer"
    repository.commit()
    outer.mkdir()
    guarded.git(outer, "init", "-q", "-b", "main")
    for key, value in (("user.name", guarded.ME), ("user.email", guarded.MAIL)):
        guarded.git(outer, "config", key, value)
    shutil.copytree(repository.root, outer / "deep" / "inner", ignore=shutil.ignore_patterns(".git"))
    inner = guarded.Guarded(outer / "deep" / "inner")
    inner.commit()
    guarded.git(outer, "tag", "base")
    move(inner, 2.0)
    assert problems(inner) == []
    inner.approval(1).unlink()
    assert any("is in base and was removed" in p for p in problems(inner))


def test_a_manifest_that_another_project_removed_is_not_ours(repository):
    """Only goldens that moved from elsewhere to here are in question, and only where there were none here."""
    repository.write("other/MANIFEST.json", "{}")
    repository.commit()
    guarded.git(repository.root, "tag", "-f", "base")
    (repository.root / "other/MANIFEST.json").unlink()
    repository.change_pipeline(2.0)
    repository.offer(ENERGY, 2.0)
    repository.accept()
    assert problems(repository) == []


def test_a_golden_that_base_had_altered_is_not_where_an_approval_starts(repository):
    forged = dump_artifact(guarded.artifact(9.0), guarded.SCHEMA)
    for suffix, content in forged.items():
        repository.write(f"goldens/{ENERGY}{suffix}", content)
    digests, sha256, size = combined_digest(forged)
    repository.edit_manifest(ENERGY, files=digests, sha256=sha256, size=size)
    repository.commit()
    guarded.git(repository.root, "tag", "worse")
    guarded.git(repository.root, "checkout", "-q", "base", "--", "goldens")
    move(repository, 2.0)
    assert problems(repository) == []
    assert [p.split(" from ")[0] for p in problems(repository, "worse")] == [f"{ENERGY} went"]


def test_old_approvals_stay_numbered_and_valid(repository):
    """A repository of an older harness carries on: its numbers first, and content addresses from then on."""
    number_the_approvals(repository)
    repository.commit()
    guarded.git(repository.root, "tag", "-f", "base")
    move(repository, 2.0)
    assert [len(a.id) for a in approval_log(repository.project)] == [4, 4, 4, 16]
    assert problems(repository) == []
    path = repository.root / "goldens/approvals/0002.json"
    path.write_bytes(path.read_bytes() + b" ")
    assert any("0003.json does not follow" in p for p in problems(repository))


def test_a_new_repository_is_not_alarmed(tmp_path, monkeypatch):
    """Before anything is accepted there are rules to accept, as ever, and nothing else to say."""
    guarded.quiet_environment(monkeypatch)
    new = guarded.make(tmp_path / "new")
    assert all(p.endswith("--reason ...`, or remove it") for p in chain_problems(new.project))
    for path in (*new.root.rglob("tolerances.toml"), *new.root.rglob("*.schema.json")):
        path.unlink()
    assert chain_problems(new.project) == []
