"""What the backend in use computes on, whichever that is."""

from __future__ import annotations

import types

from ptycho.model import machine
from ptycho.model.backend import keras


def test_where_a_product_lies_is_where_the_backend_computes():
    kind, _, index = machine.computes_on().partition(":")
    assert index.isdigit()
    assert (kind == "cpu") == (not machine.accelerators())


def test_an_accelerator_that_is_seen_and_not_used_is_not_where_it_computes(monkeypatch):
    """Whatever is listed: only where a result lies counts."""
    before = machine.computes_on()
    monkeypatch.setattr(machine, "accelerators", lambda: ["gpu:7"])
    assert machine.computes_on() == before


def test_the_processor_has_a_name_and_no_memory_of_its_own():
    assert len(machine.device_name("cpu:0")) > 2
    assert machine.peak_device_memory_mb("cpu:0") is None


def test_an_accelerator_has_a_name_and_tells_its_memory(monkeypatch):
    """Without one: the backend's own functions are replaced by what they return where there is one."""
    backend = keras.backend.backend()
    place = {"tensorflow": "gpu:0", "jax": "gpu:0", "torch": "cuda:0"}[backend]
    if backend == "tensorflow":
        import tensorflow as tf

        details = types.SimpleNamespace(
            get_device_details=lambda _: {"device_name": "Some GPU"},
            get_memory_info=lambda name: {"GPU:0": {"current": 0, "peak": 3 * 2**20}}[name],
        )
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: {"GPU": ["the first"]}[kind])
        monkeypatch.setattr(tf.config, "experimental", details)
    elif backend == "jax":
        import jax

        result = types.SimpleNamespace(
            id=0, device_kind="Some GPU", memory_stats=lambda: {"peak_bytes_in_use": 3 * 2**20}
        )
        monkeypatch.setattr(jax, "devices", lambda: [result])
    else:
        import torch

        monkeypatch.setattr(torch.cuda, "get_device_name", {0: "Some GPU"}.__getitem__)
        monkeypatch.setattr(torch.cuda, "max_memory_allocated", {0: 3 * 2**20}.__getitem__)
    assert machine.device_name(place) == "Some GPU"
    assert machine.peak_device_memory_mb(place) == 3
