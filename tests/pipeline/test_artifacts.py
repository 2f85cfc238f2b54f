"""Artifacts: strict JSON, and files that are whole or absent."""

from __future__ import annotations

import dataclasses
import json
import math
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho.errors import PtychoError
from ptycho.output import artifacts


def strict(text):
    """Parse JSON as the standard has it: no NaN, no Infinity."""

    def refuse(token):
        raise ValueError(f"bare {token}")

    return json.loads(text, parse_constant=refuse)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(json_values)
@pytest.mark.slow
def test_plain_values_are_strict_json_and_only_non_finite_ones_change(value):
    text = json.dumps(artifacts.to_plain(value), allow_nan=False)

    def same(a, b):
        if isinstance(a, dict):
            return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
        if isinstance(a, list):
            return len(a) == len(b) and all(map(same, a, b))
        if isinstance(a, float) and not math.isfinite(a):
            return b == {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(a)]
        return a == b and type(a) is type(b)

    assert same(value, strict(text))


def test_what_the_pipeline_records_becomes_plain():
    @dataclasses.dataclass(frozen=True)
    class Record:
        name: str
        pair: tuple[int, float]

    result = artifacts.to_plain(
        {
            "record": Record("x", (1, math.nan)),
            "records": [Record("y", (2, math.inf))],
            "array": np.array([[1.5, -np.inf]], np.float32),
            "numbers": (np.float32(0.5), np.int64(3), np.bool_(True), np.float64("nan")),
            "path": Path("a/b"),
            7: "a key that is a number",
        }
    )
    assert result == {
        "record": {"name": "x", "pair": [1, "NaN"]},
        "records": [{"name": "y", "pair": [2, "Infinity"]}],
        "array": [[1.5, "-Infinity"]],
        "numbers": [0.5, 3, True, "NaN"],
        "path": str(Path("a/b")),
        "7": "a key that is a number",
    }
    assert [type(value) for value in result["numbers"]] == [float, int, bool, str]


def test_json_files_are_strict_sorted_and_end_with_a_line(tmp_path):
    artifacts.write_json(tmp_path / "x.json", {"b": math.nan, "a": 1})
    text = (tmp_path / "x.json").read_text()
    assert strict(text) == {"a": 1, "b": "NaN"}
    assert text.index('"a"') < text.index('"b"')
    assert text.endswith("}\n")


def test_arrays_come_back_as_they_were(tmp_path, rng):
    array = rng.standard_normal((3, 4)).astype(np.float32)
    artifacts.write_npy(tmp_path / "x.npy", array)
    artifacts.write_npz(tmp_path / "x.npz", {"one": array, "two": np.arange(3)})
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy", allow_pickle=False), array)
    with np.load(tmp_path / "x.npz", allow_pickle=False) as file:
        assert sorted(file) == ["one", "two"]
        np.testing.assert_array_equal(file["one"], array)


@pytest.mark.parametrize("write", [artifacts.write_npy, lambda path, a: artifacts.write_npz(path, {"a": a})])
def test_objects_are_never_pickled(tmp_path, write):
    with pytest.raises(ValueError, match="allow_pickle"):
        write(tmp_path / "x", np.array([{}, None]))
    assert list(tmp_path.iterdir()) == []


def test_folders_are_made_and_old_files_replaced(tmp_path):
    path = tmp_path / "a" / "b" / "x.txt"
    for text in ("old and long", "naïve"):
        artifacts.write_text(path, text)
        assert path.read_text(encoding="utf-8") == text
    assert [p.name for p in path.parent.iterdir()] == ["x.txt"]
    assert path.stat().st_mode & 0o444 == 0o444  # readable by others, unlike a temporary file


def test_a_value_that_json_cannot_hold_leaves_the_old_file(tmp_path):
    artifacts.write_json(tmp_path / "x.json", {"old": 1})
    with pytest.raises(TypeError):
        artifacts.write_json(tmp_path / "x.json", {"new": object()})
    assert strict((tmp_path / "x.json").read_text()) == {"old": 1}
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_is_a_file_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PtychoError, match=r"cannot write .*x\.json \(.+\): make room or choose another --out"):
        artifacts.write_json(tmp_path / "file" / "x.json", {})


def python(code, *arguments, **settings):
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, **settings
    )


FULL_DISK = """
import resource, sys
from pathlib import Path
from ptycho.output import artifacts
from ptycho.errors import PtychoError

resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))  # as on a full disk, the write ends part-way
try:
    artifacts.write_bytes(Path(sys.argv[1]), b"new" * 100_000)
except PtychoError as error:
    print(error)
"""


@pytest.mark.parametrize("old", [b"old", None])
def test_a_full_disk_leaves_the_old_file_and_nothing_half_written(tmp_path, old):
    path = tmp_path / "x.bin"
    if old:
        path.write_bytes(old)
    done = python(FULL_DISK, path, check=True)
    assert f"cannot write {path} (File too large): make room or choose another --out" in done.stdout
    assert [p.name for p in tmp_path.iterdir()] == (["x.bin"] if old else [])
    assert not old or path.read_bytes() == old


WRITER = """
import itertools, sys
from pathlib import Path
from ptycho.output import artifacts

for turn in itertools.count():
    artifacts.write_json(Path(sys.argv[1]), {"turn": turn, "values": [turn] * 200_000})
"""


@pytest.mark.slow
def test_a_killed_writer_leaves_a_whole_file(tmp_path):
    """SIGKILL gives no chance to clean up: the file under its own name must be whole all the same."""
    path = tmp_path / "x.json"
    for delay in (0.0, 0.013, 0.041, 0.1, 0.17):
        path.unlink(missing_ok=True)
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)]) as writer:
            deadline = time.monotonic() + 30
            while not path.exists():
                assert writer.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.002)
            time.sleep(delay)
            writer.send_signal(signal.SIGKILL)
        assert writer.returncode == -signal.SIGKILL
        result = strict(path.read_text())
        assert result["values"] == [result["turn"]] * 200_000
