"""Whatever a conftest, a hook or a test does to a session of pytest: it is not green where goldens were not judged."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

import pytest

pytestmark = pytest.mark.slow

TEST = "def test_artifact_is_as_accepted(golden):\n    golden.check()\n"
OTHER = "def test_other():\n    pass\n"
HOOK = "import os\n\nimport pytest\n\n\n"
BROKEN = ("in weigh", "return {'weight': 99.0}")
DROP = "def pytest_collection_modifyitems(items):\n    items[:] = [i for i in items if {}]\n"
OUTCOME = (
    "@pytest.hookimpl(wrapper=True)\ndef pytest_runtest_makereport():\n    report = yield\n    {}\n    return report\n"
)


@dataclass(frozen=True)
class Disturbance:
    """A ``conftest.py``, a file of tests, options, and what is said, where it is known; ``broken``: a golden fails."""

    conftest: str = ""
    tests: str = TEST
    options: str = ""
    says: str = ""
    broken: bool = True


def ends(line: str, tests: str = TEST) -> str:
    return f"import os, pytest, signal, sys\n\n\n{tests}\n\ndef test_z():\n    {line}\n"


DISTURBANCES = {
    # items
    "the store's item dropped": Disturbance(
        "@pytest.hookimpl(trylast=True)\n" + DROP.format("'store' not in i.name"),
        says="the store of goldens was not checked",
        broken=False,
    ),
    "golden items dropped": Disturbance(
        DROP.format("'golden' not in getattr(i, 'fixturenames', ())"), TEST + OTHER, says="taken out of the session"
    ),
    "golden items dropped last": Disturbance(
        "@pytest.hookimpl(trylast=True)\n" + DROP.format("not hasattr(i, 'callspec')"),
        TEST + OTHER,
        says="taken out of the session",
    ),
    "failing items dropped": Disturbance(
        DROP.format("'weighed' not in i.name and 'invariants' not in i.name"), says="taken out of the session"
    ),
    "all items dropped after the collection": Disturbance(
        "@pytest.hookimpl(trylast=True)\ndef pytest_collection_finish(session):\n    session.items.clear()\n"
    ),
    "items reordered": Disturbance("def pytest_collection_modifyitems(items):\n    items.reverse()\n"),
    "items skipped by a marker": Disturbance(
        "def pytest_collection_modifyitems(items):\n    for i in items:\n        i.add_marker(pytest.mark.skip)\n"
    ),
    "items expected to fail": Disturbance(
        "def pytest_collection_modifyitems(items):\n    for i in items:\n        i.add_marker(pytest.mark.xfail)\n"
    ),
    "one golden skipped in a chosen part": Disturbance(
        "def pytest_collection_modifyitems(items):\n    for i in items:\n        if 'weighed' in i.name:\n"
        "            i.add_marker(pytest.mark.skip)\n",
        options="-k 'weighed or grown'",
        says="compared by no test, though tests of them were chosen",
    ),
    "golden shadowed": Disturbance(
        "@pytest.fixture\ndef golden():\n    class Golden:\n        check = print\n    return Golden\n",
        says="stands in the place of the harness's",
    ),
    "golden's check replaced": Disturbance(
        "@pytest.fixture\ndef golden(golden):\n    class Golden:\n        check = print\n    return Golden\n",
        says="compared by no test",
    ),
    # outcomes
    "reports made green": Disturbance(OUTCOME.format("report.outcome = 'passed'"), says="no test failed"),
    "reports replaced": Disturbance(
        OUTCOME.format("report = pytest.TestReport(report.nodeid, report.location, {}, 'passed', None, report.when)"),
        says="no test failed",
    ),
    "exceptions caught": Disturbance(
        "@pytest.hookimpl(wrapper=True)\ndef pytest_pyfunc_call():\n    try:\n        return (yield)\n"
        "    except BaseException:\n        return True\n",
        says="no test failed",
    ),
    "functions never called": Disturbance(
        "@pytest.hookimpl(tryfirst=True)\ndef pytest_pyfunc_call():\n    return True\n", says="compared by no test"
    ),
    "the protocol taken over": Disturbance(
        "@pytest.hookimpl(tryfirst=True)\ndef pytest_runtest_protocol():\n    return True\n",
        says="the store of goldens was not checked",
    ),
    "the loop taken over": Disturbance(
        "@pytest.hookimpl(tryfirst=True)\ndef pytest_runtestloop():\n    return True\n",
        says="the store of goldens was not checked",
    ),
    # endings
    "exit status set": Disturbance("def pytest_sessionfinish(session):\n    session.exitstatus = 0\n"),
    "exit status set last": Disturbance(
        "@pytest.hookimpl(wrapper=True, tryfirst=True)\ndef pytest_sessionfinish(session):\n    yield\n"
        "    session.exitstatus = 0\n"
    ),
    "exit status set when all is over": Disturbance(
        "def pytest_sessionstart(session):\n    session.config.held = session\n"
        "def pytest_unconfigure(config):\n    config.held.exitstatus = 0\n"
    ),
    "pytest.exit at the end": Disturbance("def pytest_sessionfinish():\n    pytest.exit('bye', returncode=0)\n"),
    "pytest.exit in a test": Disturbance(tests=ends("pytest.exit('bye', returncode=0)")),
    "pytest.exit before any golden": Disturbance(
        tests="import pytest\n\n\ndef test_a():\n    pytest.exit('bye', returncode=0)\n\n\n" + TEST,
        says="the store of goldens was not checked",
        broken=False,
    ),
    "pytest.exit in a hook": Disturbance(
        "def pytest_runtest_setup():\n    pytest.exit('bye', returncode=0)\n",
        says="the store of goldens was not checked",
        broken=False,
    ),
    "sys.exit in conftest": Disturbance("import sys\nsys.exit(0)\n", says="a conftest.py ended pytest"),
    "sys.exit in a test's file": Disturbance(tests="import sys\nsys.exit(0)\n"),
    "sys.exit in a hook": Disturbance("def pytest_runtest_setup():\n    raise SystemExit(0)\n"),
    "SystemExit in a test": Disturbance(tests=ends("sys.exit(0)")),
    "a worker ends": Disturbance(tests=ends("os._exit(0)"), options="-n 2", broken=False),
    "a worker is killed": Disturbance(tests=ends("os.kill(os.getpid(), signal.SIGKILL)"), options="-n 2", broken=False),
    "a worker leaves": Disturbance(tests=ends("pytest.exit('bye', returncode=0)"), options="-n 2"),
    "reports made green in workers": Disturbance(
        OUTCOME.format("report.outcome = 'passed'"), options="-n 2", says="no test failed"
    ),
    "items dropped in workers": Disturbance(
        DROP.format("'golden' not in getattr(i, 'fixturenames', ())"), TEST + OTHER, "-n 2", "taken out of the session"
    ),
    # options
    "-x": Disturbance(options="-x"),
    "--maxfail": Disturbance(options="--maxfail=1"),
    "--lf": Disturbance(options="--lf -p cacheprovider"),
    "--stepwise": Disturbance(options="--stepwise -p cacheprovider"),
    "the plugin left out": Disturbance(options="-p no:harness -p no:harness_pytest"),
}


def session(plant, disturbance: Disturbance) -> subprocess.CompletedProcess[str]:
    (plant.root / "conftest.py").write_text(HOOK + disturbance.conftest)
    (plant.root / "test_goldens.py").write_text(disturbance.tests)
    if disturbance.broken:
        plant.put(*BROKEN)
    return plant.shell(f"pytest -q {disturbance.options}")


@pytest.mark.parametrize("name", DISTURBANCES)
def test_no_disturbance_is_green(name, plant):
    disturbance = DISTURBANCES[name]
    done = session(plant, disturbance)
    out = done.stdout + done.stderr
    assert done.returncode not in (0, None), out
    assert ", as accepted" not in out
    assert disturbance.says in " ".join(out.split()), out


@pytest.mark.parametrize(
    "options", ["-k other", "-m 'not slow' -k other", "--ignore test_goldens.py", "test_other.py", "-k 'not golden'"]
)
def test_a_session_that_asks_for_no_golden_passes_and_says_that_none_was_compared(options, plant):
    plant.put(*BROKEN)
    (plant.root / "test_other.py").write_text(OTHER)
    done = plant.expect(f"pytest -q {options}")
    assert "harness: no golden was compared" in done.stdout
    assert "as accepted" not in done.stdout


def test_an_undisturbed_session_says_how_much_was_compared(plant):
    (plant.root / "test_other.py").write_text(OTHER)
    assert "harness: 6 goldens were compared, as accepted" in plant.expect("pytest -q").stdout
    (plant.root / "conftest.py").write_text(
        "def pytest_collection_modifyitems(config, items):\n    out = [i for i in items if 'replay' in i.name]\n"
        "    items[:] = [i for i in items if i not in out]\n    config.hook.pytest_deselected(items=out)\n"
    )
    assert "harness: 4 goldens were compared, as accepted" in plant.expect("pytest -q test_goldens.py").stdout


def test_a_session_that_ends_at_once_leaves_no_older_report(plant):
    """Nothing holds ``os._exit(0)`` in pytest's own process: then there is no report that says that all is well."""
    plant.expect("pytest -q --junit-xml junit.xml")
    assert (plant.root / "junit.xml").exists()
    (plant.root / "test_goldens.py").write_text(ends("os._exit(0)"))
    done = plant.shell("pytest -q --junit-xml junit.xml")
    assert "as accepted" not in done.stdout
    assert not (plant.root / "junit.xml").exists()
