"""The command line: help worth reading, and user errors in one sentence with exit status 2."""

from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from ptycho.cli.commands import main
from ptycho.config.experiment import MeasuredConfig
from ptycho.data.measured import load_measured
from ptycho.quality.invariants import Invariant

SCENARIOS = [
    "asymmetric_probe", "dose_legacy_gs2", "gs1_custom", "gs1_ideal", "gs2_base", "gs2_complex", "gs2_custom",
    "gs2_ideal", "gs2_ne60", "masked_detector", "opaque_star", "partial_coherence", "siemens_star",
]  # fmt: skip


def ptycho(*arguments, cwd):
    """Run ``python -m ptycho`` in a folder of its own."""
    command = [sys.executable, "-m", "ptycho", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=60)


def refusal(*arguments, cwd):
    """The one sentence on stderr that a user error ends with."""
    done = ptycho(*arguments, cwd=cwd)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(Path(cwd).iterdir()) == [], "nothing half-written"
    return done.stderr.strip()


@pytest.mark.slow
def test_help_lists_the_commands_and_what_they_do(tmp_path):
    done = ptycho("--help", cwd=tmp_path)
    assert done.returncode == 0
    for command in ("list", "run", "simulate", "reconstruct", "infer"):
        assert f" {command} " in done.stdout
    assert "on scenarios and on your own data" in done.stdout
    assert "Exit status: 0" in done.stdout


@pytest.mark.slow
def test_a_command_s_help_explains_its_options(tmp_path):
    done = ptycho("run", "--help", cwd=tmp_path)
    assert done.returncode == 0
    for option in ("--profile", "--out", "--set", "--if-data"):
        assert option in done.stdout
    assert "train.epochs=3" in done.stdout
    assert "smoke" in done.stdout


def test_no_command_at_all_shows_the_help_and_no_empty_error(tmp_path):
    done = ptycho(cwd=tmp_path)
    assert "reconstruct" in done.stdout + done.stderr
    assert "error: \n" not in done.stderr


def test_list_names_all_scenarios(tmp_path):
    done = ptycho("list", cwd=tmp_path)
    assert done.returncode == 0
    for name in SCENARIOS:
        assert f" {name} " in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["run", "gs2_idela"],
            "unknown scenario 'gs2_idela'; did you mean 'gs2_ideal'? choose from: asymmetric_probe,",
        ),
        (["run", "gs2_ideal", "--profile", "tiny"], "unknown profile 'tiny'; choose from: cpu, full, replay, smoke"),
        (["run", "gs2_ideal", "--set", "train.epoch=3"], "train: unknown key 'epoch'; did you mean 'epochs'?"),
        (["run", "gs2_ideal", "--set", "N=65"], "N = 65 is not possible: one of (64, 128, 256)"),
        (["run", "gs2_ideal", "--porfile", "cpu"], "No such option: --porfile"),
        (["rnu", "gs2_ideal"], "No such command 'rnu'. Did you mean 'run'"),
        (["run"], "Missing argument"),
        (
            ["simulate", "siemens_star", "--out", "x.npz"],
            "this scenario has measured data: there is nothing to simulate",
        ),
        (["run", "[/x]"], "unknown scenario '[/x]'"),
        (
            ["simulate", "gs2_ideal", "--out", "x.npz", "--set", "simulate.object.seed=-1"],
            "object.seed = -1 is not possible",
        ),
    ],
    ids=["scenario", "profile", "key", "value", "option", "command", "argument", "measured", "brackets", "seed"],
)
def test_a_user_error_is_one_sentence_and_status_2(tmp_path, monkeypatch, capsys, arguments, message):
    """In this process: that a real one ends in the same way, the tests below say."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["ptycho", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    error = capsys.readouterr().err
    assert ended.value.code == 2
    assert message in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == [], "nothing half-written"


@pytest.mark.slow
def test_a_user_error_ends_a_real_process_so(tmp_path):
    assert "unknown scenario 'gs2_idela'; did you mean 'gs2_ideal'?" in refusal("run", "gs2_idela", cwd=tmp_path)
    assert "No such option: --porfile" in refusal("run", "gs2_ideal", "--porfile", "cpu", cwd=tmp_path)


@pytest.mark.slow
def test_square_brackets_of_a_message_reach_the_user(tmp_path):
    both = 'measured={path="x",quantity="counts",centred=true,order="xy",refine_probe_sweeps=0}'
    assert "exactly one of [simulate] and [measured]" in refusal("run", "gs2_ideal", "--set", both, cwd=tmp_path)


@pytest.mark.slow
def test_a_file_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "cwd").mkdir()
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "x.npz"
    message = refusal("simulate", "gs2_ideal", "--profile", "smoke", "--out", out, cwd=tmp_path / "cwd")
    assert f"cannot write {out}" in message


@pytest.mark.slow
def test_simulate_writes_whole_counts_that_load_again(tmp_path, gs2):
    config, dataset = gs2
    done = ptycho("simulate", "gs2_ideal", "--profile", "smoke", "--out", "x.npz", cwd=tmp_path)
    assert done.returncode == 0
    assert "128 frames of 64 pixels, 1e+09 photons each, in x.npz" in done.stdout
    with np.load(tmp_path / "x.npz", allow_pickle=False) as file:
        arrays = dict(file)
    layout = ["centred", "order", "photon_scale", "quantity"]
    assert sorted(arrays) == sorted(["data", "object", "probe", "scan", *layout])
    np.testing.assert_array_equal(arrays["data"], np.rint(arrays["data"]))
    np.testing.assert_array_equal(arrays["object"], dataset.truth)
    np.testing.assert_array_equal(arrays["scan"], dataset.frames.positions)
    loaded = load_measured(MeasuredConfig(str(tmp_path / "x.npz"), "counts", True, "xy", 0), config.N)
    np.testing.assert_allclose(loaded.frames.diffraction, dataset.frames.diffraction, atol=1e-4)
    np.testing.assert_allclose(loaded.probe, dataset.probe, atol=1e-6)
    assert loaded.photon_scale == pytest.approx(dataset.photon_scale)
    assert loaded.nphotons == pytest.approx(1e9, rel=1e-5)


@pytest.mark.parametrize(("held", "status"), [(True, 0), (False, 1)])
def test_the_exit_status_says_whether_the_invariants_hold(monkeypatch, capsys, tmp_path, held, status):
    """Without training: the pipeline is replaced by one that returns a finished run."""
    quality = {"pearson_r": 0.99, "relative_bias": 0.0, "mae": 0.1, "ssim": 0.9}
    metrics = {"amplitude": quality, "phase": quality, "frc": {"mean": 0.9}}
    done = types.SimpleNamespace(
        passed=held,
        stats={"gain_ladder": [], "full_chain_product": 1.0},
        metrics=metrics | {"oracle": metrics, "fourier_error": {"network": 0.1, "oracle": 0.1}},
        invariants=[Invariant("full_chain_product", held, "1.0000")],
        metadata={"timings": {"total_seconds": 1, "training_seconds": 1}, "peak_memory_mb": 1, "far_from_oracle": []},
        out=tmp_path,
    )
    monkeypatch.setitem(sys.modules, "ptycho.pipeline.execution", types.SimpleNamespace(run=lambda *_, **__: done))
    monkeypatch.setattr(sys, "argv", ["ptycho", "run", "gs2_ideal", "--out", str(tmp_path)])
    try:
        main()
        left = 0
    except SystemExit as leaving:
        left = leaving.code or 0
    assert ("pass" if held else "FAIL") in capsys.readouterr().out
    assert left == status
