"""The configuration audit: stale scales, digests that differ, parameters, and the loss weights of a legacy script.

The investigation plan, its steps and the intensity statistics are explained in docs/explanation/history.md.
"""

from __future__ import annotations

import pytest
from answers import causes, changed, evidence, figures, status

from ptycho.data.normalization import closed_form_scale
from ptycho.diagnostics import RunRecord, diagnose
from ptycho.diagnostics.analyses.configuration import analyze_configuration, fitting_side, scale_table, stage_digests
from ptycho.diagnostics.quantities.parameters import AFFECTS, affected_by

STALE = 494.1046142578125
SCENARIOS = ("gs1_custom", "gs1_ideal", "gs2_custom", "gs2_ideal")


# Loss weights


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_nll_modes_weights_are_the_defaults_and_equal(diagnoses, scenario):
    """The script sets no weight in its default mode, and the defaults are the scenarios' (step D1 of the plan)."""
    rows = [
        r
        for r in figures(diagnoses["loss_config_diff"], "configuration_audit")["loss_parity"]
        if r["scenario"] == scenario and r["mode"] == "nll"
    ]
    assert {r["weight"]: (r["legacy"], r["legacy_is"], r["same"]) for r in rows} == {
        "mae_weight": (0.0, "default", True),
        "nll_weight": (1.0, "default", True),
        "realspace_weight": (0.0, "default", True),
        "realspace_mae_weight": (0.0, "default", True),
    }


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_mae_modes_weights_are_conditional(diagnoses, scenario):
    rows = [
        r
        for r in figures(diagnoses["loss_config_diff"], "configuration_audit")["loss_parity"]
        if r["scenario"] == scenario and r["mode"] == "mae"
    ]
    weights = {r["weight"]: (r["legacy"], r["legacy_is"], r["same"]) for r in rows}
    assert weights["mae_weight"] == (1.0, "conditional on mae", False)
    assert weights["nll_weight"] == (0.0, "conditional on mae", False)
    assert weights["realspace_weight"] == (0.0, "default", True)


def test_equal_defaults_rule_the_weights_out(diagnoses):
    answer = evidence(diagnoses["loss_config_diff"], "H-LOSS-WEIGHT")
    assert answer == "the nll mode's weights agree, 16 of them by default"


def test_weights_of_an_unknown_mode_confirm_nothing(diagnoses):
    """This earlier report took the script's conditional MAE weights for its own; they are not (step D1)."""
    assert status(diagnoses["comparison_diff"], "H-LOSS-WEIGHT") == "untestable here"


def test_parameters_that_match_are_not_listed(diagnoses):
    audits = next(a for a in diagnoses["comparison_diff"]["analyses"] if a["name"] == "configuration_audit")
    table = next(t for t in audits["tables"] if t["title"] == "Parameters that differ")
    listed = {(row[0], row[1]): row for row in table["rows"]}
    assert ("gs2_ideal", "gridsize") not in listed
    assert listed["gs1_ideal", "gridsize"][2:4] == [2, 1]
    assert listed["gs2_ideal", "probe_scale"][4] == "not set by the script: its default applies"
    assert listed["gs2_ideal", "probe_scale"][5].startswith("illumination")


# Configuration audit


@pytest.fixture
def stale(runs) -> RunRecord:
    """gs2_base under the scale that was left of N = 128, as the intensity statistics have it."""
    run = changed(runs["gs2_base"], "intensity", "bundle_intensity_scale", to=STALE)
    run = changed(run, "intensity", "legacy_params_intensity_scale", to=STALE)
    run = changed(run, "intensity", "intensity_scaler_state", "params_cfg_intensity_scale", to=STALE)
    return changed(run, "intensity", "intensity_scaler_state", "log_scale_value", to=6.20275)


def test_a_stale_scale_is_named_by_the_side_it_belongs_to(stale):
    (finding,) = analyze_configuration(stale).findings
    assert (finding.cause, finding.level) == ("stale_configuration", "fault")
    assert finding.statement == (
        "The recorded intensity scale 494.105 is that of N = 128, the data have N = 64: stale configuration."
    )
    assert finding.evidence[-1] == "N = 64 would give 988.212"
    assert [r["fits_N"] for r in scale_table(stale)] == [128, 128, 128]


def test_a_stale_scale_confirms_both_hypotheses(stale):
    diagnosis = diagnose([stale])["runs"][0]
    assert status(diagnosis, "H-CONFIG") == status(diagnosis, "H-INTENSITY-SCALE") == "confirmed"
    assert causes(diagnosis)[:2] == ["stale_configuration", "nan_in_training"]


def test_a_sound_scale_is_not_stale(runs):
    assert analyze_configuration(runs["gs2_base"]).findings == ()
    assert {r["fits_N"] for r in scale_table(runs["gs2_base"])} == {64}


@pytest.mark.parametrize(("scale", "side"), [(988.212, 64), (STALE, 128), (577.738, None), (700.0, None)])
def test_the_side_whose_closed_form_a_scale_is(scale, side):
    assert fitting_side(scale, 1e9) == side
    assert closed_form_scale(1e9, 64) == pytest.approx(988.2117688026185)


def test_a_scale_that_fits_nothing_is_a_warning(runs):
    run = changed(runs["gs2_base"], "intensity", "bundle_intensity_scale", to=700.0)
    (finding,) = analyze_configuration(run).findings
    assert (finding.cause, finding.level) == ("unexplained_scale", "warning")
    assert finding.evidence == ("closed form of N = 64: 988.212", "dataset-derived: 577.738")


def test_the_datas_own_scale_is_no_fault(runs):
    run = changed(runs["gs2_base"], "intensity", "bundle_intensity_scale", to=577.738)
    assert analyze_configuration(run).findings == ()


def test_stages_under_different_configurations_are_reported():
    """The digests of a run of this pipeline, one stage of which came from elsewhere."""
    stages = [{"stage": name, "config_digest": digest * 64} for name, digest in zip("abc", "110", strict=True)]
    run = RunRecord("mixed", "ptycho", {"metadata": {"config": {"N": 64}, "stages": stages}})
    (finding,) = analyze_configuration(run).findings
    assert (finding.cause, finding.level) == ("digest_mismatch", "fault")
    assert finding.statement == "The stages ran under 2 different configurations."
    assert finding.evidence == ("111111111111: a, b", "000000000000: c")
    assert status(diagnose([run])["runs"][0], "H-CONFIG") == "confirmed"


def test_equal_digests_are_no_finding():
    stages = [{"stage": name, "config_digest": "1" * 64} for name in "abc"]
    run = RunRecord("sound", "ptycho", {"metadata": {"config": {"N": 64}, "stages": stages}})
    assert analyze_configuration(run).findings == ()
    assert stage_digests(run) == dict.fromkeys("abc", "1" * 64)


@pytest.mark.parametrize("name", ["train.epochs", "loss.amplitude_l2_mae", "simulate.probe.mask", "group_limit"])
def test_the_longest_prefix_says_what_a_parameter_affects(name):
    assert affected_by(name) != "not known here"
    assert affected_by("loss.amplitude_l2_mae") != affected_by("loss.mae_weight") == AFFECTS["loss"]
