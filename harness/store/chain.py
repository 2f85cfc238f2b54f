"""The approvals, when they are replayed, tell what every entry of the manifest should be.

Each approval names the files that it follows by their digests, so that together they form a graph: a chain as a rule,
which forks where two branches accept and joins where the next approval follows both. An entry without an approval,
an approval without its entry, and one that was edited, removed or put in another order all show. This is evidence of
tampering, not a lock: whoever reviews the commits is the lock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter

from harness.core.errors import GoldenError
from harness.core.files import json_digest, sha256
from harness.core.project import Project
from harness.store.approvals import ADDRESSED, NUMBERED, Approval, Change, parse_approval, short_digest
from harness.store.goldens import Goldens, line_ends_changed
from harness.store.manifest import APPROVALS, Entry, entry_to_json
from harness.store.signing import SIGNATURE_SUFFIX, signers_of, unsigned_approvals


@dataclass(frozen=True)
class Claim:
    """What an approval says of one id, with nothing after it that says otherwise."""

    approval: Approval
    change: Change


@dataclass(frozen=True)
class Chain:
    """Every approval, each after those that it follows, and what is wrong, one sentence each.

    ``last``: of each id the claims that stand, one as a rule, more where branches both changed it.
    ``heads``: the digests of the approvals that no other follows.
    """

    approvals: tuple[Approval, ...] = ()
    last: Mapping[str, tuple[Claim, ...]] = field(default_factory=dict)
    heads: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def unsettled(self) -> dict[str, tuple[Claim, ...]]:
        """The ids that branches accepted with different content, and no approval since has settled."""
        return {i: claims for i, claims in self.last.items() if len({c.change.after for c in claims}) > 1}


def entry_digest(entry: Entry) -> str:
    """The digest of everything the manifest says of an id.

    It leaves out which approval that is, which is called by a digest that this one is part of; numbers are in it.
    """
    about = entry_to_json(entry)
    if not NUMBERED.fullmatch(entry.approval):
        del about["approval"]
    return json_digest(about)


def approval_files(project: Project) -> dict[str, bytes]:
    """The content of every file in the approvals' folder, by name; raises GoldenError where git changed one."""
    folder, goldens = project.goldens / APPROVALS, Goldens.of(project)
    files = {path.name: goldens.bytes_of(path) for path in sorted(folder.glob("*"))}
    for name, content in files.items():
        if name.endswith(".json") and b"\r\n" in content:  # which is nothing that the harness writes
            raise GoldenError(line_ends_changed(f"{APPROVALS}/{name}", project.goldens))
    return files


def whole_chain(project: Project) -> Chain:
    """The chain, which agrees with the manifest; raises a GoldenError that names the first broken link."""
    files = approval_files(project)
    chain = replay_approvals(files)
    problems = [*chain.problems, *disagreements(chain, Goldens.of(project).manifest())]
    if project.allowed_signers:
        problems += unsigned_approvals(files, chain.approvals, signers_of(project))
    if problems:
        raise GoldenError(problems[0])
    return chain


def replay_approvals(files: Mapping[str, bytes]) -> Chain:
    """The chain of the approvals in the files of their folder."""
    problems: list[str] = []
    nodes: dict[str, tuple[str, Approval]] = {}
    for name, content in sorted(files.items()):
        stem, _, ending = name.removesuffix(SIGNATURE_SUFFIX).partition(".")
        if ending != "json" or not (NUMBERED.fullmatch(stem) or ADDRESSED.fullmatch(stem)):
            problems.append(f"{APPROVALS}/{name} is not an approval's file")
        elif name.endswith(SIGNATURE_SUFFIX) and name.removesuffix(SIGNATURE_SUFFIX) not in files:
            problems.append(f"{APPROVALS}/{name} is the signature of an approval that was removed or renamed")
        elif not name.endswith(SIGNATURE_SUFFIX):
            if twin := nodes.get(sha256(content)):
                problems.append(f"{APPROVALS}/{name} is a copy of {twin[0]}: remove one")
                continue
            try:
                nodes[sha256(content)] = (name, parse_approval(content, f"{APPROVALS}/{name}"))
            except GoldenError as error:
                problems.append(str(error))
    problems += _misnamed(nodes)
    order = _in_order({digest: approval for digest, (_, approval) in nodes.items()})
    history: dict[str, list[tuple[int, Claim]]] = {}  # of each id, who claimed it, with all that is before that
    earlier: dict[str, int] = {}  # of each approval, itself and all that is before it, one bit each
    for bit, digest in enumerate(order):
        name, approval = nodes[digest]
        before = 0
        for parent in approval.previous:
            before |= earlier.get(parent, 0)
            if parent not in nodes:
                problems.append(
                    f"{APPROVALS}/{name} does not follow the approvals that are here (none has the SHA-256 "
                    f"{short_digest(parent)}): one was edited, removed or put in another order"
                )
        earlier[digest] = before | 1 << bit
        problems += _out_of_step(f"{APPROVALS}/{name}", approval, before, history)
        for identity, change in approval.changes.items():
            history.setdefault(identity, []).append((earlier[digest], Claim(approval, change)))
        if clash := conflict(approval.changes):
            problems.append(f"{APPROVALS}/{name} approves {clash}: each needs an approval of its own")
    followed = {parent for _, approval in nodes.values() for parent in approval.previous}
    everything = (1 << len(order)) - 1
    return Chain(
        tuple(nodes[digest][1] for digest in order),
        {identity: _standing(claims, everything) for identity, claims in history.items()},
        tuple(sorted(set(order) - followed)),
        tuple(problems),
    )


def _misnamed(nodes: Mapping[str, tuple[str, Approval]]) -> Iterator[str]:
    """A sentence for each approval that is not called what its content or its place says."""
    numbered: list[tuple[str, str, Approval]] = []
    for digest, (name, approval) in nodes.items():
        stem = name.removesuffix(".json")
        if NUMBERED.fullmatch(stem):
            numbered.append((digest, name, approval))
        elif approval.id != stem:
            yield f"{APPROVALS}/{name} is not called by the SHA-256 of its content: it was edited or renamed"
    previous = ""
    for number, (digest, name, approval) in enumerate(sorted(numbered, key=lambda n: int(n[1][:-5])), 1):
        if name != f"{number:04d}.json" or approval.id != f"{number:04d}":
            yield f"{APPROVALS}/{name} stands where {number:04d}.json should: an approval was removed or renamed"
        if approval.previous != ((previous,) if previous else ()):
            yield (
                f"{APPROVALS}/{name} does not follow the approval before it (its previous is not that file's SHA-256): "
                "one of the two was edited, removed or put in another order"
            )
        previous = digest


def _in_order(nodes: Mapping[str, Approval]) -> list[str]:
    """The digests, each after those that its approval follows; what is side by side goes by time."""
    sorter = TopologicalSorter({d: [p for p in approval.previous if p in nodes] for d, approval in nodes.items()})
    sorter.prepare()
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=lambda digest: (nodes[digest].when, nodes[digest].id))
        sorter.done(*ready)
        order += ready
    return order


def _standing(claims: Sequence[tuple[int, Claim]], among: int) -> tuple[Claim, ...]:
    """Those claims among some approvals that no later one of these replaces; ``claims`` are in order."""
    standing: list[Claim] = []
    replaced = 0
    for earlier, claim in reversed(claims):
        own = 1 << (earlier.bit_length() - 1)
        if own & among and not own & replaced:
            standing.append(claim)
            replaced |= earlier
    return tuple(reversed(standing))


def _out_of_step(
    where: str, approval: Approval, before: int, history: Mapping[str, list[tuple[int, Claim]]]
) -> Iterator[str]:
    """A sentence for each change that does not start where one before it ended, or that claims the same step."""
    for identity, change in approval.changes.items():
        claims = history.get(identity, [])
        standing = _standing(claims, before)
        if change.before in ({claim.change.after for claim in standing} or {None}):
            continue
        rivals = [c.approval.id for _, c in claims if _step(c.change) == _step(change)]
        if rivals:
            yield f"{where} and {APPROVALS}/{rivals[-1]}.json claim one change of {identity}"
        else:
            was = standing[-1].change.after if standing else None
            yield f"{where} changes {identity} from {short_digest(change.before)}, and it was {short_digest(was)}"


def _step(change: Change) -> tuple[str | None, str | None]:
    return change.before, change.after


def disagreements(chain: Chain, manifest: Mapping[str, Entry]) -> list[str]:
    """A sentence for each id of which the approvals and the manifest do not say the same."""
    problems = []
    unsettled = chain.unsettled
    for identity in sorted({*chain.last, *manifest}):
        entry, claims = manifest.get(identity), chain.last.get(identity, ())
        after = claims[-1].change.after if claims else None
        if identity in unsettled:
            places = " and ".join(f"{APPROVALS}/{c.approval.id}.json" for c in claims)
            problems.append(
                f"{identity} was accepted on two branches, by {places}: `harness merge` settles which stands"
            )
        elif entry is None:
            if after is not None:
                problems.append(
                    f"{identity} was approved as {short_digest(after)} and is not in the manifest: if branches were "
                    "merged, `harness merge` makes it whole"
                )
        elif not claims:
            problems.append(f"{identity} is in the manifest and was never approved")
        elif after != entry.sha256:
            problems.append(
                f"{identity} was last approved as {short_digest(after)}, and the manifest says "
                f"{short_digest(entry.sha256)}: if branches were merged, `harness merge` makes it whole"
            )
        elif not any(vouches(claim, entry) for claim in claims):
            problems.append(f"{identity}: its entry in the manifest was edited after it was approved")
    return problems


def vouches(claim: Claim, entry: Entry) -> bool:
    """Whether an approval says all of a manifest's entry."""
    return claim.change.entry == entry_digest(entry) and claim.approval.id == entry.approval


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
