"""Processes that answer, fail, or take too long."""

from __future__ import annotations

import gpu_processes
import pytest
from gpu_case import GEOMETRY, PRECISIONS, Case
from gpu_processes import Budget, Question

ANSWERS = """import json, sys
print("thinking about", sys.argv[1])
open(sys.argv[2], "w").write(json.dumps({"asked": sys.argv[1]}))
"""
FAILS = "import sys; print('no such device'); sys.exit(3)"
SILENT = ""
SLEEPS = "import time; time.sleep(600)"


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """``ask(script)``: a question that the script answers."""

    def put(script):
        (tmp_path / "script.py").write_text(script)
        monkeypatch.setattr(gpu_processes, "RUN", tmp_path / "script.py")
        return Question("--look", tmp_path)

    return put


def test_an_answer_comes_from_a_process_of_its_own(ask, capsys):
    question = ask(ANSWERS)
    assert question.answer(Budget(None)) == {"asked": "--look"}
    assert question.process.pid
    assert "thinking about --look" in capsys.readouterr().out


@pytest.mark.parametrize(("script", "said"), [(FAILS, "status 3 .*no such device"), (SILENT, "status 0 ")])
def test_a_process_without_an_answer_says_its_last_words(ask, script, said):
    with pytest.raises(RuntimeError, match=said):
        ask(script).answer(Budget(None))


def test_what_takes_too_long_is_ended_and_says_so(ask):
    question, budget = ask(SLEEPS), Budget(0.002)
    with pytest.raises(RuntimeError, match=r"not finished when the 0\.002 minutes of --gpu-minutes were over"):
        question.answer(budget)
    assert question.process.poll() is not None
    assert budget.over


def test_without_minutes_there_is_no_end():
    assert Budget(None).left() is None
    assert not Budget(None).over
    assert Budget(0).over
    assert 59 < Budget(1).left() <= 60


def test_what_the_bars_are_about_runs_alone():
    """Speed and load are told of a device that does nothing else."""
    alone = {(N, precision) for N in GEOMETRY for precision in PRECISIONS if Case(N, precision, False).alone}
    assert alone == {(64, "float32"), (128, "float32")}
