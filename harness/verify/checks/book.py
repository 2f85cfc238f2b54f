"""The goldens of a project's tests and the rules they are judged by, each read once: every door judges with this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from harness.core import git
from harness.core.errors import GoldenError
from harness.core.ids import CHECK, GoldenId, is_of_a_test
from harness.core.project import Project
from harness.core.protocol import Artifact, Json
from harness.core.verdicts import ArtifactReport, Status, Verdict
from harness.judge.comparison import COMPARATOR, compare_artifact
from harness.judge.descriptions.refusals import refusals
from harness.judge.rules import Rule, Rules
from harness.judge.schema import Schemas
from harness.run.runner import environment
from harness.store.candidates import add_candidate, read_candidate, remove_candidate
from harness.store.goldens import Golden, Goldens
from harness.store.manifest import TOLERANCES, Entry
from harness.verify.checks.document import (
    CHECK_SCHEMA,
    RULES,
    names_of,
    own_rules,
    prefix_of,
    rules_alone,
    without_rules,
)
from harness.verify.kept_candidates import is_golden
from harness.verify.rule_gaps import rule_sentences, values_by_address
from harness.verify.standards import Standards, levels_of, rules_of, standards

TAKEN_OVER = "taken_over"  # of a candidate: the files of another tool that it is from, and their digests
_INLINE = "or let the test give one, such as check(value, rtol=1e-6)"


class CheckBook:
    """What was accepted of a project's tests; ``damaged`` says of goldens, by id, why they cannot be read."""

    def __init__(self, project: Project) -> None:
        self.project, self.goldens = project, Goldens.of(project)
        self.damaged: dict[str, str] = {}
        self._rules: dict[str, Rules] = {}

    @cached_property
    def manifest(self) -> dict[str, Entry]:
        """The manifest, as it was first read."""
        return self.goldens.manifest()

    @cached_property
    def accepted(self) -> list[GoldenId]:
        """The ids of tests that have a golden, in order."""
        of_tests = (i for i, entry in self.manifest.items() if entry.kind == "golden" and is_of_a_test(i))
        return sorted(map(GoldenId.parse, of_tests))

    def rules(self, module: str) -> Rules:
        """The rules of the files for a module: its own, or those that all share; none where there is no file."""
        if module not in self._rules:
            rules = rules_for_tests(self.goldens.root, module)
            self._rules[module] = rules.under(lambda: levels_of(self.project.pipeline))
        return self._rules[module]

    def judged_by(self, module: str) -> Standards:
        """The rules and the manifest, as they were read."""
        return standards(module, self.rules(module), self.manifest, Schemas(self.project.schemas), ())

    def golden(self, identity: GoldenId) -> Golden | None:
        """What was accepted of a test; raises GoldenError where it is damaged."""
        entry = self.manifest.get(identity)
        return self.goldens.read(identity, entry) if entry else None

    # Judging

    def report(self, identity: GoldenId, obtained: Artifact, seconds: float = 0.0) -> ArtifactReport:
        """The verdicts on what a test checked."""
        return ArtifactReport(
            CHECK, identity.artifact, CHECK, tuple(self._verdicts(identity, obtained)), False, seconds
        )

    def _verdicts(self, identity: GoldenId, obtained: Artifact) -> list[Verdict]:
        entry = self.manifest.get(identity)
        if entry is None:
            remedy = f"look at the candidate with `harness review {identity}`, and accept it"
            missing = Verdict("", Status.MISSING, "deterministic", f"there is no golden {identity}: {remedy}")
            lacking = self.lacking(identity, obtained) or self.refused(identity, obtained)
            return [missing, *(Verdict("", Status.FAIL, "deterministic", sentence) for sentence in lacking)]
        for what, then, now in (("schema", entry.schema, CHECK_SCHEMA), ("comparator", entry.comparator, COMPARATOR)):
            if then != now:
                older = f"the golden was accepted under {what} {then}, now it is {now}: accept it anew"
                return [Verdict("", Status.STALE, "deterministic", older)]
        try:
            golden = self.goldens.read(identity, entry)
        except GoldenError as error:
            self.damaged[identity] = str(error)
            return [Verdict("", Status.FAIL, "exact", str(error))]
        return self.judge(identity, golden.artifact, obtained)

    def judge(self, identity: GoldenId, golden: Artifact, obtained: Artifact) -> list[Verdict]:
        """``obtained`` against ``golden``, by the rules of the files and by those that ``golden`` holds.

        The rules themselves must be the same. Raises RuleError where two rules speak of a value equally.
        """
        rules, prefix = self._all_rules(identity, golden), prefix_of(identity)
        values = compare_artifact(without_rules(golden), without_rules(obtained), rules, prefix, {}, "deterministic")
        exact = Rule(f"{prefix}{RULES}/**", rules.sources[0], {"exact": True})
        only = Rules((exact,), rules.sources, rules.root)
        given = compare_artifact(rules_alone(golden), rules_alone(obtained), only, prefix, {}, "exact")
        return [*(replace(v, message=_with_inline(v.message)) for v in values), *map(_under_approval, given)]

    def lacking(self, identity: GoldenId, document: Artifact) -> list[str]:
        """A sentence for each rule that has to be written before a document can be judged."""
        known = values_by_address(without_rules(document), prefix_of(identity))
        if not known:
            return [f"{identity} holds no value: let the test check one, as an empty golden guards nothing"]
        return [f"{sentence}, {_INLINE}" for sentence in rule_sentences(self._all_rules(identity, document), known)]

    def refused(self, identity: GoldenId, document: Artifact) -> list[str]:
        """A sentence for each value of a document that its own rule refuses, so that no golden can hold it."""
        return refusals(document, self.judge(identity, document, document))

    def _all_rules(self, identity: GoldenId, document: Artifact) -> Rules:
        """The rules of the files, and those of a document; the most specific one wins, wherever it stands."""
        shared, own = self.rules(identity.scenario), own_rules(document, identity, self.goldens.root)
        if not own:
            return shared
        return shared.joined(own).under(lambda: levels_of(self.project.pipeline))

    def moves_both(self, identity: GoldenId, candidate: Artifact) -> str:
        """Why a candidate changes a value and the rule that its test gives for it at once; empty where it does not."""
        try:
            golden = self.golden(identity)
        except GoldenError:
            return ""  # it is damaged, which may be why a new one is accepted
        if golden is None:
            return ""
        then, now = (document.values.get(RULES, {}) for document in (golden.artifact, candidate))
        verdicts = self.judge(identity, golden.artifact, without_rules(candidate))
        out = {v.path.split("/")[0] for v in verdicts if v.status.failed} - {RULES}
        both = names_of(golden.artifact) & names_of(candidate)
        for name in sorted(name for name in out & both if then.get(name) != now.get(name)):
            return (
                f"{identity} changes {name} and the rule that it is judged by at once: run the test with the rule as "
                "it was and accept the value first, or the other way round"
            )
        return ""

    # Candidates

    def keep(self, identity: GoldenId, obtained: Artifact, why: str, test: str) -> str:
        """Keep what a test checked as a candidate; gives its id, empty in CI and where it is the golden itself."""
        if is_golden(self.manifest.get(identity), obtained, CHECK_SCHEMA):
            return ""
        if identity not in self.manifest and self._agrees_with_taken_over(identity, obtained):
            return identity
        origin = self.origin(identity, why, test)
        return identity if add_candidate(self.project, identity, obtained, CHECK_SCHEMA, origin) else ""

    def keep_taken_over(self, identity: GoldenId, claimed: Artifact, test: str, files: Mapping[str, str]) -> None:
        """Keep what ``files``, of another tool and with these digests, say a test checks; nothing in CI."""
        origin = self.origin(identity, f"taken over from {' and '.join(files)}", test)
        computed = {"environment": f"not known: taken over from {' and '.join(files)}", TAKEN_OVER: dict(files)}
        add_candidate(self.project, identity, claimed, CHECK_SCHEMA, {**origin, **computed})

    def _agrees_with_taken_over(self, identity: GoldenId, obtained: Artifact) -> bool:
        """Whether a candidate waits that was taken over, which a run that agrees with it does not replace."""
        try:
            candidate, _, about = read_candidate(self.project, identity)
        except GoldenError:
            return False
        if TAKEN_OVER not in about:
            return False
        return not any(verdict.status.failed for verdict in self.judge(identity, candidate, obtained))

    def forget(self, identity: GoldenId) -> None:
        """Forget a candidate of an earlier run, which nobody gets any more; nothing in CI."""
        from harness.core.project import in_ci

        if not in_ci():
            remove_candidate(self.project, identity)

    def origin(self, identity: GoldenId, why: str, test: str) -> Mapping[str, Json]:
        """What a candidate of a test was made with, and why it is kept."""
        return {
            "why": why,
            "commit": git.head(self.project.root),  # where there is none yet, accepting will say so
            "comparator": COMPARATOR,
            "environment": self._environment,
            "tolerances": self.rules(identity.scenario).digest,
            "test": test,
        }

    @cached_property
    def _environment(self) -> dict[str, str]:
        return environment(self.project.pipeline)


def rules_for_tests(goldens: Path, module: str) -> Rules:
    """The rules of the files for a module of tests, which need none where the tests give their own."""
    if any(path.exists() for path in (goldens / module / TOLERANCES, goldens / TOLERANCES)):
        return rules_of(goldens, module)
    root = goldens.resolve()
    return Rules((), (root / TOLERANCES,), root)


def _under_approval(verdict: Verdict) -> Verdict:
    """The verdict on a rule that a test gives, which says why it matters."""
    why = f"{verdict.message}: a rule that a test gives is part of what was approved"
    return replace(verdict, message=why) if verdict.status.failed else verdict


def _with_inline(message: str) -> str:
    return f"{message}, {_INLINE}" if message.startswith("no rule matches") else message
