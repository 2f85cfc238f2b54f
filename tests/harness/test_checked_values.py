"""The fixture ``check`` in repositories without an adapter: what is kept, judged, accepted and told."""

from __future__ import annotations

import json
import re

import pytest
from checked_repository import IDS, MODULE, TESTS, accept_all, bare_repository, write

STORE, COMPARED = "goldens::store", "goldens::compared"
FILE = "tests/test_spectrum.py"
HALVED = ("SCALE = 1.0", "SCALE = 0.5")


def session(repository, options="", status=0, **environment):
    """What a session prints, and the outcome of each test that it names."""
    done = repository.expect(f"pytest -W error -rA -q {options}", status, **environment)
    out = done.stdout + done.stderr
    return out, {name: what for what, name in re.findall(r"^(PASSED|FAILED|SKIPPED|ERROR) (\S+)", out, re.MULTILINE)}


def pending(repository):
    return [p["identity"] for p in json.loads(repository.harness("pending --json").stdout)]


def files(repository):
    kept = (p for p in repository.root.rglob("*") if p.is_file() and not {".git", "__pycache__"} & set(p.parts))
    return {str(p.relative_to(repository.root)): p.read_bytes() for p in kept}


def golden(repository, name):
    return json.loads((repository.root / f"goldens/{MODULE}/check/{name}.json").read_text())


# From nothing to the first approved value


def test_three_commands_lead_to_the_first_approved_value(ready, tmp_path):
    repository = bare_repository(tmp_path, ready)
    before = files(repository)
    out, outcomes = session(repository, "-n 2", 1, CI="1")
    assert set(outcomes.values()) == {"FAILED", "PASSED"}
    assert "In CI nothing is written" in out
    assert files(repository) == before  # in CI nothing is written, by any worker
    out, _ = session(repository, "-n 2", 1)
    assert f"{IDS[3]}: there is no golden yet" in out
    assert f'then `harness accept {IDS[3]} --reason "..."`' in out
    assert pending(repository) == IDS
    assert repository.expect("git status --porcelain").stdout == ""  # nobody has to know of .harness
    repository.harness(f"accept {IDS[3]} --reason First")
    out, outcomes = session(repository, f"{FILE}::test_spectrum")
    assert outcomes == {f"{FILE}::test_spectrum": "PASSED", STORE: "PASSED"}
    assert "harness: 1 golden was compared, as accepted" in out
    assert pending(repository) == IDS[:3]


def test_a_value_without_a_rule_names_the_rule_to_write_and_is_not_accepted(ready, tmp_path):
    repository = bare_repository(tmp_path, ready)
    out, _ = session(repository, f"{FILE}::TestPeaks", 1)
    rule = f'"check/{MODULE}/TestPeaks.test_spectrum/**" = {{ rtol = 1e-6 }}'
    assert f"add {rule}, or let the test give one, such as check(value, rtol=1e-6)" in out
    refused = repository.harness(f"accept {IDS[0]} --reason First", 2).stderr
    assert "without a rule a golden guards nothing" in refused
    assert rule in refused


def test_all_is_as_accepted(checked):
    out, outcomes = session(checked)
    assert set(outcomes.values()) == {"PASSED"}
    assert len(outcomes) == 5
    assert "harness: 4 goldens were compared, as accepted" in out
    about = golden(checked, "test_spectrum")
    assert about["values"]["rules"] == {"about": {"rtol": 1e-6}, "count": {"exact": True}, "value": {"rtol": 1e-6}}
    assert about["arrays"] == {"value": {"dtype": "float64", "shape": [5]}}
    assert checked.harness("log").stderr == ""


# Judging


@pytest.mark.parametrize("workers", ["", "-n 2"])
def test_a_changed_value_fails_with_all_checks_of_its_test_and_keeps_a_candidate(checked, workers):
    checked.edit(FILE, *HALVED)
    checked.commit()
    goldens = {n: c for n, c in files(checked).items() if n.startswith("goldens/")}
    out, outcomes = session(checked, workers, 1)
    assert outcomes[f"{FILE}::test_spectrum"] == "FAILED"
    assert outcomes[f"{FILE}::TestPeaks::test_spectrum"] == "PASSED"
    assert "  about/sum and value: 2 of 2, every number is × 0.5: furthest out is about/sum: expected 6.875" in out
    assert "test_spectrum: 2 of 7 values are not as accepted" in out
    assert "harness: 4 goldens were compared, 3 of them not as accepted" in out
    assert pending(checked) == IDS[1:]
    assert {n: c for n, c in files(checked).items() if n.startswith("goldens/")} == goldens
    checked.edit(FILE, *reversed(HALVED))
    session(checked, workers)
    assert pending(checked) == []  # what nobody gets any more is forgotten


def test_a_rule_that_a_test_loosens_is_a_change_to_approve(checked):
    checked.edit(FILE, "check(energies, rtol=1e-6)", "check(energies, rtol=1e-2)")
    checked.commit()
    out, outcomes = session(checked, "", 1)
    assert outcomes[f"{FILE}::test_spectrum"] == "FAILED"
    assert "  rules/value/rtol: " in out
    assert "a rule that a test gives is part of what was approved" in out
    checked.harness("verify", 1)
    checked.harness(f"accept {IDS[3]} --reason Scatter")
    newest = json.loads(checked.harness("log --json").stdout)[-1]["changes"][IDS[3]]
    assert "rules/value/rtol" in str(newest)
    session(checked)


@pytest.mark.parametrize(("old", "new"), [(", rtol=1e-6)\n    check(energies.size", ")\n    check(energies.size")])
def test_a_rule_that_a_test_drops_is_a_change_even_where_a_file_has_one(checked, old, new):
    path = checked.root / "goldens/tolerances.toml"
    path.write_text(path.read_text() + '"check/**" = { rtol = 1.0 }\n')
    checked.harness("accept tolerances.toml --reason Wide")
    checked.edit(FILE, old, new)
    out, outcomes = session(checked, "-k spectrum", 1)
    assert outcomes[f"{FILE}::test_spectrum"] == "FAILED"
    assert "rules/value: the value vanished" in out


def test_a_value_and_the_rule_of_its_test_do_not_change_at_once(checked):
    checked.edit(FILE, *HALVED)
    checked.edit(FILE, "check(energies, rtol=1e-6)", "check(energies, rtol=1e-2)")
    checked.commit()
    session(checked, "", 1)
    refused = checked.harness(f"accept {IDS[3]} --reason Both", 2).stderr
    assert "changes value and the rule that it is judged by at once" in refused
    checked.edit(FILE, "check(energies, rtol=1e-2)", "check(energies, rtol=1e-6)")
    checked.commit()
    session(checked, "", 1)
    checked.harness(f"accept {IDS[3]} --reason Values")
    checked.edit(FILE, "check(energies, rtol=1e-6)", "check(energies, rtol=1e-2)")
    checked.commit()
    session(checked, "-k test_spectrum", 1)
    checked.harness(f"accept {IDS[3]} --reason Rule")
    session(checked, f"{FILE}::test_spectrum")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('    check(energies.size, "count", exact=True)\n', "", "count: the value vanished"),
        (
            '"count", exact=True)\n',
            '"count", exact=True)\n    check(1, "more", exact=True)\n',
            "more: the golden has no",
        ),
        ("check(energies.size,", "check(float(energies.size),", "count: was an integer (5), is a float (5.0)"),
        ("check(energies, rtol", "check(energies.astype('float32'), rtol", "value: "),
        (
            "    energies = spectrum(5)\n",
            "    energies = spectrum(5)\n    return\n",
            "asks for check and checks nothing",
        ),
    ],
)
def test_what_a_test_checks_is_what_was_accepted_no_more_and_no_less(checked, old, new, said):
    checked.edit(FILE, old, new)
    out, outcomes = session(checked, f"{FILE}::test_spectrum", 1)
    assert outcomes[f"{FILE}::test_spectrum"] == "FAILED"
    assert said in out


def test_a_test_that_fails_by_itself_keeps_no_candidate(checked):
    checked.edit(FILE, *HALVED)
    checked.edit(FILE, '"about", rtol=1e-6)\n', '"about", rtol=1e-6)\n    assert energies.size == 6\n')
    out, outcomes = session(checked, f"{FILE}::test_spectrum", 1)
    assert outcomes == {f"{FILE}::test_spectrum": "FAILED", STORE: "PASSED"}
    assert "assert 5 == 6" in out
    assert "as accepted" not in out
    assert pending(checked) == []


REFUSED = """\
import numpy as np
import pytest


def test_twice(check):
    check(1, exact=True)
    with pytest.raises(BaseException):
        check(2, exact=True)


def test_name(check):
    check(1, "a/b", exact=True)


def test_rules(check):
    check(1, "rules", exact=True)


def test_codec(check):
    check({"found": {1, 2}}, exact=True)


def test_key(check):
    check(1.0, rtoll=1e-6)


def test_interval(check):
    check(1.0, interval=True)


def test_two_policies(check):
    check(1.0, rtol=1e-6, exact=True)


@pytest.mark.parametrize("data", [np.zeros(2), np.ones(2)])
def test_places(check, data):
    check(data, rtol=1e-6)


def test_late(request):
    request.getfixturevalue("check")(1, exact=True)
"""


def test_what_would_not_do_what_it_seems_to_is_refused_in_a_sentence(ready, tmp_path):
    repository = bare_repository(tmp_path, ready)
    write(repository, {"test_refused.py": REFUSED})
    out, outcomes = session(repository, "test_refused.py", 1)
    assert {what for name, what in outcomes.items() if name != STORE} == {"FAILED", "ERROR"}
    for sentence in (
        "test_refused.py::test_twice checks two values called 'value': give each a name of its own",
        "test_refused.py::test_name checks a value called 'a/b': name it with letters",
        "test_rules checks a value called 'rules', where a golden keeps rules",
        "test_codec checks a value that holds at 'value/found' a value of set, which is neither JSON nor a NumPy "
        "array: give sorted(x)",
        "has an unknown key 'rtoll'; did you mean 'rtol'?",
        "a test has no ensemble, which interval asks for",
        "a rule has exactly one of",
        "test_places[data0] is named by the place of its parameter (data0)",
        "test_late asks for check while it runs: take it as an argument of the test",
    ):
        assert sentence in out, sentence
    printed, _ = session(repository, "test_refused.py -r N", 1)
    for once in ("test_late asks for check while it runs", "checks two values called 'value'", "unknown key 'rtoll'"):
        assert printed.count(once) == 1, once
    assert "harness/plugin" not in printed
    assert "Traceback" not in printed
    assert "During handling" not in printed
    assert not (repository.root / ".harness/pending").exists()


def test_what_is_checked_is_what_it_was_then(ready, tmp_path):
    repository = bare_repository(tmp_path, ready)
    test = "import numpy as np\n\n\ndef test_a(check):\n    a = np.zeros(2)\n    check(a, exact=True)\n    a += 1\n"
    write(repository, {"test_a.py": test})
    session(repository, "test_a.py", 1)
    (about,) = json.loads(repository.harness("diff test_a/check/test_a --json", 1).stdout)["scenarios"]
    assert about["scenario"] == "test_a"
    repository.harness("accept test_a/check/test_a --reason Zeros")
    write(repository, {"test_a.py": test.replace("    a += 1\n", "")})
    session(repository, "test_a.py")


# Ids


def test_ids_stay_when_parameters_move_and_another_module_has_tests_of_the_same_names(checked):
    checked.edit(FILE, '"points", [3, 4]', '"points", [7, 4, 3]')
    write(checked, {"tests/test_other.py": TESTS.replace("SCALE = 1.0", "SCALE = 3.0")})
    out, outcomes = session(checked, "", 1)
    failed = {name for name, what in outcomes.items() if what == "FAILED" and name.startswith(FILE)}
    assert failed == {f"{FILE}::test_sizes[7]"}
    others = [i.replace("spectrum/check", "other/check") for i in IDS]
    assert set(pending(checked)) == {*others, f"{MODULE}/check/test_sizes-7"}
    assert "other/check/test_sizes-3" in out


# Left out


@pytest.mark.parametrize("workers", [""])
def test_a_golden_whose_test_is_gone_fails_the_store_unless_tests_were_chosen(checked, workers):
    checked.edit(FILE, "def test_sizes", "def test_size")
    out, outcomes = session(checked, workers, 1)
    assert outcomes[STORE] == "FAILED"
    assert f"golden {IDS[1]} is of no test any more: bring the test back, or remove it with `harness prune`" in out
    out, outcomes = session(checked, f"{workers} -k TestPeaks")
    assert outcomes[STORE] == "PASSED"
    (checked.root / FILE).unlink()
    write(checked, {"tests/test_unrelated.py": "def test_one():\n    pass\n"})
    out, outcomes = session(checked, workers, 1)
    assert outcomes == {"tests/test_unrelated.py::test_one": "PASSED", STORE: "FAILED"}
    assert "harness:" not in session(checked, f"{workers} tests/test_unrelated.py")[0].replace("harness: no golden", "")


def test_prune_removes_what_is_of_no_test_and_nothing_else(checked):
    checked.harness("prune --reason None")
    checked.edit(FILE, "[3, 4]", "[3]")
    checked.commit()
    checked.edit(FILE, "import pytest\n", "import pytest\nimport nothing\n")
    assert "cannot be collected" in checked.harness("prune --reason Fewer", 2).stderr
    checked.edit(FILE, "import nothing\n", "")
    assert f"removed: {IDS[2]}" in checked.harness("prune --reason Fewer").stdout
    session(checked)
    checked.harness("verify")


SKIPPED = ("    energies = spectrum(5)\n", '    pytest.skip("no lamp")\n    energies = spectrum(5)\n')


@pytest.mark.parametrize("workers", ["-n 2"])
def test_a_skipped_test_is_told_and_fails_in_ci(checked, workers):
    checked.edit(FILE, *SKIPPED)
    out, _ = session(checked, workers)
    assert f"harness: 3 goldens were compared, as accepted; {IDS[3]} was not: Skipped: no lamp" in out
    out, outcomes = session(checked, workers, 1, CI="1")
    assert outcomes[COMPARED] == "FAILED"
    assert f"{IDS[3]}: skipped (Skipped: no lamp): in CI every golden is compared" in out


@pytest.mark.parametrize("workers", ["-n 2"])
@pytest.mark.parametrize(
    ("hook", "said"),
    [
        (
            "def pytest_collection_modifyitems(config, items):\n"
            "    out = [i for i in items if 'Peaks' in i.nodeid]\n"
            "    items[:] = [i for i in items if i not in out]\n"
            "    config.hook.pytest_deselected(items=out)\n",
            f"{IDS[0]}: compared by no test, though the session was for it",
        ),
        (
            "import pytest\n\n\ndef pytest_itemcollected(item):\n"
            "    if 'Peaks' in item.nodeid:\n        item.add_marker(pytest.mark.xfail)\n",
            f"{IDS[0]}: not as accepted, and no test failed: let it fail (xfail hides it)",
        ),
    ],
)
def test_what_a_hook_leaves_out_or_hides_is_told(checked, workers, hook, said):
    checked.edit(FILE, "check([1.5, 2.5]", "check([1.5, 2.75]" if "xfail" in hook else "check([1.5, 2.5]")
    write(checked, {"tests/conftest.py": hook})
    out, outcomes = session(checked, workers, 1)
    assert outcomes[COMPARED] == "FAILED"
    assert said in out


def test_a_rule_that_matches_nothing_and_a_golden_edited_by_hand_fail_the_store(checked):
    path = checked.root / "goldens/tolerances.toml"
    path.write_text(path.read_text() + '"check/*/*/peak" = { rtol = 1e-6 }\n')
    checked.harness("accept tolerances.toml --reason More")
    out, outcomes = session(checked, "", 1)
    assert outcomes[STORE] == "FAILED"
    assert "goldens/tolerances.toml: rule 'check/*/*/peak' matches nothing: remove it or mend its pattern" in out
    checked.edit(f"goldens/{MODULE}/check/test_spectrum.json", '"unit": "eV"', '"unit": "J"')
    out, outcomes = session(checked, "", 1)
    assert outcomes[f"{FILE}::test_spectrum"] == "FAILED"
    assert "test_spectrum.json is not what was accepted" in out
    assert "is not what was accepted" in checked.harness("verify", 2).stderr


def test_a_test_that_writes_its_own_rules_is_seen(checked):
    line = "    energies = spectrum(5)\n"
    more = "    open('goldens/tolerances.toml', 'a').write('\"check/**\" = { rtol = 9.0 }\\n')\n"
    checked.edit(FILE, line, line + more)
    out, _ = session(checked, "", 1)
    assert "tolerances.toml was edited since it was accepted" in out


# Other repositories, other plugins


def test_a_repository_that_has_nothing_to_do_with_the_harness_hears_nothing_of_it(ready, tmp_path):
    repository = bare_repository(tmp_path, ready)
    write(repository, {"tests/test_spectrum.py": "def test_one():\n    pass\n"})
    out, outcomes = session(repository)
    assert outcomes == {"tests/test_spectrum.py::test_one": "PASSED"}
    assert "harness" not in out
    assert not (repository.root / ".harness").exists()


def test_outside_of_a_repository_check_says_what_it_needs(ready, tmp_path):
    repository = bare_repository(tmp_path, ready)
    repository.expect("rm -rf .git")
    out, _ = session(repository, f"-r N {FILE}::test_spectrum", 1, GIT_CEILING_DIRECTORIES=str(tmp_path))
    assert out.count("check has nowhere to keep goldens") == 1
    assert "run `git init`" in out


def test_another_plugin_may_have_a_fixture_called_check(checked):
    other = "import pytest\n\n\n@pytest.fixture(name='check')\ndef theirs():\n    return lambda ok: ok\n"
    test = (
        "def test_a(check):\n    assert check(True)\n\n\ndef test_b(harness_check):\n    harness_check(1, exact=True)\n"
    )
    write(checked, {"plugin_of_others.py": other, "tests/test_two.py": test})
    out, outcomes = session(
        checked,
        "-p plugin_of_others tests/test_two.py",
        1,
        PYTHONPATH=f"{checked.environment['PYTHONPATH']}:{checked.root}",
    )
    assert outcomes["tests/test_two.py::test_a"] == "PASSED"
    assert outcomes["tests/test_two.py::test_b"] == "FAILED"
    assert "tests.test_two/check/test_b: there is no golden yet" in out


def test_a_table_may_say_where_goldens_are_and_name_no_adapter(ready, tmp_path):
    repository = bare_repository(tmp_path, ready)
    write(repository, {"pyproject.toml": '[tool.harness]\ngoldens = "approved"\n'})
    session(repository, f"{FILE}::test_spectrum", 1)
    repository.harness(f"accept {IDS[3]} --reason First")
    assert (repository.root / f"approved/{IDS[3]}.json").is_file()
    session(repository, f"{FILE}::test_spectrum")


def test_candidates_of_tests_are_rejected_and_reviewed_as_others_are(checked):
    checked.edit(FILE, *HALVED)
    checked.commit()
    session(checked, "", 1)
    page = checked.harness(f"review {IDS[3]} {IDS[1]}").stdout
    assert "report.html" in page
    assert "about/sum" in page
    checked.harness(f"reject {IDS[3]} --reason No")
    assert pending(checked) == IDS[1:3]
    accept_all(checked)
    _, outcomes = session(checked, "", 1)
    assert [name for name, what in outcomes.items() if what == "FAILED"] == [f"{FILE}::test_spectrum"]


def test_a_test_that_does_not_repeat_is_not_accepted(checked):
    more = "\n\ndef test_random(check):\n    import random\n\n    check(random.random(), rtol=1e-6)\n"
    write(checked, {FILE: TESTS + more})
    session(checked, "", 1)
    refused = checked.harness(f"accept {MODULE}/check/test_random --reason New", 2).stderr
    assert "a fresh run disagrees with the candidate: value: " in refused


NAN = """

def test_average(check):
    import numpy as np

    values = np.arange(20.0)
    values[:3] = values[-3:] = np.nan
    check(values, rtol=1e-6)
    check({"last": float("nan")}, "about", rtol=1e-6)
"""


def test_a_value_that_its_own_rule_refuses_says_so_at_once_and_names_the_cure(checked):
    average = f"{MODULE}/check/test_average"
    write(checked, {FILE: TESTS + NAN})
    out, _ = session(checked, f"{FILE}::test_average", 1)
    cure = 'which its rule does not allow: where that is right, add nan="match" to the rule'
    assert f"value: 6 NaN of 20 elements, {cure}" in out
    assert f"about/last is NaN, {cure}" in out
    assert "Kept as candidate" not in out
    assert f"No golden can hold this yet: mend that and run the test again, then `harness accept {average}" in out
    refused = checked.harness(f"accept {average} --reason New", 2).stderr
    assert f"no golden can hold what its own rule refuses: value: 6 NaN of 20 elements, {cure} (and 1 more)" in refused
    mended = TESTS + NAN.replace("rtol=1e-6", 'rtol=1e-6, nan="match"')
    write(checked, {FILE: mended})
    refused = checked.harness(f"accept {average} --reason New", 2).stderr
    assert f"the test changed its rules since its candidate was kept: run {FILE}::test_average again" in refused
    out, _ = session(checked, f"{FILE}::test_average", 1)
    assert "there is no golden yet" in out
    assert "NaN" not in out
    assert "Kept as candidate" in out
    write(checked, {FILE: mended.replace('"about"', '"other"')})
    refused = checked.harness(f"accept {average} --reason New", 2).stderr
    assert "the test changed what it checks (about, other) since its candidate was kept" in refused
    write(checked, {FILE: mended})
    checked.harness(f"accept {average} --reason New")
