"""The chain of approvals, when it is replayed, tells what every entry of the manifest should be.

An entry without an approval, an approval without its entry, and an approval that was edited, removed or
put in another order all show. A chain is evidence of tampering, not a lock: whoever reviews the
commits is the lock.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from harness.core.errors import GoldenError
from harness.core.files import json_digest, sha256
from harness.core.project import Project
from harness.store.approvals import Approval, Change, parse_approval, short_digest
from harness.store.goldens import Goldens
from harness.store.manifest import APPROVALS, Entry
from harness.store.signing import NAMESPACE, SIGNATURE_SUFFIX, signature_problem

APPROVAL_NAME = re.compile(r"\d{4,}\.json")


@dataclass(frozen=True)
class Chain:
    """Every approval in order, the last change of each id, and what is wrong, one sentence each."""

    approvals: tuple[Approval, ...] = ()
    last: Mapping[str, Change] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def entry_digest(entry: Entry) -> str:
    """The digest of everything the manifest says of an id."""
    return json_digest(asdict(entry))


def approval_files(project: Project) -> dict[str, bytes]:
    """The content of every file in the approvals' folder, by name."""
    folder, goldens = project.goldens / APPROVALS, Goldens.of(project)
    return {path.name: goldens.bytes_of(path) for path in sorted(folder.glob("*"))}


def approval_log(project: Project) -> list[Approval]:
    """Every approval, the newest last; raises a GoldenError that names the first broken link."""
    files = approval_files(project)
    chain = replay_approvals(files)
    problems = [*chain.problems, *disagreements(chain, Goldens.of(project).manifest())]
    if project.allowed_signers:
        problems += unsigned_approvals(files, chain.approvals, allowed_signers(project))
    if problems:
        raise GoldenError(problems[0])
    return list(chain.approvals)


def replay_approvals(files: Mapping[str, bytes]) -> Chain:
    """The chain of the approvals in the files of their folder."""
    problems = [
        f"{APPROVALS}/{n} is not an approval's file"
        for n in files
        if not APPROVAL_NAME.fullmatch(n.removesuffix(".sig"))
    ]
    approvals: list[Approval] = []
    last: dict[str, Change] = {}
    previous = ""
    for number, name in enumerate(sorted(filter(APPROVAL_NAME.fullmatch, files), key=lambda n: int(n[:-5])), 1):
        where = f"{APPROVALS}/{name}"
        try:
            approval = parse_approval(files[name], where)
        except GoldenError as error:
            return Chain(tuple(approvals), last, (*problems, str(error)))
        if name != f"{number:04d}.json" or approval.id != f"{number:04d}":
            problems.append(f"{where} stands where {number:04d}.json should: an approval was removed or renamed")
        if approval.previous != previous:
            problems.append(
                f"{where} does not follow the approval before it (its previous is not that file's SHA-256): "
                "one of the two was edited, removed or put in another order"
            )
        for identity, change in approval.changes.items():
            before = last[identity].after if identity in last else None
            if change.before != before:
                problems.append(_out_of_step(where, identity, change, before, approvals))
            last[identity] = change
        if clash := conflict(approval.changes):
            problems.append(f"{where} approves {clash}: each needs an approval of its own")
        approvals.append(approval)
        previous = sha256(files[name])
    return Chain(tuple(approvals), last, tuple(problems))


def _out_of_step(where: str, identity: str, change: Change, before: str | None, earlier: list[Approval]) -> str:
    """Say that the change does not start where the one before it ended, or that both claim the same step."""
    rival = next((a for a in reversed(earlier) if identity in a.changes), None)
    if rival and (rival.changes[identity].before, rival.changes[identity].after) == (change.before, change.after):
        return f"{where} and {APPROVALS}/{rival.id}.json claim one change of {identity}"
    return f"{where} changes {identity} from {short_digest(change.before)}, and it was {short_digest(before)}"


def disagreements(chain: Chain, manifest: Mapping[str, Entry]) -> list[str]:
    """A sentence for each id of which the approvals and the manifest do not say the same."""
    problems = []
    for identity in sorted({*chain.last, *manifest}):
        entry, change = manifest.get(identity), chain.last.get(identity)
        if entry is None:
            if change and change.after is not None:
                problems.append(f"{identity} was approved as {short_digest(change.after)} and is not in the manifest")
        elif change is None:
            problems.append(f"{identity} is in the manifest and was never approved")
        elif change.after != entry.sha256:
            problems.append(
                f"{identity} was last approved as {short_digest(change.after)}, "
                f"and the manifest says {short_digest(entry.sha256)}"
            )
        elif change.entry != entry_digest(entry):
            problems.append(f"{identity}: its entry in the manifest was edited after it was approved")
    return problems


def conflict(changes: Mapping[str, Change]) -> str:
    """Which golden is among ``changes`` together with a rule that it is judged by; empty when none is."""
    for identity, change in changes.items():
        for rule, other in changes.items():
            if change.kind == "golden" and governs(rule, other, identity, change.schema):
                return f"the golden {identity} and {rule}, which it is judged by, at once"
    return ""


def governs(rule: str, about: Change, golden: str, schema: str) -> bool:
    """Whether the tolerances or schema called ``rule`` decide about ``golden``, which has ``schema``."""
    if about.kind == "tolerances":
        folder = rule.rpartition("/")[0]
        return not folder or golden.startswith(f"{folder}/")
    return about.kind == "schema" and about.schema == schema


def unsigned_approvals(files: Mapping[str, bytes], approvals: tuple[Approval, ...], allowed: bytes) -> list[str]:
    """A sentence for each of ``approvals`` without a good signature."""
    problems = []
    for approval in approvals:
        name = f"{approval.id}.json"
        if (signature := files.get(name + SIGNATURE_SUFFIX)) is None:
            problems.append(
                f"{APPROVALS}/{name} is not signed: its approver can run ssh-keygen -Y sign -n {NAMESPACE} -f KEY on it"
            )
        elif problem := signature_problem(files[name], signature, allowed, approval.approver):
            problems.append(f"{APPROVALS}/{name}: {problem}")
    return problems


def allowed_signers(project: Project) -> bytes:
    """The content of the project's allowed-signers file."""
    assert project.allowed_signers is not None
    try:
        return project.allowed_signers.read_bytes()
    except OSError as error:
        raise GoldenError(
            f"{project.allowed_signers} cannot be read ({error.strerror}): [tool.harness] allowed_signers names it"
        ) from error
