"""Two branches that both accepted: git's merge is enough where they changed other ids, and else one command settles."""

from __future__ import annotations

import json
import subprocess

import guarded
import pytest
from guarded import ENERGY, approval_log

from harness.core import git
from harness.core.errors import ApprovalError, GoldenError
from harness.store.acceptance import prune_goldens
from harness.store.approval_check import chain_problems, check_approvals
from harness.store.chain import approval_files, replay_approvals
from harness.store.repository.merging import merge_branches

IDS = [f"heat/cpu/{name}" for name in ("alpha", "beta", "energy", "zeta")]


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Rules and four goldens on ``main``, from which ``theirs`` has just begun."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        guarded.quiet_environment(monkeypatch)
        repository = guarded.make(tmp_path_factory.mktemp("template") / "repository")
        repository.accept_rules()
        for identity in IDS:
            repository.offer(identity, 1.0)
        repository.accept(*IDS)
        repository.commit("goldens")
        guarded.git(repository.root, "tag", "base")
        guarded.git(repository.root, "branch", "theirs")
        return repository


@pytest.fixture
def repository(template, tmp_path, monkeypatch):
    guarded.quiet_environment(monkeypatch)
    return guarded.copy(template, tmp_path / "repository")


def accept(repository, *ids, value, **options):
    """Make a value golden for some ids, and commit it."""
    repository.fresh = guarded.artifact(value)
    for identity in ids:
        repository.offer(identity, repository.fresh)
    approval = repository.accept(*ids, reason=f"value {value}", **options)
    repository.commit(f"value {value}")
    return approval


def on(repository, branch):
    guarded.git(repository.root, "checkout", "-q", branch)


def merge(repository, other="theirs", status=0):
    """Let git merge, which exits with ``status``."""
    command = ["git", "-C", str(repository.root), "merge", "-q", "--no-edit", other]
    assert subprocess.run(command, capture_output=True).returncode == status


def energy_of(repository, identity=ENERGY):
    entry = repository.goldens.manifest()[identity]
    return repository.goldens.read(identity, entry).artifact.values["energy"]


def in_order(repository, *bases):
    """Check that the store is whole, as every door sees it, and that it is approved against each base."""
    assert chain_problems(repository.project) == []
    assert approval_log(repository.project)
    for base in bases:
        assert check_approvals(repository.project, base) == [], base


@pytest.fixture
def apart(repository):
    """``main`` accepted another beta, and ``theirs`` another zeta: neither touches what the other changed."""
    accept(repository, "heat/cpu/beta", value=2.0)
    on(repository, "theirs")
    accept(repository, "heat/cpu/zeta", value=3.0)
    on(repository, "main")
    return repository


@pytest.fixture
def against(repository):
    """Both branches accepted another energy: 2 on ``main``, 3 on ``theirs``."""
    repository.ours = accept(repository, ENERGY, value=2.0)
    on(repository, "theirs")
    repository.theirs = accept(repository, ENERGY, value=3.0)
    on(repository, "main")
    return repository


def test_what_branches_changed_apart_needs_no_act_after_gits_merge(apart):
    merge(apart)
    in_order(apart, "base", "HEAD^1", "HEAD^2")
    assert [energy_of(apart, i) for i in IDS] == [1.0, 2.0, 1.0, 3.0]
    assert len(replay_approvals(approval_files(apart.project)).heads) == 2
    assert merge_branches(apart.project).files == ()


def test_a_version_that_is_none_is_said_with_those_that_are(against):
    merge(against, status=1)
    with pytest.raises(
        ApprovalError, match="--take nonsense names no version of what both branches changed"
    ) as refused:
        merge_branches(against.project, ["nonsense"], reason="x")
    assert "there are ours, theirs, " in str(refused.value)
    assert against.ours.id in str(refused.value)


def test_the_next_approval_joins_the_branches(apart):
    merge(apart)
    approval = accept(apart, "heat/cpu/alpha", value=4.0)
    assert len(approval.previous) == 2
    assert replay_approvals(approval_files(apart.project)).heads[0].startswith(approval.id)
    in_order(apart, "base", "HEAD~1", "theirs")


def test_a_rebase_needs_no_act_either(apart):
    on(apart, "theirs")
    guarded.git(apart.root, "rebase", "-q", "main")
    in_order(apart, "base", "main")
    assert [energy_of(apart, i) for i in IDS] == [1.0, 2.0, 1.0, 3.0]


def test_a_manifest_in_conflict_is_put_together(repository):
    """Two new goldens stand at one place of the sorted manifest, where git cannot know that both are meant."""
    accept(repository, "heat/cpu/eta", value=2.0)
    on(repository, "theirs")
    accept(repository, "heat/cpu/epsilon", value=3.0)
    on(repository, "main")
    merge(repository, status=1)
    assert git.unmerged(repository.root) == {repository.root / "goldens/MANIFEST.json"}
    (problem,) = chain_problems(repository.project)
    assert problem.endswith("has the marks of a conflict, which git's merge left: run `harness merge`")
    merged = merge_branches(repository.project)
    assert (merged.files, merged.approvals) == (("goldens/MANIFEST.json",), ())
    repository.commit("merged")
    in_order(repository, "base", "HEAD^1", "HEAD^2")
    assert energy_of(repository, "heat/cpu/eta") == 2.0
    assert energy_of(repository, "heat/cpu/epsilon") == 3.0


def test_what_both_changed_needs_a_decision(against):
    merge(against, status=1)
    before = against.state()
    with pytest.raises(ApprovalError, match="was accepted on two branches") as raised:
        merge_branches(against.project, reason="r")
    sentence = str(raised.value)
    assert against.ours.id in sentence
    assert against.theirs.id in sentence
    assert "value 2.0" in sentence
    assert "--take" in sentence
    with pytest.raises(ApprovalError, match="--reason"):
        merge_branches(against.project, ["ours"])
    with pytest.raises(ApprovalError, match="--take 0000 names no version"):
        merge_branches(against.project, ["0000"], reason="r")
    assert against.state() == before


@pytest.mark.parametrize("take", ["ours", "theirs", "ours by its id", "theirs by its id"])
def test_the_decision_is_an_approval_that_follows_both(against, take):
    merge(against, status=1)
    side = take.partition(" ")[0]
    named = getattr(against, side).id[:8] if " " in take else take
    merged = merge_branches(against.project, [named], reason="their mesh is finer")
    (approval,) = merged.approvals
    kept, dropped = (against.ours, against.theirs)[:: 1 if side == "ours" else -1]
    change = approval.changes[ENERGY]
    assert (change.before, change.after) == (dropped.changes[ENERGY].after, kept.changes[ENERGY].after)
    assert (change.disposition, approval.reason, len(approval.previous)) == ("merged", "their mesh is finer", 2)
    entry = against.goldens.manifest()[ENERGY]
    assert (entry.approval, entry.commit) == (approval.id, kept.commit)  # who approved it, and what made it
    assert energy_of(against) == (2.0 if side == "ours" else 3.0)
    against.commit("merged")
    assert git.unmerged(against.root) == set()
    in_order(against, "base", "HEAD^1", "HEAD^2")
    accept(against, ENERGY, value=4.0)
    in_order(against, "base", "theirs")


def test_a_merge_that_was_committed_without_a_decision_is_no_dead_end(against):
    """Whoever resolves git's conflict by hand has a store that says what is wrong, and a command that mends it."""
    merge(against, status=1)
    guarded.git(against.root, "checkout", "--theirs", "--", "goldens")
    against.commit("resolved by hand")
    (problem,) = chain_problems(against.project)
    assert problem.startswith(f"{ENERGY} was accepted on two branches")
    assert "harness merge" in problem
    with pytest.raises(GoldenError, match="harness merge"):
        accept(against, "heat/cpu/alpha", value=5.0)
    merge_branches(against.project, ["ours"], reason="ours it was")
    assert energy_of(against) == 2.0
    against.commit("settled")
    in_order(against, "base", "theirs")


def test_a_side_that_was_lost_is_restored(apart):
    """Whoever takes one side of everything loses what the other accepted; its approval remains, and brings it back."""
    merge(apart)
    guarded.git(apart.root, "checkout", "-q", "HEAD^1", "--", "goldens")
    assert any("`harness merge` makes it whole" in p for p in chain_problems(apart.project))
    merged = merge_branches(apart.project)
    assert "goldens/MANIFEST.json" in merged.files
    assert energy_of(apart, "heat/cpu/zeta") == 3.0
    in_order(apart, "base")


def test_what_nobody_accepted_is_not_overwritten(apart):
    """A merge restores what was accepted; an edit that waits to be accepted is somebody's work."""
    merge(apart)
    edited = 'version = 1\n[rules]\n"energy" = { rtol = 0.5 }\n'
    apart.write("goldens/heat/tolerances.toml", edited)
    guarded.git(apart.root, "checkout", "-q", "HEAD^1", "--", "goldens/MANIFEST.json")
    merge_branches(apart.project)
    assert (apart.root / "goldens/heat/tolerances.toml").read_text() == edited
    assert energy_of(apart, "heat/cpu/zeta") == 3.0


def test_both_accepted_the_same_and_nothing_is_to_decide(repository):
    accept(repository, ENERGY, value=2.0)
    on(repository, "theirs")
    accept(repository, ENERGY, value=2.0, author="Bo <bo@example.org>")
    on(repository, "main")
    merge(repository, status=1)  # of the manifest: which approval, which commit
    merge_branches(repository.project)
    repository.commit("merged")
    in_order(repository, "base", "HEAD^1", "HEAD^2")
    accept(repository, ENERGY, value=4.0)
    in_order(repository, "base")


@pytest.mark.parametrize("take", ["ours", "theirs"])
def test_one_removed_what_the_other_changed(repository, take):
    prune_goldens(repository.project, set(IDS) - {ENERGY}, reason="no such stage")
    repository.commit("pruned")
    on(repository, "theirs")
    accept(repository, ENERGY, value=3.0)
    on(repository, "main")
    merge(repository, status=1)
    merge_branches(repository.project, [take], reason="r")
    assert (ENERGY in repository.goldens.manifest()) is (take == "theirs")
    repository.commit("merged")
    in_order(repository, "base", "HEAD^1", "HEAD^2")


def test_a_rule_and_its_golden_are_settled_one_after_the_other(repository):
    for branch, rtol, value in (("main", 0.2, 2.0), ("theirs", 0.3, 3.0)):
        on(repository, branch)
        repository.write("goldens/heat/tolerances.toml", f'version = 1\n[rules]\n"energy" = {{ rtol = {rtol} }}\n')
        repository.write("schemas/other.schema.json", json.dumps({"$id": f"plant/other-{value}"}))
        repository.accept("heat/tolerances.toml", "schemas/other.schema.json", reason=branch)
        repository.commit(f"rules of {branch}")
        accept(repository, ENERGY, value=value)
    on(repository, "main")
    merge(repository, status=1)
    merged = merge_branches(repository.project, ["theirs"], reason="r")
    assert [sorted(a.changes) for a in merged.approvals] == [
        ["heat/tolerances.toml", "schemas/other.schema.json"],
        [ENERGY],
    ]
    assert "rtol = 0.3" in (repository.root / "goldens/heat/tolerances.toml").read_text()
    assert "other-3.0" in (repository.root / "schemas/other.schema.json").read_text()
    repository.commit("merged")
    in_order(repository, "base", "HEAD^1", "HEAD^2")


def test_three_branches_are_settled_at_once(against):
    guarded.git(against.root, "checkout", "-q", "-b", "third", "base")
    third = accept(against, ENERGY, value=4.0)
    on(against, "main")
    merge(against, status=1)
    merge_branches(against.project, ["ours"], reason="r")
    against.commit("merged")
    merge(against, "third", status=1)
    (approval,) = merge_branches(against.project, [third.id], reason="the third").approvals
    assert len(approval.previous) == 2
    assert energy_of(against) == 4.0
    against.commit("merged")
    in_order(against, "base", "theirs", "third")


def test_a_file_that_git_mixed_from_both_is_made_whole(repository):
    """Git may merge a golden's text without a conflict into what nobody accepted."""

    def accept_mix(values):
        repository.fresh = guarded.Artifact(values)
        repository.offer("heat/cpu/mix", repository.fresh)
        repository.accept("heat/cpu/mix")
        repository.commit("mix")

    first = {"a": 1.0, **{f"b{i}": 0.0 for i in range(9)}, "energy": 1.0}
    accept_mix(first)
    guarded.git(repository.root, "branch", "-f", "theirs")
    accept_mix({**first, "a": 2.0})
    on(repository, "theirs")
    accept_mix({**first, "energy": 2.0})
    on(repository, "main")
    merge(repository, status=1)
    path = repository.root / "goldens/heat/cpu/mix.json"
    assert path not in git.unmerged(repository.root)
    assert json.loads(path.read_bytes())["values"] == {**first, "a": 2.0, "energy": 2.0}
    merge_branches(repository.project, ["theirs"], reason="r")
    entry = repository.goldens.manifest()["heat/cpu/mix"]
    assert repository.goldens.read("heat/cpu/mix", entry).artifact.values == {**first, "energy": 2.0}


def test_rules_that_git_mixed_from_both_are_made_whole(repository):
    def accept_rules(first, last):
        repository.write("goldens/tolerances.toml", rules.format(first, last))
        repository.accept("tolerances.toml")
        repository.commit("rules")

    rules = "version = 1\n[rules]\n{}" + "# between\n" * 9 + "{}"
    accept_rules("", "")
    guarded.git(repository.root, "branch", "-f", "theirs")
    accept_rules('"a" = { rtol = 0.1 }\n', "")
    on(repository, "theirs")
    accept_rules("", '"z" = { rtol = 0.1 }\n')
    on(repository, "main")
    merge(repository, status=1)
    path = repository.root / "goldens/tolerances.toml"
    assert path not in git.unmerged(repository.root)
    assert path.read_text() == rules.format('"a" = { rtol = 0.1 }\n', '"z" = { rtol = 0.1 }\n')
    merge_branches(repository.project, ["theirs"], reason="r")
    assert path.read_text() == rules.format("", '"z" = { rtol = 0.1 }\n')
    repository.commit("merged")
    in_order(repository, "base", "HEAD^1", "HEAD^2")


def test_a_signature_is_asked_for_where_signatures_are(against, tmp_path, monkeypatch):
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key), "-C", ""], check=True)
    merge(against, status=1)
    public = key.with_suffix(".pub").read_text().strip()
    against.signers = against.write("allowed_signers", f"{guarded.MAIL} {public}\n")
    with pytest.raises(ApprovalError, match="--sign-key"):
        merge_branches(against.project, ["ours"], reason="r")
    (approval,) = merge_branches(against.project, ["ours"], reason="r", sign_key=key).approvals
    assert (against.root / f"goldens/approvals/{approval.id}.json.sig").exists()
    monkeypatch.setenv("CI", "1")
    with pytest.raises(ApprovalError, match="refused in CI"):
        merge_branches(against.project)


def test_a_version_that_no_commit_has_is_named(against):
    """A clone that lacks the other branch's commits cannot know the values that its approval stands for."""
    content = guarded.git(against.root, "show", f"theirs:goldens/approvals/{against.theirs.id}.json")
    against.write(f"goldens/approvals/{against.theirs.id}.json", content + "\n")
    with pytest.raises(GoldenError, match=f"no commit here has {ENERGY} as approvals/{against.theirs.id}.json"):
        merge_branches(against.project, ["theirs"], reason="r")
