"""Signatures of approvals, which OpenSSH creates and checks (``ssh-keygen -Y``, since version 8.1)."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from harness.core.errors import ApprovalError, GoldenError
from harness.core.project import Project
from harness.store.approvals import Approval
from harness.store.manifest import APPROVALS

NAMESPACE = "harness"
SIGNATURE_SUFFIX = ".sig"


def sign_approval(content: bytes, key: Path) -> bytes:
    """The signature of ``content`` by a private key, or by a public one whose private half the agent holds."""
    signing = _ssh_keygen("sign", "-n", NAMESPACE, "-f", str(key), stdin=content)
    if signing.returncode or not signing.stdout.startswith(b"-----BEGIN SSH SIGNATURE-----"):
        raise ApprovalError(f"{key} did not sign the approval ({_complaint(signing)}): give the path of an SSH key")
    return signing.stdout


def unsigned_approvals(files: Mapping[str, bytes], approvals: tuple[Approval, ...], allowed: bytes) -> list[str]:
    """A sentence for each of ``approvals`` without a good signature."""
    problems = []
    for approval in approvals:
        name = f"{approval.id}.json"
        if name not in files:
            continue  # that it is called otherwise is a sentence of its own
        if (signature := files.get(name + SIGNATURE_SUFFIX)) is None:
            problems.append(
                f"{APPROVALS}/{name} is not signed: its approver can run ssh-keygen -Y sign -n {NAMESPACE} -f KEY on it"
            )
        elif problem := signature_problem(files[name], signature, allowed, approval.approver):
            problems.append(f"{APPROVALS}/{name}: {problem}")
    return problems


def signers_of(project: Project) -> bytes:
    """The content of the project's allowed-signers file."""
    assert project.allowed_signers is not None
    try:
        return project.allowed_signers.read_bytes()
    except OSError as error:
        raise GoldenError(
            f"{project.allowed_signers} cannot be read ({error.strerror}): [tool.harness] allowed_signers names it"
        ) from error


@lru_cache(maxsize=4096)  # one process asks several times, and each answer is a process of its own
def signature_problem(content: bytes, signature: bytes, signers: bytes, approver: str) -> str:
    """Why ``signature`` does not prove that ``approver`` approved ``content``; empty when it does.

    ``signers`` is the content of an allowed-signers file; its principals are e-mail addresses.
    """
    with tempfile.TemporaryDirectory() as folder:  # ssh-keygen takes both as files
        allowed, sig = Path(folder, "allowed_signers"), Path(folder, "approval.sig")
        allowed.write_bytes(signers)
        sig.write_bytes(signature)
        who = principal(approver)
        check = _ssh_keygen("verify", "-f", str(allowed), "-I", who, "-n", NAMESPACE, "-s", str(sig), stdin=content)
    return f"its signature is not one by {who} that the allowed signers vouch for" if check.returncode else ""


def principal(approver: str) -> str:
    """The e-mail address in ``Name <email>``, which is how the allowed-signers file knows a person."""
    address = re.search(r"<([^<>]+)>\s*$", approver)
    return address.group(1) if address else approver


def _ssh_keygen(action: str, *arguments: str, stdin: bytes) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["ssh-keygen", "-Y", action, *arguments], input=stdin, capture_output=True)
    except OSError as error:
        raise ApprovalError(
            f"ssh-keygen cannot be run ({error.strerror or error}): signatures need OpenSSH 8.1 or newer"
        ) from error


def _complaint(process: subprocess.CompletedProcess[bytes]) -> str:
    """What a process that failed gave as the reason: its last line, or else its exit status."""
    lines = process.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"exit status {process.returncode}"
