"""Faults in what a stage gives: which there can be, and how one is made."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from harness.core.protocol import Json, Output
from harness.core.trees import join_tree, leaves, split_tree
from harness.core.trees.markers import FLOAT, non_finite_name, unwrapped
from harness.study.prove.faults.mutant import Mutant
from harness.study.prove.faults.operators import OPERATORS, FaultyArray


def output_mutants(stage: str, scenario: str, output: Output) -> Iterator[Mutant]:
    """Every fault that a stage's output can have."""
    values, arrays = split_tree(output)
    numbers = {path: np.asarray(value) for path, value in leaves(values) if _is_number(value)}
    for path, array in {**arrays, **numbers}.items():
        for name, operator in OPERATORS.items():
            if operator.fits(array):
                yield Mutant("output", name, (stage,), path, operator.words, scenario)


def faulty_output(mutant: Mutant, output: Output) -> Output:
    """The output with the fault; raises KeyError where it has nothing at that place, or nothing that it fits."""
    values, arrays = split_tree(output)
    operator, choice = OPERATORS[mutant.operator], int(mutant.id, 16)
    if mutant.place in arrays:
        if not operator.fits(arrays[mutant.place]):
            raise KeyError(mutant.place)
        return join_tree(values, {**arrays, mutant.place: operator.change(arrays[mutant.place], choice)})

    def changed(value: Json) -> Json:
        marker, plain = unwrapped(value)
        array: FaultyArray = np.asarray(plain)
        if not _is_number(plain) or not operator.fits(array):
            raise KeyError(mutant.place)
        number = operator.change(array, choice).item()
        if isinstance(number, float) and not math.isfinite(number):
            number = non_finite_name(number)
            marker = marker or FLOAT
        return number if marker is None else {marker: number}

    return join_tree(_put(values, mutant.place.split("/"), changed), arrays)


def _is_number(value: Json) -> bool:
    return isinstance(value, bool | int | float) and abs(value) < 2**62


def _put(tree: Json, parts: list[str], change: Any) -> Json:
    """A tree in which the value at a path is another; raises KeyError where there is none."""
    if not parts:
        return change(tree)
    marker, inner = unwrapped(tree)
    key, rest = parts[0], parts[1:]
    if isinstance(inner, dict) and key in inner:
        new: Json = {**inner, key: _put(inner[key], rest, change)}
    elif isinstance(inner, list) and key.isdigit() and int(key) < len(inner):
        new = [_put(item, rest, change) if i == int(key) else item for i, item in enumerate(inner)]
    else:
        raise KeyError(key)
    return new if marker is None else {marker: new}
