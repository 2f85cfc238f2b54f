"""Stages get no variable that decides numbers without being in the key."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from harness.run.circumstances import circumstances, passed

IN_KEY = ("OMP_NUM_THREADS", "TF_ENABLE_ONEDNN_OPTS", "KERAS_BACKEND", "LD_LIBRARY_PATH", "LANG", "LC_NUMERIC", "TZ")
ALSO_IN_KEY = ("MPLBACKEND", "PYTHONWARNINGS", "PYTHONGAIN", "NUMBA_DISABLE_JIT", "GLIBC_TUNABLES")
FOR_ALL = ("PATH", "HOME", "USER", "TMPDIR", "PYTHONPATH", "PYTHONHASHSEED", "VIRTUAL_ENV", "MPLCONFIGDIR", "TERM")
WITHHELD = ("GAIN", "CI", "GITHUB_ACTIONS", "HOSTNAME", "PYTEST_CURRENT_TEST", "XDG_GAIN", "COV_GAIN", "SLURM_JOB_ID")


@pytest.mark.parametrize("name", [*IN_KEY, *ALSO_IN_KEY])
def test_what_libraries_read_is_passed_and_decides(name, monkeypatch):
    assert passed({name: "1"}, ()) == {name: "1"}
    monkeypatch.delenv(name, raising=False)
    before = circumstances()
    monkeypatch.setenv(name, "1")
    assert circumstances() != before


@pytest.mark.parametrize("name", FOR_ALL)
def test_what_programs_need_is_passed_and_decides_nothing(name, monkeypatch):
    assert passed({name: "1"}, ()) == {name: "1"}
    before = circumstances()
    monkeypatch.setenv(name, "/1")
    assert circumstances() == before


@pytest.mark.parametrize("name", WITHHELD)
def test_all_else_is_withheld_unless_it_is_declared(name):
    assert passed({name: "1"}, ()) == {}
    assert passed({name: "1"}, (name,)) == {name: "1"}


@pytest.mark.slow
def test_a_process_that_one_without_a_locale_starts_has_the_same_circumstances():
    """Python takes UTF-8 where there is no locale, and hands that on by a variable: under another spelling."""
    asked = "import json; from harness.run.circumstances import circumstances; print(json.dumps(circumstances()))"
    inner = [sys.executable, "-c", asked]
    outer = [sys.executable, "-c", f"{asked}; import subprocess; subprocess.run({inner!r}, check=True)"]
    bare = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}
    first, second = subprocess.run(outer, env=bare, check=True, capture_output=True, text=True).stdout.splitlines()
    assert first == second
