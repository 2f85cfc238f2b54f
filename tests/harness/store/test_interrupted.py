"""An acceptance that was decided and interrupted: every door says so, and only `accept` and `recover` write goldens."""

from __future__ import annotations

import pytest

from harness.core.project import find_project
from harness.store import transaction

ID = "smooth/cpu/reference"
TOLD = "`harness recover` finishes it"


@pytest.fixture
def interrupted(heat, capsys, monkeypatch):
    """A repository in which the acceptance of a changed reference stopped after it was decided."""
    heat.edit("heat.py", "np.log(heights), 1)[0]", "np.log(heights), 1, w=heights)[0]")
    heat.repository.commit("weights")
    heat.cli(capsys, "verify smooth", 1)
    with monkeypatch.context() as patch:
        patch.setattr(transaction, "_put", lambda *arguments: (_ for _ in ()).throw(OSError(28, "No space left")))
        err = heat.cli(capsys, f"accept {ID} --reason weights", 2)[1]
    assert "the acceptance was decided and is not finished" in err
    assert TOLD in err
    return heat


def test_every_command_says_so_and_writes_nothing(interrupted, capsys):
    before = interrupted.files("goldens")
    for line in ("verify", "verify --approvals HEAD", "verify --workers 2", "list", "log", "pending", f"diff {ID}"):
        assert TOLD in interrupted.cli(capsys, line, 2)[1], line
    for line in (f"review {ID}", f"reject {ID}", "prune", "calibrate smooth", "merge"):
        assert TOLD in interrupted.cli(capsys, line, 2)[1], line
    assert TOLD in str([c["remedy"] for c in interrupted.json(capsys, "doctor", 1)])
    assert interrupted.files("goldens") == before


def test_in_ci_too(interrupted, capsys):
    before = interrupted.files("goldens")
    interrupted.monkeypatch.setenv("CI", "true")
    assert TOLD in interrupted.cli(capsys, "verify", 2)[1]
    assert "refused in CI" in interrupted.cli(capsys, "recover", 2)[1]
    assert interrupted.files("goldens") == before


def test_pytest_says_so_and_writes_nothing(interrupted):
    before = interrupted.files("goldens")
    done = interrupted.repository.shell("pytest -q -x")
    assert done.returncode == 1
    assert TOLD in done.stdout
    assert interrupted.files("goldens") == before


def test_recover_finishes_it(interrupted, capsys):
    assert interrupted.json(capsys, "recover")["ids"] == [ID]
    assert interrupted.json(capsys, "log")[-1]["reason"] == "weights"
    assert ID not in interrupted.cli(capsys, "pending --ids")[0].split()
    assert interrupted.cli(capsys, "recover")[0] == "no acceptance was interrupted\n"


def test_accept_finishes_it_says_so_and_goes_on(interrupted, capsys):
    out = interrupted.cli(capsys, f"accept {ID} smooth/replay/reference --reason more")[0]
    assert f"finished an acceptance that was interrupted after it was decided: {ID}" in out
    assert [a["reason"] for a in interrupted.json(capsys, "log")][-2:] == ["weights", "more"]


def test_accepting_the_same_again_finishes_it(interrupted, capsys):
    assert "finished" in interrupted.cli(capsys, f"accept {ID} --reason weights")[0]
    assert [a["reason"] for a in interrupted.json(capsys, "log")][-1] == "weights"


def test_it_can_be_forgotten(interrupted, capsys):
    before = interrupted.files("goldens")
    assert "restore" in interrupted.cli(capsys, "recover --discard")[0]
    assert interrupted.files("goldens") == before
    assert ID in interrupted.cli(capsys, "pending --ids")[0].split()
    assert not (find_project(interrupted.root).state / "accept").exists()
