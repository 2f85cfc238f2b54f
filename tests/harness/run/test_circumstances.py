"""Stages get no variable that decides numbers without being in the key."""

from __future__ import annotations

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
