"""Proofs over commits: one record a proof, so that a guard that became blunter is seen."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

from harness.core.errors import HarnessError, ProjectError
from harness.core.files import append_line
from harness.core.git import dirty, head
from harness.core.protocol import Json
from harness.study.prove.answer.document import overall, percentage
from harness.study.prove.answer.rates import Rate, RateRow, tables
from harness.study.prove.proof import Proof

HISTORY_VERSION = 1
_RATES = ("detection", "localisation")
_COMPARED = ("profile", "training", "scenarios", "kinds", "only")  # what two records must have in common


def commit_of_tree(root: Path, history: Path) -> str:
    """The commit whose working tree this is, but for the history itself; empty where there is none.

    Raises ProjectError for a history that a record must not be added to, since it holds something else.
    """
    _check(history)
    try:
        return "" if {*dirty(root)} - {history.resolve()} else head(root)
    except HarnessError:  # no repository, or nothing is committed
        return ""


def _check(path: Path) -> None:
    if path.exists() and not path.is_file():
        raise ProjectError(f"--history {path} is no plain file: name another one")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    for number, line in enumerate(lines, 1):
        try:
            known = "version" in (dict(json.loads(line)) if line.strip() else {"version"})
        except (ValueError, TypeError):
            known = False
        if not known:
            raise ProjectError(f"{path}: line {number} is no record of a proof: take it out, or name another --history")


def proof_record(proof: Proof, commit: str) -> dict[str, Json]:
    """What is remembered of a proof of what was there at a commit."""
    return {
        "version": HISTORY_VERSION,
        "commit": commit,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "subject": proof.subject,
        "profile": proof.profile,
        "training": proof.training,
        "scenarios": list(proof.scenarios),
        "kinds": sorted(proof.population),
        "only": list(proof.only),
        "all": _shares(overall(proof)),
        "stages": {row.name: _shares(row) for row in tables(proof.outcomes)["stage"]},
    }


def _shares(row: RateRow) -> dict[str, Json]:
    return {"detection": row.detection.as_json(), "localisation": row.localisation.as_json()}


def remember(path: Path, record: Mapping[str, Json]) -> list[dict[str, Json]]:
    """Add a record to the file, unless its last one is the same but for the date; gives all, the newest last."""
    records = read_history(path)
    told = {key: value for key, value in record.items() if key != "date"}
    if not records or {key: value for key, value in records[-1].items() if key != "date"} != told:
        path.parent.mkdir(parents=True, exist_ok=True)
        append_line(path, json.dumps(record, allow_nan=False, sort_keys=True))
        records.append(dict(record))
    return records


def read_history(path: Path) -> list[dict[str, Json]]:
    """The records of a file, the newest last; those of another form are left out."""
    records = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else ():
        with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
            value = json.loads(line)
            told = [value["all"], *value["stages"].values()]
            known = all(Rate(each[key]["hits"], each[key]["of"]).interval for each in told for key in _RATES)
            if known and value["version"] == HISTORY_VERSION and {*_COMPARED, "commit", "date", "subject"} <= {*value}:
                records.append(value)
    return records


def blunter(records: Sequence[Mapping[str, Json]]) -> list[str]:
    """What the last record catches less of than the one before that was asked the same, one sentence each.

    A rate counts as lower where the intervals of both have nothing in common.
    """
    if not records:
        return []
    now = records[-1]
    like = (r for r in reversed(records[:-1]) if all(r[key] == now[key] for key in _COMPARED))
    then = next((r for r in like if r["subject"] != now["subject"]), None)
    if then is None:
        return []
    names = {"the whole guard": (then["all"], now["all"])}
    names |= {f"stage {n}": (then["stages"][n], now["stages"][n]) for n in now["stages"] if n in then["stages"]}
    found = []
    for name, (before, after) in names.items():
        old, new = (Rate(each["detection"]["hits"], each["detection"]["of"]) for each in (before, after))
        if new.of and old.of and new.interval[1] < old.interval[0]:
            at = f"at {then['commit'][:10]}" if then["commit"] else f"on {then['date']}"
            caught = f"it catches {percentage(new.value)}, and caught {percentage(old.value)} {at}"
            found.append(f"{name} became blunter: {caught}")
    return found
