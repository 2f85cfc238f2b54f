"""Which engine the oracle has: what each refuses, and that nothing is computed where its library is not there."""

from __future__ import annotations

import dataclasses
import sys
import types

import numpy as np
import pytest

from guard.scenarios import load
from ptycho.config.pipeline import ReferenceConfig
from ptycho.config.scenario import load_scenario
from ptycho.data.simulation import detect
from ptycho.errors import ConfigError
from ptycho.optics import probes
from ptycho.reconstruction import engines, oracle, ptychi_engine

PLAIN = ReferenceConfig(sweeps=1, step=1.0, seed=0, update_probe_from=1)
PTYCHI = ("reference.oracle=ptychi", "reference.softness=0")
MISSING = (
    "reference.oracle = 'ptychi' needs ptychi, which is not installed: pip install 'ptycho-reference[ptychi]', "
    "or set reference.oracle to 'builtin'"
)


@pytest.fixture
def without_ptychi(monkeypatch):
    """As if pty-chi were not installed, whether it is or not."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "ptychi"]:
        monkeypatch.delitem(sys.modules, name)

    class Nowhere:
        @staticmethod
        def find_spec(name, path=None, target=None):
            if name.partition(".")[0] == "ptychi":
                raise ModuleNotFoundError("No module named 'ptychi'", name="ptychi")

    monkeypatch.setattr(sys, "meta_path", [Nowhere, *sys.meta_path])


@pytest.mark.parametrize(
    ("key", "value", "plain"),
    [("probe_modes", 2, 1), ("correct_positions", True, False), ("level_frames", True, False)],
)
def test_the_built_in_oracle_refuses_what_it_cannot_and_says_who_can(key, value, plain):
    with pytest.raises(ConfigError) as refused:
        dataclasses.replace(PLAIN, **{key: value})
    assert str(refused.value) == (
        f"reference.{key} = {value!r} is not possible: the built-in oracle leaves it at {plain!r}: "
        "set reference.oracle to 'ptychi'"
    )
    dataclasses.replace(PLAIN, oracle="ptychi", **{key: value})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"softness": 0.5}, "reference.softness = 0.5 is not possible: pty-chi has no softness: set it to 0, or"),
        (
            {"probe_modes": 2, "update_probe_from": 0},
            "correcting the probe: set reference.update_probe_from to 1 or more",
        ),
        ({"probe_modes": 4}, "reference.probe_modes = 4 is not possible: 1, 2 or 3"),
        ({"probe_modes": 0}, "reference.probe_modes = 0 is not possible: 1, 2 or 3"),
    ],
)
def test_what_pty_chi_cannot_is_refused(settings, message):
    with pytest.raises(ConfigError) as refused:
        dataclasses.replace(PLAIN, oracle="ptychi", **settings)
    assert message in str(refused.value)


def test_an_unknown_oracle_is_refused_with_those_there_are():
    with pytest.raises(ConfigError, match="'ptichy' is unknown; did you mean 'ptychi'\\? choose from: builtin, ptychi"):
        load_scenario("gs2_ideal", "smoke", ("reference.oracle=ptichy",))


def test_the_same_settings_serve_the_built_in_oracle():
    """As the stage ``probe`` takes them, whose probe is the network's, whichever the oracle is."""
    all_of_it = dataclasses.replace(
        PLAIN, oracle="ptychi", probe_modes=3, correct_positions=True, level_frames=True, damping=0.3
    )
    assert all_of_it.builtin() == dataclasses.replace(PLAIN, damping=0.3)


def test_the_built_in_oracle_is_the_default_and_needs_no_library(without_ptychi, gs2):
    _, data = gs2
    frames = data.frames.take(np.arange(8))
    engines.require_engine(PLAIN)
    assert engines.engine_versions(PLAIN) == {}
    by_engine = next(engines.reconstruct(frames, data.probe, data.object_shape, PLAIN))
    direct = next(oracle.epie(frames, data.probe, data.object_shape, PLAIN))
    np.testing.assert_array_equal(by_engine.object, direct.object)
    assert (direct.positions, direct.levels) == (None, None)


@pytest.mark.slow
def test_a_run_without_the_library_is_refused_before_anything_is_computed(without_ptychi, tmp_path, monkeypatch):
    import ptycho
    from ptycho.pipeline import stages

    monkeypatch.setattr(stages, "simulate", lambda *_: pytest.fail("simulated before it was refused"))
    with pytest.raises(ConfigError) as refused:
        ptycho.run(load_scenario("gs2_ideal", "smoke", PTYCHI), tmp_path)
    assert str(refused.value) == MISSING
    assert not list(tmp_path.iterdir())


def test_the_harness_is_told_so_too(without_ptychi):
    assert load("gs2_ideal", "smoke", PTYCHI).missing == MISSING
    assert load("gs2_ideal", "smoke").missing == ""


def test_the_command_line_ends_with_the_sentence_and_2(without_ptychi, tmp_path, capsys, monkeypatch):
    from ptycho.cli.commands import main

    options = [option for override in PTYCHI for option in ("--set", override)]
    line = ["ptycho", "run", "gs2_ideal", "--profile", "smoke", "--out", str(tmp_path / "out"), *options]
    monkeypatch.setattr(sys, "argv", line)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert MISSING in " ".join(capsys.readouterr().err.split())
    assert not list(tmp_path.rglob("*.*"))


def test_a_library_that_cannot_be_imported_is_refused_with_its_own_words(monkeypatch):
    broken = types.ModuleType("ptychi")
    monkeypatch.setitem(sys.modules, "ptychi", broken)  # a package without its modules
    with pytest.raises(ConfigError, match=r"finds a pty-chi that cannot be imported .* mend the installation"):
        ptychi_engine.library()


# Errors of what an engine finds


def test_modes_add_their_intensities(gs2):
    """Two modes of one shape are one mode with all of the light."""
    _, data = gs2
    frames, obj = data.frames.take(np.arange(8)), data.truth
    apart = np.stack([0.6 * data.probe, 0.8j * data.probe])
    one, both = (oracle.fourier_error(obj, probe, frames) for probe in (data.probe, apart))
    assert both == pytest.approx(one, rel=1e-6)
    assert oracle.fourier_error(obj, data.probe[None], frames) == one
    assert oracle.fourier_error(obj, apart[:1], frames) == pytest.approx(0.4, abs=0.01)


@pytest.mark.slow
def test_modes_explain_what_modes_made(gs2):
    _, data = gs2
    modes = probes.incoherent_modes(data.probe, (0.2, 0.1))
    amplitude, _ = detect(data.truth, modes, data.frames.positions, 1e9, np.random.default_rng(0), "fourier")
    frames = dataclasses.replace(data.frames, diffraction=amplitude)
    assert oracle.fourier_error(data.truth, modes, frames) < 0.01
    assert oracle.fourier_error(data.truth, data.probe, frames) > 0.1


def test_positions_and_levels_stand_for_the_frames_own(gs2):
    _, data = gs2
    frames = data.frames.take(np.arange(8))
    right = oracle.fourier_error(data.truth, data.probe, frames)
    levels = np.linspace(0.5, 1.5, 8)
    dimmed = dataclasses.replace(frames, diffraction=frames.diffraction * levels[:, None, None].astype(np.float32))
    moved = dataclasses.replace(dimmed, positions=frames.positions + 5)
    assert oracle.fourier_error(data.truth, data.probe, moved) > 0.2
    found = oracle.fourier_error(data.truth, data.probe, moved, frames.positions, levels)
    assert found == pytest.approx(right, rel=0.2)
