"""Errors that a user can act on: one sentence with place, cause and remedy."""

from __future__ import annotations


class HarnessError(Exception):
    """Base of every error that is the user's to mend; the command line exits with status 2."""


class ProjectError(HarnessError):
    """A ``[tool.harness]`` table, an adapter or a scenario that cannot be used."""


class NoProjectError(ProjectError):
    """No ``pyproject.toml`` here or above has a ``[tool.harness]`` table, and there is no git repository either."""


class RuleError(HarnessError):
    """Tolerances that are misspelt, ambiguous, or match nothing."""


class RefusedDataError(HarnessError):
    """Data of a stage, of what is observed of it, or of a configuration that would not arrive as they are."""


class GoldenError(HarnessError):
    """A golden, manifest or approval that is damaged, altered, or not what it says."""


class ApprovalError(HarnessError):
    """An approval that is refused; nothing was changed."""
