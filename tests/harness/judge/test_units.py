"""Units of values: where a schema gives them, and where reports show them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from harness.core.reports import report_from_json, report_to_json
from harness.core.verdicts import ArtifactReport, Report, ScenarioReport, Status, Verdict
from harness.judge.descriptions.units import Units
from harness.report.html import render_html
from harness.report.markdown import render_markdown
from harness.report.summary import verdict_line

LENGTH = {"type": "number", "x-unit": "µm"}
SCHEMA = {
    "$defs": {"energy": {"type": "number", "x-unit": "eV"}, "loop": {"$ref": "#/$defs/loop"}},
    "properties": {
        "values": {
            "properties": {
                "size": LENGTH,
                "peaks": {"x-unit": "eV", "items": {"type": "number"}},
                "rows": {"items": {"properties": {"width": LENGTH, "count": {"type": "integer"}}}},
                "edge": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/energy"}]},
                "pair": {"prefixItems": [LENGTH, {"$ref": "#/$defs/energy"}], "items": False},
                "loop": {"$ref": "#/$defs/loop"},
            },
            "patternProperties": {"_s$": {"x-unit": "s"}},
            "additionalProperties": {"x-unit": "1"},
        },
        "arrays": {"properties": {"field": {"x-unit": "V/m"}, "a/b": {"x-unit": "T"}}},
    },
}


@pytest.mark.parametrize(
    ("path", "part", "unit"),
    [
        ("size", "values", "µm"),
        ("peaks/3", "values", "eV"),
        ("rows/12/width", "values", "µm"),
        ("rows/12/count", "values", ""),
        ("edge", "values", "eV"),
        ("pair/0", "values", "µm"),
        ("pair/1", "values", "eV"),
        ("loop", "values", ""),
        ("wait_s", "values", "s"),
        ("other", "values", "1"),
        ("field", "arrays", "V/m"),
        ("a/b", "arrays", "T"),
        ("field", "values", "1"),
        ("size", "arrays", ""),
    ],
)
def test_the_innermost_unit_of_a_place_is_its(path, part, unit):
    assert Units(SCHEMA).of(path, part) == unit
    assert not Units(SCHEMA).none


def test_a_schema_without_units_is_known_for_that():
    assert Units({"properties": {"x": {"type": "number"}}}).none


def test_units_stand_beside_numbers_in_failures_and_reports():
    verdict = Verdict("size", Status.FAIL, "exact", "off by 1", "", 1.5, 2.5, "±1", 3.0, unit="µm")
    assert verdict_line(verdict).startswith("size [µm]: off by 1")
    artifact = ArtifactReport("make", "made", "cpu", (verdict, replace(verdict, path="n", expected="a", obtained="b")))
    report = Report("p", "cpu", {}, "", 0.0, (ScenarioReport("one", "cpu", "", (artifact,)),))
    assert report_from_json(report_to_json(report)) == report
    page = render_html(report, (), lambda *names: (None, None))
    assert "<dd>2.5 µm</dd>" in page
    assert "<dd>b</dd>" in page
    assert "`1.5 µm`" in render_markdown(report)


def test_a_verification_gives_its_verdicts_the_units_of_the_schema(heat):
    path = heat.root / "schemas/field.schema.json"
    schema = json.loads(path.read_text())
    arrays = schema["properties"]["arrays"]["properties"]
    for described in (*arrays.values(), *schema["properties"]["values"]["properties"].values()):
        described["x-unit"] = "K"
    path.write_text(json.dumps(schema))
    found = {a.track: a for a in heat.smooth(training=False).artifacts if a.artifact == "field"}
    assert {v.unit for v in found.pop("replay").verdicts} <= {""}
    (main,) = found.values()
    assert arrays
    assert {v.unit for v in main.verdicts} == {"K"}
