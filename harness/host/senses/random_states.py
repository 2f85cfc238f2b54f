"""Global random states and seeds, and settings that decide numbers, of the libraries that are loaded.

A library that is not loaded is not imported to look at its state.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple

_WORDS = 624  # that a Mersenne twister makes at once
_CHUNKS = (2, 30, *[1000] * 20)  # blocks of them that are looked through: twelve million draws


class GeneratorStates(NamedTuple):
    """The states of Python's and of NumPy's global generator, as each can be compared."""

    python: tuple[Any, ...]
    numpy: tuple[Any, ...]


def generator_states() -> GeneratorStates:
    """The states now."""
    return GeneratorStates(random.getstate(), _numpy_state())


def _numpy_state() -> tuple[Any, ...]:
    import numpy.random  # itself, and not with NumPy: a stage that seeds it is the first to import it otherwise

    state: Any = numpy.random.get_state(legacy=False)
    inner = state["state"]
    if state["bit_generator"] != "MT19937":
        return (state["bit_generator"], repr(inner), state["has_gauss"], state["gauss"])
    return ("MT19937", inner["key"].tobytes(), int(inner["pos"]), state["has_gauss"], state["gauss"])


def only_drawn_python(before: GeneratorStates, after: GeneratorStates) -> bool:
    """Whether Python's state came from the earlier one by draws alone: it was neither seeded nor set."""
    import numpy

    old, new = before.python[1], after.python[1]
    key = numpy.array(old[:-1], numpy.uint32).tobytes()
    return _advanced(key, old[-1], numpy.array(new[:-1], numpy.uint32).tobytes(), new[-1])


def only_drawn_numpy(before: GeneratorStates, after: GeneratorStates) -> bool:
    """Whether NumPy's state came from the earlier one by draws alone: it was neither seeded nor set."""
    old, new = before.numpy, after.numpy
    return old[0] == new[0] == "MT19937" and _advanced(old[1], old[2], new[1], new[2])


def _advanced(old: bytes, old_at: int, new: bytes, new_at: int) -> bool:
    """Whether a Mersenne twister's words come after others': the same block later on, or a block soon after."""
    if old == new:
        return new_at >= old_at
    wanted = _twister(new, 0).random_raw(_WORDS)
    following = _twister(old, _WORDS)
    for blocks in _CHUNKS:
        words = following.random_raw(blocks * _WORDS).reshape(blocks, _WORDS)
        if bool((words == wanted).all(axis=1).any()):
            return True
    return False


def _twister(key: bytes, at: int) -> Any:
    import numpy
    import numpy.random

    bits: Any = numpy.random.MT19937()
    words = numpy.frombuffer(key, numpy.uint32)
    bits.state = {"bit_generator": "MT19937", "state": {"key": words, "pos": at}}
    return bits


def refresh_generators() -> None:
    """Give both generators fresh entropy, so that what draws from them unseeded is random however often it runs."""
    import numpy.random

    random.seed()
    generator: Any = numpy.random
    if type(generator.get_bit_generator()).__name__ != "MT19937":
        generator.set_bit_generator(numpy.random.MT19937())
    numpy.random.seed()


class LibrarySetting(NamedTuple):
    """A global setting of a library. ``fresh`` is its value where the library was just imported.

    One that is not ``told`` is put back, and nobody is bothered: how figures look, above all.
    """

    label: str
    module: str
    get: Callable[[Any], Hashable]
    put: Callable[[Any, Any], object]
    fresh: Hashable = ...
    told: bool = True


LIBRARY_SETTINGS = (
    LibrarySetting(
        "TensorFlow's global seed",
        "tensorflow.python.framework.random_seed",
        lambda m: m.context.global_seed(),
        lambda m, seed: m.context.set_global_seed(seed),
        None,
    ),
    LibrarySetting(
        "TensorFlow's eager execution of functions",
        "tensorflow.python.eager.polymorphic_function.eager_function_run",
        lambda m: m.functions_run_eagerly(),
        lambda m, eager: m.run_functions_eagerly(eager),
        False,
    ),
    LibrarySetting(
        "TensorFlow's choice of deterministic operations",
        "tensorflow.python.framework.config",
        lambda m: m.is_op_determinism_enabled(),
        lambda m, on: m.enable_op_determinism() if on else m.disable_op_determinism(),
        False,
    ),
    LibrarySetting(
        "TensorFlow's choice of TensorFloat-32",
        "tensorflow.python.framework.config",
        lambda m: m.tensor_float_32_execution_enabled(),
        lambda m, on: m.enable_tensor_float_32_execution(on),
        True,
    ),
    LibrarySetting(
        "scipy.special's error handling",
        "scipy.special._ufuncs",
        lambda m: tuple(sorted(m.geterr().items())),
        lambda m, errors: m.seterr(**dict(errors)),
    ),
    LibrarySetting(
        "Keras's global seed",
        "keras.src.utils.rng_utils",
        lambda m: m.get_random_seed(),
        lambda m, seed: m.global_state.set_global_attribute(m.GLOBAL_RANDOM_SEED, seed),
        None,
    ),
    LibrarySetting(
        "Keras's floating-point type",
        "keras.src.backend.config",
        lambda m: m.floatx(),
        lambda m, kind: m.set_floatx(kind),
    ),
    LibrarySetting(
        "Keras's image data format",
        "keras.src.backend.config",
        lambda m: m.image_data_format(),
        lambda m, form: m.set_image_data_format(form),
    ),
    LibrarySetting(
        "Keras's policy of data types",
        "keras.src.dtype_policies.dtype_policy",
        lambda m: m.dtype_policy().name,
        lambda m, name: m.set_dtype_policy(name),
    ),
    LibrarySetting(
        "PyTorch's floating-point type",
        "torch",
        lambda m: str(m.get_default_dtype()),
        lambda m, kind: m.set_default_dtype(getattr(m, kind.rpartition(".")[2])),
    ),
    LibrarySetting(
        "PyTorch's deterministic algorithms",
        "torch",
        lambda m: m.are_deterministic_algorithms_enabled(),
        lambda m, on: m.use_deterministic_algorithms(on),
        False,
    ),
    LibrarySetting(
        "Matplotlib's settings",
        "matplotlib",
        lambda m: tuple(item for item in dict.items(m.rcParams) if not item[0].startswith("backend")),
        lambda m, items: m.rcParams.update(dict(items)),
        told=False,
    ),
    LibrarySetting(
        "scikit-learn's settings",
        "sklearn",
        lambda m: tuple(sorted(m.get_config().items())),
        lambda m, items: m.set_config(**dict(items)),
        told=False,
    ),
    LibrarySetting("PyTorch's global seed", "torch", lambda m: m.initial_seed(), lambda m, seed: m.seed()),
    LibrarySetting(
        "JAX's 64-bit numbers",
        "jax",
        lambda m: bool(m.config.jax_enable_x64),
        lambda m, on: m.config.update("jax_enable_x64", on),
    ),
)


def library_settings() -> dict[str, Hashable]:
    """The settings of the libraries that are loaded, by label; one that cannot be asked is left out."""
    values: dict[str, Hashable] = {}
    for setting in LIBRARY_SETTINGS:
        module = sys.modules.get(setting.module)
        if module is not None:
            try:
                values[setting.label] = setting.get(module)
            except Exception:  # another version of the library, or one that is half imported
                continue
    return values


def put_library_settings(values: Mapping[str, Hashable]) -> None:
    """Set what differs from ``values``; a setting that is not there gets the value of a fresh import, if known."""
    now = library_settings()
    for setting in LIBRARY_SETTINGS:
        wanted = values.get(setting.label, setting.fresh)
        if setting.label in now and wanted is not ... and now[setting.label] != wanted:
            setting.put(sys.modules[setting.module], wanted)
