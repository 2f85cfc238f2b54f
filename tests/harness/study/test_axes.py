"""What a failure moves with, on environments like those of tox.ini."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.study.axes import movement


def level(keras, python, tensorflow="", backend="tensorflow"):
    levels = {"TensorFlow": tensorflow, "Keras": keras, "backend": backend, "Python/NumPy/SciPy": python}
    return {axis: value for axis, value in levels.items() if value}


LEVELS = {
    "keras2": level("2.15.0", "3.11, 1.26.4", "2.15.1"),
    "tf2.16-keras3.3": level("3.3.3", "3.11, 1.26.4", "2.16.2"),
    "tf2.16-keras3.8": level("3.8.0", "3.10, 1.26.4", "2.16.2"),
    "tf2.18-keras3.8": level("3.8.0", "3.11, 1.26.4", "2.18.1"),
    "tf2.21-keras3.15": level("3.15.1", "3.13, 2.4.6", "2.21.0"),
    "jax": level("3.15.1", "3.13, 2.4.6", backend="jax 0.10.2"),
    "torch": level("3.15.1", "3.11, 1.26.4", backend="torch 2.13.0"),
}


def of(*failing):
    return movement(failing, set(LEVELS) - set(failing), LEVELS)


def having(axis, *values):
    return [name for name, levels in LEVELS.items() if levels.get(axis) in values]


@pytest.mark.parametrize(
    ("axis", "value"),
    [
        (axis, value)
        for axis in ("TensorFlow", "Keras", "backend", "Python/NumPy/SciPy")
        for value in sorted({levels[axis] for levels in LEVELS.values() if axis in levels})
    ],
)
def test_a_fault_of_one_level_is_attributed_to_its_axis(axis, value):
    explanation = of(*having(axis, value))
    if value in ("2.15.1", "2.15.0"):  # TensorFlow 2.15 has a Keras of its own
        assert (explanation.kind, explanation.axes) == ("tied", ("TensorFlow", "Keras"))
        assert explanation.sentence == "TensorFlow 2.15.1 or Keras 2.15.0: no environment has one without the other"
        return
    assert (explanation.kind, explanation.axes) == ("axis", (axis,))
    assert explanation.sentence.startswith(f"{axis}: wrong under {value}, right under ")


def test_a_fault_up_to_a_version_or_from_one_on_is_one_axis():
    explanation = of("keras2", "tf2.16-keras3.3")
    assert (explanation.kind, explanation.axes) == ("axis", ("Keras",))
    assert explanation.sentence == "Keras: wrong under 2.15.0 and 3.3.3, right under 3.8.0 and 3.15.1"
    assert of(*having("TensorFlow", "2.18.1", "2.21.0")).axes == ("TensorFlow",)


def test_versions_are_in_their_own_order():
    levels = {str(i): {"Keras": version} for i, version in enumerate(["3.3.3", "3.10.0", "3.9.1"])}
    assert movement(["0", "2"], ["1"], levels).sentence == "Keras: wrong under 3.3.3 and 3.9.1, right under 3.10.0"


def test_what_fails_everywhere_is_our_own():
    explanation = of(*LEVELS)
    assert (explanation.kind, explanation.axes) == ("everywhere", ())
    assert explanation.sentence.startswith("our code or its goldens")


def test_with_one_environment_nothing_is_known():
    assert movement(["jax"], [], LEVELS).kind == "alone"


def test_an_axis_that_an_environment_does_not_have_is_not_to_blame():
    assert of("jax").axes == ("backend",)
    assert of("jax", "torch").axes == ("backend",)


def test_what_fails_in_all_of_tensorflow_is_the_backend():
    explanation = of(*having("backend", "tensorflow"))
    assert explanation.sentence == "backend: wrong under tensorflow, right under jax 0.10.2 and torch 2.13.0"


def test_where_nothing_is_clearly_right_nothing_is_blamed():
    for failing in (["keras2"], ["keras2", "jax"]):
        explanation = movement(failing, [], LEVELS, {"torch"})
        assert explanation.kind == "unexplained"
        assert explanation.sentence == "no environment is clearly right: torch passed with little of the tolerance left"


def test_two_levels_that_are_right_apart_are_wrong_together():
    explanation = movement(
        ["tf2.16-keras3.3"],
        ["a", "b", "c"],
        {
            "tf2.16-keras3.3": LEVELS["tf2.16-keras3.3"],
            "a": level("3.3.3", "3.11, 1.26.4", "2.18.1"),
            "b": LEVELS["tf2.16-keras3.8"],
            "c": LEVELS["keras2"],
        },
    )
    assert (explanation.kind, explanation.axes) == ("together", ("TensorFlow", "Keras"))
    assert explanation.sentence.startswith("TensorFlow 2.16.2 together with Keras 3.3.3")


def test_what_no_axis_explains_says_so():
    explanation = of("keras2", "tf2.18-keras3.8", "jax")
    assert explanation.kind == "unexplained"
    assert explanation.sentence.startswith("no single axis: wrong in jax, keras2 and tf2.18-keras3.8, right in")


@given(st.sets(st.sampled_from(sorted(LEVELS)), min_size=1))
def test_an_axis_that_is_named_really_tells_wrong_from_right(failing):
    explanation = of(*failing)
    for axis in explanation.axes if explanation.kind in ("axis", "tied") else ():
        wrong = {LEVELS[e].get(axis) for e in failing}
        right = {levels[axis] for e, levels in LEVELS.items() if e not in failing and axis in levels}
        assert not wrong & right
        assert None not in wrong
