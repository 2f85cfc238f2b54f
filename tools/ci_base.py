"""Print the commit that approvals are checked against in CI: the last that was known to be good, and never HEAD itself.

``python tools/ci_base.py`` prints the commit on standard output, and on standard error which one it is and why. In
order: ``APPROVALS_BASE``; the target of a pull request; ``LAST_GREEN``, the newest commit of main that CI passed;
what the branch was before a push; the published main. Where nothing of that is there, or it is HEAD, it is the
parent of HEAD or the parent of the last commit that changed goldens, whichever is older: then something is compared.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

NOWHERE = "0" * 40
# Variables of the common systems that name the target of a pull request, a commit or a branch.
COMMITS = ("CI_MERGE_REQUEST_DIFF_BASE_SHA", "BITBUCKET_PR_DESTINATION_COMMIT", "TRAVIS_PULL_REQUEST_BASE")
BRANCHES = (
    "GITHUB_BASE_REF",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
    "SYSTEM_PULLREQUEST_TARGETBRANCH",
    "BUILDKITE_PULL_REQUEST_BASE_BRANCH",
    "CHANGE_TARGET",
)
STORE = ("goldens", "schemas", "pyproject.toml")


class BaseError(Exception):
    """No commit can be chosen; the message is a sentence for a person."""


def git(root: Path, *arguments: str) -> str:
    """What git says, without its line end; empty where it fails."""
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def candidates(root: Path, environment: Mapping[str, str]) -> Iterator[tuple[str, str, bool]]:
    """Names of commits, the best first: why each, and whether it has to exist."""
    if name := environment.get("APPROVALS_BASE", ""):
        yield name, "APPROVALS_BASE", True
    for variable in COMMITS:
        if name := environment.get(variable, ""):
            yield name, f"the base of the pull request ({variable})", True
    for variable in BRANCHES:
        if name := environment.get(variable, "").removeprefix("refs/heads/"):
            published = f"origin/{name}"
            yield (
                published if git(root, "rev-parse", "-q", "--verify", published) else name,
                (f"the target of the pull request ({variable})"),
                True,
            )
    if name := environment.get("LAST_GREEN", ""):
        yield name, "the last green main (LAST_GREEN)", False
    if name := pushed_before(environment):
        yield name, "the branch before this push", False
    for name in ("origin/HEAD", "origin/main", "origin/master"):
        yield name, f"the published main ({name})", False


def pushed_before(environment: Mapping[str, str]) -> str:
    """What a push found; empty where that is not told, and for a new branch."""
    name = environment.get("CI_COMMIT_BEFORE_SHA", "")
    event = environment.get("GITHUB_EVENT_PATH", "")
    if not name and event:
        try:
            name = str(json.loads(Path(event).read_text(encoding="utf-8")).get("before", ""))
        except (OSError, ValueError, AttributeError):
            name = ""
    return "" if name == NOWHERE else name


def choose(root: Path, environment: Mapping[str, str]) -> tuple[str, str]:
    """The commit, and why it; raises BaseError where none can be chosen."""
    head = git(root, "rev-parse", "-q", "--verify", "HEAD^{commit}")
    if not head:
        raise BaseError(f"{root} has no commit: commit first")
    for name, why, needed in candidates(root, environment):
        commit = git(root, "rev-parse", "-q", "--verify", "--end-of-options", f"{name}^{{commit}}")
        common = git(root, "merge-base", commit, head) if commit else ""
        if common and common != head:
            return common, f"{why}, where the two part" if common != commit else why
        if needed and not common:
            raise BaseError(f"{why} names {name!r}, which shares no commit with HEAD here: fetch the whole history")
    parent = git(root, "rev-parse", "-q", "--verify", f"{head}^1")
    if not parent:
        shallow = git(root, "rev-parse", "--is-shallow-repository") == "true"
        remedy = "fetch the whole history" if shallow else "there is nothing yet that it could be compared with"
        raise BaseError(f"HEAD has no parent here: {remedy}")
    changed = git(root, "log", "-1", "--first-parent", "--format=%H", "--", *STORE)
    before = git(root, "rev-parse", "-q", "--verify", f"{changed}^1") if changed else ""
    if before and before != parent:
        return before, "the parent of the last commit that changed the store of goldens: HEAD is the published main"
    return parent, "the parent of HEAD, which is the published main"


def main() -> int:
    """Print the commit."""
    root = Path(__file__).resolve().parents[1]
    try:
        commit, why = choose(root, os.environ)
    except BaseError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"approvals are checked since {commit[:12]}: {why}", file=sys.stderr)
    print(commit)
    return 0


if __name__ == "__main__":
    sys.exit(main())
