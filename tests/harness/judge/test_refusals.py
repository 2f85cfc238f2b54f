"""What no golden can hold is told with its cure: a value that its own rule refuses, compared with itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.core.protocol import Artifact
from harness.judge.comparison import compare_artifact
from harness.judge.descriptions.refusals import refusals
from harness.judge.rules import Rule, Rules

NAN, INF = float("nan"), float("inf")
CURE = 'which its rule does not allow: where that is right, add nan="match" to the rule'


def told(values, arrays, **terms):
    artifact, source = Artifact(values, {k: np.array(v) for k, v in arrays.items()}), Path("tolerances.toml")
    rules = Rules((Rule("**", source, terms),), (source,), Path())
    return refusals(artifact, compare_artifact(artifact, artifact, rules, "make/", {}, "deterministic"))


@pytest.mark.parametrize(
    ("values", "arrays", "terms", "said"),
    [
        ({}, {"f": [NAN, 1.0]}, {"rtol": 0.1}, [f"f: 1 NaN of 2 elements, {CURE}"]),
        ({}, {"f": [NAN, INF, -INF]}, {"exact": True}, [f"f: 1 NaN and 2 infinite of 3 elements, {CURE}"]),
        ({}, {"f": [NAN + 1j, 1.0]}, {"ulp": 2}, [f"f: 1 NaN of 2 elements, {CURE}"]),
        ({}, {"f": [NAN, 1.0]}, {"min": 0.0}, [f"f: 1 NaN of 2 elements, {CURE}"]),
        ({}, {"f": [NAN, 1.0]}, {"rtol": 0.1, "nan": "match"}, []),
        ({"a": {"b": [1.0, NAN]}}, {}, {"rtol": 0.1}, [f"a/b/1 is NaN, {CURE}"]),
        ({"a": -INF}, {}, {"rtol": 0.1}, [f"a is -Infinity, {CURE}"]),
        ({"a": [NAN] * 7}, {}, {"rtol": 0.1}, [*(f"a/{i} is NaN, {CURE}" for i in range(5)), "2 more values likewise"]),
        ({"a": 1.0}, {"f": [1.0, 2.0]}, {"rtol": 0.1}, []),
    ],
)
def test_what_is_not_finite_is_counted_and_the_cure_is_named(values, arrays, terms, said):
    assert told(values, arrays, **terms) == said


def test_what_is_refused_for_another_reason_says_that_one():
    (sentence,) = told({}, {"f": [NAN, -1.0]}, min=0.0, nan="match")
    assert sentence.startswith("f: 1 of 2 elements (50 %) out of tolerance")
    assert "add nan" not in sentence
