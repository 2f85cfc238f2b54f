"""The command line refuses wrong data before it trains, with one sentence and the option that mends it."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from star_scan import scan_of

from ptycho.cli.commands import main
from ptycho.preflight.outcome import preflight, summary


@pytest.fixture(scope="module")
def swapped(tmp_path_factory):
    """A file whose columns are row and column."""
    scan = scan_of(count=64)
    path = tmp_path_factory.mktemp("data") / "swapped.npz"
    np.savez(path, **scan.but(scan=scan.scan[:, ::-1]).arrays())
    return path


def status(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["ptycho", *map(str, arguments)])
    with pytest.raises(SystemExit) as leaving:
        main()
    return leaving.value.code or 0


@pytest.mark.slow
def test_check_refuses_with_status_2_and_passes_with_the_option_that_it_names(swapped, monkeypatch, capsys, tmp_path):
    assert status(monkeypatch, "check", swapped, "--out", tmp_path) == 2
    assert "--order yx" in capsys.readouterr().out
    assert (tmp_path / "preflight.png").read_bytes().startswith(b"\x89PNG")
    document = json.loads((tmp_path / "preflight.json").read_text())
    assert document["passed"] is False
    assert document["findings"][0]["flag"] == "--order yx"
    assert status(monkeypatch, "check", swapped, "--order", "yx", "--json") == 0
    assert json.loads(capsys.readouterr().out)["passed"] is True


@pytest.mark.slow
def test_reconstruct_refuses_before_it_trains(swapped, monkeypatch, capsys, tmp_path):
    out = tmp_path / "out"
    assert status(monkeypatch, "reconstruct", swapped, "--out", out, "--profile", "smoke", "--set", "N=64") == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "axes or signs are other ones than declared" in said
    assert "--order yx, or --force to go on all the same" in said
    assert sorted(path.name for path in out.iterdir()) == ["preflight.json", "preflight.png"]


@pytest.mark.slow
def test_what_is_forced_is_named(swapped, tmp_path):
    from ptycho.preflight.declared import declared_layout

    report = preflight(declared_layout(str(swapped), {}), 64, None, forced=True)
    assert summary(report, forced=True)["forced"] == ["positions"]
    assert summary(report, forced=False)["forced"] == []
