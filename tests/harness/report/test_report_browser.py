"""The page as people see it: rendered in a headless Chromium at the sizes of a phone and of a desk.

Screenshots are kept in ``$HARNESS_SCREENSHOTS``, else in the test's own folder.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from report_example import VIEWS, example

from harness.report.folder import write_report

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SIZES = {"phone": (390, 844), "desk": (1280, 800)}
KINDS = ("failing", "healthy")
LONG = "a_scenario_whose_name_was_chosen_by_somebody_with_a_very_wide_screen_and_no_phone"

each_size = pytest.mark.parametrize("size", SIZES)
each_kind = pytest.mark.parametrize("kind", KINDS)

# The least contrast of any text with what is painted behind it, and that text.
CONTRAST = """
() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  const known = new Map();
  const rgba = (colour) => {
    if (!known.has(colour)) known.set(colour, painted(colour));
    return known.get(colour);
  };
  const painted = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (c) => {
    const [r, g, b] = c.slice(0, 3).map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = rgba(getComputedStyle(e).backgroundColor);
      if (c[3] === 255) return c;
    }
    return null;
  };
  let least = [99, ''];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement, words = walk.currentNode.textContent.trim();
    if (!words || !e.checkVisibility() || e.closest('svg, title, style')) continue;
    const [a, b] = [light(rgba(getComputedStyle(e).color)), light(behind(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < least[0]) least = [ratio, words.slice(0, 40)];
  }
  return least;
}
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    pages = {}
    for kind in KINDS:
        shown = example(failing=kind == "failing")
        folder = tmp_path_factory.mktemp(kind)
        pages[kind] = write_report(shown.report, VIEWS, shown.find, folder)["report.html"]
    return pages


@pytest.fixture(scope="module")
def opened(browser, files, tmp_path_factory):
    """``opened(kind or path, size, scheme)``: a page with its complaints (``trouble``) and requests (``asked``)."""
    keep = Path(os.environ.get("HARNESS_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    keep.mkdir(parents=True, exist_ok=True)
    pages = {}

    def start(what, size="desk", scheme="light"):
        if (size, scheme) not in pages:
            width, height = SIZES[size]
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
            pages[size, scheme] = page = context.new_page()
            page.on("console", lambda message: page.trouble.append(message.text))
            page.on("pageerror", lambda error: page.trouble.append(str(error)))
            page.on("requestfailed", lambda request: page.trouble.append(request.url[:100]))
            page.on("request", lambda request: page.asked.append(request.url))
        page = pages[size, scheme]
        page.trouble, page.asked = [], []
        page.goto(files.get(what, what).as_uri())
        name = what if isinstance(what, str) else what.parent.name
        picture = keep / f"report-{name}-{size}-{scheme}.png"
        if not picture.exists():
            page.screenshot(path=picture)
        return page

    yield start
    for page in pages.values():
        page.context.close()


def inside(page, locator):
    """Whether all of an element is within the first screen."""
    box = locator.bounding_box()
    size = page.viewport_size
    return (
        box is not None
        and box["x"] >= 0
        and box["y"] >= 0
        and box["x"] + box["width"] <= size["width"]
        and box["y"] + box["height"] <= size["height"]
    )


def overflow(page):
    """Elements that stick out on the right, those in a box that scrolls left out."""
    return page.evaluate(
        """() => [document.documentElement.scrollWidth - innerWidth, ...[...document.querySelectorAll('body *')]
        .filter(e => e.checkVisibility() && !e.closest('.scroll, pre, svg'))
        .filter(e => e.getBoundingClientRect().right > innerWidth + 1)
        .map(e => e.outerHTML.slice(0, 80))]"""
    )


@each_size
@each_kind
def test_the_page_loads_without_complaint_from_its_file_alone(opened, kind, size):
    page = opened(kind, size)
    assert page.trouble == []
    assert [url[:60] for url in page.asked if not url.startswith("data:")] == [page.url[:60]]


@each_kind
def test_every_image_loads(opened, kind):
    page = opened(kind)
    widths = page.evaluate("() => [...document.images].map(i => [i.complete, i.naturalWidth])")
    assert len(widths) > 20
    assert all(done and width > 0 for done, width in widths)


@each_size
def test_the_first_screen_says_which_stage_failed_and_shows_it(opened, size):
    page = opened("failing", size)
    for element in ("h1", ".stage strong", ".hero .headline", ".story .used", ".story .value"):
        assert inside(page, page.locator(element).first), element
    assert page.locator(".stage strong").first.inner_text() == "normalized"
    assert "star_sharp" in page.locator(".stage").first.inner_text()
    assert "700,000×" in page.locator(".story .used").inner_text()
    images = page.locator(".look img")
    assert images.count() == 3
    for i in range(3):
        assert inside(page, images.nth(i))
        assert images.nth(i).bounding_box()["width"] > 90
    for i in range(3):
        assert inside(page, page.locator(".look .limits").nth(i))


@each_size
def test_the_first_screen_of_a_healthy_run_is_calm_and_complete(opened, size):
    page = opened("healthy", size)
    assert page.locator("h1").inner_text().endswith("All 8 scenarios passed")
    for element in ("h1", ".facts", ".closest .bar", ".hero .environment", ".gallery"):
        assert inside(page, page.locator(element).first), element
    assert page.locator(".hero .first").count() == 0
    assert page.locator("details.scenario[open]").count() == 0


@pytest.mark.parametrize("unfold", [False, True])
@each_size
@each_kind
def test_nothing_sticks_out_on_the_right(opened, kind, size, unfold):
    page = opened(kind, size)
    if unfold:
        page.evaluate("() => document.querySelectorAll('details').forEach(d => d.open = true)")
    assert overflow(page) == [0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@each_kind
def test_text_can_be_told_from_what_is_behind_it(opened, kind, scheme):
    page = opened(kind, scheme=scheme)
    page.evaluate("() => document.querySelectorAll('details').forEach(d => d.open = true)")
    least, words = page.evaluate(CONTRAST)
    assert least >= 4.5, words


def test_dark_is_dark(opened):
    shades = [
        opened("healthy", scheme=scheme).evaluate("() => getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    ]
    assert shades[0] == "rgb(255, 255, 255)"
    assert max(int(v) for v in shades[1].strip("rgb()").split(",")) < 40


def test_sections_open_and_close(opened):
    page = opened("healthy")
    section = page.locator("details.scenario").first
    assert not section.locator(".body").is_visible()
    section.locator("summary").first.click()
    assert section.locator(".body").is_visible()
    section.locator("summary").first.click()
    assert not section.locator(".body").is_visible()


def test_a_cell_of_the_overview_leads_to_its_opened_section(opened):
    page = opened("healthy")
    page.locator("table.grid td a").last.click()
    section = page.locator("details.scenario").last
    section.locator(".body").wait_for(state="visible", timeout=5000)
    assert section.get_attribute("open") is not None


def test_bars_reach_their_limit_mark_exactly_when_the_tolerance_is_used(opened):
    page = opened("failing")
    page.evaluate("() => document.querySelectorAll('details').forEach(d => d.open = true)")
    bars = page.evaluate(
        """() => [...document.querySelectorAll('.bar')].map(b => [b.querySelector('i').getBoundingClientRect().right,
        b.querySelector('b').getBoundingClientRect().left + 1, b.querySelector('.used').textContent.trim()])"""
    )
    assert len(bars) > 100
    for end, limit, used in bars:
        assert (end > limit + 0.5) == ("×" in used), used


def test_small_arrays_are_not_blurred(opened):
    page = opened("failing")
    images = page.evaluate("() => [...document.images].map(i => [i.naturalWidth, getComputedStyle(i).imageRendering])")
    assert {rendering for width, rendering in images if width == 64} == {"pixelated"}


def test_long_names_and_many_problems_do_not_push_the_answer_away(opened, tmp_path):
    shown = example()
    first, *others = shown.report.scenarios
    words = "the sum over all of the frames differs from the sum that was stored, and it does so everywhere; " * 6
    longer = replace(first, scenario=LONG, title=LONG * 2, diagnosis=replace(first.diagnosis, headline=words))
    for key in [k for k in shown.artifacts if k[0] == first.scenario]:
        shown.artifacts[LONG, key[1], key[2]] = shown.artifacts[key]
    report = replace(shown.report, scenarios=(longer, *others), environment={"x" * 90: "y" * 90})
    path = write_report(report, VIEWS, shown.find, tmp_path / "long")["report.html"]
    page = opened(path, "phone")
    assert overflow(page) == [0]
    assert inside(page, page.locator(".stage strong").first)
    assert inside(page, page.locator(".look img").first)


def test_all_of_it_is_printed(opened, request):
    page = opened("healthy")
    before = page.evaluate("() => document.documentElement.scrollHeight")
    page.emulate_media(media="print")
    request.addfinalizer(lambda: page.emulate_media(media="screen"))
    assert page.evaluate("() => document.documentElement.scrollHeight") > 3 * before
    assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


@each_size
@each_kind
def test_every_table_fits(opened, kind, size):
    """Nothing has to be scrolled sideways, neither on a phone nor on a desk, whatever is unfolded."""
    page = opened(kind, size)
    page.evaluate("() => document.querySelectorAll('details').forEach(d => d.open = true)")
    wide = """() => [...document.querySelectorAll('.scroll')].filter(e => e.checkVisibility())
        .filter(e => e.scrollWidth > e.clientWidth + 1).map(e => [e.scrollWidth, e.innerText.slice(0, 60)])"""
    assert page.evaluate(wide) == []
