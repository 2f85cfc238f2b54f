"""A transaction changes several files as one: it stages them, writes a plan, and then puts them in place.

The plan is written last and whole, so that this is the moment of decision. After a crash without it, what
was staged is thrown away and the old state stands; with it, every later command carries it through. The manifest
is the plan's last step, and readers check every byte against the manifest, so that even a reader
that looks in between sees the old state, the new state, or an error, and never a mixture.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from harness.core.errors import ApprovalError, GoldenError
from harness.core.files import dump_json, parse_json, sha256, write_file
from harness.core.ids import check_id
from harness.core.project import Project, in_ci
from harness.store.manifest import MANIFEST, dump_manifest

FOLDER, PLAN = "accept", "plan.json"
PATIENCE_S = 60.0


@contextmanager
def project_lock(project: Project) -> Iterator[str]:
    """Hold the project's lock, once what a killed process left is finished or undone.

    The context gives a sentence that says what was done about that; it is empty when there was nothing. Raises
    ApprovalError when another process keeps the lock for a minute.
    """
    from filelock import FileLock, Timeout

    project.state.mkdir(parents=True, exist_ok=True)
    lock = FileLock(project.state / "lock")
    try:
        lock.acquire(timeout=PATIENCE_S)
    except Timeout as error:
        raise ApprovalError(
            f"another harness process has held {lock.lock_file} for {PATIENCE_S:.0f} s: wait for it, or end it"
        ) from error
    try:
        yield _settle(project)
    finally:
        lock.release()


def recover_acceptance(project: Project) -> str:
    """Finish or undo what a killed process left, and say which; call it before reading goldens.

    In CI, where nothing is written, it does nothing.
    """
    if in_ci() or not (project.state / FOLDER).exists():
        return ""
    with project_lock(project) as sentence:
        return sentence


def apply_changes(
    project: Project, changes: Mapping[str, bytes | None], manifest: bytes | None, done: Sequence[str]
) -> None:
    """Write or remove (None) ``changes`` (paths within the goldens) and then the manifest, as one.

    Without a ``manifest`` the one that is there stays. ``done`` are the ids of candidates, which are removed
    at the end. The caller holds the lock.
    """
    if manifest is None:
        current = project.goldens / MANIFEST
        manifest = current.read_bytes() if current.exists() else dump_manifest({})
    staged = project.state / FOLDER
    staged.mkdir(parents=True)
    steps = []
    for number, (path, content) in enumerate({**changes, MANIFEST: manifest}.items()):
        _target(project, path)
        if content is not None:
            write_file(staged / str(number), content)
        steps.append({"path": path, "sha256": None if content is None else sha256(content)})
    plan = {"old": _manifest_digest(project), "steps": steps, "done": list(done)}
    write_file(staged / PLAN, dump_json(plan))
    _carry_out(project)


def note_in_log(project: Project, action: str, ids: Sequence[str], reason: str) -> None:
    """Add a line to the state's own log, for an action that leaves no approval."""
    when = datetime.now(timezone.utc).isoformat(timespec="seconds")
    line = json.dumps({"when": when, "action": action, "ids": list(ids), "reason": reason})
    with (project.state / "log").open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def _settle(project: Project) -> str:
    """Finish or discard what a killed process left, and say which; empty when there is nothing."""
    staged = project.state / FOLDER
    if (staged / PLAN).exists():
        return _carry_out(project)
    if not staged.exists():
        return ""
    _discard(staged)
    return "discarded an acceptance that was interrupted before it was decided: accept again"


def _carry_out(project: Project) -> str:
    """Take every step of the plan, unless the goldens were changed after it; it does no harm to take a step twice."""
    from harness.store.candidates import remove_candidate

    staged = project.state / FOLDER
    steps, old, done = _read_plan(staged / PLAN)
    now, new = _manifest_digest(project), steps[-1]["sha256"]
    if now not in (old, new):
        _discard(staged)
        return "discarded an acceptance that was interrupted, since the goldens were changed after it: accept again"
    for number, step in enumerate(steps):
        target = _target(project, step["path"])
        for leftover in target.parent.glob(f".{target.name}.*.tmp"):  # a write that was killed left it
            leftover.unlink(missing_ok=True)
        if step["sha256"] is None:
            target.unlink(missing_ok=True)
        else:
            write_file(target, _staged_content(staged / str(number), step["sha256"]))
    for identity in done:
        remove_candidate(project, identity)
    _discard(staged)
    return "finished an acceptance that was interrupted after it was decided"


def _read_plan(path: Path) -> tuple[list[dict[str, Any]], str, list[str]]:
    try:
        plan = parse_json(path.read_bytes(), str(path))
        steps, old, done = plan["steps"], plan["old"], [check_id(identity) for identity in plan["done"]]
        if not steps or steps[-1]["path"] != MANIFEST or not all(set(s) == {"path", "sha256"} for s in steps):
            raise ValueError("its steps do not end with the manifest")
    except (OSError, LookupError, TypeError, ValueError) as error:
        raise GoldenError(
            f"{path} is damaged ({error}): restore the goldens from git, then remove {path.parent}"
        ) from error
    return steps, old, done


def _staged_content(path: Path, digest: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise GoldenError(
            f"{path} is gone and is needed to finish an acceptance: restore the goldens from git, "
            f"then remove {path.parent}"
        ) from error
    if sha256(content) != digest:
        raise GoldenError(f"{path} is damaged: restore the goldens from git, then remove {path.parent}")
    return content


def _target(project: Project, path: str) -> Path:
    target = project.goldens / check_id(path)
    if not target.parent.resolve().is_relative_to(project.goldens.resolve()):
        raise GoldenError(f"{target.parent} is a link that leads out of {project.goldens}: goldens are plain files")
    return target


def _manifest_digest(project: Project) -> str:
    path = project.goldens / MANIFEST
    return sha256(path.read_bytes()) if path.exists() else ""


def _discard(staged: Path) -> None:
    (staged / PLAN).unlink(missing_ok=True)  # first: without a plan the rest means nothing
    shutil.rmtree(staged, ignore_errors=True)
