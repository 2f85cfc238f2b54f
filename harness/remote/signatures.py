"""Signatures that OpenSSH creates and checks (``ssh-keygen -Y``, since version 8.1), each for one purpose."""

from __future__ import annotations

import os
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

from harness.core.errors import HarnessError

BEGIN = b"-----BEGIN SSH SIGNATURE-----"
_PATIENCE_S = 30.0


def ssh_signature(content: bytes, key: Path, purpose: str, ask: bool = True) -> bytes:
    """The signature of ``content`` by a private key, or by a public one whose private half the agent holds.

    ``purpose`` is OpenSSH's namespace: a signature for one purpose is none for another. Without ``ask`` nobody is asked
    for a passphrase. Raises HarnessError, whose sentence ends before the remedy, where there is no signature.
    """
    signing = ssh_keygen("sign", "-n", purpose, "-f", str(key), stdin=content, ask=ask)
    if signing.returncode or not signing.stdout.startswith(BEGIN):
        raise HarnessError(_complaint(signing))
    return signing.stdout


@lru_cache(maxsize=4096)  # one process asks several times, and each answer is a process of its own
def is_signed(content: bytes, signature: bytes, signers: bytes, who: str, purpose: str) -> bool:
    """Whether ``signature`` proves that ``who`` signed ``content`` for a purpose.

    ``signers`` is the content of an allowed-signers file; its principals are e-mail addresses.
    """
    with tempfile.TemporaryDirectory() as folder:  # ssh-keygen takes both as files
        allowed, sig = Path(folder, "allowed_signers"), Path(folder, "signature.sig")
        allowed.write_bytes(signers)
        sig.write_bytes(signature)
        check = ssh_keygen("verify", "-f", str(allowed), "-I", who, "-n", purpose, "-s", str(sig), stdin=content)
    return check.returncode == 0


def principals_of(signature: bytes, signers: bytes) -> list[str]:
    """Whose key made a signature, by an allowed-signers file; it proves nothing else about it."""
    with tempfile.TemporaryDirectory() as folder:
        allowed, sig = Path(folder, "allowed_signers"), Path(folder, "signature.sig")
        allowed.write_bytes(signers)
        sig.write_bytes(signature)
        found = ssh_keygen("find-principals", "-f", str(allowed), "-s", str(sig), stdin=b"")
    return [name for row in found.stdout.decode(errors="replace").splitlines() for name in row.split(",") if name]


def ssh_keygen(action: str, *arguments: str, stdin: bytes, ask: bool = True) -> subprocess.CompletedProcess[bytes]:
    """Run ``ssh-keygen -Y``; raises HarnessError where it cannot be run, or waits for somebody who is not asked."""
    quiet = {} if ask else {"env": os.environ | {"SSH_ASKPASS_REQUIRE": "never"}, "timeout": _PATIENCE_S}
    try:
        return subprocess.run(
            ["ssh-keygen", "-Y", action, *arguments],
            input=stdin,
            capture_output=True,
            start_new_session=not ask,  # without a terminal
            **quiet,  # type: ignore[call-overload]
        )
    except subprocess.TimeoutExpired as error:
        raise HarnessError(f"ssh-keygen did not answer within {_PATIENCE_S:.0f} s") from error
    except OSError as error:
        raise HarnessError(
            f"ssh-keygen cannot be run ({error.strerror or error}): signatures need OpenSSH 8.1 or newer"
        ) from error


def _complaint(process: subprocess.CompletedProcess[bytes]) -> str:
    """What a process that failed gave as the reason: its last line, or else its exit status."""
    lines = process.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"exit status {process.returncode}"
