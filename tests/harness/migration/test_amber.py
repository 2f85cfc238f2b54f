"""Amber is read as data, exactly, and whatever is no data is refused by name."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import RefusedDataError
from harness.verify.migration.amber import amber_sections, read_snapshot

FILE = """\
# serializer version: 1
# name: TestPeaks.test_in[a-b]
  dict({
    'list': list([
      1,
      2.5,
      None,
      True,
      nan,
      np.float32(0.1),
    ]),
    'text': '''
      first
      |
      second: x,
    ''',
    "it's": 'say "x"',
  })
# ---
# name: test_text
  '''
  a
  b
  |
  '''
# ---
# name: test_text.1
  tuple(
    -1e-07,
    list([
    ]),
    dict({
    }),
  )
# ---
""".replace("|", "")  # blank lines keep their indentation


def test_every_snapshot_of_a_file_is_read():
    sections = amber_sections(FILE, "f.ambr")
    assert list(sections) == ["TestPeaks.test_in[a-b]", "test_text", "test_text.1"]
    first = read_snapshot(sections["TestPeaks.test_in[a-b]"], "f")
    assert math.isnan(first["list"].pop(4))
    assert first["list"].pop(4) == np.float32(0.1)
    assert first == {"list": [1, 2.5, None, True], "text": "first\n\nsecond: x,", "it's": 'say "x"'}
    assert read_snapshot(sections["test_text"], "f") == "a\nb\n"
    assert read_snapshot(sections["test_text.1"], "f") == (-1e-07, [], {})


@pytest.mark.parametrize(
    ("snapshot", "told"),
    [
        ("Point(\n  x=1,\n  y=2,\n)", "an object, Point"),
        ("dict({\n  'a': Model(\n    x=1,\n  ),\n})", "an object, Model"),
        ("array([0., 1., 2.])", "the repr of an object, array,"),
        ("datetime.datetime(2020, 1, 1, 0, 0)", "the repr of an object, datetime.datetime,"),
        ("<object at 0x7f00>", "the repr of an object"),
        ("__import__('os').system('true')", "the repr of an object"),
        ("[1, 2]", "the repr of an object"),
        ("np.float64(x)", "the repr of an object, np.float64,"),
        ("9" * 5000, "which cannot be read"),
        ("007", "which cannot be read"),
        (r"'\xg'", "which cannot be read"),
        ("np.int8(300)", "np.int8(300), which is no int8"),
        ("np.int8(1.5)", "np.int8(1.5), which is no int8"),
        ("...", "the repr of an object"),
        ("b'x'", "the repr of an object"),
        ("set({\n  1,\n})", "a set, whose order"),
        ("dict({\n  1: 'a',\n})", "the key '1', which is no text"),
        ("dict({\n  'a': 1,\n  'a': 2,\n})", "one key twice"),
        ("list([\n  1,", "data that end too early"),
        ("1\n2", "'2' after its end"),
        ("list([\n  '''\n    x\n    '''\n    y\n  ''',\n])", "a text with a line of three quotes"),
        ("list([\n" * 200, "in a list"),
        ("", "the repr of an object"),
    ],
)
def test_what_is_no_data_is_refused_by_name(snapshot, told):
    with pytest.raises(RefusedDataError, match=r"^tests/x: y holds ") as refused:
        read_snapshot(snapshot, "tests/x: y")
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_of_another_version_is_refused():
    with pytest.raises(RefusedDataError, match=r"f.ambr is no amber of version 1"):
        amber_sections("# name: test_a\n  1\n# ---\n", "f.ambr")


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"), max_size=8)
KEYS = TEXTS.filter(lambda key: "\n" not in key)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)


@pytest.mark.slow
@given(TREES)
def test_what_syrupy_writes_comes_back_or_is_refused(tree):
    amber = pytest.importorskip("syrupy.extensions.amber", reason="syrupy is not installed")
    snapshot = amber.AmberDataSerializer.serialize(tree)
    try:
        assert read_snapshot(snapshot, "f") == tree
    except RefusedDataError:
        assert "'''" in snapshot  # a text of several lines of which one may be its end
