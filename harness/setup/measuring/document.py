"""The text of a first ``tolerances.toml``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from textwrap import wrap

from harness.setup.measuring.terms import DraftedRule
from harness.verify.pinned import OF_DEFAULTS
from harness.verify.rule_gaps import artifact_of

_HEAD = """# Drafted by `harness init --draft` from {scenarios}. A float may move a hundred times as far as it did
# when its stage ran again: in another process, with another number of threads, and on inputs moved by one unit in the
# last place. Remarks say how far that was, relative to the value; without one it did not move. No rule here hides a
# change of 1 %.
version = 1

[rules]
"configuration/**" = {{ exact = true }}
"invariants/**" = {{ exact = true }}
"""


def tolerances_text(rules: Sequence[DraftedRule], scenarios: str) -> str:
    """The file: an artifact's rules together, and those that a person has to write as remarks."""
    by_artifact: dict[str, list[DraftedRule]] = {}
    for rule in rules:
        by_artifact.setdefault(artifact_of(rule.pattern), []).append(rule)
    parts = ["\n".join(_lines(artifact, several)) for artifact, several in by_artifact.items()]
    return _HEAD.format(scenarios=scenarios) + "".join(f"\n{part}\n" for part in parts)


def _lines(artifact: str, rules: Sequence[DraftedRule]) -> Iterator[str]:
    """An artifact's rules; terms that most values share are written once, if they are all that is to be said."""
    written = [rule for rule in rules if not rule.lacking]
    common = Counter(rule.terms for rule in written).most_common(1)
    whole = len(written) == len(rules) and common and (common[0][1] > 1 or artifact == OF_DEFAULTS)
    if whole:
        shared = [rule for rule in written if rule.terms == common[0][0]]
        yield _rule(f"{artifact}/**", common[0][0], _largest(shared))
    for rule in rules:
        if rule.lacking:
            yield from wrap(f"# {rule.pattern}: no rule: {rule.remark}", 118, subsequent_indent="#   ")
        elif not whole or rule.terms != common[0][0]:
            yield _rule(rule.pattern, rule.terms, rule.remark)


def _largest(rules: Sequence[DraftedRule]) -> str:
    """What was seen of several values, as long as there is one thing to tell."""
    remarks = list(dict.fromkeys(rule.remark for rule in rules if rule.remark))
    return remarks[0] if len(remarks) == 1 else f"{remarks[0]}, and others" if remarks else ""


def _rule(pattern: str, terms: str, remark: str) -> str:
    line = f"{json.dumps(pattern, ensure_ascii=False)} = {{ {terms} }}"
    return f"{line} # {remark}" if remark else line
