"""A transaction changes several files as one: it stages them, writes a plan, and then puts them in place.

The plan is written last and whole, so that this is the moment of decision. What fails before it is refused, and
stays refused; the old state stands. What was decided is put in place by renaming, which needs no room on the disk; if
it is interrupted all the same, the goldens are not read (``refuse_interrupted``) until an acceptance or
``harness recover`` has carried the plan through. Nothing else does: a verification never writes goldens. The manifest
is the plan's last step, and readers check every byte against the manifest, so that even a reader
that looks in between sees the old state, the new state, or an error, and never a mixture.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from harness.core.errors import ApprovalError, GoldenError, HarnessError
from harness.core.files import (
    LARGEST_JSON,
    append_line,
    check_writable,
    dump_json,
    is_there,
    leads_out,
    parse_json,
    read_plain,
    sha256,
    sync_folder,
    write_file,
)
from harness.core.ids import check_id
from harness.core.project import Project, in_ci
from harness.store.manifest import MANIFEST, dump_manifest

FOLDER, PLAN = "accept", "plan.json"
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Recovery:
    """What was done about an acceptance that was interrupted: a sentence, empty for nothing; ``ids`` became golden."""

    sentence: str = ""
    ids: tuple[str, ...] = ()


@contextmanager
def project_lock(project: Project) -> Iterator[None]:
    """Hold the project's lock; raises ApprovalError when another process keeps it for a minute."""
    from filelock import FileLock, Timeout

    path = project.state / "lock"
    check_writable(path)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=PATIENCE_S)
    except Timeout as error:
        raise ApprovalError(
            f"another harness process has held {lock.lock_file} for {PATIENCE_S:.0f} s: wait for it, or end it"
        ) from error
    except OSError as error:
        raise HarnessError(f"cannot lock {path} ({error.strerror or error}): make it writable") from error
    try:
        yield
    finally:
        lock.release()


def refuse_interrupted(project: Project) -> None:
    """Raise GoldenError while an acceptance is decided and not finished: the goldens may be half old and half new.

    One that is just being carried out by another process is waited for.
    """
    plan = project.state / FOLDER / PLAN
    if not is_there(plan):
        return
    with project_lock(project):
        if is_there(plan):
            raise GoldenError(
                f"an acceptance was decided and interrupted ({plan}), and {project.goldens} may be half-way: "
                "`harness recover` finishes it"
            )


def recover_acceptance(project: Project) -> Recovery:
    """Finish what was decided, or discard what was not; raises ApprovalError in CI, where nothing is written."""
    if not is_there(project.state / FOLDER):
        return Recovery()
    if in_ci():
        raise ApprovalError("harness recover is refused in CI, where nothing is written: run it on your machine")
    with project_lock(project):
        staged = project.state / FOLDER
        if is_there(staged / PLAN):
            return _carry_out(project)
        if not is_there(staged):
            return Recovery()
        _discard(staged)
        return Recovery("discarded an acceptance that was interrupted before it was decided: accept again")


def discard_acceptance(project: Project) -> Recovery:
    """Forget an interrupted acceptance, decided or not; the goldens stay as they are."""
    if in_ci():
        raise ApprovalError("harness recover is refused in CI, where nothing is written: run it on your machine")
    if not is_there(project.state / FOLDER):
        return Recovery()
    with project_lock(project):
        _discard(project.state / FOLDER)
    return Recovery(f"discarded an acceptance that was interrupted: restore {project.goldens} from git")


def apply_changes(
    project: Project, changes: Mapping[str, bytes | None], manifest: bytes | None, done: Sequence[str]
) -> None:
    """Write or remove (None) ``changes`` (paths within the goldens) and then the manifest, as one.

    Without a ``manifest`` the one that is there stays. ``done`` are the ids of candidates, which are removed
    at the end. The caller holds the lock. Raises HarnessError where nothing was changed, and GoldenError
    where it was decided and could not be finished.
    """
    staged = project.state / FOLDER
    if is_there(staged / PLAN):
        raise ApprovalError("another acceptance was interrupted meanwhile: run `harness recover`, then try again")
    if is_there(staged):
        _discard(staged)
    try:
        _stage(project, changes, manifest, done)
    except BaseException as error:
        _discard(staged)
        if isinstance(error, OSError):
            raise HarnessError(f"cannot write {staged} ({error.strerror or error}): nothing was accepted") from error
        raise
    try:
        _carry_out(project)
    except (HarnessError, OSError, KeyboardInterrupt) as error:
        why = str(error.__cause__ or error) or "interrupted"
        raise GoldenError(
            f"the acceptance was decided and is not finished ({why}): mend that, and `harness recover` finishes it"
        ) from error


def _stage(project: Project, changes: Mapping[str, bytes | None], manifest: bytes | None, done: Sequence[str]) -> None:
    """Write everything that will be put in place, and the plan last: with it, it is decided."""
    staged = project.state / FOLDER
    if manifest is None:
        current = project.goldens / MANIFEST
        manifest = read_plain(current, project.goldens) if is_there(current) else dump_manifest({})
    staged.mkdir(parents=True)
    steps = []
    for number, (path, content) in enumerate({**changes, MANIFEST: manifest}.items()):
        _target(project, path)
        if content is not None:
            write_file(staged / str(number), content)
        steps.append({"path": path, "sha256": None if content is None else sha256(content)})
    plan = {"old": _manifest_digest(project), "steps": steps, "done": list(done)}
    write_file(staged / PLAN, dump_json(plan))


def note_in_log(project: Project, action: str, ids: Sequence[str], reason: str) -> None:
    """Add a line to the state's own log, for an action that leaves no approval."""
    when = datetime.now(timezone.utc).isoformat(timespec="seconds")
    line = json.dumps({"when": when, "action": action, "ids": list(ids), "reason": reason})
    append_line(project.state / "log", line)


def _carry_out(project: Project) -> Recovery:
    """Take every step of the plan, unless the goldens were changed after it; it does no harm to take a step twice."""
    from harness.store.candidates import remove_candidate

    staged = project.state / FOLDER
    steps, old, done = _read_plan(staged / PLAN)
    now, new = _manifest_digest(project), steps[-1]["sha256"]
    if now not in (old, new):
        _discard(staged)
        return Recovery(
            "discarded an acceptance that was interrupted, since the goldens were changed after it: accept again"
        )
    for number, step in enumerate(steps):
        target = _target(project, step["path"])
        for leftover in target.parent.glob(f".{target.name}.*.tmp"):  # a write that was killed left it
            leftover.unlink(missing_ok=True)
        if step["sha256"] is None:
            target.unlink(missing_ok=True)
        else:
            _put(staged / str(number), target, step["sha256"], project.goldens)
    for identity in done:
        remove_candidate(project, identity)
    _discard(staged)
    return Recovery(
        f"finished an acceptance that was interrupted after it was decided: {', '.join(done) or 'rules'}", tuple(done)
    )


def _put(staged: Path, target: Path, digest: str, goldens: Path) -> None:
    """Put a staged file into its place, unless it is there already; a rename needs no room on the disk."""
    if not is_there(staged) and is_there(target) and sha256(read_plain(target, goldens)) == digest:
        return
    content = _staged_content(staged, digest)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(staged, target)
        sync_folder(target.parent)
    except OSError:  # such as a state on another disk
        write_file(target, content)


def _read_plan(path: Path) -> tuple[list[dict[str, Any]], str, list[str]]:
    try:
        plan = parse_json(read_plain(path, path.parents[1], LARGEST_JSON), str(path))
        steps, old, done = plan["steps"], plan["old"], [check_id(identity) for identity in plan["done"]]
        if not steps or steps[-1]["path"] != MANIFEST or not all(set(s) == {"path", "sha256"} for s in steps):
            raise ValueError("its steps do not end with the manifest")
    except (OSError, LookupError, TypeError, ValueError) as error:
        raise GoldenError(
            f"{path} is damaged ({error}): restore the goldens from git, then run `harness recover --discard`"
        ) from error
    return steps, old, done


def _staged_content(path: Path, digest: str) -> bytes:
    try:
        content = read_plain(path, path.parents[1])
    except GoldenError as error:
        raise GoldenError(
            f"{path} is needed to finish an acceptance ({error}): restore the goldens from git, "
            "then run `harness recover --discard`"
        ) from error
    if sha256(content) != digest:
        raise GoldenError(f"{path} is damaged: restore the goldens from git, then run `harness recover --discard`")
    return content


def _target(project: Project, path: str) -> Path:
    target = project.goldens / check_id(path)
    if leads_out(target.parent, project.goldens):
        raise GoldenError(f"{target.parent} is a link that leads out of {project.goldens}: goldens are plain files")
    return target


def _manifest_digest(project: Project) -> str:
    path = project.goldens / MANIFEST
    return sha256(read_plain(path, project.goldens)) if is_there(path) else ""


def _discard(staged: Path) -> None:
    """Remove what was staged, the plan first: without a plan the rest means nothing."""
    try:
        if staged.is_dir() and not staged.is_symlink():
            (staged / PLAN).unlink(missing_ok=True)
            shutil.rmtree(staged, ignore_errors=True)
        else:
            staged.unlink(missing_ok=True)
    except OSError as error:
        raise HarnessError(f"cannot remove {staged} ({error.strerror or error}): remove it by hand") from error
