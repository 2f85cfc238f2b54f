"""Kinds of value that neither JSON nor a plain array holds: each is taken apart into parts that do, and made again.

A kind is a file in one of the folders beside this one, with a ``CODECS``. The library that a kind comes from is
imported by whoever makes such a value, and by nobody else: parts are compared, drawn and kept without it.
"""

from harness.core.codecs.codec import Codec, Parted, UnkeptError
from harness.core.codecs.registry import codec_named, codec_of
from harness.core.codecs.restoring import restored

__all__ = ["Codec", "Parted", "UnkeptError", "codec_named", "codec_of", "restored"]
