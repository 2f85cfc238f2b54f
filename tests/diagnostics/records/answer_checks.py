"""What may come back from a diagnosis of anything: an answer of the agreed form, or one sentence."""

from __future__ import annotations

import json
import math
from pathlib import Path

import jsonschema

from ptycho.diagnostics import analyze
from ptycho.errors import PtychoError

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = json.loads((ROOT / "schemas/harness/diagnosis.schema.json").read_bytes())


DIAGNOSIS = jsonschema.Draft202012Validator(SCHEMA)
ANALYSIS = jsonschema.Draft202012Validator({"$defs": SCHEMA["$defs"], "$ref": "#/$defs/analysis"})


DIAGNOSIS.is_valid({})  # it opens files of its own, once


def strings(tree):
    """Every word of a document, names included."""
    rest = [tree]
    for node in rest:
        rest += [*node, *node.values()] if isinstance(node, dict) else node if isinstance(node, list) else []
    return [node for node in rest if isinstance(node, str)]


def check_words(answer):
    """Strict JSON as UTF-8 without control characters, and of a size that a person can look at."""
    text = json.dumps(answer, allow_nan=False, ensure_ascii=False).encode()
    assert len(text) < 2**19 * max(1, len(answer.get("runs", [])))
    assert [s for s in strings(answer) if not s.isprintable()] == []


def check_diagnosis(answer):
    DIAGNOSIS.validate(answer)
    check_words(answer)
    for run in answer["runs"]:
        assert all(math.isfinite(f["weight"]) for f in run["findings"])
        check_tables([*run["analyses"], *answer["together"]])


def check_comparison(answer):
    assert answer.keys() == {"version", "a", "b", "missing", "verdict", "analyses", "pictures"}
    assert answer["version"] == 1
    assert all(isinstance(answer[key], str) and answer[key] for key in ("a", "b", "verdict"))
    assert all(isinstance(sentence, str) for side in ("a", "b") for sentence in answer["missing"][side])
    for analysis in answer["analyses"]:
        ANALYSIS.validate(analysis)
    check_words(answer)
    check_tables(answer["analyses"])


def check_tables(analyses):
    for analysis in analyses:
        for table in analysis["tables"]:
            assert all(len(row) == len(table["columns"]) for row in table["rows"])
            assert all(not isinstance(cell, dict) for row in table["rows"] for cell in row)


def outcome(call, *arguments):
    """What a call gives, and what it says if that is an error for the user; anything else is raised."""
    try:
        return call(*arguments), ""
    except PtychoError as error:
        message = str(error)
    assert message.isprintable()
    assert len(message) < 1000
    return None, message


def diagnosed(folder):
    answer, message = outcome(analyze, [folder])
    if answer is not None:
        check_diagnosis(answer)
    return answer, message


def refused(call, *arguments):
    """The one sentence of a call that must not succeed."""
    answer, message = outcome(call, *arguments)
    assert answer is None
    assert message
    return message
