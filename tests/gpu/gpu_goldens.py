"""Goldens of GPU runs, each for one device, backend, size and precision.

``gpu_goldens.py REPORT.json CASE --reason TEXT`` accepts a case out of the report of a full run. A case
is compared with the golden of its own device and no other. Rules and verdicts are the harness's own;
the store is apart from ``goldens/``, because only the device that a golden names can make it again.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gpu_report

from harness.core.errors import HarnessError
from harness.core.files import dump_json, parse_json, write_file
from harness.core.project import in_ci
from harness.core.protocol import Artifact
from harness.core.verdicts import Verdict
from harness.judge.comparison import compare_artifact
from harness.judge.tolerances import load_rules

FOLDER = Path(__file__).parent / "goldens"
TOLERANCES = Path(__file__).parent / "tolerances.toml"


def values(case: Mapping[str, Any]) -> dict[str, Any]:
    """What a golden says of a case: on what and under what it was measured, and its quality."""
    measured = case["measured"]
    return {
        "device": measured["device"], "backend": measured["versions"]["backend"], "precision": measured["precision"],
        "config_digest": measured["config_digest"], "metrics": measured["metrics"],
    }  # fmt: skip


def path_of(case: Mapping[str, Any], folder: Path = FOLDER) -> Path:
    """Where the golden of a measured case is, or would be: ``<device>/<backend>/<case>.json``."""
    measured = case["measured"]
    device = re.sub(r"[^a-z0-9]+", "-", measured["device"].lower()).strip("-")
    return folder / device / measured["versions"]["backend"] / f"{case['name']}.json"


def judge(case: Mapping[str, Any], folder: Path = FOLDER) -> tuple[Verdict, ...] | None:
    """Verdicts of a full case against its golden; None where its device has none."""
    path = path_of(case, folder)
    if case["reduced"] or not path.is_file():
        return None
    golden = parse_json(path.read_bytes(), str(path))["values"]
    rules = load_rules(TOLERANCES, TOLERANCES.parent)
    return compare_artifact(Artifact(golden), Artifact(values(case)), rules, "gpu/", {}, "statistical")


def outcome_text(verdicts: tuple[Verdict, ...] | None) -> str:
    """One cell: none, met, or what is not as accepted."""
    if verdicts is None:
        return "none"
    failed = [f"{v.path}: {v.message}" for v in verdicts if v.status.failed]
    return "; ".join(failed) or "met"


def accept(report: Mapping[str, Any], name: str, reason: str, folder: Path = FOLDER) -> Path:
    """Make a case of a full run golden; raises ValueError, in one sentence, where it must not be."""
    case = next((c for c in report["cases"] if c["name"] == name), None)
    refusals = {
        "in CI nothing is written: accept on your machine": in_ci(),
        "give a reason: it is what a reader of the golden goes by": not reason.strip(),
        f"the report has no case {name!r}; it has {', '.join(c['name'] for c in report['cases'])}": case is None,
        f"{name} was not measured": case is not None and not case["measured"],
        f"{name} is a reduced run on the CPU: a golden comes from the device it names, run it there": (
            report["reduced"] or (case is not None and case["reduced"])
        ),
        f"{name} misses its bars: mend that first, a golden is not a way around them": (
            case is not None and not case["passed"]
        ),
        "the report comes from a tree with edits, so its commit does not say what ran: commit and run again": (
            not report["source"]["clean"]
        ),
    }
    for sentence, refused in refusals.items():
        if refused:
            raise ValueError(sentence)
    assert case is not None
    path = path_of(case, folder)
    content = {
        "values": values(case), "reason": reason, "source": report["source"],
        "finished": report["finished"], "versions": report["versions"],
    }  # fmt: skip
    write_file(path, dump_json(content))
    return path


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Accept a case of a full GPU run as golden for its device.")
    parser.add_argument("report", type=Path, help="the report that the run left")
    parser.add_argument("case", help="the case's name, such as gs2_ideal-N64-float32")
    parser.add_argument("--reason", required=True, help="why this is right")
    given = parser.parse_args()
    try:
        print(accept(gpu_report.read(given.report), given.case, given.reason))
    except (ValueError, HarnessError) as error:
        parser.exit(2, f"{error}\n")


if __name__ == "__main__":
    main()
