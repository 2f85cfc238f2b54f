"""A golden's life cycle (accept, reject, prune, log) and every refusal are tried with real git and real files."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import guarded
import jsonschema
import numpy as np
import pytest
from guarded import ENERGY, SCHEMA, approval_log, number_the_approvals

from harness.core import git
from harness.core.errors import ApprovalError, GoldenError, HarnessError, RuleError
from harness.core.files import sha256
from harness.core.protocol import Artifact
from harness.core.verdicts import Status, Verdict
from harness.store import transaction
from harness.store.acceptance import accept_candidates, prune_goldens, reject_candidates, strays
from harness.store.approval_check import chain_problems
from harness.store.approvals import Deviation, dump_approval, parse_approval
from harness.store.candidates import list_edits, list_pending
from harness.store.chain import approval_files
from harness.store.drafts import Draft
from harness.store.transaction import apply_changes, recover_acceptance

SCHEMAS = Path(__file__).parents[3] / "schemas" / "harness"


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A repository with one accepted golden (energy 1), committed, and a candidate of 2."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        guarded.quiet_environment(monkeypatch)
        repository = guarded.make(tmp_path_factory.mktemp("template") / "repository")
        repository.accept_rules()
        repository.verify()
        repository.accept()
        repository.commit()
        repository.change_pipeline(2.0)
        repository.verify()
        return repository


@pytest.fixture
def repository(tmp_path, monkeypatch):
    guarded.quiet_environment(monkeypatch)
    return guarded.make(tmp_path / "repository")


@pytest.fixture
def started(template, tmp_path, monkeypatch):
    guarded.quiet_environment(monkeypatch)
    return guarded.copy(template, tmp_path / "repository")


def refused(repository, *ids, match, error=ApprovalError, **options):
    """Check that an acceptance is refused in one sentence, and changes nothing."""
    before = repository.state()
    with pytest.raises(error, match=match) as raised:
        repository.accept(*ids, **options)
    assert repository.state() == before
    assert "\n" not in str(raised.value)


def manifest_of(repository):
    return json.loads((repository.root / "goldens/MANIFEST.json").read_bytes())["goldens"]


def approval_of(repository, number):
    return json.loads(repository.approval(number).read_bytes())


# The life cycle


@pytest.mark.slow
def test_fail_pending_accept_pass_change_fail_reject(repository):
    repository.accept_rules()
    assert repository.verify() == [Status.MISSING]
    assert ENERGY in [p.identity for p in list_pending(repository.project)]
    repository.accept()
    assert list_pending(repository.project) == []
    assert repository.verify() == [Status.PASS]
    repository.commit()
    repository.change_pipeline(2.0)
    assert repository.verify() == [Status.FAIL]
    golden = (repository.root / "goldens/heat/cpu/energy.json").read_bytes()
    assert reject_candidates(repository.project, [ENERGY], "a bug") == [ENERGY]
    assert list_pending(repository.project) == []
    assert (repository.root / "goldens/heat/cpu/energy.json").read_bytes() == golden
    assert repository.verify() == [Status.FAIL]
    repository.accept(disposition="intended")
    assert repository.verify() == [Status.PASS]
    assert [list(a.changes) for a in approval_log(repository.project)][1:] == [[ENERGY], [ENERGY]]


@pytest.mark.slow
def test_an_approval_says_who_what_why_and_how_far(started):
    head = guarded.git(started.root, "rev-parse", "HEAD")
    old = manifest_of(started)[ENERGY]["sha256"]
    approval = started.accept(
        reason=" a new mesh ", issue="https://example.org/7", author="Bo <bo@example.org>", disposition="intended"
    )
    assert approval == approval_log(started.project)[-1]
    record, entry = approval_of(started, 3), manifest_of(started)[ENERGY]
    change = record["changes"][ENERGY]
    assert (record["reason"], record["issue"], record["commit"]) == ("a new mesh", "https://example.org/7", head)
    assert (record["author"], record["approver"]) == ("Bo <bo@example.org>", f"{guarded.ME} <{guarded.MAIL}>")
    assert (change["from"], change["to"], change["disposition"]) == (old, entry["sha256"], "intended")
    moved = {"path": "energy", "old": 1.0, "new": 2.0, "used": pytest.approx(100), "tolerance": "rtol 0.01"}
    assert change["deviations"] == [moved]
    content = started.approval(3).read_bytes()
    assert entry["approval"] == approval.id == sha256(content)[:16]
    assert record["previous"] == [sha256(started.approval(2).read_bytes())]
    assert (entry["commit"], entry["schema"], entry["seeds"]) == (head, SCHEMA, {"train": 7})
    assert (entry["environment"], entry["comparator"]) == ("numpy 2", "1")


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("/data/scans", False),
        ("~/scans", False),
        ("shared:/opt/scans", False),
        ("C:\\scans", False),
        ("file:///opt/scans", False),
        ("s3://bucket/scans", True),
        ("2.21.0+cpu", True),
        ("tensorflow", True),
    ],
)
def test_no_place_on_a_machine_gets_into_a_manifest(value, kept):
    about = {"environment": {"numpy": "2", "SCANS": value}}
    entry = Draft("rod/cpu/energy", "golden", None, {".json": b"{}"}, about=about).entry("c0ffee")
    assert entry.environment == (f"SCANS {value}, numpy 2" if kept else "numpy 2")


def test_what_is_written_meets_its_schema(started):
    started.accept()
    goldens = started.root / "goldens"
    approvals = [("approval", started.approval(n)) for n in (1, 2, 3)]
    for name, path in [("manifest", goldens / "MANIFEST.json"), *approvals]:
        schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        value = json.loads(path.read_bytes())
        validator.validate(value)
        with pytest.raises(jsonschema.ValidationError):
            validator.validate({**value, "extra": 1})


def test_the_largest_deviations_come_first_and_are_few(started):
    def judge(identity, golden, obtained):
        if golden.values == obtained.values:
            return [Verdict("a", Status.PASS, "exact", used=0.0)]
        used = {f"v{i}": float(i) for i in range(9)}
        failing = [Verdict(p, Status.FAIL, "exact", expected=0, obtained=[1] * 99, used=u) for p, u in used.items()]
        return [*failing, Verdict("worse", Status.FAIL, "exact", used=float("inf")), Verdict("p", Status.PASS, "exact")]

    deviations = started.accept(judge=judge).changes[ENERGY].deviations
    assert [d.path for d in deviations] == ["worse", "v8", "v7", "v6", "v5"]
    assert deviations[0].used == "Infinity"
    assert len(deviations[1].new) < 100


def test_a_golden_that_loses_its_arrays_loses_their_file(started):
    started.fresh = Artifact({"energy": 2.0})
    started.offer(candidate=started.fresh)
    started.accept()
    assert not (started.root / "goldens/heat/cpu/energy.npz").exists()
    entry = started.goldens.manifest()[ENERGY]
    assert started.goldens.read(ENERGY, entry).artifact == Artifact({"energy": 2.0}, {})


def test_accepted_and_uncommitted_goldens_do_not_make_the_tree_dirty(started):
    started.accept()
    started.offer("heat/cpu/flux", 2.0)
    started.accept("heat/cpu/flux")
    assert set(manifest_of(started)) >= {ENERGY, "heat/cpu/flux"}


def test_several_at_once_make_one_approval(started):
    started.offer("heat/cpu/flux", 2.0)
    approval = started.accept(ENERGY, "heat/cpu/flux", ENERGY)
    assert {i: c.disposition for i, c in approval.changes.items()} == {ENERGY: "refresh", "heat/cpu/flux": "new"}


# Refusals


def test_it_is_refused_in_ci(started, monkeypatch):
    monkeypatch.setenv("CI", "1")
    refused(started, match="refused in CI")
    for action in (reject_candidates, prune_goldens):
        with pytest.raises(ApprovalError, match="refused in CI"):
            action(started.project, [ENERGY])


@pytest.mark.parametrize("path", ["plant.txt", "new.py", "goldens/heat/scenario.toml", "goldens/heat/cpu/other.json"])
def test_a_dirty_tree_is_refused_by_its_file(started, path):
    started.write(path, "3.0")
    refused(started, match=rf"dirty \(.*{path}\): commit or stash")


def test_a_staged_change_is_dirty_too(started):
    started.write("new.py", "x = 1")
    guarded.git(started.root, "add", "new.py")
    refused(started, match="dirty")


def test_an_edited_golden_beside_the_one_that_is_accepted_is_dirty(started):
    started.accept()
    started.commit()
    started.offer("heat/cpu/flux", 2.0)
    started.write("goldens/heat/cpu/energy.json", "{}")
    refused(started, "heat/cpu/flux", match="dirty .*energy.json")


def test_an_old_approval_that_was_rewritten_is_dirty_even_if_the_chain_holds(started):
    started.accept()
    started.commit()
    started.offer("heat/cpu/flux", 2.0)
    path = number_the_approvals(started)[2]
    started.commit()
    started.offer("heat/cpu/flux", 2.0)
    path.write_bytes(path.read_bytes().replace(b"numpy 2", b"numpy 3"))  # the last: none after it to disagree
    refused(started, "heat/cpu/flux", match=r"dirty .*0003\.json")


def test_a_state_that_git_sees_is_refused_with_how_to_ignore_it(started):
    started.write(".gitignore", "")
    started.write(".harness/.gitignore", "")  # which the first candidate brought
    guarded.git(started.root, "commit", "-qam", "see everything")
    refused(started, match="add it to .gitignore")


def test_goldens_that_git_ignores_are_refused(started):
    started.write(".gitignore", ".harness/\n*.npz\n")
    started.commit()
    started.offer("heat/cpu/flux", 2.0)
    refused(started, "heat/cpu/flux", match=r"git ignores .*flux\.npz")


def test_outside_a_repository_it_is_refused(started):
    subprocess.run(["rm", "-rf", str(started.root / ".git")], check=True)
    refused(started, match="need a git repository")


def test_before_the_first_commit_it_is_refused(repository):
    repository.offer()
    subprocess.run(["rm", "-rf", str(repository.root / ".git")], check=True)
    guarded.git(repository.root, "init", "-q")
    for key in ("user.name", "user.email"):
        guarded.git(repository.root, "config", key, "x")
    refused(repository, match="dirty|commit first|edited and not accepted")
    assert git.head(repository.root) == ""
    with pytest.raises(ApprovalError, match="commit first"):
        git.commit_of(repository.root, "HEAD")


@pytest.mark.parametrize("key", ["user.name", "user.email"])
def test_somebody_must_be_named(started, key):
    guarded.git(started.root, "config", "--unset", key)
    refused(started, match=f"git config --global {key}")
    who = "Bo <bo@example.org>"
    assert started.accept(author=who, approver=who).approver == who


def test_a_schema_failure_is_refused(started):
    started.invalid = ["energy.json: $.energy is a string", "more"]
    refused(started, match=r"does not fit its schema plant/energy-1: energy.json: \$.energy is a string \(and 1 more\)")


def test_a_fresh_run_that_disagrees_is_refused(started):
    started.fresh = guarded.artifact(2.1)
    refused(started, match="a fresh run disagrees with the candidate: energy: expected 2.0, obtained 2.1")


def test_a_fresh_run_within_the_tolerance_accepts_the_candidate_itself(started):
    started.fresh = guarded.artifact(2.001)
    started.accept()
    entry = started.goldens.manifest()[ENERGY]
    assert started.goldens.read(ENERGY, entry).artifact.values == {"energy": 2.0}


def test_a_fresh_run_under_another_schema_is_refused(started):
    refused(started, match="has schema plant/energy-2", rerun=lambda i: (guarded.artifact(2.0), "plant/energy-2"))


def test_a_fresh_run_that_compares_nothing_is_refused(started):
    refused(started, match="compared nothing", judge=lambda *a: [])


def test_an_invariant_that_fails_is_refused_for_its_scenario(started):
    asked = []
    refused(started, match="an invariant fails.*negative", invariants_hold=lambda s: asked.append(s) or ["negative"])
    assert asked == ["heat"]


def test_no_id_is_refused(started):
    before = started.state()
    with pytest.raises(ApprovalError, match="no id was given"):
        accept_candidates(
            started.project,
            [],
            reason="r",
            rerun=started.rerun,
            judge=guarded.judge,
            invariants_hold=lambda s: [],
            validate=lambda a, s: [],
        )
    assert started.state() == before


@pytest.mark.parametrize(
    ("wrong", "hint"), [("heat/cpu/enrgy", "did you mean 'heat/cpu/energy'"), ("zzz", "harness pending")]
)
def test_an_id_that_is_not_pending_is_refused_with_a_hint(started, wrong, hint):
    refused(started, wrong, match=hint)
    refused(started, ENERGY, wrong, match=hint)


def test_an_accepted_golden_without_a_candidate_is_not_pending(started):
    started.accept()
    refused(started, match="is not pending")


def test_more_than_five_need_bulk(started):
    ids = [f"heat/cpu/a{i}" for i in range(6)]
    for identity in ids:
        started.offer(identity, 2.0)
    refused(started, *ids, match="6 ids at once are more than 5")
    assert len(started.accept(*ids[:5]).changes) == 5
    started.commit()
    for identity in ids:
        started.offer(identity, 2.0)
    assert len(started.accept(*ids, bulk=True).changes) == 6


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_reason_is_needed(started, reason):
    refused(started, match="--reason", reason=reason)


def test_a_disposition_is_one_of_a_few(started):
    refused(started, match="refresh, intended, bugfix", disposition="whatever")


@pytest.mark.parametrize(
    "rule", ["goldens/tolerances.toml", "goldens/heat/tolerances.toml", "schemas/energy.schema.json"]
)
def test_a_golden_and_what_judges_it_are_refused_at_once_and_the_rule_goes_first(started, rule):
    content = (started.root / rule).read_text() + " \n"
    started.write(rule, content)
    identity = rule.removeprefix("goldens/")
    refused(started, ENERGY, identity, match=f"{ENERGY} and {identity}, which it is judged by, at once")
    refused(started, match=f"{identity}.*edited and not accepted")
    started.commit()  # a clean tree does not change that
    refused(started, match=f"{identity}.*edited and not accepted")
    assert started.accept(identity).changes[identity].kind in ("tolerances", "schema")
    assert started.verify() == [Status.FAIL]
    started.accept()
    assert started.verify() == [Status.PASS]


@pytest.mark.parametrize("rule", ["goldens/cold/tolerances.toml", "schemas/other.schema.json"])
def test_a_golden_and_a_rule_of_another_are_accepted_at_once(started, rule):
    content = '{"$id": "plant/other-1" }' if rule.endswith("json") else "version = 1\n[rules]\n"
    started.write(rule, content)
    assert len(started.accept(ENERGY, rule.removeprefix("goldens/")).changes) == 2


def test_a_candidate_made_against_another_golden_is_refused(started):
    path = started.root / ".harness/pending/heat/cpu/energy.about.json"
    stale = path.read_bytes()
    started.accept()
    started.verify()
    started.offer(candidate=2.0)
    path.write_bytes(stale)
    refused(started, match="changed after this candidate was made: run the scenario again")


def test_a_damaged_candidate_is_refused(started):
    started.write(".harness/pending/heat/cpu/energy.json", "{}")
    refused(started, match="damaged or half-written", error=GoldenError)


def test_of_two_acceptances_at_once_the_slower_one_starts_again(started):
    started.offer("heat/cpu/flux", 2.0)

    def meanwhile():
        started.meanwhile = None
        started.accept("heat/cpu/flux")

    started.meanwhile = meanwhile
    with pytest.raises(ApprovalError, match="try again"):
        started.accept()
    assert [list(a.changes) for a in approval_log(started.project)][2:] == [["heat/cpu/flux"]]
    assert len(approval_files(started.project)) == 3
    started.accept()
    assert len(approval_log(started.project)) == 4


@pytest.mark.parametrize("what", ["candidate", "commit", "manifest", "file"])
def test_what_changes_while_the_fresh_run_is_made_is_noticed(started, what):
    def meanwhile():
        if what == "candidate":
            started.offer(candidate=2.001)
        elif what == "commit":
            started.commit()
        elif what == "manifest":
            started.edit_manifest(ENERGY, comparator="9")
        else:
            started.write("plant.txt", "2.0 ")

    started.meanwhile = meanwhile
    with pytest.raises(HarnessError, match=r"try again|edited|dirty"):
        started.accept()
    assert len(approval_files(started.project)) == 2
    assert '"energy": 1.0' in (started.root / "goldens/heat/cpu/energy.json").read_text()


def test_a_broken_chain_is_not_carried_on(started):
    started.edit_approval(1, reason="other")
    refused(started, match="was edited or renamed", error=GoldenError)


def test_a_lock_that_another_process_holds_is_waited_for_and_then_named(started, monkeypatch):
    from filelock import FileLock

    monkeypatch.setattr(transaction, "PATIENCE_S", 0.1)
    with FileLock(started.root / ".harness" / "lock"):
        refused(started, match="another harness process has held")


def test_goldens_that_lie_behind_a_link_are_not_written(started, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    started.offer("linked/cpu/x", 2.0)
    (started.root / "goldens/linked").symlink_to(tmp_path / "elsewhere")
    started.commit()
    refused(started, "linked/cpu/x", match="beyond a symbolic link")
    with pytest.raises(GoldenError, match="link that leads out"):
        apply_changes(started.project, {"linked/x.json": b"{}"}, None, ())
    assert recover_acceptance(started.project).sentence == ""  # it was refused: nothing is left of it
    assert list((tmp_path / "elsewhere").iterdir()) == []


# Rules


def test_edited_rules_are_accepted_as_they_are(started):
    started.write("goldens/heat/tolerances.toml", 'version = 1\n[rules]\n"energy" = { rtol = 0.5 }\n')
    approval = started.accept("heat/tolerances.toml", reason="the mesh is coarse")
    assert approval.changes["heat/tolerances.toml"].disposition == "refresh"
    assert list_edits(started.project) == []


def test_rules_that_cannot_be_read_are_refused(started):
    started.write("goldens/heat/tolerances.toml", 'version = 1\n[rules]\n"energy" = { rtoll = 0.5 }\n')
    refused(started, "heat/tolerances.toml", match="rtoll", error=RuleError)


def test_rules_may_extend_only_what_is_guarded_too(started):
    started.write("goldens/loose.toml", 'version = 1\n[rules]\n"**" = { rtol = 9.0 }\n')
    started.commit()
    started.write("goldens/heat/tolerances.toml", 'version = 1\nextends = "../loose.toml"\n[rules]\n')
    refused(started, "heat/tolerances.toml", match=r"extends loose\.toml, .* tolerances\.toml")


def test_removed_rules_leave_the_manifest(started):
    (started.root / "goldens/heat/tolerances.toml").unlink()
    assert started.accept("heat/tolerances.toml").changes["heat/tolerances.toml"].disposition == "removed"
    assert "heat/tolerances.toml" not in manifest_of(started)
    started.accept()
    assert len(approval_log(started.project)) == 4


@pytest.mark.parametrize("content", ["{}", '{"$id": 3}', "[]"])
def test_a_schema_needs_an_id(started, content):
    started.write("schemas/new.schema.json", content)
    refused(started, "schemas/new.schema.json", match=r"has no \$id")


def test_a_schema_may_not_change_under_its_goldens(started):
    started.write("schemas/energy.schema.json", json.dumps({"$id": SCHEMA, "type": "array"}))
    started.invalid = ["$ is no array"]
    refused(started, "schemas/energy.schema.json", match=r"raise the version in its \$id")
    started.write("schemas/energy.schema.json", json.dumps({"$id": "plant/energy-2", "type": "array"}))
    started.accept("schemas/energy.schema.json")
    assert manifest_of(started)["schemas/energy.schema.json"]["schema"] == "plant/energy-2"


@pytest.mark.slow
def test_a_schema_may_not_go_before_its_goldens(started):
    (started.root / "schemas/energy.schema.json").unlink()
    refused(started, "schemas/energy.schema.json", match="still the schema of the golden")
    (started.root / "schemas/other.schema.json").unlink()
    started.write("schemas/energy.schema.json", json.dumps({"$id": SCHEMA}))
    assert started.accept("schemas/other.schema.json").changes["schemas/other.schema.json"].after is None


# Signatures


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path), "-C", ""], check=True)
    return path


def allow(repository, key, mail=guarded.MAIL):
    public = key.with_suffix(".pub").read_text().strip()
    repository.signers = repository.write("allowed_signers", f"{mail} {public}\n")
    repository.commit("who may approve")


@pytest.mark.slow
def test_a_signed_approval_is_verified(repository, key):
    allow(repository, key)
    ids = [e.identity for e in list_edits(repository.project)]
    repository.accept(*ids, sign_key=key)
    repository.verify()
    repository.accept(sign_key=key)
    signature = repository.approval(2).with_suffix(".json.sig")
    assert signature.read_text().startswith("-----BEGIN SSH SIGNATURE")
    assert len(approval_log(repository.project)) == 2
    allowed = repository.signers.read_bytes()
    subprocess.run(  # anybody can check this without the harness
        [
            "ssh-keygen",
            "-Y",
            "verify",
            "-f",
            "allowed_signers",
            "-I",
            guarded.MAIL,
            "-n",
            "harness",
            "-s",
            str(signature),
        ],
        cwd=repository.root,
        input=repository.approval(2).read_bytes(),
        check=True,
    )
    signature.unlink()
    with pytest.raises(GoldenError, match=r"json is not signed: .* ssh-keygen -Y sign -n harness"):
        approval_log(repository.project)
    repository.signers.write_bytes(allowed.replace(guarded.MAIL.encode(), b"bo@example.org"))
    with pytest.raises(GoldenError, match=r"not one by ada@example\.org"):
        approval_log(repository.project)


def test_without_a_key_or_with_a_strange_one_it_is_refused(repository, key, tmp_path):
    allow(repository, key, mail="bo@example.org")
    ids = [e.identity for e in list_edits(repository.project)]
    refused(repository, *ids, match="--sign-key")
    refused(repository, *ids, match="not one by ada@example.org", sign_key=key)
    refused(repository, *ids, match="did not sign", sign_key=tmp_path / "none")
    assert repository.accept(*ids, sign_key=key, approver="Bo <bo@example.org>").previous == ()


def test_a_signature_of_other_content_does_not_hold(repository, key):
    allow(repository, key)
    ids = [e.identity for e in list_edits(repository.project)]
    repository.accept(*ids, sign_key=key)
    path = repository.edit_approval(1, reason="other")
    name = f"{sha256(path.read_bytes())[:16]}.json"
    path.with_suffix(".json.sig").rename(path.with_name(f"{name}.sig"))
    path.rename(path.with_name(name))
    assert any(f"{name}: its signature is not one by" in p for p in chain_problems(repository.project))
    with pytest.raises(GoldenError):
        approval_log(repository.project)


def test_an_approval_may_be_signed_later(started, key):
    allow(started, key)
    refused(started, match="is not signed", error=GoldenError, sign_key=key)
    for path in (started.approval(1), started.approval(2)):
        subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-n", "harness", "-f", str(key), str(path)], check=True)
    started.commit()
    started.accept(sign_key=key)
    assert len(approval_log(started.project)) == 3


# Reject, prune, log


def test_reject_keeps_a_line_and_refuses_what_is_not_a_candidate(started):
    reject_candidates(started.project, [ENERGY], "a bug")
    line = json.loads((started.root / ".harness/log").read_text().splitlines()[-1])
    assert (line["action"], line["ids"], line["reason"]) == ("reject", [ENERGY], "a bug")
    with pytest.raises(ApprovalError, match="not pending"):
        reject_candidates(started.project, [ENERGY])
    started.write("goldens/tolerances.toml", "version = 1\n")
    started.offer()
    with pytest.raises(ApprovalError, match="git restore"):
        reject_candidates(started.project, [ENERGY, "tolerances.toml"])
    assert ENERGY in [p.identity for p in list_pending(started.project)]


def test_prune_removes_orphans_without_an_approval(started):
    before = started.state()
    for name in ("gone.json", "gone.npz", "half.npz"):
        started.write(f"goldens/heat/cpu/{name}", "x")
    assert strays(started.project, {ENERGY}) == (["heat/cpu/gone", "heat/cpu/half"], [])
    assert prune_goldens(started.project, {ENERGY}) == (["heat/cpu/gone", "heat/cpu/half"], [], None)
    assert started.state() == before
    assert prune_goldens(started.project, {ENERGY}) == ([], [], None)


def test_prune_removes_goldens_that_nothing_makes_and_says_so(started):
    reject_candidates(started.project, [ENERGY])
    with pytest.raises(ApprovalError, match="--reason"):
        prune_goldens(started.project, set())
    started.write("goldens/heat/cpu/orphan.json", "x")
    started.write("elsewhere.py", "x")
    with pytest.raises(ApprovalError, match=r"dirty .*elsewhere\.py"):
        prune_goldens(started.project, set(), reason="stage removed")
    (started.root / "elsewhere.py").unlink()
    orphans, gone, approval = prune_goldens(started.project, set(), reason="stage removed")
    assert (orphans, gone) == (["heat/cpu/orphan"], [ENERGY])
    assert (approval.changes[ENERGY].disposition, approval.changes[ENERGY].after) == ("removed", None)
    assert list((started.root / "goldens/heat/cpu").iterdir()) == []
    assert ENERGY not in manifest_of(started)
    assert "heat/tolerances.toml" in manifest_of(started)
    assert approval_log(started.project)[-1] == approval
    started.verify()
    assert started.accept().changes[ENERGY].disposition == "new"


def test_prune_of_many_needs_bulk(started):
    ids = [f"heat/cpu/a{i}" for i in range(6)]
    for identity in ids:
        started.offer(identity, 2.0)
    started.accept(*ids, bulk=True)
    with pytest.raises(ApprovalError, match="more than 5"):
        prune_goldens(started.project, {ENERGY}, reason="r")
    assert len(prune_goldens(started.project, {ENERGY}, reason="r", bulk=True)[1]) == 6


def test_log_of_nothing_is_empty(repository):
    assert approval_log(repository.project) == []


@pytest.mark.parametrize(
    ("tamper", "match"),
    [
        (lambda r: r.edit_approval(1, reason="x"), "was edited or renamed"),
        (lambda r: r.approval(1).unlink(), "does not follow the approvals that are here"),
        (lambda r: r.approval(2).unlink(), f"{ENERGY} is in the manifest and was never"),
        (lambda r: r.approval(2).rename(r.root / "goldens/approvals/0002.json"), "0002.json stands where 0001.json"),
        (lambda r: r.edit_approval(2, extra=1), "json is not an approval"),
        (lambda r: r.edit_approval(2, version=3), "reads versions 1 and 2"),
        (lambda r: r.edit_approval(2, changes={}), "json is not an approval"),
        (lambda r: r.edit_approval(2, changes={"../x": {}}), "is not an id"),
        (lambda r: r.edit_approval(2, changes={ENERGY: []}), "json is not an approval"),
        (lambda r: r.edit_approval(2, reason=3), "json is not an approval"),
        (lambda r: r.approval(2).write_text("[]"), "json is not an approval"),
        (lambda r: r.approval(2).write_text("{"), "json is not strict JSON"),
        (lambda r: r.write("goldens/approvals/notes.txt", ""), "notes.txt is not an approval's file"),
        (lambda r: r.edit_manifest(ENERGY, comparator="9"), f"{ENERGY}: its entry in the manifest was edited"),
        (lambda r: r.edit_manifest(ENERGY, commit="0" * 40), f"{ENERGY}: its entry in the manifest was edited"),
        (lambda r: r.edit_manifest(ENERGY, seeds={}), f"{ENERGY}: its entry in the manifest was edited"),
        (lambda r: (r.root / "goldens/MANIFEST.json").unlink(), "and is not in the manifest"),
    ],
)
def test_log_names_the_broken_link(started, tamper, match):
    assert len(approval_log(started.project)) == 2
    tamper(started)
    with pytest.raises(GoldenError, match=match):
        approval_log(started.project)


def test_an_approval_is_read_as_it_was_written(started):
    approval = started.accept(issue="https://example.org/ü")
    assert parse_approval(dump_approval(approval), "x") == approval


def test_a_value_that_is_not_finite_is_kept_by_name():
    verdict = Verdict("x", Status.FAIL, "exact", expected=float("nan"), obtained=np.float32(2), used=None)
    assert Deviation.of(verdict) == Deviation("x", "NaN", 2.0, None, "")
