"""Who may import what: read from the source, and from what a fresh interpreter loads."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

import ptycho

MODULES = sorted(Path(ptycho.__file__).parent.rglob("*.py"))
BACKENDS = {"tensorflow", "keras", "jax", "torch"}
SEEDED = {"default_rng", "Generator", "SeedSequence", "RandomState", "BitGenerator", "PCG64", "Philox"}

every_module = pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)


@functools.cache  # each check looks at every module
def tree(module):
    return ast.parse(module.read_text(encoding="utf-8"))


def imported(module):
    """Dotted names that a module imports, at its top or inside a function."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def loaded_by(code):
    """The top-level packages that a fresh interpreter has loaded after ``code``."""
    tell = "import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{tell}"], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_package_is_where_these_tests_look():
    names = {module.stem for module in MODULES}
    assert {"__init__", "pipeline", "measured", "geometry", "network", "physics", "simulation"} <= names


def test_importing_ptycho_loads_no_backend():
    result = loaded_by("import ptycho; ptycho.load_scenario('gs2_ideal')")
    assert "ptycho" in result
    assert not result & BACKENDS


@pytest.mark.slow
def test_simulating_and_the_oracle_load_no_backend():
    modules = (
        "errors config.scenario optics.geometry optics.objects optics.probes optics.projections data.frames "
        "data.grouping data.measured data.normalization data.simulation data.splitting model.bundle model.features "
        "reconstruction.oracle reconstruction.synchronization quality.invariants quality.metrics quality.telemetry "
        "output.artifacts output.figures cli"
    )
    result = loaded_by("\n".join(f"import ptycho.{name}" for name in modules.split()))
    assert "scipy" in result
    assert not result & BACKENDS


def test_an_unknown_attribute_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'ptycho' has no attribute 'runn'"):
        _ = ptycho.runn


@every_module
def test_the_pipeline_does_not_know_the_harness(module):
    assert not [name for name in imported(module) if name.partition(".")[0] == "harness"]


@every_module
@pytest.mark.slow
def test_what_computes_is_written_once_for_every_backend(module):
    """No ``tf.``, ``jnp.`` or ``torch.`` but in ``machine``, which asks each backend for its devices and their
    memory, in ``precision``, which tells each not to round, in ``backend``, where Keras 2 has no names of its own for
    what TensorFlow computes, and in ``ptychi_engine``, which calls the library of that name."""
    allowed = {name: {"tensorflow", "tf", "jax", "torch"} for name in ("machine", "precision")}
    allowed["backend"] = {"tensorflow", "tf"}
    allowed["ptychi_engine"] = {"torch", "ptychi"}
    direct = {"tensorflow", "tf", "jax", "jnp", "torch", "ptychi"} - allowed.get(module.stem, set())
    assert not [name for name in imported(module) if name.partition(".")[0] in direct]
    names = {node.id for node in ast.walk(tree(module)) if isinstance(node, ast.Name)}
    assert not names & direct


@every_module
def test_keras_comes_in_by_one_door(module):
    """So that Keras 2 and Keras 3 are the same to every other module."""
    assert not [n for n in imported(module) if n.partition(".")[0] == "keras" and module.stem != "backend"]


@every_module
def test_randomness_comes_from_a_seed_and_never_from_global_state(module):
    drawn = [
        node.attr
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("np.random", "numpy.random")
    ]
    assert set(drawn) <= SEEDED
    assert not [name for name in imported(module) if name.startswith(("random.", "numpy.random"))]
    assert "random" not in imported(module)


@every_module
def test_generators_are_never_left_unseeded(module):
    calls = [node for node in ast.walk(tree(module)) if isinstance(node, ast.Call)]
    built = [call for call in calls if ast.unparse(call.func).rpartition(".")[2] in SEEDED - {"Generator"}]
    assert all(call.args or call.keywords for call in built)
