"""``--approvals BASE`` passes what was approved, and answers every way around an approval with a sentence."""

from __future__ import annotations

import json
import subprocess

import guarded
import pytest
from guarded import ENERGY

from harness.core.artifacts import dump_artifact
from harness.core.errors import ApprovalError, GoldenError
from harness.core.files import dump_json, sha256
from harness.store.acceptance import prune_goldens
from harness.store.approval_check import check_approvals
from harness.store.approvals import Approval, Change, dump_approval, parse_approval
from harness.store.chain import approval_files, approval_log, entry_digest, replay_approvals
from harness.store.manifest import combined_digest, dump_manifest

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


def rewrite_golden(repository, value, identity=ENERGY):
    """Put another golden in place, with no word to manifest or approvals, and give the content of its files."""
    files = dump_artifact(guarded.artifact(value), guarded.SCHEMA)
    for suffix, content in files.items():
        repository.write(f"goldens/{identity}{suffix}", content)
    return files


def forge_entry(repository, files, identity=ENERGY, **changes):
    digests, sha256, size = combined_digest(files)
    repository.edit_manifest(identity, files=digests, sha256=sha256, size=size, **changes)


def forge_approval(repository, number, changes):
    """Write an approval by hand whose link to the one before holds."""
    folder = repository.root / "goldens/approvals"
    previous = sha256((folder / f"{int(number) - 1:04d}.json").read_bytes())
    model = parse_approval((folder / "0001.json").read_bytes(), "")
    text = {f: getattr(model, f) for f in ("when", "reason", "issue", "author", "approver", "commit")}
    approval = Approval(id=number, previous=previous, changes=changes, **text)
    (folder / f"{number}.json").write_bytes(dump_approval(approval))


def change_of(repository, identity=ENERGY, **changes):
    """The change that would lead to the manifest's entry of ``identity``."""
    entry = repository.goldens.manifest()[identity]
    change = {
        "kind": entry.kind,
        "before": "0" * 64,
        "after": entry.sha256,
        "entry": entry_digest(entry),
        "schema": entry.schema,
        "disposition": "refresh",
    }
    return Change(**{**change, **changes})


# What is fine


@pytest.mark.slow
def test_nothing_changed_is_fine(repository):
    assert problems(repository) == []
    assert problems(repository, guarded.git(repository.root, "rev-parse", "base")) == []


def test_from_before_there_was_anything_it_is_fine(repository):
    assert problems(repository, guarded.git(repository.root, "rev-list", "--max-parents=0", "HEAD")) == []


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
    assert problems(repository) == []


def test_a_golden_that_base_had_altered_may_be_restored(repository):
    good = (repository.root / f"goldens/{ENERGY}.json").read_bytes()
    repository.write(f"goldens/{ENERGY}.json", b"{}")
    repository.commit()
    guarded.git(repository.root, "tag", "worse")
    assert problems(repository, "worse") == [f"{ENERGY} is not what was accepted: its files differ from MANIFEST.json"]
    repository.write(f"goldens/{ENERGY}.json", good)
    assert problems(repository, "worse") == []


@pytest.mark.parametrize("base", ["nowhere", "--help", "", "0" * 40])
def test_a_base_that_is_no_commit_is_an_error(repository, base):
    with pytest.raises(ApprovalError, match="fetch it"):
        check_approvals(repository.project, base)


# Ways around an approval


def edit_golden(r):
    r.write(f"goldens/{ENERGY}.json", dump_artifact(guarded.artifact(9.0), guarded.SCHEMA)[".json"])


def edit_arrays(r):
    r.write(f"goldens/{ENERGY}.npz", dump_artifact(guarded.artifact(9.0), guarded.SCHEMA)[".npz"])


def edit_golden_and_manifest(r):
    forge_entry(r, rewrite_golden(r, 9.0))


def edit_golden_manifest_and_old_approval(r):
    forge_entry(r, rewrite_golden(r, 9.0))
    path = r.root / "goldens/approvals/0002.json"
    record = json.loads(path.read_bytes())
    entry = r.goldens.manifest()[ENERGY]
    record["changes"][ENERGY].update(to=entry.sha256, entry=entry_digest(entry))
    path.write_bytes(dump_json(record))
    r.edit_approval("0003", previous=sha256(path.read_bytes()))


def forge_with_a_wrong_start(r):
    forge_entry(r, rewrite_golden(r, 9.0), approval="0004")
    forge_approval(r, "0004", {ENERGY: change_of(r)})


def forge_a_second_claim(r):
    move(r, 2.0)
    forge_approval(r, "0005", replay_approvals(approval_files(r.project)).approvals[-1].changes)


def approve_a_hash_that_is_not_there(r):
    before = r.goldens.manifest()[ENERGY].sha256
    forge_approval(r, "0004", {ENERGY: change_of(r, before=before, after="1" * 64)})


def approve_an_id_that_is_not_there(r):
    forge_approval(r, "0004", {"heat/cpu/none": change_of(r, before=None, after="1" * 64)})


def golden_and_tolerances_in_one_approval(r):
    both = {ENERGY: change_of(r), "heat/tolerances.toml": change_of(r, "heat/tolerances.toml")}
    before = {i: r.goldens.manifest()[i].sha256 for i in both}
    r.write("goldens/heat/tolerances.toml", 'version = 1\n[rules]\n"energy" = { rtol = 9.0 }\n')
    forge_entry(r, rewrite_golden(r, 9.0))
    rules = {".toml": (r.root / "goldens/heat/tolerances.toml").read_bytes()}
    forge_entry(r, rules, "heat/tolerances.toml")
    forge_approval(r, "0004", {i: change_of(r, i, before=before[i]) for i in both})


def golden_and_schema_in_one_approval(r):
    name = "schemas/energy.schema.json"
    before = {i: r.goldens.manifest()[i].sha256 for i in (ENERGY, name)}
    content = r.write(name, json.dumps({"$id": guarded.SCHEMA, "x": 1})).read_bytes()
    forge_entry(r, rewrite_golden(r, 9.0))
    forge_entry(r, {".json": content}, name)
    forge_approval(r, "0004", {i: change_of(r, i, before=before[i]) for i in before})


def swap_approvals(r):
    folder = r.root / "goldens/approvals"
    second, third = ((folder / f"000{n}.json").read_bytes() for n in (2, 3))
    (folder / "0002.json").write_bytes(third)
    (folder / "0003.json").write_bytes(second)


def remove(path):
    return lambda r: (r.root / path).unlink()


def write(path, content):
    return lambda r: r.write(path, content)


def drop_entry(r):
    entries = r.goldens.manifest()
    del entries[ENERGY]
    r.write("goldens/MANIFEST.json", dump_manifest(entries))
    for suffix in (".json", ".npz"):
        (r.root / f"goldens/{ENERGY}{suffix}").unlink()


def replace_all(r):
    """Start over, with a manifest and approvals that agree with each other, and with nothing that was there."""
    for path in (r.root / "goldens/approvals").iterdir():
        path.unlink()
    (r.root / "goldens/MANIFEST.json").unlink()
    r.commit()
    r.accept_rules()
    for identity in (ENERGY, FLUX):
        r.offer(identity, 1.0)
        r.accept(identity, reason="start over")


BYPASSES = {
    "golden": (edit_golden, [f"{ENERGY} is not what was accepted"]),
    "arrays": (edit_arrays, [f"{ENERGY} is not what was accepted"]),
    "golden and manifest": (
        edit_golden_and_manifest,
        [f"{ENERGY} was last approved as", f"{ENERGY} differs from base and no new approval"],
    ),
    "golden, manifest and old approval": (
        edit_golden_manifest_and_old_approval,
        ["0002.json is not what it was in base", "0003.json is not what it was"],
    ),
    "golden removed": (remove(f"goldens/{ENERGY}.json"), [f"{ENERGY} is not what was accepted"]),
    "golden and entry removed": (drop_entry, [f"{ENERGY} was approved as", f"{ENERGY} differs from base"]),
    "golden added": (write("goldens/heat/cpu/new.json", b"{}"), ["heat/cpu/new is on the disk and not in MANIFEST"]),
    "arrays added": (write("goldens/heat/cpu/new.npz", b""), ["heat/cpu/new is on the disk and not in MANIFEST"]),
    "tolerances": (write("goldens/tolerances.toml", b"version = 1\n"), ["tolerances.toml is not what was accepted"]),
    "scenario's tolerances": (
        write("goldens/heat/tolerances.toml", b""),
        ["heat/tolerances.toml is not what was accepted"],
    ),
    "tolerances added": (
        write("goldens/cold/tolerances.toml", b""),
        ["cold/tolerances.toml is on the disk and not in MANIFEST"],
    ),
    "tolerances removed": (remove("goldens/heat/tolerances.toml"), ["heat/tolerances.toml is in MANIFEST.json and"]),
    "schema": (write("schemas/energy.schema.json", b"{}"), ["schemas/energy.schema.json is not what was accepted"]),
    "schema added": (write("schemas/new.schema.json", b"{}"), ["schemas/new.schema.json is on the disk and not in"]),
    "schema removed": (remove("schemas/other.schema.json"), ["schemas/other.schema.json is in MANIFEST.json and not"]),
    "manifest gone": (remove("goldens/MANIFEST.json"), [f"{ENERGY} differs from base and no new approval"]),
    "manifest damaged": (write("goldens/MANIFEST.json", b"{"), ["MANIFEST.json is not strict JSON"]),
    "manifest's comparator": (
        lambda r: r.edit_manifest(ENERGY, comparator="9"),
        [f"{ENERGY}: its entry in the manifest was edited", f"{ENERGY} differs from base"],
    ),
    "manifest's approval": (
        lambda r: r.edit_manifest(ENERGY, approval="0001"),
        [f"{ENERGY}: its entry in the manifest was edited"],
    ),
    "old approval edited": (lambda r: r.edit_approval("0003", reason="x"), ["0003.json is not what it was in base"]),
    "old approval reformatted": (
        lambda r: r.write("goldens/approvals/0003.json", (r.root / "goldens/approvals/0003.json").read_text() + "\n"),
        ["0003.json is not what it was in base"],
    ),
    "old approval removed": (remove("goldens/approvals/0003.json"), ["0003.json is in base and was removed"]),
    "first approval removed": (remove("goldens/approvals/0001.json"), ["0001.json is in base and was removed"]),
    "old approvals swapped": (swap_approvals, ["0002.json is not what it was in base"]),
    "approvals started over": (replace_all, ["0001.json is not what it was in base"]),
    "approval that starts elsewhere": (forge_with_a_wrong_start, ["changes heat/cpu/energy from 000000000000"]),
    "two approvals of one change": (forge_a_second_claim, ["0005.json and approvals/0004.json claim one change"]),
    "approval of a digest that is not there": (approve_a_hash_that_is_not_there, ["was last approved as 111111111111"]),
    "approval of an id that is not there": (approve_an_id_that_is_not_there, ["heat/cpu/none was approved as"]),
    "golden and tolerances at once": (
        golden_and_tolerances_in_one_approval,
        ["0004.json approves the golden heat/cpu/energy and heat/tolerances"],
    ),
    "golden and schema at once": (
        golden_and_schema_in_one_approval,
        ["0004.json approves the golden heat/cpu/energy and schemas/energy"],
    ),
    "a file among the approvals": (write("goldens/approvals/x.json", b"{}"), ["x.json is not an approval's file"]),
    "goldens led elsewhere": (
        write("pyproject.toml", b'[tool.harness]\nadapter = "plant:pipeline"\ngoldens = "others"\n'),
        ["[tool.harness] goldens was"],
    ),
}


@pytest.mark.parametrize("committed", [False, True], ids=["working tree", "committed"])
@pytest.mark.parametrize("name", BYPASSES)
def test_a_way_around_is_a_sentence(repository, name, committed):
    bypass, expected = BYPASSES[name]
    bypass(repository)
    if committed:
        repository.commit()
    sentences = problems(repository_of(repository, name))
    for part in expected:
        assert any(part in sentence for sentence in sentences), sentences


def repository_of(repository, name):
    """The repository as its own pyproject.toml now describes it."""
    if name == "goldens led elsewhere":
        from harness.core.project import find_project

        class Elsewhere:
            project = find_project(repository.root)

        return Elsewhere
    return repository


def test_a_golden_behind_a_link_is_a_sentence(repository, tmp_path):
    path = repository.root / f"goldens/{ENERGY}.json"
    (tmp_path / "elsewhere.json").write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere.json")
    assert any("is a link that leads out" in p for p in problems(repository))


def test_an_approval_that_starts_from_what_base_never_had_is_a_sentence(repository):
    edit_golden_and_manifest(repository)
    repository.commit()
    guarded.git(repository.root, "tag", "worse")
    guarded.git(repository.root, "checkout", "-q", "base", "--", "goldens")
    move(repository, 2.0)
    assert problems(repository) == []
    assert [p.split(" from ")[0] for p in problems(repository, "worse")] == [f"{ENERGY} went"]


def test_an_approval_made_on_another_branch_does_not_fit_beside_ours(moved):
    theirs = (moved.root / "goldens/approvals/0004.json").read_bytes()
    moved.commit()
    guarded.git(moved.root, "tag", "theirs")
    guarded.git(moved.root, "checkout", "-q", "-b", "mine", "base")
    move(moved, 3.0, FLUX)
    assert problems(moved) == []
    assert any("0004.json is not what it was in theirs" in p for p in problems(moved, "theirs"))
    assert (moved.root / "goldens/approvals/0004.json").read_bytes() != theirs


# Signatures


@pytest.fixture
def keys(tmp_path):
    for name in ("ada", "mallory"):
        path = tmp_path / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path), "-C", ""], check=True)
    return tmp_path


@pytest.fixture
def signed(tmp_path, keys, monkeypatch):
    """A repository whose approvals Ada signs, from the first on."""
    guarded.quiet_environment(monkeypatch)
    repository = guarded.make(tmp_path / "signed")
    public = (keys / "ada.pub").read_text().strip()
    repository.signers = repository.write("allowed_signers", f"{guarded.MAIL} {public}\n")
    repository.write(
        "pyproject.toml", '[tool.harness]\nadapter = "plant:pipeline"\nallowed_signers = "allowed_signers"\n'
    )
    repository.commit()
    rules = ["heat/tolerances.toml", "tolerances.toml", "schemas/energy.schema.json", "schemas/other.schema.json"]
    repository.accept(*rules, sign_key=keys / "ada")
    repository.commit()
    guarded.git(repository.root, "tag", "base")
    repository.offer()
    return repository


def test_a_signed_change_is_fine(signed, keys):
    signed.accept(sign_key=keys / "ada")
    assert problems(signed) == []


def test_a_change_without_its_signature_is_a_sentence(signed, keys):
    signed.accept(sign_key=keys / "ada")
    (signed.root / "goldens/approvals/0002.json.sig").unlink()
    assert any("0002.json is not signed" in p for p in problems(signed))


def test_an_old_signature_is_kept_too(signed):
    (signed.root / "goldens/approvals/0001.json.sig").unlink()
    assert any("0001.json.sig is in base and was removed" in p for p in problems(signed))


@pytest.mark.slow
def test_nobody_lets_himself_in(signed, keys):
    """Whoever adds a key to the allowed signers cannot approve with it in the same change."""
    mallory = (keys / "mallory.pub").read_text().strip()
    signed.write("allowed_signers", signed.signers.read_text() + f"m@example.org {mallory}\n")
    signed.commit()
    signed.accept(sign_key=keys / "mallory", approver="M <m@example.org>")
    assert problems(signed) == [
        "approvals/0002.json: its signature is not one by m@example.org that the allowed signers vouch for"
    ]


def test_the_demand_for_signatures_cannot_be_dropped_silently(signed):
    signed.write("pyproject.toml", '[tool.harness]\nadapter = "plant:pipeline"\n')
    signed.signers = None
    assert any("[tool.harness] allowed_signers was" in p for p in problems(signed))


def test_signers_that_cannot_be_read_are_named(signed):
    signed.signers.unlink()
    assert any("allowed_signers cannot be read" in p for p in problems(signed))
    with pytest.raises(GoldenError, match="cannot be read"):
        approval_log(signed.project)
