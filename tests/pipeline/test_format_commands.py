"""The page of formats: each command that it names reads the format that it stands beside, with no flag too few."""

from __future__ import annotations

import re
import shlex
import sys
import types
from pathlib import Path

import foreign_files as foreign
import numpy as np
import pytest
from foreign_files import SIDE, small_scan

from ptycho.cli.commands import main
from ptycho.config.experiment import MeasuredConfig
from ptycho.data.measured import load_measured
from ptycho.errors import PtychoError

PAGE = Path(__file__).parents[2] / "docs/reference/formats.md"
ROWS = re.findall(r"^\| ([^|]+?) \| [^|]+ \| `(ptycho [^`]+)` \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
WRITERS = {
    "NPZ or HDF5": foreign.npz,
    "PtychoPINN": foreign.pinn,
    "tike": foreign.tike,
    "CXI": foreign.cxi,
    "ptypy": foreign.ptypy,
    "pty-chi and ptychodus": foreign.ptychi,
    "NeXus": foreign.nexus,
}
SCAN = small_scan()


def configured(monkeypatch, capsys, *arguments):
    """The measured data that a command line asks for; without running anything."""
    seen = []

    def run(scenario, *_):
        seen.append(scenario.config.measured)
        raise PtychoError("enough")

    monkeypatch.setitem(sys.modules, "ptycho.pipeline.execution", types.SimpleNamespace(run=run))
    monkeypatch.setattr(sys, "argv", ["ptycho", *map(str, arguments)])
    with pytest.raises(SystemExit) as left:
        main()
    told = capsys.readouterr().err
    return (seen[0], told) if seen else (left.value.code, told)


def test_the_page_has_a_command_for_every_format():
    assert [name for name, _ in ROWS] == list(WRITERS)


@pytest.mark.parametrize(("name", "command"), ROWS, ids=[name for name, _ in ROWS])
def test_a_command_of_the_page_reads_its_format(tmp_path, monkeypatch, capsys, name, command):
    monkeypatch.chdir(tmp_path)
    _, subcommand, data, *options = shlex.split(command)
    WRITERS[name](tmp_path / data, SCAN)
    np.save(tmp_path / "probe.npy", SCAN.probe)
    measured, _ = configured(monkeypatch, capsys, subcommand, data, *options)
    foreign.npz(tmp_path / "wanted.npz", SCAN, mask=None)
    plain = load_measured(MeasuredConfig("wanted.npz", "counts", True, "xy", 0), SIDE)
    dataset = load_measured(measured, SIDE)
    seen = np.ones((SIDE, SIDE), bool) if dataset.frames.mask is None else dataset.frames.mask
    np.testing.assert_allclose(dataset.frames.diffraction, np.where(seen, plain.frames.diffraction, 0), rtol=1e-6)
    np.testing.assert_allclose(dataset.frames.positions, plain.frames.positions, rtol=1e-10)


def test_a_flag_wins_over_what_the_format_fixes(tmp_path, monkeypatch, capsys):
    path = foreign.pinn(tmp_path / "x.npz", SCAN)
    flags = ("--quantity", "counts", "--order", "yx", "--corner", "--mask", "m.npy", "--probe", "p.npy")
    measured, _ = configured(monkeypatch, capsys, "reconstruct", path, "--out", tmp_path / "out", *flags)
    assert (measured.quantity, measured.order, measured.centred) == ("counts", "yx", False)
    assert (measured.mask, measured.probe) == ("m.npy", "p.npy")


@pytest.mark.parametrize("spoil", ["cut", "link", "pickle"])
def test_a_file_that_cannot_be_read_is_an_input_error(tmp_path, monkeypatch, capsys, spoil):
    path = foreign.npz(tmp_path / "x.npz", SCAN)
    if spoil == "cut":
        path.write_bytes(path.read_bytes()[:-300])
    elif spoil == "link":
        path.rename(tmp_path / "y.npz")
        path.symlink_to(tmp_path / "y.npz")
    else:
        np.savez(path, data=np.array([{}]), allow_pickle=True)
    code, told = configured(monkeypatch, capsys, "reconstruct", path, "--out", tmp_path / "out")
    assert code == 2
    assert told.startswith("error: ")
    assert told.count("\n") == 1
    assert not (tmp_path / "out").exists()
