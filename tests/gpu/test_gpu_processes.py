"""Processes that answer, fail, or take too long, alone and side by side."""

from __future__ import annotations

import os

import gpu_processes
import pytest
from gpu_case import GEOMETRY, PRECISIONS, Case
from gpu_processes import SHARING, Budget, Question, Trainings

ANSWERS = """import json, os, sys, time
began = time.time()
print("thinking about", sys.argv[1])
time.sleep(0.3)
answer = {"asked": sys.argv[1], "pid": os.getpid(), "began": began, "ended": time.time(), "case": {}}
answer["sharing"] = os.environ.get("XLA_PYTHON_CLIENT_PREALLOCATE")
open(sys.argv[2], "w").write(json.dumps(answer))
"""
FAILS = "import sys; print('no such device'); sys.exit(3)"
SILENT = ""
SLEEPS = "import time; time.sleep(600)"
HALF_SLEEPS = "import sys, time\nif '64' in sys.argv[1]: time.sleep(600)\n" + ANSWERS
CASES = [Case(N, precision, False) for precision in PRECISIONS for N in GEOMETRY]
ALONE, TOGETHER = [c for c in CASES if c.alone], [c for c in CASES if not c.alone]


@pytest.fixture
def script(tmp_path, monkeypatch):
    """``script(text)``: what is run in the place of ``gpu_case.py``."""

    def put(text):
        (tmp_path / "script.py").write_text(text)
        monkeypatch.setattr(gpu_processes, "RUN", tmp_path / "script.py")

    return put


@pytest.fixture
def ask(tmp_path, script):
    """``ask(script)``: a question that the script answers."""

    def put(text):
        script(text)
        return Question("--look", tmp_path)

    return put


def test_an_answer_comes_from_a_process_of_its_own(ask, capsys):
    answer = ask(ANSWERS).answer(Budget(None))
    assert answer["asked"] == "--look"
    assert answer["pid"] != os.getpid()
    assert "thinking about --look" in capsys.readouterr().out


@pytest.mark.parametrize(("text", "said"), [(FAILS, "status 3 .*no such device"), (SILENT, "status 0 ")])
def test_a_process_without_an_answer_says_its_last_words(ask, text, said):
    with pytest.raises(RuntimeError, match=said):
        ask(text).answer(Budget(None))


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


@pytest.mark.slow
def test_a_run_ends_with_whoever_asked(tmp_path):
    """The real script, which would take seconds to answer: its standard input ends with who holds the other end."""
    question = Question("--look", tmp_path)
    question.process.stdin.close()
    assert question.process.wait(60) == 1
    assert not question.out.exists()


def test_what_runs_alone_is_what_is_told_of_speed():
    assert {(case.N, case.precision) for case in ALONE} == {(64, "float32"), (128, "float32")}


def test_the_others_run_side_by_side_and_share_the_device(tmp_path, script):
    script(ANSWERS)
    trainings = Trainings(CASES, tmp_path, Budget(None))
    answers = {case: trainings.measured(case) for case in CASES}
    spans = {case: (answer["began"], answer["ended"]) for case, answer in answers.items()}
    assert spans[ALONE[0]][1] < spans[ALONE[1]][0]
    assert spans[ALONE[1]][1] < min(spans[case][0] for case in TOGETHER)
    assert max(spans[case][0] for case in TOGETHER) < min(spans[case][1] for case in TOGETHER)
    assert [trainings.beside(case) for case in TOGETHER] == [[TOGETHER[1].name], [TOGETHER[0].name]]
    assert [trainings.beside(case) for case in ALONE] == [[], []]
    sharing = SHARING["XLA_PYTHON_CLIENT_PREALLOCATE"]
    assert [answers[case]["sharing"] for case in CASES] == [None, None, sharing, sharing]


def test_whoever_must_be_alone_waits_for_the_others(tmp_path, script):
    script(ANSWERS)
    trainings = Trainings(CASES, tmp_path, Budget(None))
    answers = [trainings.measured(case) for case in (TOGETHER[0], ALONE[0])]
    assert answers[0]["ended"] < answers[1]["began"]
    assert trainings.measured(TOGETHER[1])["ended"] < answers[1]["began"]


def test_what_was_measured_in_time_is_kept_and_the_rest_says_so(tmp_path, script):
    script(HALF_SLEEPS)
    budget = Budget(0.05)
    trainings = Trainings(CASES, tmp_path, budget)
    sleeping, answering = sorted(TOGETHER, key=lambda case: case.N)
    with pytest.raises(RuntimeError, match="not finished"):
        trainings.measured(sleeping)
    assert budget.over
    assert trainings.measured(answering)["asked"].endswith("case.json")
    assert trainings.beside(answering) == [sleeping.name]
    with pytest.raises(RuntimeError, match="not begun"):
        trainings.measured(ALONE[0])
    assert trainings.beside(ALONE[0]) == []


def test_nothing_is_left_running(tmp_path, script):
    script(HALF_SLEEPS)
    trainings = Trainings(TOGETHER, tmp_path, Budget(None))
    trainings.measured(max(TOGETHER, key=lambda case: case.N))
    running = [question.process for question in trainings._begun.values() if question.process.poll() is None]
    assert len(running) == 1
    trainings.end()
    assert running[0].poll() is not None
