"""The site of the documentation: it is whole, loads nothing from elsewhere, and reads well on a phone and a desk.

``tox -e docs`` builds it into ``$DOCS_SITE`` first; else it is built here, where Sphinx is installed. Screenshots are
kept in ``$DOCS_SCREENSHOTS``, where that is set.
"""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
SIZES = {"phone": (390, 844), "desk": (1280, 800)}
LOADS = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src", "object": "data"}
OUT = re.compile(r"^(?:[a-z]+:)?//", re.IGNORECASE)
pytestmark = pytest.mark.slow


def build(docs: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """Sphinx, with warnings as errors."""
    if find_spec("sphinx") is None:
        pytest.skip("Sphinx is not installed: tox -e docs has it")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q", "-E", "-d", f"{out}.doctrees"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    line = [*command, "-b", "html", str(docs), str(out)]
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The folder of the site."""
    if "DOCS_SITE" in os.environ:
        return Path(os.environ["DOCS_SITE"])
    out = tmp_path_factory.mktemp("site") / "html"
    done = build(DOCS, out)
    assert done.returncode == 0, done.stderr
    return out


class Page(HTMLParser):
    """What a page loads, where it leads, and the anchors that it has."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = {""}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        about = {name: value or "" for name, value in attributes}
        self.anchors.update(filter(None, [about.get("id"), about.get("name")]))
        if tag == "a" and "href" in about:
            self.links.append(about["href"])
        elif tag in LOADS and about.get("rel") not in ("canonical", "index", "search", "next", "prev"):
            self.loads.append(about.get(LOADS[tag], ""))


def read(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in sorted(site.rglob("*.html"))}


def from_elsewhere(site: Path) -> list[str]:
    """What pages and style sheets load from another place than the site."""
    found = [
        f"{path.name}: {target}" for path, page in read(site).items() for target in page.loads if OUT.match(target)
    ]
    for path in site.rglob("*.css"):
        text = path.read_text(encoding="utf-8")
        targets = re.findall(r"""url\(\s*['"]?([^'")]+)|@import\s+['"]([^'"]+)""", text)
        found += [f"{path.name}: {target}" for pair in targets for target in pair if OUT.match(target)]
    return found


def test_every_page_is_on_the_site(site):
    pages = [p.relative_to(DOCS).with_suffix("") for p in DOCS.rglob("*") if p.suffix in (".md", ".rst")]
    assert len(pages) > 30
    assert [str(page) for page in pages if not (site / f"{page}.html").is_file()] == []
    front = Page(site / "index.html").links
    assert [str(page) for page in pages if page.name != "index" and f"{page}.html" not in front] == []


def test_nothing_is_loaded_from_elsewhere(site):
    assert from_elsewhere(site) == []


def test_what_is_loaded_from_elsewhere_is_seen(tmp_path):
    (tmp_path / "a.html").write_text('<script src="//cdn.example.org/x.js"></script><a href="https://example.org">')
    (tmp_path / "a.css").write_text(
        "@import 'https://example.org/font.css'; a { background: url(//example.org/a.png) }"
    )
    assert len(from_elsewhere(tmp_path)) == 3


def test_every_link_of_the_site_leads_to_an_anchor_that_is_there(site):
    pages, broken = read(site), []
    for path, page in pages.items():
        for link in page.links:
            target, _, anchor = unquote(link).partition("#")
            if OUT.match(link) or target.startswith("mailto:"):
                continue
            there = (path.parent / target.partition("?")[0]).resolve() if target else path
            if not there.is_file() or (there in pages and anchor not in pages[there].anchors):
                broken.append(f"{path.relative_to(site)}: {link}")
    assert broken == []


def test_the_public_names_are_described(site):
    import harness

    described = Page(site / "reference/api/harness.html").anchors
    assert [name for name in harness.__all__ if f"harness.{name}" not in described] == []
    import ptycho

    described = Page(site / "reference/api/ptycho.html").anchors
    assert [name for name in ptycho.__all__ if f"ptycho.{name}" not in described] == []


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("how-to/broken.md", "# Broken\n\n[there](nowhere.md)", "how-to/broken.md:3: .*'nowhere.md'"),
        ("how-to/anchor.md", "# Anchor\n\n[there](#nowhere)", "how-to/anchor.md:3: .*nowhere"),
        ("elsewhere/stray.md", "# Stray", "elsewhere/stray.md: .*in any toctree"),
        ("how-to/right.md", "# Right", None),
    ],
)
def test_a_new_page_is_in_the_navigation_or_the_build_names_it(tmp_path, name, text, told):
    docs = tmp_path / "docs"
    (docs / name).parent.mkdir(parents=True)
    (docs / name).write_text(f"{text}\n")
    (docs / "index.md").write_text("# First\n")
    (docs / "_static").symlink_to(DOCS / "_static")
    shutil.copy(DOCS / "conf.py", docs)
    shutil.copy(DOCS / "changes.md", docs)
    shutil.copy(ROOT / "CHANGELOG.md", tmp_path / "CHANGELOG.md")
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n")
    done = build(docs, tmp_path / "site")
    if told is None:
        assert done.returncode == 0, done.stderr
        assert "how-to/right.html" in Page(tmp_path / "site/index.html").links
    else:
        assert done.returncode == 1
        assert re.search(told, done.stderr), done.stderr


def test_sections_come_in_their_order_and_no_page_twice():
    conf = runpy.run_path(str(DOCS / "conf.py"))
    taken: set[str] = set()
    listed = [name for patterns in conf["SECTIONS"].values() for name in conf["pages"](patterns, taken)]
    assert len(listed) == len(set(listed))
    assert listed.index("explanation/goldens") < listed.index("explanation/architecture")


# In a browser


# What is wider than the page and does not scroll by itself.
WIDE = """
() => {
  const wide = document.documentElement.clientWidth, found = [];
  if (document.documentElement.scrollWidth > wide) found.push(`the page is ${document.documentElement.scrollWidth}`);
  for (const e of document.querySelectorAll('article *')) {
    const box = e.getBoundingClientRect();
    if (!box.width || !e.checkVisibility() || box.right <= wide + 1) continue;
    let inside = e.parentElement;
    while (inside && !['auto', 'scroll'].includes(getComputedStyle(inside).overflowX)) inside = inside.parentElement;
    if (!inside && !['auto', 'scroll'].includes(getComputedStyle(e).overflowX)) found.push(e.outerHTML.slice(0, 80));
  }
  return found;
}
"""


@pytest.mark.browser
@pytest.mark.parametrize("size", SIZES)
def test_no_page_is_wider_than_its_window_and_none_asks_the_network(site, browser, size):
    width, height = SIZES[size]
    page = browser.new_context(viewport={"width": width, "height": height}).new_page()
    asked, trouble, wide = [], [], {}
    page.on("request", lambda request: asked.append(request.url))
    page.on("requestfailed", lambda request: trouble.append(request.url))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    keep = os.environ.get("DOCS_SCREENSHOTS")
    for path in sorted(site.rglob("*.html")):
        page.goto(path.as_uri())
        if found := page.evaluate(WIDE):
            wide[path.relative_to(site).as_posix()] = found[:3]
        if keep:
            name = "-".join(path.relative_to(site).with_suffix("").parts)
            page.screenshot(path=Path(keep) / f"{name}-{size}.png", full_page=size == "desk")
    page.context.close()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert len(asked) > 100
    assert trouble == []
    assert wide == {}


@pytest.mark.browser
def test_the_search_finds_a_page_without_a_server(site, browser):
    page = browser.new_context().new_page()
    page.goto((site / "index.html").as_uri())
    page.fill("input[name=q]", "uncompared")
    page.press("input[name=q]", "Enter")
    page.wait_for_selector("#search-results li a")
    found = page.eval_on_selector_all("#search-results li a", "links => links.map(a => a.getAttribute('href'))")
    page.context.close()
    assert any("reference/tolerances.html" in link for link in found)
