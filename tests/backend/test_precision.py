"""Float32 is float32: nothing lets an accelerator round products further, and nobody's settings are changed."""

from __future__ import annotations

import numpy as np
import pytest

from ptycho.model import precision
from ptycho.model.backend import keras, ops
from ptycho.model.precision import Float32Model, float32_products
from ptycho.training.training import compile_model, input_maker

BACKEND = keras.backend.backend()


def rounding_allowed() -> list[object]:
    """What the backend is told about products of float32 now."""
    if BACKEND == "jax":
        import jax

        return [jax.config.jax_default_matmul_precision]
    if BACKEND == "torch":
        return [getattr(place, name) for place, name, _ in precision._torch_switches()]
    import tensorflow as tf

    return [tf.config.experimental.tensor_float_32_execution_enabled()]


WHOLE = {"jax": ["highest"], "torch": ["ieee"] * 5, "tensorflow": [False]}[BACKEND]


@pytest.fixture
def coarse():
    """A process that was told to round: what it was told before holds again after the test."""
    before = rounding_allowed()
    told = {"jax": ["bfloat16"], "torch": ["tf32", "tf32", "tf32", "bf16", "bf16"], "tensorflow": [True]}[BACKEND]

    def tell(values):
        if BACKEND == "jax":
            import jax

            jax.config.update("jax_default_matmul_precision", values[0])
        elif BACKEND == "torch":
            for (place, name, _), value in zip(precision._torch_switches(), values, strict=True):
                setattr(place, name, value)
        else:
            import tensorflow as tf

            tf.config.experimental.enable_tensor_float_32_execution(values[0])

    tell(told)
    yield told
    tell(before)


def test_within_nothing_is_rounded_and_afterwards_it_is_as_before(coarse):
    assert rounding_allowed() == coarse
    with float32_products():
        assert rounding_allowed() == WHOLE
        with float32_products():
            pass
        assert rounding_allowed() == WHOLE
    assert rounding_allowed() == coarse


def test_it_is_as_before_after_an_error(coarse):
    with pytest.raises(KeyError), float32_products():
        raise KeyError
    assert rounding_allowed() == coarse


class Witness(Float32Model):
    """A model that notes what the backend is told while it computes."""

    def __init__(self):
        super().__init__()
        self.factor = self.add_weight(shape=(), initializer="ones", name="factor")
        self.seen = []
        self.built = True

    def call(self, x, training=False):
        self.seen.append(rounding_allowed())
        return x * self.factor


def test_fitted_called_or_asked_for_a_batch_it_is_one(coarse):
    x = np.ones((2, 1), np.float32)
    for use in (
        lambda model: model(ops.convert_to_tensor(x)),
        lambda model: model.predict_on_batch(x),
        lambda model: model.fit(x, x, verbose=0),
    ):
        model = Witness()
        model.compile("sgd", "mse")
        use(model)
        assert model.seen
        assert all(seen == WHOLE for seen in model.seen)
        assert rounding_allowed() == coarse


@pytest.mark.parametrize("door", ["fit", "predict_on_batch", "__call__"])
def test_all_that_keras_does_behind_a_door_is_within(coarse, monkeypatch, door):
    """Gradients and compiled steps are computed beside ``call``, which would be within by itself."""
    seen = []
    monkeypatch.setattr(keras.Model, door, lambda *_, **__: seen.append(rounding_allowed()))
    getattr(Witness(), door)(np.ones((2, 1), np.float32))
    assert seen == [WHOLE]
    assert rounding_allowed() == coarse


def test_the_network_is_such_a_model_in_training_and_outside(scene, coarse, monkeypatch):
    small = scene()
    model, maker = small.model()
    seen = []
    original = type(model).call

    def call(self, *args, **options):
        seen.append(rounding_allowed())
        return original(self, *args, **options)

    monkeypatch.setattr(type(model), "call", call)
    groups = small.group.train.take(slice(0, 8))
    inputs = input_maker(maker, small.split.train)(groups)
    compile_model(model, small.config.train, 1)
    output = model(inputs)
    model.fit(inputs, np.zeros(8, np.float32), batch_size=8, verbose=0)
    assert len(seen) >= 2
    assert all(at == WHOLE for at in seen)
    monkeypatch.setattr("ptycho.model.physics.diffraction_intensity", lambda *_: seen.append(rounding_allowed()))
    model.intensity(output["object"], inputs["offsets"])
    assert seen[-1] == WHOLE
    assert rounding_allowed() == coarse


@pytest.mark.skipif(BACKEND != "jax", reason="only JAX writes the precision of a product into its program")
def test_the_program_itself_says_so(scene):
    import jax

    small = scene()
    model, maker = small.model()
    inputs = maker(small.split.train, small.group.train.take(slice(0, 2)))
    program = str(jax.make_jaxpr(lambda x: model(x)["object"])(inputs))
    products = [program.count(f"{name}[") for name in ("dot_general", "conv_general_dilated")]
    assert all(products)
    assert program.count("Precision.HIGHEST") == 2 * sum(products)  # of either factor
    assert "precision=None" not in program
