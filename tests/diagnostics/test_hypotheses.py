"""What each run and each report says of the hypotheses of the investigation plan (docs/explanation/history.md)."""

from __future__ import annotations

import pytest
from answers import REPORTS, RUNS

from ptycho.diagnostics import hypotheses


@pytest.mark.parametrize("name", [*RUNS, *REPORTS])
def test_every_hypothesis_has_a_status_and_evidence(diagnoses, name):
    answers = diagnoses[name]["hypotheses"]
    assert [h["id"] for h in answers] == [h.id for h in hypotheses.HYPOTHESES]
    assert {h["status"] for h in answers} <= {"confirmed", "ruled out", "untestable here"}
    assert all(h["evidence"] and "n/a" not in h["evidence"] for h in answers)


# What each says of the hypotheses; what is not listed is untestable there.
STATUSES = {
    "gs2_base": {
        "H-INTENSITY-SCALE": "ruled out",
        "H-OFFSET-OVERFLOW": "ruled out",
        "H-GROUPING-KDTREE": "ruled out",
    },
    "gs2_ne60": {
        "H-INTENSITY-SCALE": "ruled out",
        "H-OFFSET-OVERFLOW": "ruled out",
        "H-GROUPING-KDTREE": "ruled out",
        "H-NORMALIZATION": "confirmed",
        "H-TRAINING-PARAMS": "ruled out",
    },
    "dose_legacy_gs2": {
        "H-OFFSET-OVERFLOW": "ruled out",
        "H-GROUPING-KDTREE": "ruled out",
        "H-NORMALIZATION": "confirmed",
    },
    "grouping_dose_experiments_legacy": {"H-GROUPING-KDTREE": "confirmed"},
    "grouping_gs2_custom_default": {"H-GROUPING-KDTREE": "ruled out"},
    "grouping_gs2_custom_neighbor1": {},  # the data set is not small, its neighbours are too few
    "intensity_scaler_gs2_ideal": {"H-INTENSITY-SCALE": "ruled out"},
    "loss_config_diff": {"H-LOSS-WEIGHT": "ruled out"},
    "reassembly_gs1_custom": {"H-OFFSET-OVERFLOW": "confirmed"},
    "reassembly_gs2_custom": {"H-OFFSET-OVERFLOW": "confirmed"},
}
ABOUT_THE_RUN = ("H-SEED-DIVERGENCE",)  # a report that records seeds may say so


@pytest.mark.parametrize("name", STATUSES)
def test_the_hypotheses_are_answered_by_what_is_there(diagnoses, name):
    statuses = {h["id"]: h["status"] for h in diagnoses[name]["hypotheses"] if h["status"] != "untestable here"}
    if diagnoses[name]["layout"] == "report":
        statuses = {k: v for k, v in statuses.items() if k not in ABOUT_THE_RUN}
    assert statuses == STATUSES[name]
