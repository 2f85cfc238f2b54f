"""What git does to goldens in a clone: line ends, ignored files, pointers, other projects in the same repository."""

from __future__ import annotations

import os
import shutil
import subprocess

import guarded
import pytest
from guarded import ENERGY, Guarded, approval_log

from harness.core.errors import ApprovalError, GoldenError
from harness.store.approval_check import chain_problems
from harness.store.checkout import checkout_problems


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A repository with one golden, committed."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        guarded.quiet_environment(monkeypatch)
        repository = guarded.make(tmp_path_factory.mktemp("template") / "repository")
        repository.accept_rules()
        repository.offer()
        repository.accept()
        repository.commit()
        return repository


@pytest.fixture
def repository(template, tmp_path, monkeypatch):
    guarded.quiet_environment(monkeypatch)
    return guarded.copy(template, tmp_path / "repository")


def clone(repository: Guarded, *options: str) -> Guarded:
    """A fresh clone, made with options of git's."""
    root = repository.root.parent / "clone"
    command = ["git", *options, "clone", "-q", str(repository.root), str(root)]
    subprocess.run(command, check=True, capture_output=True)
    for key, value in (("user.name", guarded.ME), ("user.email", guarded.MAIL)):
        guarded.git(root, "config", key, value)
    for option in options[1::2]:
        guarded.git(root, "config", *option.split("="))
    return Guarded(root)


def seen(repository: Guarded) -> list[str]:
    """What is wrong with a checkout, which a verification must say as well."""
    problems = checkout_problems(repository.project)
    assert all(p and "\n" not in p for p in problems)
    return problems


def test_a_fresh_clone_is_in_order(repository):
    assert seen(clone(repository)) == []
    assert chain_problems(Guarded(repository.root.parent / "clone").project) == []


@pytest.mark.parametrize("option", ["core.autocrlf=true", "core.eol=crlf"])
def test_line_ends_that_git_changes_are_named_with_the_remedy_which_works(repository, option):
    if option == "core.eol=crlf":
        repository.write(".gitattributes", "* text=auto\n")
        repository.commit()
    there = clone(repository, "-c", option)
    (problem,) = chain_problems(there.project)
    assert "other line ends than what was accepted" in problem
    assert "commit the line `goldens/** -text` in .gitattributes" in problem
    assert seen(there) == [problem]
    with pytest.raises(GoldenError, match="other line ends"):
        approval_log(there.project)
    for place in ("goldens", "schemas"):  # as it says, and as it then says of the schemas
        assert all(f"`{place}/** -text`" in problem for problem in chain_problems(there.project))
        with (there.root / ".gitattributes").open("a") as file:
            file.write(f"{place}/** -text\n")
        guarded.git(there.root, "add", ".gitattributes")
        guarded.git(there.root, "commit", "-q", "-m", "keep line ends")
        guarded.git(there.root, "rm", "-r", "--cached", "-q", place)
        guarded.git(there.root, "reset", "-q", "--hard")
    assert chain_problems(there.project) == []
    assert seen(there) == []


def test_a_golden_whose_line_ends_changed_is_not_called_edited(repository):
    path = repository.root / f"goldens/{ENERGY}.json"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    entry = repository.goldens.manifest()[ENERGY]
    with pytest.raises(GoldenError, match=r"energy\.json has other line ends.*goldens/\*\* -text"):
        repository.goldens.read(ENERGY, entry)


def test_line_ends_that_git_would_change_are_told_before_they_are(repository):
    """Here files are as they were accepted; with this setting the next checkout would change them."""
    guarded.git(repository.root, "config", "core.autocrlf", "true")
    (problem,) = seen(repository)
    assert "git would write other line ends into goldens/" in problem
    assert chain_problems(repository.project) == []
    repository.write(".gitattributes", "goldens/** -text\nschemas/** -text\n")
    assert seen(repository) == []


@pytest.mark.parametrize("path", [f"goldens/{ENERGY}.npz", "goldens/MANIFEST.json", "schemas/other.schema.json"])
def test_a_pointer_of_git_lfs_is_named_with_the_remedy(repository, path):
    repository.write(path, b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    for problems in (seen(repository), chain_problems(repository.project)):
        assert [p for p in problems if "is a Git LFS pointer" in p and "run `git lfs pull`" in p]


def test_a_manifest_that_a_filter_keeps_is_told(repository):
    repository.write(".gitattributes", "*.json filter=lfs -text\n")
    (problem,) = seen(repository)
    assert "filter=lfs" in problem
    repository.write(".gitattributes", "*.npz filter=lfs -text\n")  # which the harness can live with
    assert seen(repository) == []


def test_arrays_that_git_ignores_are_told_here_and_in_the_clone(repository):
    repository.write(".gitignore", ".harness/\n*.npz\n")
    assert seen(repository) == []  # git keeps on tracking what it tracks
    guarded.git(repository.root, "rm", "-q", "--cached", f"goldens/{ENERGY}.npz")
    repository.commit()
    (problem,) = chain_problems(repository.project)
    assert problem.startswith(f"git ignores goldens/{ENERGY}.npz, so no other clone will have it: change .gitignore")
    there = clone(repository)
    for problems in (seen(there), chain_problems(there.project)):
        assert any(f"goldens/{ENERGY}.npz is not here and git ignores it" in p for p in problems)


def test_what_a_user_ignores_everywhere_counts_too(repository, tmp_path, monkeypatch):
    (tmp_path / "ignore").write_text("*.npz\n")
    (tmp_path / "gitconfig").write_text(f"[core]\nexcludesFile = {tmp_path / 'ignore'}\n")
    guarded.git(repository.root, "rm", "-q", "--cached", f"goldens/{ENERGY}.npz")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    assert [p for p in seen(repository) if p.startswith("git ignores")]


def test_outside_a_repository_there_is_nothing_to_say_about_git(repository):
    shutil.rmtree(repository.root / ".git")
    assert seen(repository) == []
    assert chain_problems(repository.project) == []


# One repository, several projects


@pytest.fixture
def inner(repository, tmp_path):
    """A project in a folder of a repository that has others."""
    outer = tmp_path / "outer"
    outer.mkdir()
    guarded.git(outer, "init", "-q", "-b", "main")
    for key, value in (("user.name", guarded.ME), ("user.email", guarded.MAIL)):
        guarded.git(outer, "config", key, value)
    shutil.copytree(repository.root, outer / "inner", ignore=shutil.ignore_patterns(".git"))
    (outer / "other").mkdir()
    (outer / "other" / "tracked.py").write_text("")
    inner = Guarded(outer / "inner")
    inner.commit()
    inner.offer("heat/cpu/flux", 1.0)
    return inner


def test_what_git_does_not_track_elsewhere_in_the_repository_is_not_ours(inner):
    (inner.root.parent / "other" / "notes.py").write_text("x = 1\n")
    (inner.root.parent / "draft.txt").write_text("x")
    inner.accept("heat/cpu/flux")
    assert chain_problems(inner.project) == []
    assert checkout_problems(inner.project) == []


def test_what_git_tracks_elsewhere_may_be_what_the_pipeline_reads(inner):
    (inner.root.parent / "other" / "tracked.py").write_text("x = 1\n")
    with pytest.raises(ApprovalError, match=r"dirty .*tracked\.py"):
        inner.accept("heat/cpu/flux")


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_what_git_was_told_to_overlook_is_refused(inner, flag):
    """Such a file may have been edited, and git calls the tree clean."""
    guarded.git(inner.root, "update-index", flag, "plant.txt")
    inner.write("plant.txt", "7.0")
    inner.offer("heat/cpu/flux", 7.0)
    with pytest.raises(ApprovalError, match=r"told to overlook changes of .*plant\.txt"):
        inner.accept("heat/cpu/flux")
    guarded.git(inner.root, "update-index", f"--no{flag[1:]}", "plant.txt")
    with pytest.raises(ApprovalError, match=r"dirty .*plant\.txt"):
        inner.accept("heat/cpu/flux")


def test_a_sparse_checkout_overlooks_only_what_is_not_there(inner):
    guarded.git(inner.root.parent, "sparse-checkout", "set", "inner")
    assert not (inner.root.parent / "other").exists()
    inner.accept("heat/cpu/flux")


def test_what_git_does_not_track_in_the_project_is_refused_as_ever(inner):
    inner.write("new.py", "x = 1\n")
    with pytest.raises(ApprovalError, match=r"dirty .*new\.py"):
        inner.accept("heat/cpu/flux")


def test_an_acceptance_from_a_hook_is_of_the_projects_repository(repository, tmp_path, monkeypatch):
    """A hook sets where git looks; the project's own repository is what counts, and nothing else is touched."""
    other = guarded.make(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other.root / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.root))
    repository.offer("heat/cpu/flux", 1.0)
    approval = repository.accept("heat/cpu/flux")
    for name in ("GIT_DIR", "GIT_WORK_TREE"):
        monkeypatch.delenv(name)
    assert approval.commit == guarded.git(repository.root, "rev-parse", "HEAD")


def test_a_linked_work_tree_is_a_clone_like_any_other(repository, tmp_path):
    guarded.git(repository.root, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    side = Guarded(tmp_path / "side")
    assert seen(side) == []
    assert chain_problems(side.project) == []
    side.offer("heat/cpu/flux", 1.0)
    side.accept("heat/cpu/flux")
    assert os.path.isfile(side.root / ".git")


def test_a_file_of_rules_is_called_by_its_name(repository):
    (repository.root / "goldens/tolerances.toml").unlink()
    (sentence,) = [s for s in checkout_problems(repository.project) if "tolerances" in s]
    assert sentence.startswith("tolerances.toml is in the manifest and not on the disk")
