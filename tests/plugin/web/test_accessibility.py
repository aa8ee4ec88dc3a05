"""Accessibility of every view by axe-core, and narrow screens."""

from pathlib import Path

import pytest

from soart.metrics.damage.technical import TechnicalJudge, detectors
from soart.pipelines.collection.collection import Collection

AXE = Path(__file__).parents[3] / ".ci" / "javascript" / "node_modules" / "axe-core" / "axe.min.js"
VIEWS = (
    "start", "gallery", "rate", "compare", "keepers", "generate", "tune", "taste", "evaluate", "compare?ids=1,2,3,4&up=2",
)  # fmt: skip
#: Run in the page: what axe finds, each with the elements.
FINDINGS = """async (rules) => (await axe.run(document, rules)).violations.map(
  ({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`
)"""


#: Run in the page: fields, buttons and pictures without a name, also where axe is not installed.
NAMELESS = """[...document.querySelectorAll('button, a, select, input:not([type=hidden]), textarea')].filter(
  (node) => !(node.textContent.trim() || node.ariaLabel || node.title || node.querySelector('img[alt]') || node.labels?.length)
).concat([...document.querySelectorAll('img:not([alt])')]).map((node) => node.outerHTML)"""


def settle(page):
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(300)


@pytest.fixture
def examined(come):
    """Pages into which axe can be loaded."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed here: make lint-js installs it")

    def open_page(**options):
        page = come(bypass_csp=True, **options)
        page.context.add_init_script(AXE.read_text(encoding="utf-8"))
        return page

    return open_page


def test_axe_finds_nothing(examined, address):
    """In both colour schemes, of which the second changes nothing but contrasts."""
    page = examined()
    findings = {}

    def examine(view):
        for scheme, rules in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):
            page.emulate_media(color_scheme=scheme)
            page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            findings[view, scheme] = page.evaluate(FINDINGS, rules)

    for view in VIEWS:
        page.goto(f"{address}/c/0/{view}")
        settle(page)
        examine(view)
    page.goto(f"{address}/c/0/gallery?up=1")
    page.click("[data-number='1'] .cell")
    page.wait_for_selector("#viewer .prompt")
    examine("viewer")
    page.keyboard.press("Escape")
    page.click("#who")
    examine("rater")
    page.goto(f"{address}/login")
    examine("login")
    assert {view: found for view, found in findings.items() if found} == {}


def test_no_view_is_wider_than_a_narrow_screen_and_all_is_named(come, address, folder):
    with Collection(folder) as collection:
        # Judges with long names are offered once they have scores.
        for judge in (TechnicalJudge.load(), *detectors()):
            collection.set_scores(judge.stored_name, dict.fromkeys(collection.ids(), 50.0))
    page = come()
    page.set_viewport_size({"width": 320, "height": 640})
    widths, nameless = {}, {}
    for view in VIEWS:
        page.goto(f"{address}/c/0/{view}")
        settle(page)
        widths[view] = page.evaluate("document.documentElement.scrollWidth")
        nameless[view] = page.evaluate(NAMELESS)
    assert widths == dict.fromkeys(VIEWS, 320)
    assert not any(nameless.values()), nameless
