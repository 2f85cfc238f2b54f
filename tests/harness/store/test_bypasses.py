"""Ways to change what is golden without an approval: every door names each of them, and gives the same answer.

The doors are ``verify`` (which asks ``store_problems``), ``verify --approvals BASE`` (``check_approvals``), ``log`` and
pytest's item of the session (both ``chain_problems``). What leaves no trace in the files, because they agree with each
other, shows against an earlier commit only; such a way says why.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import guarded
import prepared
import pytest
from guarded import ENERGY, Guarded
from heat_repository import users_environment

from harness.cli.app import main
from harness.core.artifacts import dump_artifact
from harness.core.errors import ApprovalError
from harness.core.files import dump_json, sha256
from harness.core.project import Project, find_project
from harness.core.protocol import Artifact
from harness.core.verdicts import Status, Verdict
from harness.store.approval_check import chain_problems, check_approvals
from harness.store.approvals import Approval, Change, address_of, dump_approval
from harness.store.chain import approval_files, entry_digest, replay_approvals
from harness.store.manifest import combined_digest, dump_manifest
from harness.verify.housekeeping import store_problems

FLUX = "heat/cpu/flux"
RULES = ["heat/tolerances.toml", "tolerances.toml", "schemas/energy.schema.json", "schemas/flux.schema.json"]
SETTINGS = '[tool.harness]\nadapter = "plant:pipeline"\nallowed_signers = "allowed_signers"\n'
OWN = {
    "heat/cpu/configuration": (Artifact({"settings": 0}), "harness/configuration-1"),
    "heat/cpu/invariants": (
        Artifact({key: {"low": None, "high": 0} for key in ("finite_everywhere", "configuration_unchanged")}),
        "harness/invariants-1",
    ),
}
PIPELINE = """
import os
import numpy as np
from harness import Artifact, Pipeline, Scenario, Stage

def scenarios():
    return {"heat": "A rod"}

def load(name, profile, overrides):
    return Scenario(name, profile, "A rod", {})

def files(config):
    return [os.path.join(os.path.dirname(os.path.abspath(__file__)), "plant.txt")]

def energy(config, progress):
    with open(files(config)[0]) as file:
        return {"energy": float(file.read())}

def flux(config, progress):
    return {"energy": 1.0}

def see(config, output):
    return Artifact(output, {"field": np.full(3, output["energy"])})

pipeline = Pipeline(
    "heat", (Stage("heat", "energy", energy, see, files=files), Stage("flow", "flux", flux, see)),
    scenarios, load, ("plant",),
)
"""
DOORS: dict[str, Callable[[Project], list[str]]] = {
    "verify": lambda project: store_problems(project, {}, complete=False),
    "log and pytest": chain_problems,
}


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    """The keys of Ada, who may approve, and of Mallory, who may not."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("ada", "mallory"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name), "-C", ""]
        subprocess.run(command, check=True)
    return folder


@pytest.fixture(scope="session")
def template(tmp_path_factory, keys):
    """Four approvals that Ada signed (rules, energy, flux, another energy), committed as ``base``, and a commit."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        guarded.quiet_environment(monkeypatch)
        repository = guarded.make(tmp_path_factory.mktemp("bypasses") / "repository")
        (repository.root / "schemas/other.schema.json").unlink()
        repository.write("schemas/flux.schema.json", json.dumps({"$id": guarded.SCHEMA}))
        repository.write("plant.py", PIPELINE)
        repository.write("test_goldens.py", "def test_golden(golden):\n    golden.check()\n")
        repository.commit()
        guarded.git(repository.root, "tag", "start")
        public = (keys / "ada.pub").read_text().strip()
        repository.signers = repository.write("allowed_signers", f"{guarded.MAIL} {public}\n")
        repository.write("pyproject.toml", SETTINGS)
        repository.commit()
        repository.accept(*RULES, sign_key=keys / "ada")
        for identities, value in (((ENERGY,), 1.0), ((FLUX, *OWN), 1.0), ((ENERGY,), 2.0)):
            repository.commit()
            repository.change_pipeline(value)
            given = {i: OWN.get(i, (guarded.artifact(value), guarded.SCHEMA)) for i in identities}
            for identity in identities:
                repository.offer(identity, *given[identity])
            repository.accept(*identities, sign_key=keys / "ada", rerun=given.__getitem__, judge=agreed)
        repository.commit()
        guarded.git(repository.root, "tag", "base")
        repository.write("note.txt", "one commit more")
        repository.commit()
        # What the stages give is in the cache, as they are not what is tried here.
        command = [sys.executable, "-m", "harness", "run", "heat"]
        subprocess.run(command, cwd=repository.root, env=users_environment(), check=True, capture_output=True)
        return repository


@pytest.fixture
def repository(template, tmp_path, keys, monkeypatch):
    guarded.quiet_environment(monkeypatch)
    repository = guarded.copy(template, tmp_path / "repository")
    repository.signers = repository.root / "allowed_signers"
    repository.keys = keys
    return repository


def agreed(identity, golden, obtained) -> list[Verdict]:
    return [Verdict("", Status.PASS, "exact")]


# Tools of the trade


def rewrite_golden(r: Guarded, value: float, identity: str = ENERGY) -> dict[str, bytes]:
    """Put another golden in place, with no word to manifest or approvals, and give the content of its files."""
    files = dump_artifact(guarded.artifact(value), guarded.SCHEMA)
    for suffix, content in files.items():
        r.write(f"goldens/{identity}{suffix}", content)
    return files


def forge_entry(r: Guarded, files: dict[str, bytes], identity: str = ENERGY, **changes) -> None:
    """Make the manifest say that these files were accepted."""
    digests, digest, size = combined_digest(files)
    r.edit_manifest(identity, files=digests, sha256=digest, size=size, **changes)


def forge_approval(
    r: Guarded, changes: dict[str, Change], previous: tuple[str, ...] | None = None, key: str = "ada"
) -> str:
    """Write an approval by hand, signed and well linked, and give its id."""
    chain = replay_approvals(approval_files(r.project))
    model = chain.approvals[0]
    texts = {name: getattr(model, name) for name in ("when", "issue", "author", "approver", "commit")}
    links = chain.heads if previous is None else previous
    content = dump_approval(Approval(id="", previous=links, changes=changes, reason="forged", **texts))
    path = r.write(f"goldens/approvals/{address_of(content)}.json", content)
    sign(r, path, key)
    return path.stem


def sign(r: Guarded, path, key: str = "ada") -> None:
    """Sign an approval, over a signature that it has."""
    path.with_name(f"{path.name}.sig").unlink(missing_ok=True)
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", "harness", "-f", str(r.keys / key), str(path)]
    subprocess.run(command, check=True, capture_output=True)


def change_of(r: Guarded, identity: str = ENERGY, **changes) -> Change:
    """The change that would lead to the manifest's entry of an id."""
    entry = r.goldens.manifest()[identity]
    known = {"kind": entry.kind, "before": "0" * 64, "after": entry.sha256, "entry": entry_digest(entry)}
    return Change(**{**known, "schema": entry.schema, "disposition": "refresh", **changes})


def digest_of(r: Guarded, identity: str = ENERGY) -> str:
    return r.goldens.manifest()[identity].sha256


def link_of(r: Guarded, number: int) -> str:
    return sha256(r.approval(number).read_bytes())


def approvals_of(r: Guarded) -> list:
    return [r.approval(n) for n in (1, 2, 3, 4)]


def start_over(r: Guarded) -> None:
    """Accept everything anew, so that manifest and approvals agree with each other and with nothing that was there."""
    r.change_pipeline(2.5)
    shutil.rmtree(r.root / "goldens/approvals")
    (r.root / "goldens/MANIFEST.json").unlink()
    r.commit()
    r.accept(*RULES, sign_key=r.keys / "ada")
    for identity in (ENERGY, FLUX):
        r.offer(identity, 2.5)
        r.accept(identity, reason="start over", sign_key=r.keys / "ada")
    for identity, given in OWN.items():
        r.offer(identity, *given)
    r.accept(*OWN, reason="start over", sign_key=r.keys / "ada", rerun=OWN.__getitem__, judge=agreed)


# Ways around


def edit_rules_and_manifest(r, identity="tolerances.toml", path="goldens/tolerances.toml"):
    content = r.write(path, (r.root / path).read_bytes() + b" ").read_bytes()
    forge_entry(r, {f".{path.rpartition('.')[2]}": content}, identity)


def edit_golden_manifest_and_approval(r):
    forge_entry(r, rewrite_golden(r, 9.0))
    path = r.approval(4)
    record = json.loads(path.read_bytes())
    entry = r.goldens.manifest()[ENERGY]
    record["changes"][ENERGY].update(to=entry.sha256, entry=entry_digest(entry))
    path.write_bytes(dump_json(record))


def drop_entry_and_files(r):
    entries = r.goldens.manifest()
    del entries[ENERGY]
    r.write("goldens/MANIFEST.json", dump_manifest(entries))
    for suffix in (".json", ".npz"):
        (r.root / f"goldens/{ENERGY}{suffix}").unlink()


def replace_by_a_link(r):
    path = r.root / f"goldens/{ENERGY}.json"
    elsewhere = r.root.parent / "elsewhere.json"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def replace_by_a_folder(r):
    path = r.root / f"goldens/{ENERGY}.json"
    path.unlink()
    path.mkdir()
    (path / "x").write_text("")


def copy_an_entry(r):
    path = r.root / "goldens/MANIFEST.json"
    value = json.loads(path.read_bytes())
    value["goldens"]["heat/cpu/twin"] = value["goldens"][ENERGY]
    path.write_bytes(dump_json(value))
    for suffix in (".json", ".npz"):
        shutil.copy(r.root / f"goldens/{ENERGY}{suffix}", r.root / f"goldens/heat/cpu/twin{suffix}")


def edit_version(r):
    path = r.root / "goldens/MANIFEST.json"
    path.write_bytes(path.read_bytes().replace(b'"version": 1', b'"version": 2'))


def swap_approvals(r):
    second, third = r.approval(2), r.approval(3)
    contents = third.read_bytes(), second.read_bytes()
    second.write_bytes(contents[0])
    third.write_bytes(contents[1])


def rename_an_approval(r):
    path = r.approval(4)
    for old in (path, path.with_name(f"{path.name}.sig")):
        old.rename(old.with_name(old.name.replace(path.stem, "0" * 16)))


def link_an_approval(r):
    path = r.approval(4)
    path.rename(r.root.parent / path.name)
    path.symlink_to(r.root.parent / path.name)


def forge_with_a_wrong_start(r):
    forge_entry(r, rewrite_golden(r, 9.0))
    r.edit_manifest(ENERGY, approval=forge_approval(r, {ENERGY: change_of(r)}))


def forge_a_second_claim(r):
    last = replay_approvals(approval_files(r.project)).approvals[-1]
    forge_approval(r, dict(last.changes))


def fork_from_an_old_approval(r):
    """Follow an approval that others followed already, and change what one of these changed."""
    old = replay_approvals(approval_files(r.project)).approvals[1].changes[ENERGY].after
    forge_entry(r, rewrite_golden(r, 9.0))
    forged = forge_approval(r, {ENERGY: change_of(r, before=old)}, (link_of(r, 2),))
    r.edit_manifest(ENERGY, approval=forged)


def begin_a_second_root(r):
    forge_entry(r, rewrite_golden(r, 9.0))
    r.edit_manifest(ENERGY, approval=forge_approval(r, {ENERGY: change_of(r, before=None)}, ()))


def follow_what_is_not_there(r):
    forge_approval(r, {ENERGY: change_of(r, before=digest_of(r), after="1" * 64)}, ("2" * 64,))


def both_at_once(r, identity, path, content):
    both = {ENERGY: digest_of(r), identity: digest_of(r, identity)}
    written = r.write(path, content).read_bytes()
    forge_entry(r, rewrite_golden(r, 9.0))
    forge_entry(r, {f".{path.rpartition('.')[2]}": written}, identity)
    changes = {i: change_of(r, i, before=before) for i, before in both.items()}
    forged = forge_approval(r, changes)
    for changed in both:
        r.edit_manifest(changed, approval=forged)


def roll_back(r, with_the_approval):
    """Restore the energy as it was accepted first, and the manifest of that time."""
    last = r.approval(4)
    before = guarded.git(r.root, "log", "--format=%H", "-n", "2", "--", "goldens/MANIFEST.json").split()[1]
    guarded.git(r.root, "checkout", "-q", before, "--", "goldens")
    if with_the_approval:
        last.unlink()
        last.with_name(f"{last.name}.sig").unlink()


def rewrite_all(r):
    """Change the energy in manifest and approvals, and give each approval the name and the links that then fit."""
    forge_entry(r, rewrite_golden(r, 9.0))
    moved: dict[str, str] = {}
    for path in approvals_of(r):
        old, record = sha256(path.read_bytes()), json.loads(path.read_bytes())
        record["previous"] = [moved[p] for p in record["previous"]]
        if ENERGY in record["changes"] and len(moved) == 3:
            entry = r.goldens.manifest()[ENERGY]
            record["changes"][ENERGY].update(to=entry.sha256, entry=entry_digest(entry))
        content = dump_json(record)
        moved[old] = sha256(content)
        new = path.with_name(f"{address_of(content)}.json")
        for identity, entry in r.goldens.manifest().items():
            if entry.approval == path.stem:
                r.edit_manifest(identity, approval=new.stem)
        path.with_name(f"{path.name}.sig").unlink()
        path.unlink()
        new.write_bytes(content)
        sign(r, new)


def lead_elsewhere(r, key, folder):
    shutil.copytree(r.root / folder, r.root / "others" / folder)
    r.write("pyproject.toml", f'{SETTINGS}{key} = "others/{folder}"\n')


def move_the_project(r):
    """Put the project into a folder of its own, with other goldens."""
    for name in ("goldens", "schemas", "pyproject.toml", "allowed_signers", "plant.py", "test_goldens.py"):
        r.write("moved/x", "")
        (r.root / name).rename(r.root / "moved" / name)
    (r.root / "moved/x").unlink()
    r.commit()
    inner = Guarded(r.root / "moved", signers=r.root / "moved/allowed_signers")
    inner.keys = r.keys
    inner.write("plant.txt", "2.5")
    start_over(inner)


def behind_a_link(r, folder):
    """Lead a folder to a copy of it that can be edited unseen by the comparison of commits."""
    path = r.root / folder
    path.rename(r.root / "forged")
    path.symlink_to(os.path.relpath(r.root / "forged", path.parent))


def make_a_repository_of(r, folder):
    guarded.git(r.root / folder, "init", "-q")


def change_line_ends(r, path):
    target = r.root / path if isinstance(path, str) else path(r)
    target.write_bytes(target.read_bytes().replace(b"\n", b"\r\n"))


def replace_by_a_pointer(r, path):
    r.write(path, b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n")


def hide_an_edit(r, flag):
    guarded.git(r.root, "update-index", flag, f"goldens/{ENERGY}.json")
    rewrite_golden(r, 9.0)


def ignore_the_arrays(r):
    r.write(".gitignore", ".harness/\n*.npz\n")
    guarded.git(r.root, "rm", "-q", "--cached", f"goldens/{ENERGY}.npz")


def replace_objects(r):
    """Make git tell the rewritten goldens where it is asked about ``base``."""
    rewrite_all(r)
    r.commit()
    guarded.git(r.root, "replace", guarded.git(r.root, "rev-parse", "base^{tree}"), "HEAD^{tree}")


def graft(r):
    """Make git believe that HEAD was made from the first commit alone, so that ``base`` left it before any golden."""
    rewrite_all(r)
    r.commit()
    ids = [guarded.git(r.root, "rev-parse", name) for name in ("HEAD", "start")]
    (r.root / ".git/info").mkdir(exist_ok=True)
    (r.root / ".git/info/grafts").write_text(f"{' '.join(ids)}\n")


def begin_before_the_goldens(r):
    """Branch off where nothing was golden, and accept everything anew."""
    guarded.git(r.root, "checkout", "-q", "-b", "elsewhere", "start")
    r.write("allowed_signers", guarded.git(r.root, "show", "base:allowed_signers") + "\n")
    r.write("pyproject.toml", SETTINGS)
    r.commit()
    r.accept(*RULES, sign_key=r.keys / "ada")
    r.offer(ENERGY, 1.0)
    r.accept(sign_key=r.keys / "ada")


def begin_an_unrelated_history(r):
    guarded.git(r.root, "checkout", "-q", "--orphan", "nothing")
    r.commit()


def compare_with_itself(r):
    forge_entry(r, rewrite_golden(r, 9.0))
    rewrite_all(r)
    r.commit()
    guarded.git(r.root, "tag", "-f", "base")


def drop_the_demand_for_signatures(r):
    r.write("pyproject.toml", '[tool.harness]\nadapter = "plant:pipeline"\n')
    r.signers = None
    r.accept_nothing = True


def let_oneself_in(r):
    mallory = (r.keys / "mallory.pub").read_text().strip()
    r.write("allowed_signers", r.signers.read_text() + f"m@example.org {mallory}\n")
    r.change_pipeline(2.5)
    r.offer(ENERGY, 2.5)
    r.accept(sign_key=r.keys / "mallory", approver="M <m@example.org>")


def remove_signature(r):
    r.approval(4).with_suffix(".json.sig").unlink()


def remove(path):
    return lambda r: (r.root / path).unlink()


def write(path, content):
    return lambda r: r.write(path, content)


@dataclass(frozen=True)
class Bypass:
    """A way around, and a part of what is said of it, without a commit too unless ``unseen`` says why not."""

    do: Callable[[Guarded], object]
    says: str
    unseen: str = ""
    folder: str = ""  # where the project is afterwards
    environment: dict[str, str] = field(default_factory=dict)


AGREE = "the files agree with each other: only an earlier commit shows that they were others"
EDITED_RULE = "was edited since it was accepted"
BYPASSES = {
    # goldens
    "golden": Bypass(lambda r: rewrite_golden(r, 9.0), f"{ENERGY}.json is not what was accepted"),
    "arrays": Bypass(write(f"goldens/{ENERGY}.npz", b"x"), f"{ENERGY}.npz is not what was accepted"),
    "golden and manifest": Bypass(lambda r: forge_entry(r, rewrite_golden(r, 9.0)), f"{ENERGY} was last approved as"),
    "golden, manifest and approval": Bypass(edit_golden_manifest_and_approval, "was edited or renamed"),
    "golden removed": Bypass(remove(f"goldens/{ENERGY}.json"), f"{ENERGY}.json is in the manifest and not on the disk"),
    "arrays removed": Bypass(remove(f"goldens/{ENERGY}.npz"), f"{ENERGY}.npz is in the manifest and not on the disk"),
    "golden and entry removed": Bypass(drop_entry_and_files, f"{ENERGY} was approved as"),
    "golden added": Bypass(write("goldens/heat/cpu/new.json", b"{}"), "heat/cpu/new is in goldens/, not in"),
    "arrays added": Bypass(write("goldens/heat/cpu/new.npz", b""), "heat/cpu/new is in goldens/, not in"),
    "golden behind a link": Bypass(replace_by_a_link, "is a link that leads out"),
    "golden a folder": Bypass(replace_by_a_folder, "is a folder, not a plain file"),
    # tolerances and schemas
    "tolerances": Bypass(write("goldens/tolerances.toml", b"version = 1\n"), f"tolerances.toml {EDITED_RULE}"),
    "scenario's tolerances": Bypass(write("goldens/heat/tolerances.toml", b""), f"heat/tolerances.toml {EDITED_RULE}"),
    "tolerances added": Bypass(write("goldens/cold/tolerances.toml", b""), "cold/tolerances.toml is not in the"),
    "tolerances removed": Bypass(remove("goldens/heat/tolerances.toml"), "heat/tolerances.toml is in the manifest and"),
    "tolerances and manifest": Bypass(edit_rules_and_manifest, "tolerances.toml was last approved as"),
    "schema": Bypass(write("schemas/energy.schema.json", b"{}"), f"schemas/energy.schema.json {EDITED_RULE}"),
    "schema added": Bypass(write("schemas/new.schema.json", b"{}"), "schemas/new.schema.json is not in the manifest"),
    "schema removed": Bypass(remove("schemas/flux.schema.json"), "schemas/flux.schema.json is in the manifest and"),
    "schema and manifest": Bypass(
        lambda r: edit_rules_and_manifest(r, "schemas/flux.schema.json", "schemas/flux.schema.json"),
        "schemas/flux.schema.json was last approved as",
    ),
    # the manifest
    "manifest gone": Bypass(remove("goldens/MANIFEST.json"), f"{ENERGY} was approved as"),
    "manifest damaged": Bypass(write("goldens/MANIFEST.json", b"{"), "MANIFEST.json is not strict JSON"),
    "manifest of another version": Bypass(edit_version, "has version 2"),
    "manifest's comparator": Bypass(lambda r: r.edit_manifest(ENERGY, comparator="9"), "in the manifest was edited"),
    "manifest's schema": Bypass(lambda r: r.edit_manifest(ENERGY, schema="x-1"), "in the manifest was edited"),
    "manifest's commit": Bypass(lambda r: r.edit_manifest(ENERGY, commit="0" * 40), "in the manifest was edited"),
    "manifest's seeds": Bypass(lambda r: r.edit_manifest(ENERGY, seeds={}), "in the manifest was edited"),
    "manifest's approval": Bypass(lambda r: r.edit_manifest(ENERGY, approval="0" * 16), "in the manifest was edited"),
    "manifest's approval a number": Bypass(
        lambda r: r.edit_manifest(ENERGY, approval="0001"), "in the manifest was edited"
    ),
    "manifest's digest": Bypass(lambda r: r.edit_manifest(ENERGY, sha256="0" * 64), "was altered by hand"),
    "an entry copied": Bypass(copy_an_entry, "heat/cpu/twin is in the manifest and was never approved"),
    "manifest and golden rolled back": Bypass(lambda r: roll_back(r, False), f"{ENERGY} was last approved as"),
    # approvals
    "approval edited": Bypass(lambda r: r.edit_approval(3, reason="x"), "was edited or renamed"),
    "last approval edited": Bypass(lambda r: r.edit_approval(4, reason="x"), "was edited or renamed"),
    "approval reformatted": Bypass(
        lambda r: r.approval(4).write_bytes(r.approval(4).read_bytes() + b"\n"), "was edited or renamed"
    ),
    "approval renamed": Bypass(rename_an_approval, "was edited or renamed"),
    "approvals swapped": Bypass(swap_approvals, "was edited or renamed"),
    "last approval removed": Bypass(lambda r: r.approval(4).unlink(), "the signature of an approval that was removed"),
    "approval removed": Bypass(lambda r: r.approval(3).unlink(), "does not follow the approvals that are here"),
    "first approval removed": Bypass(lambda r: r.approval(1).unlink(), "does not follow the approvals that are here"),
    "all approvals removed": Bypass(
        lambda r: shutil.rmtree(r.root / "goldens/approvals"), f"{ENERGY} is in the manifest and was never approved"
    ),
    "approval damaged": Bypass(lambda r: r.approval(4).write_bytes(b"{"), "is not strict JSON"),
    "approval behind a link": Bypass(link_an_approval, "is a link that leads out"),
    "a file among the approvals": Bypass(write("goldens/approvals/x.json", b"{}"), "x.json is not an approval's file"),
    "a folder among the approvals": Bypass(write("goldens/approvals/x/y", b""), "x is a folder, not a plain file"),
    "a number among the approvals": Bypass(
        lambda r: r.write("goldens/approvals/0005.json", r.approval(4).read_bytes() + b" "),
        "0005.json stands where 0001.json",
    ),
    "an approval twice": Bypass(
        lambda r: shutil.copy(r.approval(4), r.root / f"goldens/approvals/{'0' * 16}.json"), "is a copy of"
    ),
    "forged from another start": Bypass(forge_with_a_wrong_start, f"changes {ENERGY} from 000000000000"),
    "forged twice": Bypass(forge_a_second_claim, f"claim one change of {ENERGY}"),
    "forged of a digest that is not there": Bypass(
        lambda r: forge_approval(r, {ENERGY: change_of(r, before=digest_of(r), after="1" * 64)}),
        "was last approved as 111111111111",
    ),
    "forged of an id that is not there": Bypass(
        lambda r: forge_approval(r, {"heat/cpu/none": change_of(r, before=None, after="1" * 64)}),
        "heat/cpu/none was approved as",
    ),
    "forged after an old approval": Bypass(fork_from_an_old_approval, f"{ENERGY} was accepted on two branches"),
    "forged after nothing": Bypass(begin_a_second_root, f"{ENERGY} was accepted on two branches"),
    "forged after what is not there": Bypass(follow_what_is_not_there, "does not follow the approvals that are here"),
    "golden and tolerances at once": Bypass(
        lambda r: both_at_once(r, "heat/tolerances.toml", "goldens/heat/tolerances.toml", "version = 1\n"),
        f"approves the golden {ENERGY} and heat/tolerances.toml",
    ),
    "golden and schema at once": Bypass(
        lambda r: both_at_once(
            r, "schemas/energy.schema.json", "schemas/energy.schema.json", json.dumps({"$id": guarded.SCHEMA, "x": 1})
        ),
        f"approves the golden {ENERGY} and schemas/energy",
    ),
    "last approval and its golden taken back": Bypass(
        lambda r: roll_back(r, True), "is in base and was removed: approvals are append-only", AGREE
    ),
    "all rewritten": Bypass(rewrite_all, "is in base and was removed: approvals are append-only", AGREE),
    "started over": Bypass(start_over, "is in base and was removed: approvals are append-only", AGREE),
    # signatures
    "signature removed": Bypass(remove_signature, "is not signed"),
    "signature damaged": Bypass(
        lambda r: r.approval(4).with_suffix(".json.sig").write_text("x"), "the allowed signers vouch for"
    ),
    "signature of another approval": Bypass(
        lambda r: shutil.copy(r.approval(3).with_suffix(".json.sig"), r.approval(4).with_suffix(".json.sig")),
        "the allowed signers vouch for",
    ),
    "signed by a stranger": Bypass(lambda r: sign(r, r.approval(4), "mallory"), "the allowed signers vouch for"),
    "signers emptied": Bypass(write("allowed_signers", b""), "the allowed signers vouch for"),
    "signers gone": Bypass(remove("allowed_signers"), "allowed_signers cannot be read"),
    "a stranger lets himself in": Bypass(
        let_oneself_in,
        "not one by m@example.org that the allowed signers vouch for",
        "whom the signers' file allows now is allowed: only an earlier commit knows that he was not",
    ),
    # settings
    "signatures no longer asked for": Bypass(
        drop_the_demand_for_signatures,
        "[tool.harness] allowed_signers was",
        "a project that asks for no signatures is in order: only an earlier commit asked for them",
    ),
    "goldens led elsewhere": Bypass(
        lambda r: lead_elsewhere(r, "goldens", "goldens"), "[tool.harness] goldens was", AGREE
    ),
    "schemas led elsewhere": Bypass(
        lambda r: lead_elsewhere(r, "schemas", "schemas"), "[tool.harness] schemas was", AGREE
    ),
    "project moved": Bypass(move_the_project, "the goldens of base were in goldens", AGREE, "moved"),
    # git
    "goldens behind a link": Bypass(lambda r: behind_a_link(r, "goldens"), "goldens is a symbolic link"),
    "approvals behind a link": Bypass(lambda r: behind_a_link(r, "goldens/approvals"), "link"),
    "schemas behind a link": Bypass(lambda r: behind_a_link(r, "schemas"), "schemas is a symbolic link"),
    "signers behind a link": Bypass(
        lambda r: behind_a_link(r, "allowed_signers"), "allowed_signers is a symbolic link"
    ),
    "goldens a repository": Bypass(lambda r: make_a_repository_of(r, "goldens"), "is a repository of its own"),
    "a scenario a repository": Bypass(lambda r: make_a_repository_of(r, "goldens/heat"), "is a repository of its own"),
    "arrays ignored": Bypass(ignore_the_arrays, f"git ignores goldens/{ENERGY}.npz"),
    "line ends of a golden": Bypass(lambda r: change_line_ends(r, f"goldens/{ENERGY}.json"), "other line ends"),
    "line ends of an approval": Bypass(lambda r: change_line_ends(r, lambda r: r.approval(4)), "other line ends"),
    "line ends of tolerances": Bypass(lambda r: change_line_ends(r, "goldens/tolerances.toml"), "other line ends"),
    "a pointer of Git LFS": Bypass(lambda r: replace_by_a_pointer(r, f"goldens/{ENERGY}.npz"), "a Git LFS pointer"),
    "manifest a pointer": Bypass(lambda r: replace_by_a_pointer(r, "goldens/MANIFEST.json"), "a Git LFS pointer"),
    "an edit assumed unchanged": Bypass(
        lambda r: hide_an_edit(r, "--assume-unchanged"), f"{ENERGY}.json is not what was accepted"
    ),
    "an edit outside the work tree": Bypass(
        lambda r: hide_an_edit(r, "--skip-worktree"), f"{ENERGY}.json is not what was accepted"
    ),
    "base replaced": Bypass(replace_objects, "is in base and was removed: approvals are append-only", AGREE),
    "history grafted": Bypass(graft, "is in base and was removed: approvals are append-only", AGREE),
    "begun before the goldens": Bypass(begin_before_the_goldens, "had no goldens, which base has meanwhile", AGREE),
    "an unrelated history": Bypass(begin_an_unrelated_history, "base and HEAD have no commit in common", AGREE),
    "compared with itself": Bypass(compare_with_itself, "so --approvals compares nothing", AGREE),
    "git led to another repository": Bypass(
        rewrite_all,
        "is in base and was removed: approvals are append-only",
        AGREE,
        environment={"GIT_DIR": "other/.git", "GIT_WORK_TREE": "other", "GIT_INDEX_FILE": "other/index"},
    ),
}


def project_of(repository: Guarded, bypass: Bypass) -> Project:
    """The project as its own pyproject.toml describes it, from wherever it is now."""
    return find_project(repository.root / bypass.folder)


@pytest.mark.parametrize("name", BYPASSES)
def test_every_door_gives_the_same_answer(repository, name, monkeypatch):
    bypass = BYPASSES[name]
    bypass.do(repository)
    for variable, value in bypass.environment.items():
        monkeypatch.setenv(variable, str(repository.root / value))
    project = project_of(repository, bypass)
    answers = {door: ask(project) for door, ask in DOORS.items()}
    against_base = check_approvals(project, "base")
    assert all(s and "\n" not in s for s in against_base)
    assert any(bypass.says in sentence for sentence in against_base), against_base
    assert len({tuple(answer) for answer in answers.values()}) == 1, answers
    assert set(answers["verify"]) <= set(against_base)  # a base adds sentences and takes none away
    if bypass.unseen:
        assert answers["verify"] == [], f"it is seen without a commit now, so it needs no reason ({bypass.unseen})"
    else:
        assert any(bypass.says in sentence for sentence in answers["verify"]), answers["verify"]


def told_by_verify(folder, capfd, monkeypatch, *options: str) -> tuple[int, str]:
    """The status of ``harness verify``, and what it says in JSON and on standard error."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", ["harness", "verify", "--json", *options])
    monkeypatch.setattr("sys.path", [*sys.path])  # where earlier ones found their source
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code, "".join(capfd.readouterr())


def told_by_pytest(folder, ready, *options: str) -> tuple[int, str]:
    """The status of ``pytest`` in a process of its own, and what it prints."""
    environment = users_environment() | {"COLUMNS": "1000"}
    given = {name: os.environ[name] for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE") if name in os.environ}
    command = [*prepared.start(ready, "pytest"), "-q", *options]
    done = subprocess.run(command, cwd=folder, env=environment | given, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", [*BYPASSES, ""])
def test_verify_verify_against_a_base_and_pytest_say_the_same(repository, ready, name, monkeypatch, capfd):
    """Through the commands themselves, in a repository whose every golden is as accepted."""
    bypass = BYPASSES.get(name) or Bypass(lambda r: None, "")
    bypass.do(repository)
    for variable, value in bypass.environment.items():
        monkeypatch.setenv(variable, str(repository.root / value))
    folder = repository.root / bypass.folder
    doors = {
        "verify": told_by_verify(folder, capfd, monkeypatch),
        "verify --approvals": told_by_verify(folder, capfd, monkeypatch, "--approvals", "base"),
        "pytest": told_by_pytest(folder, ready),
    }
    if bypass.unseen or not name:
        doors["pytest --harness-approvals"] = told_by_pytest(folder, ready, "--harness-approvals", "base")
    says = bypass.says
    if doors["verify"][0] == 2 and says not in doors["verify"][1]:  # nothing can be judged, for a reason that is said
        (says,) = re.findall("^error: (.*)$", doors["verify"][1], re.MULTILINE)
    said = {door: says in out.replace('\\"', '"') for door, (_, out) in doors.items()}
    if not name:
        assert {door: status for door, (status, _) in doors.items()} == dict.fromkeys(doors, 0), doors
    elif bypass.unseen:
        assert said == {door: "approvals" in door for door in doors}, doors
        assert all(status for door, (status, _) in doors.items() if "approvals" in door), doors
        assert bool(doors["verify"][0]) == bool(doors["pytest"][0]), doors
    else:
        assert all(said.values()), (says, doors)
        assert all(status in (1, 2) for status, _ in doors.values()), doors


COMMITTABLE = [n for n in BYPASSES if n not in ("goldens a repository", "a scenario a repository")]


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMITTABLE)
def test_a_commit_hides_nothing(repository, name, monkeypatch):
    bypass = BYPASSES[name]
    bypass.do(repository)
    guarded.git(repository.root, "add", "-A")
    guarded.git(repository.root, "-c", "core.safecrlf=false", "commit", "-q", "--allow-empty", "-m", "work")
    for variable, value in bypass.environment.items():
        monkeypatch.setenv(variable, str(repository.root / value))
    if name == "compared with itself":
        guarded.git(repository.root, "tag", "-f", "base")
    sentences = check_approvals(project_of(repository, bypass), "base")
    assert any(bypass.says in sentence for sentence in sentences), sentences


def test_the_repository_itself_is_in_order(repository):
    """Else every way around would be seen, whatever it did."""
    project = find_project(repository.root)
    assert {door: ask(project) for door, ask in DOORS.items()} == {door: [] for door in DOORS}
    assert check_approvals(project, "base") == []
    assert len(BYPASSES) >= 40


# What is called base is an error of its own


@pytest.mark.parametrize(
    "base",
    ["nowhere", "--help", "-1", "", "0" * 40, "base^{tree}", "base:plant.txt", "^base", "base..HEAD"],
)
def test_a_base_that_is_no_commit_is_an_error(repository, base):
    with pytest.raises(ApprovalError, match="is not a commit") as raised:
        check_approvals(repository.project, base)
    assert "\n" not in str(raised.value)


def test_a_base_that_is_two_things_is_an_error(repository):
    """A tag of the name of a branch comes first for git: whoever can push one could choose what is compared."""
    guarded.git(repository.root, "branch", "trunk", "base")
    assert check_approvals(repository.project, "trunk") == []
    guarded.git(repository.root, "tag", "trunk", "HEAD")
    with pytest.raises(ApprovalError, match="more than one thing"):
        check_approvals(repository.project, "trunk")
    assert check_approvals(repository.project, "refs/heads/trunk") == []
