"""A small guarded repository for the tests of approvals: real git, real files, and a pipeline that reads one number."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from harness.core.files import dump_json, sha256
from harness.core.project import Project, read_table
from harness.core.protocol import Artifact
from harness.core.verdicts import Status, Verdict
from harness.store.acceptance import accept_candidates
from harness.store.approvals import Approval
from harness.store.candidates import add_candidate, list_edits
from harness.store.chain import approval_files, entry_digest, replay_approvals, whole_chain
from harness.store.goldens import Goldens
from harness.store.transaction import refuse_interrupted

ME, MAIL = "Ada Example", "ada@example.org"
SCHEMA = "plant/energy-1"
ENERGY = "heat/cpu/energy"


def git(root: Path, *arguments: str) -> str:
    process = subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True, text=True)
    return process.stdout.strip()


def judge(identity: str, golden: Artifact, obtained: Artifact) -> list[Verdict]:
    """The verdict on the energy, which may be 1 % off the golden."""
    old, new = golden.values["energy"], obtained.values["energy"]
    used = abs(new - old) / (0.01 * abs(old))
    status, message = (Status.PASS, "") if used <= 1 else (Status.FAIL, f"expected {old}, obtained {new}")
    return [Verdict("energy", status, "deterministic", message, "rtol", old, new, "rtol 0.01", used)]


def artifact(value: float) -> Artifact:
    return Artifact({"energy": value}, {"field": np.full(3, value)})


@dataclass
class Guarded:
    """The repository. ``fresh`` overrides what a fresh run gives; ``invalid`` and ``broken`` are problems to report."""

    root: Path
    fresh: Artifact | None = None
    invalid: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    meanwhile: object = None  # it is called during the fresh run
    signers: Path | None = None
    table: dict[str, object] = field(default_factory=dict)  # of its settings

    @property
    def project(self) -> Project:
        table = {"adapter": "plant:pipeline", **self.table}
        return read_table(self.root, table | ({"allowed_signers": self.signers.name} if self.signers else {}))

    @property
    def goldens(self) -> Goldens:
        return Goldens.of(self.project)

    def write(self, path: str, content: str | bytes) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return target

    def commit(self, message: str = "work") -> str:
        git(self.root, "add", "-A")
        git(self.root, "commit", "-q", "--allow-empty", "-m", message)
        return git(self.root, "rev-parse", "HEAD")

    def change_pipeline(self, value: float) -> None:
        self.write("plant.txt", str(value))
        self.commit(f"plant gives {value}")

    def obtained(self) -> Artifact:
        return self.fresh or artifact(float((self.root / "plant.txt").read_text()))

    def verify(self, identity: str = ENERGY) -> list[Status]:
        """Compare with the golden, and keep a candidate where it fails, as a verification does."""
        refuse_interrupted(self.project)
        entry = self.goldens.manifest().get(identity)
        if entry is None:
            verdicts = [Verdict("", Status.MISSING, "deterministic", "no golden")]
        else:
            verdicts = judge(identity, self.goldens.read(identity, entry).artifact, self.obtained())
        if any(v.status.failed for v in verdicts):
            self.offer(identity, self.obtained())
        return [v.status for v in verdicts]

    def offer(self, identity: str = ENERGY, candidate: Artifact | float = 1.0, schema: str = SCHEMA, **about) -> bool:
        candidate = candidate if isinstance(candidate, Artifact) else artifact(candidate)
        known = {"why": "energy is out", "environment": {"numpy": "2"}, "seeds": {"train": 7}, "comparator": "1"}
        return add_candidate(self.project, identity, candidate, schema, {**known, **about})

    def rerun(self, identity: str) -> tuple[Artifact, str]:
        if callable(self.meanwhile):
            self.meanwhile()
        return self.obtained(), SCHEMA

    def accept(self, *ids: str, reason: str = "numpy 2 sums in another order", **options):
        callables = {
            "rerun": self.rerun,
            "judge": judge,
            "invariants_hold": lambda scenario: self.broken,
            "validate": lambda candidate, schema: self.invalid,
        }
        return accept_candidates(self.project, ids or (ENERGY,), reason=reason, **{**callables, **options})

    def accept_rules(self):
        """The first approval: the tolerances and schemas that the repository starts with."""
        return self.accept(*(e.identity for e in list_edits(self.project)), reason="first rules", bulk=True)

    def state(self) -> dict[str, str]:
        """The digest of every file that an acceptance could touch."""
        folders = (self.root / "goldens", self.root / ".harness" / "pending")
        files = [p for folder in folders for p in sorted(folder.rglob("*")) if p.is_file()]
        return {str(p.relative_to(self.root)): sha256(p.read_bytes()) for p in files}

    def edit_manifest(self, identity: str, **changes) -> None:
        path = self.root / "goldens" / "MANIFEST.json"
        value = json.loads(path.read_bytes())
        value["goldens"][identity].update(changes)
        path.write_bytes(dump_json(value))

    def approval(self, number: int) -> Path:
        """The file of an approval by its place in the log, counted from 1."""
        approvals = replay_approvals(approval_files(self.project)).approvals
        return self.root / "goldens" / "approvals" / f"{approvals[number - 1].id}.json"

    def edit_approval(self, number: int, **changes) -> Path:
        """Rewrite some fields of an approval, whose file keeps its name."""
        path = self.approval(number)
        path.write_bytes(dump_json({**json.loads(path.read_bytes()), **changes}))
        return path


def approval_log(project: Project) -> list[Approval]:
    """Every approval, the newest last; raises a GoldenError that names the first broken link."""
    return list(whole_chain(project).approvals)


def quiet_environment(monkeypatch) -> None:
    """Let git see nobody's own settings, and the harness no CI."""
    for name in ("CI", "GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def make(root: Path) -> Guarded:
    """A fresh repository with tolerances, two schemas and a pipeline, committed; nothing is accepted yet."""
    root.mkdir(parents=True, exist_ok=True)
    root = root.resolve()
    guarded = Guarded(root)
    git(root, "init", "-q", "-b", "main")
    for key, value in {"user.name": ME, "user.email": MAIL, "commit.gpgsign": "false", "gc.auto": "0"}.items():
        git(root, "config", key, value)
    guarded.write(".gitignore", ".harness/\n")
    guarded.write("pyproject.toml", '[tool.harness]\nadapter = "plant:pipeline"\n')
    guarded.write("goldens/tolerances.toml", 'version = 1\n[rules]\n"**" = { rtol = 0.01 }\n')
    guarded.write("goldens/heat/tolerances.toml", 'version = 1\nextends = "../tolerances.toml"\n[rules]\n')
    guarded.write("schemas/energy.schema.json", json.dumps({"$id": SCHEMA}))
    guarded.write("schemas/other.schema.json", json.dumps({"$id": "plant/other-1"}))
    guarded.change_pipeline(1.0)
    return guarded


def copy(guarded: Guarded, root: Path) -> Guarded:
    """The same repository elsewhere."""
    shutil.copytree(guarded.root, root)
    return Guarded(root.resolve(), signers=guarded.signers)


def number_the_approvals(repository):
    """Rewrite approvals and manifest as older versions of the harness wrote them, and give their paths."""
    folder, previous, paths = repository.root / "goldens/approvals", "", []
    old = [repository.approval(n + 1) for n in range(len(list(folder.glob("*.json"))))]
    for number, path in enumerate(old, 1):
        record = {**json.loads(path.read_bytes()), "version": 1, "id": f"{number:04d}", "previous": previous}
        for identity, change in record["changes"].items():
            entry = repository.goldens.manifest().get(identity)
            if entry and entry.approval == path.stem:
                repository.edit_manifest(identity, approval=record["id"])
                change["entry"] = entry_digest(repository.goldens.manifest()[identity])
        path.unlink()
        paths.append(folder / f"{number:04d}.json")
        paths[-1].write_bytes(dump_json(record))
        previous = sha256(paths[-1].read_bytes())
    return paths
