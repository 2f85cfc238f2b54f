"""What was fingerprinted is what ran: an edit meanwhile, stale bytecode or hidden modules store nothing under a key."""

from __future__ import annotations

import json
import os
import py_compile
import time

import pytest

SLOW = "import time; time.sleep(3); import growth; return {'heights': growth.heights(config['days'])}"
GROWTH = "import numpy as np\nRATE = 1.0\n\n\ndef heights(days):\n    return RATE * np.arange(days, dtype=np.float64)\n"


@pytest.fixture
def slow(plant):
    """The repository with a stage that takes three seconds, and works in a module of its own."""
    (plant.root / "growth.py").write_text(GROWTH)
    plant.edit("guard.py", "import numpy as np\n", "import growth\nimport numpy as np\n")
    plant.put("in grow", SLOW)
    plant.harness("verify", 0)
    plant.expect("rm -r .harness/cache")
    return plant


@pytest.mark.slow
@pytest.mark.parametrize("options", ["", "--workers 2"])
def test_an_edit_while_it_runs_stores_nothing_under_the_new_key(options, slow):
    process = slow.start(f"exec harness verify {options}")
    time.sleep(2.5)
    (slow.root / "growth.py").write_text(GROWTH.replace("RATE = 1.0", "RATE = 3.0"))
    process.wait(60)
    slow.commit("another rate")
    done = slow.shell("harness verify")
    assert done.returncode == 1, done.stdout
    assert "grown" in done.stdout


@pytest.mark.slow
def test_an_edit_between_import_and_key_is_said(slow):
    """Here the process imported the old source, and the key would have been of the new one."""
    slow.edit(
        "guard.py",
        "def scenarios():\n",
        "def scenarios():\n    import time; print('asked', flush=True); time.sleep(4)\n",
    )
    (log := slow.root / ".harness/stages.log").unlink()
    process = slow.start("exec harness verify")
    while not log.exists() or "asked" not in log.read_text():
        time.sleep(0.05)
    (slow.root / "growth.py").write_text(GROWTH.replace("RATE = 1.0", "RATE = 3.0"))
    assert process.wait(90) == 1
    report = json.loads((slow.root / ".harness/report/report.json").read_text())
    messages = [v["message"] for a in report["scenarios"][0]["artifacts"] for v in a["verdicts"] if "message" in v]
    assert any("growth.py as it was before an edit" in message for message in messages)
    slow.commit("another rate")
    assert slow.shell("harness verify").returncode == 1


@pytest.mark.slow
def test_bytecode_of_equal_size_and_time_decides_nothing(plant):
    path = plant.root / "growth.py"
    path.write_text(GROWTH)
    plant.put("in grow", "import growth; return {'heights': growth.heights(config['days'])}")
    plant.harness("verify", 0)
    py_compile.compile(str(path))
    before = path.stat()
    path.write_text(GROWTH.replace("RATE = 1.0", "RATE = 3.0"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    plant.harness("verify", 1)


HIDDEN = {
    "runpy": "import runpy; rate = runpy.run_path('hidden/rate.py')['RATE']",
    "a module by its file": """
import importlib.util
spec = importlib.util.spec_from_file_location('rate', 'hid' + 'den/rate.py')
module = importlib.util.module_from_spec(spec); spec.loader.exec_module(module); rate = module.RATE""",
    "a folder put on the path": "import sys; sys.path.insert(0, 'hid' + 'den'); import importlib\n"
    "rate = importlib.import_module('ra' + 'te').RATE; sys.path.pop(0)",
    "text that is run": "names = {}; exec(open('hid' + 'den/rate.py').read(), names); rate = names['RATE']",
}


@pytest.mark.slow
@pytest.mark.parametrize("way", HIDDEN)
def test_a_module_that_no_import_leads_to_is_said_or_decides(way, plant):
    (plant.root / "hidden").mkdir()
    (plant.root / "hidden/rate.py").write_text("RATE = 1.0\n")
    plant.put("in grow", HIDDEN[way] + "\nreturn {'heights': rate * np.arange(config['days'], dtype=np.float64)}")
    first = plant.shell("harness verify").returncode
    (plant.root / "hidden/rate.py").write_text("RATE = 3.0\n")
    assert plant.shell("harness verify").returncode == 1
    (plant.root / "hidden/rate.py").write_text("RATE = 1.0\n")
    assert plant.shell("harness verify").returncode == first


@pytest.mark.slow
def test_a_setting_that_no_reads_declare_is_the_stages_error(plant):
    plant.put("in grow", "return {'heights': config.get('fit', {}).get('days', 4) * np.ones(4)}")
    done = plant.harness("verify", 1)
    assert "grow asks for fit.days, which its reads do not declare" in done.stdout
