"""Never silently on the CPU: when GPU tests run in full, reduced, or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from gpu_case import GEOMETRY, PRECISIONS, SCENARIO, Case, Clock
from gpu_plan import OPTION, Sight, decide

from ptycho.config.scenario import load_scenario
from ptycho.data.simulation import make_probe
from ptycho.optics import probes

ROOT = Path(__file__).parents[2]
GPU = Sight("jax", ("gpu:0",), "gpu:0", "Some GPU")
NONE = Sight("tensorflow", (), "cpu:0", "Some CPU")
UNUSED = Sight("torch", ("cuda:0", "cuda:1"), "cpu:0", "Some CPU")


@pytest.mark.parametrize("on_cpu", [False, True])
def test_an_accelerator_means_full_runs_whatever_is_allowed(on_cpu):
    plan = decide(GPU, on_cpu)
    assert plan.run == "full"
    assert plan.reason == "jax computes on gpu:0 (Some GPU)"


def test_without_an_accelerator_nothing_runs_and_the_reason_says_how_to_allow_it():
    plan = decide(NONE, False)
    assert plan.run == "skip"
    assert "tensorflow sees no accelerator" in plan.reason
    assert OPTION in plan.reason


def test_the_option_allows_reduced_runs_and_only_those():
    plan = decide(NONE, True)
    assert plan.run == "reduced"
    assert "on the CPU (Some CPU)" in plan.reason


@pytest.mark.parametrize(("on_cpu", "run"), [(False, "skip"), (True, "reduced")])
def test_an_accelerator_that_the_backend_sees_and_does_not_use_is_none(on_cpu, run):
    plan = decide(UNUSED, on_cpu)
    assert plan.run == run
    assert "torch sees cuda:0, cuda:1 and computes on cpu:0" in plan.reason


def test_a_place_without_any_accelerator_seen_is_not_taken_for_one():
    assert decide(Sight("jax", (), "gpu:0", "?"), False).run == "skip"


def gpu_tests(environment):
    line = [sys.executable, "-m", "pytest", "-m", "gpu", "tests/gpu", "-p", "no:cacheprovider"]
    return subprocess.run(line, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=300)


@pytest.mark.slow
def test_pytest_itself_skips_with_that_reason():
    """With every accelerator hidden, so that this test never starts a full run."""
    hidden = {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu", "KERAS_TORCH_DEVICE": "cpu"}
    done = gpu_tests(hidden)
    assert done.returncode == 0, done.stdout
    assert "5 skipped" in done.stdout
    assert f"or run reduced on the CPU with {OPTION}" in " ".join(done.stdout.split())
    assert "passed" not in done.stdout


@pytest.mark.slow
def test_a_backend_that_is_not_there_is_told_before_anything_runs():
    done = gpu_tests({"KERAS_BACKEND": "abacus"})
    assert done.returncode == 1
    assert "5 errors" in done.stdout
    assert "the backend cannot be asked (" in done.stdout
    assert "install it, or choose another with KERAS_BACKEND" in done.stdout


# What runs


@pytest.mark.parametrize("N", GEOMETRY)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_full_runs_have_the_seeds_parameters(N, precision):
    case = Case(N, precision, reduced=False)
    config = load_scenario(SCENARIO, case.profile, case.overrides).config
    assert (config.N, config.gridsize, config.model.precision) == (N, 2, precision)
    assert (config.simulate.scan.images, config.group.train_groups, config.train.epochs) == (8000, 1000, 60)


@pytest.mark.parametrize("N", GEOMETRY)
def test_reduced_runs_are_the_same_but_smaller(N):
    full, reduced = (Case(N, "float32", small) for small in (False, True))
    configs = [load_scenario(SCENARIO, case.profile, case.overrides).config for case in (full, reduced)]
    sizes = [(c.simulate.scan.images, c.group.train_groups, c.train.epochs) for c in configs]
    assert all(small < large for large, small in zip(*sizes, strict=True))
    for name in ("N", "model", "loss", "infer", "split", "reference", "compare"):
        assert getattr(configs[0], name) == getattr(configs[1], name)


@pytest.mark.parametrize("N", GEOMETRY)
def test_the_probe_lies_in_the_window_and_on_the_object(N):
    """A wider patch has a wider probe: the scan's margin must follow it, and the half window still hold it."""
    config = load_scenario(SCENARIO, "full", Case(N, "float32", reduced=False).overrides).config
    probe = make_probe(config.simulate.probe, N)
    assert probes.window_energy(probe, config.window_px) > 0.99
    assert config.simulate.scan.margin_px / N == pytest.approx(10 / 64, rel=0.01)
    assert 0.1 < probes.rms_width(probe) / N < 0.15


# Its clock


def test_speed_leaves_out_the_first_epoch(monkeypatch):
    ticks = iter([100.0, 102.0, 104.0])
    monkeypatch.setattr("gpu_case.time.perf_counter", lambda: next(ticks))
    clock = Clock()
    for stage, note in [("simulate", ""), ("train", ""), *[("train", "loss 1")] * 3, ("train", "3.0 s")]:
        clock(stage, 1, 3, note)
    assert clock.seconds_an_epoch() == 2


def test_one_epoch_has_no_speed():
    clock = Clock()
    clock("train", 1, 1, "loss 1")
    assert clock.seconds_an_epoch() is None
