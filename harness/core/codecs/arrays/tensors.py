"""Tensors of TensorFlow, JAX and PyTorch: their numbers. They come back on the device that new tensors are put on."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.core.codecs.codec import Codec, Parts, UnkeptError, imported_library, part, values_alone


def _split_tensorflow(value: Any) -> Parts:
    array = np.asarray(value.numpy())
    if array.dtype.kind == "O":
        raise UnkeptError("a tensor of text", "give x.numpy().astype(bytes)")
    return {"values": array}


def _restore_tensorflow(parts: Parts) -> Any:
    return imported_library("tensorflow", "").convert_to_tensor(part(parts, "values", np.ndarray))


def _split_jax(value: Any) -> Parts:
    if type(value).__name__ == "PRNGKeyArray":
        raise UnkeptError("an array of keys", "give its numbers, jax.random.key_data(x)")
    if getattr(value, "weak_type", False):
        raise UnkeptError("an array of a weak type, which would be lost", "give x.astype(x.dtype)")
    if not value.is_fully_addressable:
        raise UnkeptError("an array of several machines", "give the part that is here, jax.device_get(x)")
    return {"values": np.asarray(value)}


def _restore_jax(parts: Parts) -> Any:
    values = part(parts, "values", np.ndarray)
    made = imported_library("jax.numpy", "").asarray(values)
    if made.dtype != values.dtype:
        raise ValueError(f"{values.dtype} needs jax_enable_x64")
    return made


def _split_torch(value: Any) -> Parts:
    if value.requires_grad:
        raise UnkeptError("a tensor that tracks gradients", "give x.detach()")
    if value.device.type != "cpu":
        raise UnkeptError(f"a tensor on {value.device}, which would come back elsewhere", "give x.cpu()")
    if str(value.layout) != "torch.strided" or value.is_quantized:
        raise UnkeptError(f"a tensor of layout {value.layout}, or quantized", "give x.to_dense()")
    plain = value.resolve_conj().resolve_neg()
    if str(value.dtype) == "torch.bfloat16":
        return {"values": plain.float().numpy(), "dtype": "bfloat16"}
    return {"values": plain.numpy()}


def _restore_torch(parts: Parts) -> Any:
    torch = imported_library("torch", "")
    tensor = torch.from_numpy(np.array(part(parts, "values", np.ndarray)))
    return tensor.to(torch.bfloat16) if parts.get("dtype") == "bfloat16" else tensor


CODECS = (
    Codec(
        "tensorflow.Tensor", ("tensorflow.EagerTensor",), _split_tensorflow, _restore_tensorflow, picture=values_alone
    ),
    Codec("jax.Array", ("jaxlib.ArrayImpl", "jax.PRNGKeyArray"), _split_jax, _restore_jax, picture=values_alone),
    Codec("torch.Tensor", ("torch.Tensor",), _split_torch, _restore_torch, picture=values_alone),
)
