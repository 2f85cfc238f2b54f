"""A report as a folder of files, each replaced as a whole."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_example import VIEWS
from small_reports import BAD, a_report, an_artifact, nothing, same

from harness.core.errors import HarnessError
from harness.core.reports import read_report
from harness.report.folder import write_report


def test_all_four_files_are_written_and_can_be_made_from_the_json_again(tmp_path, failing):
    paths = write_report(failing.report, VIEWS, failing.find, tmp_path / "new" / "folder")
    assert set(paths) == {"report.html", "report.json", "report.md", "junit.xml"}
    assert {p.name for p in (tmp_path / "new" / "folder").iterdir()} == set(paths)
    again = read_report(paths["report.json"])
    assert same(again, failing.report)
    for name, path in write_report(again, VIEWS, failing.find, tmp_path / "again").items():
        assert path.read_bytes() == paths[name].read_bytes()


def test_a_lone_surrogate_in_a_name_does_not_stop_the_report(tmp_path):
    report = a_report(an_artifact(replace(BAD, path="caf\udce9")))
    paths = write_report(report, (), nothing, tmp_path)
    assert same(read_report(paths["report.json"]), report)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(HarnessError, match="cannot write"):
        write_report(a_report(), (), nothing, tmp_path / "file")
