"""A seal binds files to the purpose and the key under which they are kept, so that no keeper need be trusted.

A key is a digest of what decided a result, and says nothing of the result. So the statement that is signed holds the
key, and the name, size and SHA-256 of every file: nobody but the holder of a signer's key can put other
content under a key, move content from one key to another, or leave a file out. What is not signed so is never parsed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from harness.core.errors import GoldenError, HarnessError
from harness.core.files import parse_json, sha256
from harness.remote.signatures import is_signed, principals_of, ssh_signature

PURPOSE = "harness-cache"
"""OpenSSH's namespace of these signatures: an approval's signature is none of them, nor the other way round."""

SHELF = "cache-1"
"""The folder of a shared cache, below its address; it has another number when what is kept there changes."""

_MAGIC = b"harness sealed 1\n"
_LONGEST_HEAD, _LONGEST_NAME = 64 * 1024, 200


class SealError(HarnessError):
    """What lies under a key was not put there by a signer, or is not what it put there."""


@dataclass(frozen=True)
class Sealer:
    """Who signs: a private key (or a public one whose private half the agent holds), and whom readers trust."""

    key: Path
    signers: bytes

    @cached_property
    def who(self) -> str:
        """By which name the signers know this key; raises HarnessError where they do not."""
        question = b"is this key known?"
        try:
            signature = ssh_signature(question, self.key, PURPOSE, ask=False)
        except HarnessError as error:
            raise HarnessError(f"{self.key} cannot sign ({error}): name an SSH key without a passphrase") from error
        for name in principals_of(signature, self.signers):
            if is_signed(question, signature, self.signers, name, PURPOSE):
                return name
        raise HarnessError(f"{self.key} is the key of none of the cache's signers: add its public half to them")

    def sealed(self, key: str, files: Mapping[str, bytes]) -> bytes:
        """The files in one, with a signature that binds them to ``key``."""
        listed = {name: [len(content), sha256(content)] for name, content in sorted(files.items())}
        signature = ssh_signature(_statement(key, listed), self.key, PURPOSE, ask=False)
        head = {"files": listed, "key": key, "signature": signature.decode("ascii"), "signer": self.who}
        return b"".join([_MAGIC, json.dumps(head).encode(), b"\n", *(files[name] for name in listed)])


def opened(content: bytes, key: str, signers: bytes) -> dict[str, bytes]:
    """The files that a signer sealed for ``key``; raises SealError, which says why, for anything else."""
    if not content.startswith(_MAGIC):
        raise SealError("it is not signed")
    head, _, body = content[len(_MAGIC) : len(_MAGIC) + _LONGEST_HEAD].partition(b"\n")
    body = content[len(_MAGIC) + len(head) + 1 :]
    listed, signature, who = _parsed(head)
    if not is_signed(_statement(key, listed), signature.encode(), signers, who, PURPOSE):
        raise SealError(f"it is not signed for this key by {who}, or not by one whom the cache's signers vouch for")
    files: dict[str, bytes] = {}
    start = 0
    for name, (size, digest) in listed.items():
        files[name] = body[start : start + size]
        start += size
        if sha256(files[name]) != digest:
            raise SealError(f"{name} is not what {who} signed")
    if start != len(body):
        raise SealError(f"it holds more than {who} signed")
    return files


def _parsed(head: bytes) -> tuple[dict[str, tuple[int, str]], str, str]:
    """The files that a head lists, the signature, and who is said to have signed."""
    try:
        about = parse_json(head, "its head")
        listed = {name: (size, digest) for name, (size, digest) in sorted(about["files"].items())}
        signature, who = about["signature"], about["signer"]
        sizes = all(type(size) is int and size >= 0 and isinstance(digest, str) for size, digest in listed.values())
        if not (sizes and isinstance(signature, str) and isinstance(who, str)):
            raise TypeError("a field is of the wrong type")
        if not (0 < len(who) <= _LONGEST_NAME and who.isprintable() and signature.isascii()):
            raise ValueError("the signer has no name")
    except (GoldenError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise SealError(f"it is damaged ({error})") from error
    return listed, signature, who


def _statement(key: str, listed: Mapping[str, object]) -> bytes:
    """What is signed."""
    return json.dumps({"files": listed, "key": key, "purpose": PURPOSE, "version": 1}, sort_keys=True).encode()
