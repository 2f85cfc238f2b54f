"""What the doctor says of places beyond this machine: the shared cache, and the remote of large goldens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.core import text
from harness.core.errors import HarnessError
from harness.core.files import LARGEST_JSON, read_plain
from harness.core.project import Project


@dataclass(frozen=True)
class Check:
    """What is checked, and whether it holds.

    ``needed``: nothing works without it; ``state``: how it is; ``remedy``: what to do, empty where it holds.
    """

    name: str
    held: bool
    needed: bool
    state: str
    remedy: str = ""


def beyond(project: Project) -> Iterator[Check]:
    """Whether what the project names beyond this machine can be reached, and what is trusted there."""
    if project.cache:
        yield _cache(project)
    if project.remote:
        yield _remote(project)


def _cache(project: Project) -> Check:
    from harness.remote.sealed import Sealer
    from harness.remote.stores import Store
    from harness.run.shared.cache import writing_key

    key, how = writing_key()
    try:
        assert project.cache_signers is not None
        signers = read_plain(project.cache_signers, None, LARGEST_JSON)
        lines = [line for line in signers.decode(errors="replace").splitlines() if line.strip() and line[0] != "#"]
        Store(project.cache, project.remote_seconds).check()
    except HarnessError as error:
        return Check("shared cache", False, False, f"{project.cache}: not used", str(error))
    if not lines:
        remedy = f"it trusts nobody: add the public key of who may write to {project.cache_signers}"
        return Check("shared cache", False, False, f"{project.cache}: {how}", remedy)
    try:
        if key is not None:
            how += f" as {Sealer(key, signers).who}"
    except (HarnessError, OSError) as error:
        return Check("shared cache", False, False, f"{project.cache}: nothing is put into it", str(error))
    trusted = f"trusts {text.count(len(lines), 'signer')} of {project.cache_signers.name}"
    return Check("shared cache", True, False, f"{project.cache}: {how}; {trusted}")


def _remote(project: Project) -> Check:
    from harness.remote.stores import Store
    from harness.store.goldens import Goldens
    from harness.store.large.objects import large_files
    from harness.store.large.transfer import missing_large

    state = f"{project.remote}: for files of more than {text.size(project.large_bytes)}"
    try:
        manifest = Goldens.of(project).manifest()
        count, missing = len(list(large_files(manifest))), missing_large(project, manifest)
        state += f"; {text.count(count, 'golden')} there, {len(missing)} missing here"
        Store(project.remote, project.remote_seconds).check()
    except HarnessError as error:
        return Check("large goldens", False, False, state, str(error))
    return Check("large goldens", not missing, False, state, "run `harness pull`" if missing else "")
