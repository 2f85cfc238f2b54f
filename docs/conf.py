"""How Sphinx makes the site from these pages: ``tox -e docs``.

The pages are plain Markdown with relative links, which a code host shows as well. What only a site has, its navigation,
is added here while a page is read. Nothing is fetched, neither while the site is built nor while it is read.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))  # the working tree is documented, whatever is installed

import harness  # noqa: E402

project = "ptycho-harness"
author = "The ptycho-harness developers"
project_copyright = author
version = release = harness.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton"]
root_doc = "index"
exclude_patterns = ["_static", "**/.*", "**/__pycache__"]
nitpicky = True
nitpick_ignore = [
    ("py:class", "ptycho.config.pipeline.PipelineConfig"),  # reference/configuration.md has its keys
    ("py:class", "harness.core.adapters.attributes.Attributes"),  # as_attributes tells all of it
]
nitpick_ignore_regex = [("py:.*", r"(?!harness\b|ptycho\b).*")]  # other projects' pages are not looked up: no network

html_theme = "furo"
html_title = f"{project} {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
html_baseurl = ""
html_theme_options = {"navigation_with_keys": False}

myst_heading_anchors = 6  # the anchors that a code host gives to headings
myst_links_external_new_tab = False
suppress_warnings: list[str] = []

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88

copybutton_exclude = ".linenos, .gp, .go"

# Named pages come first, in this order; every other page of a pattern follows by its name.
SECTIONS = {
    "Tutorials": ("how-to/check-any-test", "tutorial-harness", "tutorial", "tutorial*", "examples/**/*"),
    "How-to guides": (
        "how-to/guard-a-pipeline",
        "how-to/import-goldens",
        "how-to/refresh-goldens",
        "how-to/scenarios",
        "how-to/*",
    ),
    "Reference": (
        "reference/commands",
        "reference/tolerances",
        "reference/*",
        "reference/api/*",
        "benchmarks",
        "quality",
    ),
    "Explanation": ("explanation/goldens", "explanation/trust", "explanation/*"),
    "Project": ("changes",),
}
SUFFIXES = (".md", ".rst")
_TITLE = re.compile(r'^```(\w+) title="([^"]+)"$', re.MULTILINE)


def pages(patterns: tuple[str, ...], taken: set[str]) -> list[str]:
    """The pages that match, each once, in the order of the patterns; ``taken`` are left out and added to."""
    found = []
    for pattern in patterns:
        matching = sorted(path for path in HERE.glob(f"{pattern}.*") if path.suffix in SUFFIXES)
        for name in (path.relative_to(HERE).with_suffix("").as_posix() for path in matching):
            if name not in taken:
                taken.add(name)
                found.append(name)
    return found


def navigation() -> str:
    """The table of contents that stands at the end of the first page, for the side bar."""
    taken: set[str] = {"index"}
    parts = []
    for caption, patterns in SECTIONS.items():
        names = "\n".join(pages(patterns, taken))
        parts.append(f"```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{names}\n```\n")
    return "\n".join(parts)


def for_the_site(app: Any, name: str, content: list[str]) -> None:
    """What a code host shows otherwise, as a site has it: titles of listings, the changelog, and the navigation."""
    if name == "changes":  # its links start at the repository's root
        content[0] = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").replace("](docs/", "](")
    content[0] = _TITLE.sub(r"```{code-block} \1\n:caption: \2\n", content[0])
    if name == root_doc:
        content[0] += f"\n{navigation()}"


def readable(app: Any, kind: str, name: str, what: Any, options: Any, given: str, gives: str) -> Any:
    """A signature whose defaults are objects without a name of their own: an ellipsis stands for each."""
    return (re.sub(r"= <(?:[^<>]|<[^<>]*>)*>", "= ...", given), gives) if given else None


def always_new(app: Any, environment: Any, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """The pages that are made of more than their own file, which an earlier build may have kept."""
    return [root_doc, "changes"]


def setup(app: Any) -> None:
    """What Sphinx calls."""
    app.connect("source-read", for_the_site)
    app.connect("autodoc-process-signature", readable)
    app.connect("env-get-outdated", always_new)
