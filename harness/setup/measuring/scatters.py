"""How far each value moved: base and samples side by side, values of one pattern together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from harness.core.protocol import Artifact, Json
from harness.core.trees import leaves, unwrapped, value_at
from harness.judge.elements import Array
from harness.judge.kinds import NUMERIC, as_number, kind_of
from harness.setup.measuring.samples import Sample
from harness.verify.rule_gaps import pattern_of


@dataclass
class Scatter:
    """All values of one pattern: ``floats`` pairs their sizes with how far they moved, by the kind of change.

    Those that have one scale are together there: an array, or the items of a scenario's list.
    ``moved``: kinds of change under which something moved that is no float, or that lost its shape. ``lost``: those
    under which the stage failed. ``holes``: somewhere it is not finite. ``digits``: the coarsest float's epsilon.
    """

    pattern: str
    stage: str
    exact: bool = True
    floats: dict[str, list[tuple[Array, dict[str, Array]]]] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    holes: bool = False
    epsilon: float = 0.0

    def beside(self, whole: Scatter) -> Scatter:
        """The scatter of a replay, and that of the whole run with it, which may have moved further."""
        further = {f"whole {key}": several for key, several in whole.floats.items()}
        return replace(self, floats={**self.floats, **further}, epsilon=max(self.epsilon, whole.epsilon))


@dataclass(frozen=True)
class _Failure:
    """Why a stage gave nothing."""

    message: str


def scatters(samples: Sequence[Sample]) -> dict[str, Scatter]:
    """Every pattern of addresses, in order, with what was seen of its values in all scenarios."""
    found: dict[str, Scatter] = {}
    for sample in samples:
        base = dict(_entries(sample.base))
        others = [(k, dict(_entries(a)) if isinstance(a, Artifact) else _Failure(a)) for k, a in sample.others]
        for path, value in base.items():
            pattern = pattern_of(sample.prefix + path)
            scatter = found.setdefault(pattern, Scatter(pattern, sample.stage.name))
            seen = [(kind, o if isinstance(o, _Failure) else o.get(path)) for kind, o in others]
            _add(scatter, sample, path, value, seen)
        for kind, other in others:
            extra = [] if isinstance(other, _Failure) else [path for path in other if path not in base]
            for path in extra[:1]:
                near = next((m for m in found.values() if m.pattern.startswith(sample.prefix)), None)
                if near:
                    near.moved.setdefault(kind, f"{sample.prefix}{path} is there, and was not before")
    return found


def _entries(artifact: Artifact) -> Iterator[tuple[str, Json | Array]]:
    """Values and arrays by their path; a narrow float is an array of its type."""
    for path, value in leaves(artifact.values):
        if not path:
            continue
        kind = _kind(artifact.values, path, value)
        if kind in NUMERIC and kind != "integer":
            yield path, np.asarray(as_number(value), dtype=np.float64 if kind == "float" else kind)
        else:
            yield path, value
    yield from artifact.arrays.items()


def _kind(values: Json, path: str, value: Json) -> str:
    if isinstance(value, float | str):
        return kind_of(_marked(values, path))
    return kind_of(value)


def _marked(values: Json, path: str) -> Json:
    """A value with the marker around it that says its type."""
    try:
        for part in path.split("/"):
            inner = unwrapped(values)[1]
            values = inner[int(part)] if isinstance(inner, list) else inner[part]
        return values
    except (KeyError, IndexError, ValueError, TypeError):  # a key with a slash
        return value_at(values, "")


def _add(scatter: Scatter, sample: Sample, path: str, value: Any, others: Sequence[tuple[str, Any]]) -> None:
    address = sample.prefix + path
    is_float = isinstance(value, np.ndarray) and value.dtype.kind in "fc"
    scatter.exact = scatter.exact and not is_float
    deviations: dict[str, Array] = {}
    for kind, other in others:
        if isinstance(other, _Failure):
            scatter.moved.setdefault(kind, f"the stage fails: {other.message}")
        elif other is None and value is not None:
            scatter.moved.setdefault(kind, f"{address} is not there any more")
        elif not is_float:
            if not _equal(value, other):
                scatter.moved.setdefault(kind, f"{address} is another")
        elif not isinstance(other, np.ndarray) or other.shape != value.shape or other.dtype != value.dtype:
            scatter.moved.setdefault(kind, f"{address} has another shape")
        elif not np.array_equal(np.isfinite(value), np.isfinite(other)):
            scatter.moved.setdefault(kind, f"{address} is not finite elsewhere")
        else:
            wide = np.complex128 if value.dtype.kind == "c" else np.float64
            with np.errstate(all="ignore"):
                moved = np.abs(other.astype(wide) - value.astype(wide))
            deviations[kind] = np.maximum(deviations.get(kind, 0.0), np.where(np.isfinite(value), moved, 0.0))
    if is_float:
        finite = np.isfinite(value)
        scatter.holes = scatter.holes or not finite.all()
        scatter.epsilon = max(scatter.epsilon, float(np.finfo(value.dtype).eps))
        sizes = np.where(finite, np.abs(value.astype(np.complex128)), 0.0).ravel()
        alike = scatter.floats.setdefault(f"{sample.scenario} {address if value.ndim else ''}", [])
        alike.append((sizes, {kind: np.ravel(d) for kind, d in deviations.items()}))


def _equal(value: Any, other: Any) -> bool:
    if isinstance(value, np.ndarray):
        return isinstance(other, np.ndarray) and value.dtype == other.dtype and np.array_equal(value, other)
    return type(value) is type(other) and bool(value == other)
