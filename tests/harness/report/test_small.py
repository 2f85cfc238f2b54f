"""What is accepted is shown: the numbers of small arrays, and of new tables their columns before their book-keeping."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from harness.core.verdicts import Status, Verdict
from harness.report.differences.small import numbers_first, with_numbers
from harness.verify.checks.document import checked_document, named_value
from harness.verify.review import _first

FRAME = pd.DataFrame({"star": list("abc"), "mag": [13.25, 14.5, 13.75]})


def new(value):
    document = checked_document({"t": named_value("t", value, "a test")}, {})
    return numbers_first(with_numbers(_first(document), None, document))


def test_of_a_new_table_the_columns_come_first_with_their_numbers():
    shown, kept = new(FRAME)
    assert [(v.path, v.obtained) for v in shown[:2]] == [
        ("t/columns/star", "<U1 [3]: a, b, c"),
        ("t/columns/mag", "float64 [3]: 13.25, 14.5, 13.75"),
    ]
    assert {"t/index/start", "t/index/stop", "t/kind"} <= {v.path for v in kept}
    assert not [v for v in shown if "index" in v.path]


def test_a_mapping_that_is_no_table_hides_nothing():
    shown, kept = new({"index": {"start": 1}, "kind": "x", "names": [1, 2]})
    assert kept == []
    assert len(shown) == 4


def test_of_a_table_that_changed_its_index_is_told():
    verdicts = [Verdict("t/columns/mag", Status.FAIL, "exact"), Verdict("t/index/stop", Status.FAIL, "exact")]
    assert numbers_first(verdicts) == (verdicts, [])


@pytest.mark.parametrize(("array", "said"), [
    (np.arange(4.0) / 2, "float64 [4]: 0, 0.5, 1, 1.5"), (np.zeros(13), "float64 [13]"), (np.zeros(0), "float64 [0]"),
    (np.array([[1, 2], [3, 4]]), "int64 [2, 2]: 1, 2, 3, 4"), (np.array([True]), "bool [1]: true"),
])  # fmt: skip
def test_a_small_array_is_written_out(array, said):
    assert new(array)[0][0].obtained == said
