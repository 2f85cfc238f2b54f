"""The copy in which mutants live: all that a verification needs, and nothing through which the original is reached."""

from __future__ import annotations

import os
import sys

import pytest

from harness.core.errors import ProjectError
from harness.study.prove.trial import copies
from harness.study.prove.trial.copies import repository_copy


@pytest.fixture
def original(tmp_path):
    root = tmp_path / "place" / "rod"
    outside = tmp_path / "data"
    for path, content in {
        "heat.py": "x = 1\n",
        "src/rod/__init__.py": "",
        "data/ignored.bin": "0",
        ".git/HEAD": "ref",
        ".harness/cache/items/1": "",
        "env/pyvenv.cfg": "",
        "env/lib/numpy.py": "",
        "src/__pycache__/heat.pyc": "",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    outside.mkdir()
    (outside / "frames.bin").write_text("1")
    (root / "linked").symlink_to("../../data")
    (root / "inner").symlink_to("heat.py")
    return root.resolve()


def test_the_copy_has_what_a_verification_needs(original, tmp_path):
    objects = tmp_path / "objects"
    (objects / "ab").mkdir(parents=True)
    (objects / "ab/abcd").write_text("large")
    with repository_copy(original, original / ".harness", objects, tmp_path) as copy:
        found = {p.relative_to(copy).as_posix() for p in copy.rglob("*") if p.is_file()}
        wanted = {"heat.py", "src/rod/__init__.py", "data/ignored.bin", "inner", ".harness/objects/ab/abcd"}
        assert found == wanted
        assert (copy / "linked/frames.bin").read_text() == "1"
        assert copy.name == original.name
        assert copy.is_relative_to(tmp_path)
        (copy / "heat.py").write_text("x = 2\n")
        assert (copy / "inner").read_text() == "x = 2\n"
    assert (original / "heat.py").read_text() == "x = 1\n"
    assert not copy.exists()


def test_modules_are_looked_up_in_the_copy_and_afterwards_where_they_were(original, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(original / "src"), "/elsewhere"]))
    library = str(original / "env/lib")
    monkeypatch.setattr(sys, "path", [str(original), str(original / "src"), library, "/elsewhere"])
    with repository_copy(original, original / ".harness", tmp_path / "none", tmp_path) as copy:
        assert sys.path == [str(copy), str(copy / "src"), library, "/elsewhere"]
        assert os.environ["PYTHONPATH"] == os.pathsep.join([str(copy / "src"), "/elsewhere"])
    assert sys.path == [str(original), str(original / "src"), library, "/elsewhere"]
    assert os.environ["PYTHONPATH"].startswith(str(original / "src"))


def test_a_state_that_is_a_link_is_not_copied(original, tmp_path):
    (original / ".harness").rename(tmp_path / "state")
    (original / ".harness").symlink_to(tmp_path / "state")
    with repository_copy(original, original / ".harness", tmp_path / "none", tmp_path) as copy:
        assert not os.path.lexists(copy / ".harness")


def test_what_is_too_large_to_be_copied_is_told(original, tmp_path, monkeypatch):
    monkeypatch.setattr(copies, "LARGEST_COPY", 3)
    with (
        pytest.raises(ProjectError, match="mutants need a copy: keep data elsewhere"),
        repository_copy(original, original / ".harness", tmp_path / "none", tmp_path),
    ):
        pass
