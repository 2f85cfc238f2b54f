"""The report as strict JSON, and back: nothing is lost, so that any other form can be derived from it.

But for the middle of texts of more than 20,000 characters.

Fields at their default are left out. A float that is not finite is ``{"$float": "NaN"}`` (or
``"Infinity"``, ``"-Infinity"``), and a mapping with keys that begin with ``$`` is ``{"$map": [[key, value]...]}``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from harness.core.errors import GoldenError, HarnessError
from harness.core.files import read_plain
from harness.core.protocol import TIERS, Json
from harness.core.text import LONGEST_INTEGER, bounded, escaped, number
from harness.core.trees import FLOAT, NON_FINITE, non_finite_name, python_scalar
from harness.core.verdicts import (
    ArtifactReport,
    Diagnosis,
    Explanation,
    Report,
    ScenarioReport,
    StageFinding,
    Status,
    Verdict,
    Worst,
)

_VERSION = 2
_LARGEST = 2**30  # bytes of a report
_MAP = "$map"

# The fields that hold records, and of which kind; those in _LISTS hold many.
_RECORDS: dict[tuple[type, str], type] = {
    (Report, "scenarios"): ScenarioReport,
    (ScenarioReport, "artifacts"): ArtifactReport,
    (ScenarioReport, "invariants"): Verdict,
    (ScenarioReport, "diagnosis"): Diagnosis,
    (ArtifactReport, "verdicts"): Verdict,
    (Diagnosis, "findings"): StageFinding,
    (Verdict, "worst"): Worst,
    (Verdict, "explanation"): Explanation,
}
_PLAIN: dict[Any, tuple[type, ...]] = {
    str: (str,),
    bool: (bool,),
    int: (int,),
    float: (float, int),
    str | None: (str, NoneType),
    float | None: (float, int, NoneType),
}
_LISTS = {
    "scenarios",
    "artifacts",
    "invariants",
    "verdicts",
    "findings",
    "worst",
    "problems",
    "notes",
    "index",
    "omitted",
}


def report_to_json(report: Report) -> dict[str, Json]:
    """``report`` as strict JSON, by ``schemas/harness/report.schema.json``."""
    counts = {s.value: count for s in Status if (count := report.count(s))}
    return {"version": _VERSION, "counts": counts, **_record(report)}


def report_from_json(value: Json, place: str = "this") -> Report:
    """The report that ``report_to_json`` took apart; raises HarnessError where the value from ``place`` is not one."""
    if not isinstance(value, Mapping) or value.get("version") != _VERSION:
        raise HarnessError(f"{place} is not a report of version {_VERSION}: run `harness verify` to write a new one")
    try:
        report: Report = _built(Report, {k: v for k, v in value.items() if k not in ("version", "counts")}, "report")
        return report
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise HarnessError(f"{place} is damaged ({error}): run `harness verify` to write a new one") from error


def dump_report(report: Report) -> bytes:
    """``report`` as the content of ``report.json``, in which every scenario has a line of its own."""
    value = report_to_json(report)
    scenarios = [json.dumps(s, allow_nan=False, separators=(",", ":")) for s in value.pop("scenarios")]
    head = json.dumps(value, allow_nan=False, indent=1).removesuffix("\n}")
    lines = ",\n".join(scenarios)
    return escaped(f'{head},\n "scenarios": [\n{lines}\n]\n}}\n').encode()


def read_report(path: Path) -> Report:
    """The report in a file that ``dump_report`` wrote; raises HarnessError where it is missing, or not one."""
    try:
        return report_from_json(json.loads(read_plain(path, None), parse_constant=_refuse), str(path))
    except GoldenError as error:
        raise HarnessError(f"{error}: run `harness verify` first") from error
    except (ValueError, RecursionError) as error:
        raise HarnessError(f"{path} is not strict JSON ({error}): run `harness verify` to write a new one") from error


def _refuse(text: str) -> Json:
    raise ValueError(f"{text} is not JSON")


def _fits(hint: Any) -> Callable[[Any], bool]:
    """Whether a value is what an annotation says: a plain type, or a tuple or dict of one; anything fits another."""
    if hint in _PLAIN:
        return lambda value: isinstance(value, _PLAIN[hint])
    if get_origin(hint) is dict:
        inner = _fits(get_args(hint)[1])
        return lambda value: isinstance(value, dict) and all(map(inner, value.values()))
    if get_origin(hint) is tuple:
        inner = _fits(get_args(hint)[0])
        return lambda value: all(map(inner, value))
    return lambda value: True


def _plan(kind: type) -> tuple[tuple[str, Any, type | None, Callable[[Any], bool]], ...]:
    """The name, the default (or MISSING), the record type and the check of every field."""
    hints = get_type_hints(kind)
    defaults = {f.name: f.default_factory() if f.default_factory is not MISSING else f.default for f in fields(kind)}
    return tuple((n, default, _RECORDS.get((kind, n)), _fits(hints[n])) for n, default in defaults.items())


_PLANS = {kind: _plan(kind) for kind in (Report, *_RECORDS.values())}


def _record(record: Any) -> dict[str, Json]:
    values: dict[str, Json] = {}
    for name, default, kind, _ in _PLANS[type(record)]:
        value = getattr(record, name)
        if value is default:
            continue
        # 0.0 == False == 0, so equality alone would not bring back what was there.
        if default is not MISSING and type(value) is type(default) and value == default:
            continue
        if type(value) is str:
            values[name] = bounded(value)
        elif kind is not None:
            values[name] = [_record(v) for v in value] if name in _LISTS else _record(value)
        else:
            values[name] = _value(value)
    return values


def _value(value: Any) -> Json:
    kind = type(value)
    if kind is str:
        return bounded(value)
    if kind is float and math.isfinite(value):
        return value
    if kind is Status:
        return value._value_
    if isinstance(value, Mapping):
        items = [(bounded(str(k)), _value(v)) for k, v in value.items()]
        return {_MAP: [list(item) for item in items]} if any(k.startswith("$") for k, _ in items) else dict(items)
    if isinstance(value, list | tuple):
        return [_value(v) for v in value]
    value = python_scalar(value)
    if isinstance(value, str):
        return bounded(value)
    if isinstance(value, int) and value.bit_length() > LONGEST_INTEGER:
        return number(value)
    return {FLOAT: non_finite_name(value)} if isinstance(value, float) and not math.isfinite(value) else value


def _built(kind: type, value: Mapping[str, Json], place: str) -> Any:
    plan = _PLANS[kind]
    if unknown := set(value) - {name for name, *_ in plan}:
        raise ValueError(f"{place} has an unknown key {sorted(unknown)[0]!r}")
    fields_read: dict[str, Any] = {}
    for name, default, inner, fits in plan:
        if name not in value:
            if default is MISSING:
                raise ValueError(f"{place} lacks {name!r}")
            continue
        item = value[name]
        if name in _LISTS and not isinstance(item, list):
            raise ValueError(f"{name} of {place} is not a list")
        if inner is not None:
            fields_read[name] = (
                tuple(_built(inner, v, f"{name}/{i} of {place}") for i, v in enumerate(item))
                if name in _LISTS
                else _built(inner, item, f"{name} of {place}")
            )
        elif name == "status":
            fields_read[name] = Status(item)
        elif name == "tier" and item not in TIERS:
            raise ValueError(f"tier {item!r} of {place} is none of {', '.join(TIERS)}")
        else:
            fields_read[name] = tuple(map(_restored, item)) if name in _LISTS else _restored(item)
            if not fits(fields_read[name]):
                raise ValueError(f"{name} of {place} is {item!r:.40}")
    return kind(**fields_read)


def _restored(value: Json) -> Json:
    if isinstance(value, dict):
        if set(value) == {FLOAT}:
            return NON_FINITE[value[FLOAT]]
        if set(value) == {_MAP}:
            return {k: _restored(v) for k, v in value[_MAP]}
        return {k: _restored(v) for k, v in value.items()}
    return [_restored(v) for v in value] if isinstance(value, list) else value
