"""The rules of the time: by what a value was judged when it was accepted, as the approvals and git's history tell."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.core.errors import HarnessError
from harness.core.files import sha256
from harness.core.ids import CHECK, ENSEMBLES, GoldenId, is_of_a_test
from harness.core.project import Project
from harness.judge.rules import Rules
from harness.store.approvals import NUMBERED, Approval
from harness.store.chain import Chain, Claim, approval_files
from harness.store.repository.past import Past
from harness.store.repository.versions import found_entries, past_contents
from harness.study.history.steps import Version
from harness.verify.checks.book import rules_for_tests
from harness.verify.checks.document import own_rules, prefix_of
from harness.verify.standards import levels_of, rules_of

_UNKNOWN = "unknown: {}"


class RulesThen:
    """The rules that every approval was made under; each state of the files is read once."""

    def __init__(self, past: Past, chain: Chain) -> None:
        self.project = project = past.project
        self._before = _earlier(project, chain.approvals)
        self._files = _rule_files(past, chain.approvals)
        self._order = {approval.id: n for n, approval in enumerate(chain.approvals)}
        self._read: dict[tuple[str, tuple[tuple[str, str | None], ...]], Rules | str] = {}
        self._of_version: dict[tuple[str, str], Rules | str] = {}

    def rule(self, identity: GoldenId, version: Version, path: str) -> str:
        """The rule that spoke of a value, as one line of TOML; a sentence where that is not known."""
        if identity.artifact in ENSEMBLES or (path.startswith("rules/") and is_of_a_test(identity)):
            return "exactly"
        rules = self._rules(identity, version)
        if isinstance(rules, str):
            return rules
        try:
            rule = rules.find(self._prefix(identity) + path)
        except HarnessError as error:
            return _UNKNOWN.format(error)
        return rule.text if rule else "no rule spoke of it"

    def _prefix(self, identity: GoldenId) -> str:
        if identity.track == CHECK:
            return prefix_of(identity)
        replayed = identity.track == self.project.pipeline.replay_profile
        return f"replay/{identity.artifact}/" if replayed else f"{identity.artifact}/"

    def _rules(self, identity: GoldenId, version: Version) -> Rules | str:
        key = (str(identity), version.approval.id)
        if key not in self._of_version:
            self._of_version[key] = self._with_own(identity, version)
        return self._of_version[key]

    def _with_own(self, identity: GoldenId, version: Version) -> Rules | str:
        rules = self._of_files(identity.scenario, version.approval, is_of_a_test(identity))
        if isinstance(rules, str) or not is_of_a_test(identity) or version.artifact is None:
            return rules
        try:
            own = own_rules(version.artifact, identity, rules.root)
            return rules.joined(own).under(lambda: levels_of(self.project.pipeline))
        except HarnessError as error:
            return _UNKNOWN.format(error)

    def _of_files(self, scenario: str, approval: Approval, of_a_test: bool) -> Rules | str:
        state = tuple(sorted(self._state(approval).items()))
        if (scenario, state) not in self._read:
            self._read[scenario, state] = self._loaded(scenario, dict(state), of_a_test)
        return self._read[scenario, state]

    def _state(self, approval: Approval) -> dict[str, str | None]:
        """The digest of each file of rules as the approvals before this one, and itself, left it."""
        state: dict[str, str | None] = {}
        before = self._before[approval.id]
        for other, changes in sorted(self._files.items(), key=lambda item: self._order[item[0]]):
            if other in before:
                state |= {identity: digest for identity, (digest, _) in changes.items()}
        return state

    def _loaded(self, scenario: str, state: Mapping[str, str | None], of_a_test: bool) -> Rules | str:
        contents = {d: c for changes in self._files.values() for d, c in changes.values() if d is not None}
        with tempfile.TemporaryDirectory(prefix="harness-") as name:
            root = Path(name).resolve() / self.project.goldens.name
            root.mkdir()
            for identity, digest in state.items():
                if digest is None:
                    continue
                content = contents[digest]
                if isinstance(content, str):
                    return _UNKNOWN.format(content)
                (root / identity).parent.mkdir(parents=True, exist_ok=True)
                (root / identity).write_bytes(content)
            try:
                rules = rules_for_tests(root, scenario) if of_a_test else rules_of(root, scenario)
                return rules.under(lambda: levels_of(self.project.pipeline))
            except HarnessError as error:
                return _UNKNOWN.format(error)


def _rule_files(past: Past, approvals: Sequence[Approval]) -> dict[str, dict[str, tuple[str | None, bytes | str]]]:
    """By approval and id of a file of rules: its digest, and its content, or why nobody can read that."""
    claims = [(i, Claim(a, c)) for a in approvals for i, c in a.changes.items() if c.kind == "tolerances"]
    entries = found_entries(past, claims)
    files: dict[str, dict[str, tuple[str | None, bytes | str]]] = {}
    for identity, claim in claims:
        approval, digest = claim.approval.id, claim.change.after
        content: bytes | str = f"no commit here has {identity} as approval {approval} accepted it"
        if entry := entries.get((identity, approval)):
            try:
                (content,) = past_contents(past, identity, entry).values()
            except HarnessError as error:
                content = str(error)
        files.setdefault(approval, {})[identity] = (digest, content)
    return files


def _earlier(project: Project, approvals: Sequence[Approval]) -> dict[str, set[str]]:
    """By approval, itself and all that it follows, directly or not."""
    by_digest = {sha256(content): name.partition(".")[0] for name, content in approval_files(project).items()}
    earlier: dict[str, set[str]] = {}
    for approval in approvals:  # each after those that it follows
        earlier[approval.id] = {approval.id}
        for digest in approval.previous:
            parent = by_digest.get(digest, digest if NUMBERED.fullmatch(digest) else digest[:16])
            earlier[approval.id] |= earlier.get(parent, set())
    return earlier
