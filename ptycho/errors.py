"""Errors that a user can act on: one sentence with place, cause and remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PtychoError(Exception):
    """Base of every error that is the user's to mend; the command line exits with status 2."""


class ConfigError(PtychoError):
    """A configuration that is misspelt, incomplete or impossible."""


class DataError(PtychoError):
    """Input data that cannot be what it is said to be."""


class BundleError(PtychoError):
    """A saved model that does not fit the data or the configuration it is used with."""


class TrainingDiverged(PtychoError):  # noqa: N818 (an event with a name, as KeyboardInterrupt is)
    """Training met a NaN or an infinity; ``epoch`` and ``step`` count from 1."""

    def __init__(self, epoch: int, step: int, components: list[str], kind: str) -> None:
        self.epoch, self.step, self.components, self.kind = epoch, step, components, kind
        super().__init__(
            f"training stopped: {' and '.join(components)} became {kind} in epoch {epoch}, step {step}; "
            "the last finite weights were saved: lower train.learning_rate, or look at that batch"
        )


def choices(wanted: str, allowed: Iterable[str]) -> str:
    """The allowed names as a phrase, with the nearest one first when ``wanted`` looks misspelt."""
    names = sorted(allowed)
    near = difflib.get_close_matches(wanted, names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"{hint}choose from: {', '.join(names)}"
