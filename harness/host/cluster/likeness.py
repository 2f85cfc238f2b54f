"""How a machine is, in all that decides numbers: a worker that differs from who gives the command is refused.

A result's key names versions, source and settings. That is enough on one machine; on many, what no key names has to
be the same as well: the harness itself, and the instructions that the processor offers, by which libraries choose
their code.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import harness
from harness.core.files import json_digest, sha256
from harness.core.project import Project
from harness.core.protocol import Json
from harness.run.circumstances import circumstances
from harness.run.pipeline_source import sources_of
from harness.run.runner import environment

_CPUINFO = Path("/proc/cpuinfo")
_INSTRUCTIONS = ("sse", "ssse", "avx", "fma", "f16c", "amx", "asimd", "sve", "neon", "bf16", "i8mm")  # how they begin
_SHOWN = 3

Likeness = dict[str, dict[str, Json]]
"""Facts by their name, in groups."""


def likeness(project: Project) -> Likeness:
    """How this machine is, for ``project``; its adapter is imported, in a process of its own."""
    sources = sources_of(project.pipeline)
    own = [project.root / "pyproject.toml", *(p for p in project.goldens.glob("*.*") if p.is_file())]
    files = {_named(path, project.root): _digest(path) for path in sorted({*sources.files(), *own})}
    return {
        "harness": {"version": harness.__version__, "source": _own_digest()},
        "environment": dict(environment(project.pipeline, sources)),
        "circumstances": circumstances(),
        "processor": {"instructions": " ".join(instructions())},
        "repository": files,
    }


def differences(there: Mapping[str, Mapping[str, Json]], here: Mapping[str, Mapping[str, Json]]) -> list[str]:
    """What a worker that is as ``there`` differs in from a command that is as ``here``, one sentence each."""
    found = []
    for group, facts in here.items():
        other = there.get(group, {})
        names = [name for name in sorted({*facts, *other}) if facts.get(name) != other.get(name)]
        if names:
            found.append(_SENTENCES[group](names, other, facts))
    return found


def _harness(names: list[str], there: Mapping[str, Json], here: Mapping[str, Json]) -> str:
    versions = f"{there.get('version')} there, {here.get('version')} here" if "version" in names else "an edited copy"
    return f"has another harness ({versions}): install the same there"


def _environment(names: list[str], there: Mapping[str, Json], here: Mapping[str, Json]) -> str:
    told = ", ".join(f"{n} {there.get(n, 'none')} there, {here.get(n, 'none')} here" for n in names[:_SHOWN])
    return f"has other versions ({told}{_more(names)}): make one environment for all machines"


def _circumstances(names: list[str], there: Mapping[str, Json], here: Mapping[str, Json]) -> str:
    told = ", ".join(f"{n} {there.get(n)!r} there, {here.get(n)!r} here" for n in names[:_SHOWN])
    return f"starts programs in other circumstances ({told}): set the same on all machines"


def _processor(names: list[str], there: Mapping[str, Json], here: Mapping[str, Json]) -> str:
    others, ours = (set(str(facts.get("instructions", "")).split()) for facts in (there, here))
    parts = [("only there", others - ours), ("only here", ours - others)]
    told = "; ".join(f"{where}: {', '.join(sorted(names)[:_SHOWN])}{_more(names)}" for where, names in parts if names)
    return f"has another processor ({told}), which rounds otherwise: give the command on a machine like the workers"


def _repository(names: list[str], there: Mapping[str, Json], here: Mapping[str, Json]) -> str:
    told = ", ".join(
        f"{name} {'differs' if name in there and name in here else 'is on one side'}" for name in names[:1]
    )
    return (
        f"has other files in the repository ({told}{_more(names, 1)}): share the folder, or check out the same commit"
    )


_SENTENCES = {
    "harness": _harness,
    "environment": _environment,
    "circumstances": _circumstances,
    "processor": _processor,
    "repository": _repository,
}


def _more(names: object, shown: int = _SHOWN) -> str:
    left = len(names) - shown if isinstance(names, (list, set)) else 0
    return f", and {left} more" if left > 0 else ""


def instructions() -> list[str]:
    """The vector instructions that the processor offers; nothing is known where the system has no such file."""
    try:
        lines = _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    flags = next((line.partition(":")[2] for line in lines if line.lower().startswith(("flags", "features"))), "")
    return sorted(flag for flag in set(flags.split()) if flag.startswith(_INSTRUCTIONS))


def _own_digest() -> str:
    """The digest of the harness's own source."""
    home = Path(harness.__file__).parent
    return json_digest([[_named(path, home), _digest(path)] for path in sorted(home.rglob("*.py"))])


def _named(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _digest(path: Path) -> str:
    try:
        return sha256(path.read_bytes())
    except OSError:
        return ""
