"""The text of a first scenario."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from harness.setup.survey.proposal import Proposal

_TAIL = """
[profile.cpu] # what is verified; say here what differs from the settings above

[profile.replay] # say what is smaller here: the output of every stage is stored whole, to run each stage alone
"""


def scenario_text(proposal: Proposal) -> str:
    """A scenario with the values that the source gives its settings, and a profile for each purpose."""
    lines = [f'title = "{proposal.module} as its source sets it"']
    lines += [
        f"# TODO: {key} = , for which no literal was found in the source that TOML can hold" for key in proposal.lacking
    ]
    return "\n".join([*lines, *_tables(proposal.settings, "")]) + "\n" + _TAIL


def _tables(table: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key, value in table.items():
        if not isinstance(value, Mapping):
            yield f"{_key(key)} = {toml_value(value)}"
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield f"\n[{prefix}{_key(key)}]"
            yield from _tables(value, f"{prefix}{_key(key)}.")


def toml_value(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_key(k)} = {toml_value(v)}' for k, v in value.items())} }}"
    return json.dumps(value) if isinstance(value, str) else repr(value)


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key)
