"""Signatures of approvals, which OpenSSH creates and checks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from harness.core.errors import ApprovalError, GoldenError, HarnessError
from harness.core.project import Project
from harness.remote.signatures import is_signed, ssh_signature
from harness.store.approvals import Approval
from harness.store.manifest import APPROVALS

NAMESPACE = "harness"
SIGNATURE_SUFFIX = ".sig"


def sign_approval(content: bytes, key: Path) -> bytes:
    """The signature of ``content`` by a private key, or by a public one whose private half the agent holds."""
    try:
        return ssh_signature(content, key, NAMESPACE)
    except HarnessError as error:
        raise ApprovalError(f"{key} did not sign the approval ({error}): give the path of an SSH key") from error


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


def signature_problem(content: bytes, signature: bytes, signers: bytes, approver: str) -> str:
    """Why ``signature`` does not prove that ``approver`` approved ``content``; empty when it does.

    ``signers`` is the content of an allowed-signers file; its principals are e-mail addresses.
    """
    who = principal(approver)
    if is_signed(content, signature, signers, who, NAMESPACE):
        return ""
    return f"its signature is not one by {who} that the allowed signers vouch for"


def principal(approver: str) -> str:
    """The e-mail address in ``Name <email>``, which is how the allowed-signers file knows a person."""
    address = re.search(r"<([^<>]+)>\s*$", approver)
    return address.group(1) if address else approver
