"""What the command line says of its state: what was not kept is noted, and what is no plain file ends in a sentence."""

from __future__ import annotations

import os
import shutil

import pytest


def test_what_was_not_kept_is_said_by_verify_and_run(heat, capsys):
    with (heat.root / "pyproject.toml").open("a") as file:
        file.write("cache_bytes = 1000\n")
    shutil.rmtree(heat.root / ".harness/cache")
    for line, status in (("run smooth", 0), ("run smooth --no-cache", 0), ("verify smooth", 0)):
        out, _ = heat.cli(capsys, line, status)
        assert "note: the result " in out
        assert " of stage solve is not kept in " in out
        assert "are more than the whole cache may have" in out or "are too large" in out
        out, err = heat.cli(capsys, f"{line} --json", status)
        assert "note" not in out
        assert " of stage solve is not kept in " in err


def test_a_damaged_result_is_noted(heat, capsys):
    for path in (heat.root / ".harness/cache/items").glob("*/*/index"):
        path.write_bytes(b"x")
    out, _ = heat.cli(capsys, "verify smooth")
    assert "was damaged and is removed" in out


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("lock", "reject smooth/cpu/reference"),
        ("report/report.json", "report"),
        ("pending/smooth/cpu/reference.about.json", "accept smooth/cpu/reference --reason x"),
        ("accept/plan.json", "recover"),
        ("accept/plan.json", "verify"),
        ("cache/clean.lock", "verify smooth"),
    ],
)
def test_a_pipe_in_the_state_is_a_sentence(heat, capsys, name, line):
    path = heat.root / ".harness" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    err = heat.cli(capsys, line, 2)[1]
    assert err.startswith("error: ") or "\nerror: " in err
    assert "is a pipe, not a plain file" in err or "`harness recover` finishes it" in err
