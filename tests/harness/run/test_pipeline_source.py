"""What belongs to a pipeline without being declared: its own source, as it was when it was read, and its libraries."""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
import os
import site
import sys
import sysconfig
from pathlib import Path

import numpy
import pytest

import harness
from harness.core.files import sha256
from harness.core.protocol import Pipeline, Stage
from harness.run.fingerprints import Sources
from harness.run.pipeline_source import libraries_of, sources_of
from harness.run.source import distributions
from harness.run.source.distributions import distribution_names, library_version
from harness.run.source.places import is_own, libraries_first, place_on_path

FILES = {
    "adapter.py": "import json, numpy\nfrom heat import stages\n",
    "heat/__init__.py": "",
    "heat/stages.py": "import helpers\nimport skimage.filters as f\ndef run():\n    import yaml_like\n    helpers\n",
    "heat/unused.py": "import plain_library\n",
    "helpers.py": "import os.path, heat.lib\n",
    "heat/lib.py": "",
    "stranger.py": "",
}


@pytest.fixture
def plant(tmp_path, monkeypatch):
    """Makes a repository, and the pipeline that it has; installs modules without importing them."""
    installed = tmp_path / "lib" / "site-packages"
    installed.mkdir(parents=True)
    root = tmp_path / "repository"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    for folder in (installed, root):
        monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()
    distribution_names.cache_clear()
    return (
        root,
        installed,
        Pipeline("plant", (Stage("heat", "heated", "heat.stages:run"),), dict, print, home="adapter"),
    )


def install(folder: Path, module: str, name: str, version: str = "1.0", **files: str) -> Path:
    """A module and the distribution that it is of, as pip leaves them."""
    (folder / f"{module}.py").write_text("K = 1\n")
    about = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    code = (folder / f"{module}.py").read_bytes()
    digest = base64.urlsafe_b64encode(hashlib.sha256(code).digest()).rstrip(b"=").decode()
    (about / "RECORD").write_text(f"{module}.py,sha256={digest},{len(code)}\n{about.name}/RECORD,,\n")
    for file, text in files.items():
        (about / file.replace("__", ".")).write_text(text)
    importlib.invalidate_caches()
    distribution_names.cache_clear()
    return about


def test_the_roots_are_what_the_adapter_and_the_stages_lead_to(plant):
    root, _, pipeline = plant
    sources = sources_of(pipeline)
    assert {str(p.relative_to(root)) for p in sources.files()} == {*FILES} - {"stranger.py"}
    assert {*sources.territory.own} == {"adapter", "heat", "helpers"}
    assert "adapter" not in sys.modules


def test_a_file_that_nothing_leads_to_is_not_covered(plant):
    root, _, pipeline = plant
    sources = sources_of(pipeline)
    assert all(sources.covers(root / name) for name in FILES if name != "stranger.py")
    assert not sources.covers(root / "stranger.py")
    assert sources.covers(root / "heat" / "later.py")  # it would belong to them
    assert not sources.covers(numpy.__file__)


def test_what_was_read_once_is_what_is_told(plant):
    root, _, pipeline = plant
    sources = sources_of(pipeline)
    old = (root / "heat" / "lib.py").read_bytes()
    (root / "heat" / "lib.py").write_text("K = 2\n")
    (root / "heat" / "stages.py").write_text("not Python")
    assert sources.digest_of(root / "heat" / "lib.py") == sha256(old)
    assert sources.digest_of(os.path.relpath(root / "heat" / "lib.py")) == sha256(old)
    assert len(sources.fingerprint("heat.stages:run")) == 64
    again = sources_of(Pipeline("p", (), dict, print, home="helpers"))
    assert again.digest_of(root / "heat" / "lib.py") == sha256(b"K = 2\n")


def test_a_file_of_elsewhere_is_read_when_it_is_asked_for_and_never_again(plant):
    root, _, pipeline = plant
    sources = sources_of(pipeline)
    (root / "stranger.py").write_text("1")
    assert sources.digest_of(root / "stranger.py") == sha256(b"1")
    (root / "stranger.py").write_text("2")
    assert sources.digest_of(root / "stranger.py") == sha256(b"1")
    assert sources.covers(root / "stranger.py")


def test_declared_roots_are_kept_and_own_source_counts_beside_them(plant):
    root, installed, pipeline = plant
    install(installed, "bought", "bought")
    (root / "heat" / "stages.py").write_text("import bought, helpers\ndef run(): return bought.K, helpers.heat\n")
    declared = Pipeline("p", pipeline.stages, dict, print, source_roots=("bought",), home="adapter")
    assert {*sources_of(declared).territory.own} == {"bought", "adapter", "heat", "helpers"}
    before, undeclared = (sources_of(p).fingerprint("heat.stages:run") for p in (declared, pipeline))
    (installed / "bought.py").write_text("K = 2\n")
    assert sources_of(declared).fingerprint("heat.stages:run") != before
    assert sources_of(pipeline).fingerprint("heat.stages:run") == undeclared


def test_own_is_what_is_neither_pythons_nor_installed_nor_the_harness(tmp_path):
    assert is_own(tmp_path / "a.py")
    assert is_own(__file__)
    for folder in (*site.getsitepackages(), sysconfig.get_path("purelib"), Path(harness.__file__).parent, os.path):
        assert not is_own(Path(getattr(folder, "__file__", folder)) / "a.py")
    assert not is_own(json.__file__)
    assert not is_own(tmp_path / ".venv" / "lib" / "python3.11" / "site-packages" / "a.py")
    assert is_own(tmp_path / "vendor" / "site-packages" / "a.py")  # nobody installed it: an edit decides
    linked = tmp_path / "site-packages"
    linked.mkdir()
    (tmp_path / "a.py").write_text("")
    (linked / "a.py").symlink_to(tmp_path / "a.py")
    assert is_own(linked / "a.py")  # worked on elsewhere


def test_the_libraries_are_what_the_own_source_imports_and_what_is_declared(plant):
    _, installed, pipeline = plant
    install(installed, "yaml_like", "PyYAML-like")
    install(installed, "plain_library", "plain-library")
    install(installed, "never_imported", "never-imported")
    assert libraries_of(pipeline, sources_of(pipeline)) == ("numpy", "PyYAML-like", "plain-library", "scikit-image")
    declared = Pipeline("p", pipeline.stages, dict, print, libraries=("scikit_image", "absent"), home="adapter")
    assert libraries_of(declared, sources_of(declared)) == (
        *("scikit_image", "absent", "numpy", "PyYAML-like", "plain-library"),
    )


def test_a_version_is_that_of_what_is_installed(plant):
    _, installed, _ = plant
    install(installed, "yaml_like", "PyYAML-like", "2.5")
    assert library_version("PyYAML-like") == "2.5"
    assert library_version("numpy") == numpy.__version__
    assert library_version("no-such-distribution") == "not installed"


@pytest.mark.parametrize("edit", ["K = 7\n", "K = 12\n", ""])
def test_a_library_that_is_edited_in_place_has_another_version(edit, plant):
    """Of the same size or not, or gone; what was only copied or touched has not."""
    _, installed, _ = plant
    about = install(installed, "edited", "edited", "2.5")
    module = installed / "edited.py"
    os.utime(about / "RECORD", (1e9, 1e9))
    assert library_version("edited") == "2.5"
    if edit:
        module.write_text(edit)
    else:
        module.unlink()
    assert library_version("edited").startswith("2.5+edited.")


@pytest.mark.parametrize("origin", [{"url": "file:///x", "dir_info": {}}, {"url": "https://x", "vcs_info": {}}])
def test_a_version_from_elsewhere_than_an_index_tells_of_the_files(origin, plant):
    _, installed, _ = plant
    about = install(installed, "local", "local", direct_url__json=json.dumps(origin))
    before = library_version("local")
    assert before.startswith("1.0+")
    (about / "RECORD").write_text("local.py,sha256=y,1\n")
    assert library_version("local") != before


def test_a_module_of_no_distribution_is_told_by_its_content(plant):
    _, installed, pipeline = plant
    (installed / "yaml_like.py").write_text("K = 1\n")
    importlib.invalidate_caches()
    distribution_names.cache_clear()
    assert "yaml_like" in libraries_of(pipeline, sources_of(pipeline))
    before = library_version("yaml_like")
    assert before.startswith("of no distribution, ")
    (installed / "yaml_like.py").write_text("K = 2\n")
    assert library_version("yaml_like") != before


def test_the_records_are_searched_where_a_module_is_called_otherwise(plant, monkeypatch):
    _, installed, _ = plant
    install(installed, "yaml_like", "PyYAML-like")
    monkeypatch.setattr(distributions, "packages_distributions", lambda: pytest.fail("it takes a quarter of a second"))
    assert distribution_names("yaml_like") == ("PyYAML-like",)
    assert distribution_names("skimage") == ("scikit-image",)
    assert distribution_names("json") == distribution_names("sys") == distribution_names("no_such_module") == ()


def test_the_harness_is_no_library_of_the_pipeline(plant):
    root, _, pipeline = plant
    (root / "adapter.py").write_text("import harness\nfrom heat import stages\n")
    assert libraries_of(pipeline, sources_of(pipeline)) == ("numpy", "scikit-image")


def test_every_fact_of_this_repository_is_found():
    pipeline = pytest.importorskip("guard.pipeline").pipeline
    sources = Sources(pipeline.source_roots)
    assert {"numpy", "scipy", "scikit-image", "h5py", "keras"} <= {*libraries_of(pipeline, sources)}


@pytest.mark.parametrize("taken", ["html", "xml", "jinja2"])
def test_what_has_the_name_of_a_library_is_the_pipelines_source_and_not_imported_here(taken, tmp_path, monkeypatch):
    (tmp_path / f"{taken}.py").write_text("raise SystemExit(0)\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == taken]:
        monkeypatch.delitem(sys.modules, name)
    with libraries_first():
        assert place_on_path(taken).file == tmp_path / f"{taken}.py"
        assert str(tmp_path) not in str(importlib.import_module(taken).__file__)
        assert place_on_path(taken).file == tmp_path / f"{taken}.py"  # whatever this process has of that name
    monkeypatch.delitem(sys.modules, taken)
    with pytest.raises(SystemExit):  # what would happen without
        importlib.import_module(taken)
