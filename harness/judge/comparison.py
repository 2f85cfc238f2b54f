"""Comparison of an artifact with its golden: one verdict for each value and array, passes too.

A walk over the union of both trees; never over one side, where a value that vanished would pass. A
whole branch that is on one side only is one verdict. JSON's own types never mix: 1 is not 1.0, nor
True. Messages say what and how far; where is the verdict's path. What stands for an array in the
output of a stage (see ``harness.core.trees``) is no value of its own: the array is compared.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.core.artifacts import describe_array
from harness.core.protocol import Artifact, Json, Tier
from harness.core.trees import leaves, plain_json, unwrapped
from harness.core.verdicts import Status, Verdict
from harness.judge.arrays import compare_array
from harness.judge.ensemble import Interval
from harness.judge.explanations import PLACED, explain_tables, explain_values
from harness.judge.judgement import Judgement, is_finite, out_of_range, refused
from harness.judge.kinds import NUMERIC, as_number, kind_of
from harness.judge.matching.aligned import Aligned
from harness.judge.matching.alignment import aligned
from harness.judge.numbers import judge_number
from harness.judge.policies.interval import judge_length, only_its_length
from harness.judge.rules import STRUCTURE, Rule, Rules

COMPARATOR = "1"
"""The version of what a comparison means; a golden of another one is stale."""

NO_GOLDEN = (
    "there is no golden: run `harness verify`, look at the candidate with `harness review`, "
    "and take it with `harness accept`"
)
NOTHING_COMPARED = (
    "all of its values are ignored, so that nothing is compared: "
    "let one be compared, or leave it out of what is verified"
)

_PLAIN = {float: "float", int: "integer", bool: "boolean"}
_SINGLE = NUMERIC | {"text", "boolean", "null"}


@dataclass(frozen=True)
class Standard:
    """What every value of an artifact is judged by."""

    rules: Rules
    prefix: str
    intervals: Mapping[str, Interval]
    tier: Tier
    made: Aligned | None = None

    def find(self, path: str) -> Rule | None:
        """The rule of a path."""
        return self.rules.find((self.prefix + path).rstrip("/"))

    def on_items(self, path: str, status: Status, message: str, golden: Json, obtained: Json) -> Verdict:
        """The verdict on a list, table or array as such, whose rule says how its items are matched."""
        rule = self.find(path)
        assert rule is not None
        free = "length" in rule.terms
        status = rule.policy.passes if free and status is Status.PASS else status
        message = rule.terms["ignore"] if status is Status.IGNORED else message
        allowed = "any number of items" if free else "the golden's items, in any order"
        return Verdict(path, status, rule.tier_or(self.tier), message, rule.text, golden, obtained, allowed)

    def idle(self, path: str, rule: Rule) -> str:
        """Why a rule cannot judge what stands at a path, where it says how items are matched; empty where it can."""
        if self.made is None or not self.made.is_idle(path, rule):
            return ""
        term = next(key for key in rule.terms if key in STRUCTURE)
        return f"{term} is for lists and tables, and this is in none: give it a rule of its own"

    def judged(self, path: str) -> tuple[Rule | None, Tier]:
        """The rule of a path, and the tier of its verdict."""
        rule = self.rules.find(self.prefix + path)
        return rule, rule.tier_or(self.tier) if rule else self.tier

    def unruled(self, path: str, expected: Json, obtained: Json) -> Verdict:
        """The verdict on what no rule speaks of."""
        address = self.prefix + path
        message = (
            f'no rule matches "{address}": add one to {self.rules.place()}, such as "{address}" = {{ rtol = 1e-6 }}'
        )
        return Verdict(path, Status.FAIL, self.tier, message, "", expected, obtained)

    def one_sided(self, path: str, status: Status, value: Any, message: str) -> Verdict:
        """The verdict on a value, array or branch that only one side has; ``value`` as verdicts show it."""
        rule, tier = self.judged(path)
        expected, obtained = (value, None) if status is Status.MISSING else (None, value)
        return Verdict(path, status, tier, message, rule.text if rule else "", expected, obtained, "the golden's keys")


def compare_artifact(
    golden: Artifact | None,
    obtained: Artifact,
    rules: Rules,
    prefix: str,
    intervals: Mapping[str, Interval],
    tier: Tier,
) -> tuple[Verdict, ...]:
    """Verdicts on all of an artifact, values first; ``prefix`` makes an address of a path, ``tier`` is the stage's.

    Raises RuleError where two rules speak of a value equally.
    """
    if golden is None:
        return (Verdict("", Status.MISSING, tier, NO_GOLDEN),)
    standard = Standard(rules, prefix, intervals, tier)
    verdicts = _judged(golden, obtained, standard)
    if verdicts and all(verdict.status is Status.IGNORED for verdict in verdicts):
        return (*verdicts, Verdict("", Status.FAIL, tier, NOTHING_COMPARED, allowed="something that is compared"))
    return verdicts


def _judged(golden: Artifact, obtained: Artifact, standard: Standard) -> tuple[Verdict, ...]:
    """Every verdict; where rules say how items are matched, these are put into the golden's order before."""
    made = aligned(golden, obtained, standard.find, standard.on_items) if standard.rules.structured else None
    if made:
        golden, obtained, standard = made.golden, made.obtained, replace(standard, made=made)
    arrays = tuple(_arrays(golden, obtained, standard))
    if made:
        arrays = tuple(_without_indices(verdict, made) for verdict in arrays)
    values = tuple(_branches("", golden.values, obtained.values, standard))
    known = [v.explanation for v in arrays if v.explanation]
    verdicts = (*explain_values(golden.values, obtained.values, values, known), *arrays)
    if made is None:
        verdicts = explain_tables(golden, obtained, verdicts)
    return (*made.verdicts, *map(made.named, verdicts)) if made else verdicts


def _without_indices(verdict: Verdict, made: Aligned) -> Verdict:
    """A verdict on an array of matched rows, of which an explanation's indices would not be the golden's."""
    matched = verdict.path in made.names or verdict.path.rpartition("/")[0] in made.names
    if matched and verdict.explanation and verdict.explanation.kind in PLACED:
        return replace(verdict, explanation=None)
    return verdict


def _arrays(golden: Artifact, obtained: Artifact, standard: Standard) -> Iterator[Verdict]:
    for name in {**golden.arrays, **obtained.arrays}:
        if name not in obtained.arrays:
            yield standard.one_sided(name, Status.MISSING, describe_array(golden.arrays[name]), "the array vanished")
        elif name not in golden.arrays:
            message = "the golden has no such array"
            yield standard.one_sided(name, Status.UNEXPECTED, describe_array(obtained.arrays[name]), message)
        else:
            expected, array = golden.arrays[name], obtained.arrays[name]
            rule, tier = standard.judged(name)
            if rule is None:
                yield standard.unruled(name, describe_array(expected), describe_array(array))
            elif idle := standard.idle(name, rule):
                shown = describe_array(expected), describe_array(array)
                yield Verdict(name, Status.FAIL, tier, f"its rule cannot judge it: {idle}", rule.text, *shown)
            else:
                interval = standard.intervals.get(standard.prefix + name)
                yield warned(compare_array(name, expected, array, rule, tier, interval), rule)


def _branches(path: str, golden: Json, obtained: Json, standard: Standard) -> Iterator[Verdict]:
    kinds = kind_of(golden), kind_of(obtained)
    if kinds[0] in _SINGLE and kinds[1] in _SINGLE:
        yield _leaf(path, golden, obtained, standard, kinds)
        return
    # The items of a tuple stand behind its marker, and so do the parts of a value of another kind.
    golden, obtained = (
        unwrapped(v)[1] if kind in ("list", "mapping") else v for v, kind in zip((golden, obtained), kinds, strict=True)
    )
    if kinds == ("mapping", "mapping") and (golden or obtained or not path):
        for key in {**golden, **obtained}:
            below = f"{path}/{key}" if path else str(key)
            if key in golden and key in obtained:
                yield from _below(below, golden[key], obtained[key], standard)
            elif key in golden:
                yield from _one_branch(below, Status.MISSING, golden[key], standard)
            else:
                yield from _one_branch(below, Status.UNEXPECTED, obtained[key], standard)
    elif kinds == ("list", "list") and (golden or obtained):
        places = getattr(golden, "places", None)  # of a list whose items were matched, and which is judged as such
        if places is None and (len(golden) != len(obtained) or standard.prefix + path in standard.intervals):
            yield _length(path, len(golden), len(obtained), standard)
        for i, expected, item in zip(places or range(len(golden)), golden, obtained, strict=False):
            yield from _below(f"{path}/{i}", expected, item, standard)
    elif (kinds != ("array", "array") or golden != obtained) and not (standard.made and path in standard.made.told):
        yield _leaf(path, golden, obtained, standard, kinds)


def _below(path: str, golden: Json, obtained: Json, standard: Standard) -> Iterable[Verdict]:
    """What ``_branches`` gives, without its books for what is plainly a single value on both sides."""
    kind = _PLAIN.get(type(golden))
    if kind is not None and type(obtained) is type(golden):
        return (_leaf(path, golden, obtained, standard, (kind, kind)),)
    return _branches(path, golden, obtained, standard)


def _one_branch(path: str, status: Status, value: Json, standard: Standard) -> Iterator[Verdict]:
    if kind_of(value) == "array":
        return
    message = "the value vanished" if status is Status.MISSING else "the golden has no such value"
    if (count := sum(1 for _ in leaves(value))) > 1:
        message += f", nor the {count} below it" if status is Status.UNEXPECTED else f", with the {count} below it"
    yield standard.one_sided(path, status, _shown(value), message)


def _length(path: str, golden: int, obtained: int, standard: Standard) -> Verdict:
    """One verdict for all items beyond the shorter list, however many."""
    rule, tier = standard.judged(f"{path}/{min(golden, obtained)}")
    if interval := standard.intervals.get(standard.prefix + path):
        judgement = judge_length(golden, obtained, interval)
        text, shown = rule.text if rule else "", (_items(golden), _items(obtained))
        return Verdict(path, judgement.status, "statistical", judgement.message, text, *shown, judgement.allowed)
    fewer, more = sorted((golden, obtained))
    status, word = (Status.MISSING, "missing") if obtained < golden else (Status.UNEXPECTED, "not in the golden")
    which = f"item {fewer} is" if more == fewer + 1 else f"items {fewer} to {more - 1} are"
    message = f"had {_items(golden)}, has {_items(obtained)}: {which} {word}"
    text = rule.text if rule else ""
    return Verdict(path, status, tier, message, text, _items(golden), _items(obtained), "the golden's length")


def _leaf(path: str, golden: Json, obtained: Json, standard: Standard, kinds: tuple[str, str]) -> Verdict:
    shown = _shown(golden), _shown(obtained)
    rule, tier = standard.judged(path)
    if kinds[0] != kinds[1]:  # before the rule: where a branch became a leaf there may be none
        message = f"was {_with_article(kinds[0])} ({shown[0]!r}), is {_with_article(kinds[1])} ({shown[1]!r})"
        judgement = Judgement(Status.FAIL, message, "the golden's type")
    elif rule is None:
        return standard.unruled(path, *shown)
    elif idle := standard.idle(path, rule):
        judgement = refused(idle)
    elif kinds[0] in ("mapping", "list"):  # of branches only the empty come here
        judgement = Judgement(rule.policy.passes, rule.terms.get("ignore", ""), "exactly")
    elif kinds[0] in NUMERIC:
        address = standard.prefix + path
        interval = standard.intervals.get(address)
        numbers = as_number(golden), as_number(obtained)
        if interval is None and rule.policy.ensemble and only_its_length(address, standard.intervals):
            judgement = Judgement(Status.PASS, "", "any finite number: the shortest member has no such item")
            judgement = judgement if is_finite(numbers[1]) else out_of_range(numbers[1])
        else:
            judgement = judge_number(*numbers, rule, address, interval)
    else:
        judgement = rule.policy.plain(kinds[0], unwrapped(golden)[1], unwrapped(obtained)[1], rule.terms)
    text = rule.text if rule else ""
    verdict = Verdict(path, judgement.status, tier, judgement.message, text, *shown, judgement.allowed, judgement.used)
    return warned(verdict, rule) if rule else verdict


def warned(verdict: Verdict, rule: Rule) -> Verdict:
    """The verdict, as a warning where it passes with more of its tolerance used than its rule is calm about."""
    warn = rule.terms.get("warn")
    if warn is None or verdict.status is not Status.PASS or verdict.used is None or verdict.used < warn:
        return verdict
    message = f"{verdict.used:.3g} of its tolerance is used, and its rule warns from {warn:g} on"
    return replace(verdict, status=Status.WARNING, message=message)


def _items(count: int) -> str:
    return f"{count} item{'' if count == 1 else 's'}"


def _with_article(kind: str) -> str:
    return {"text": "text", "null": "null"}.get(kind, f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}")


def _shown(value: Json) -> Json:
    """A value as verdicts show it: a branch by its size."""
    if (type(value) is float and math.isfinite(value)) or type(value) is int:
        return value
    kind, value = kind_of(value), unwrapped(value)[1]
    if kind in NUMERIC and isinstance(value, float):
        return plain_json(value)
    if kind in ("mapping", "list") and value:
        return _items(len(value)) if kind == "list" else f"{len(value)} key{'' if len(value) == 1 else 's'}"
    return value if value is None or isinstance(value, str | int | list | dict) else kind
