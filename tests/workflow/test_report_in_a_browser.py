"""The report in Chromium: it shows all that it holds, moves, asks for nothing, and runs no script of others'."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from conftest import REPOSITORY, succeed
from playwright.sync_api import Browser, Page, sync_playwright

from snowdrift.report.blocks import Chart, Code, Comparison, Figure, Section, Table, Text
from snowdrift.report.page import render_page
from snowdrift.report.sections.headline import Headline

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
HOSTILE = '</script><script>alert(1)</script><img src=x onerror=alert(2)>" onload="alert(3)'
PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


def find_chromium() -> str | None:
    """The system's Chromium; where SNOWDRIFT_CHROMIUM is `install`, Debian's is installed if there is none."""
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None and os.environ.get("SNOWDRIFT_CHROMIUM") == "install" and shutil.which("apt-get"):
        for arguments in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
            subprocess.run(["apt-get", "-qq", *arguments], check=False, stdout=subprocess.DEVNULL)
        found = shutil.which("chromium")
        if found is None and os.geteuid() == 0:
            pytest.fail("SNOWDRIFT_CHROMIUM=install, and apt-get could not install chromium")
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = find_chromium()
    if program is None:
        pytest.skip(f"none of {', '.join(PROGRAMS)} is on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


class Opened:
    """A page that is open, and what it did."""

    def __init__(self, browser: Browser, path: Path, width: int = 1440, scheme: str = "light") -> None:
        self.page: Page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.messages: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("dialog", self._refuse)
        self.page.goto(path.as_uri())

    def _refuse(self, dialog) -> None:
        self.messages.append(f"a dialog: {dialog.message}")
        dialog.dismiss()


@pytest.fixture(scope="module")
def report(tiny_study: Path) -> Path:
    return tiny_study / "results/tiny/report.html"


CHARTS = 7  # heat map, curves, losses, one extractor's scores, X-ray losses, attacks, times


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_decodes_and_asks_for_nothing(browser: Browser, report: Path, width: int, scheme: str):
    opened = Opened(browser, report, width, scheme)
    page = opened.page
    assert opened.messages == []
    assert [url for url in opened.requests if not url.startswith("data:")] == [report.as_uri()]
    pictures = page.evaluate("[...document.images].map(image => image.complete && image.naturalWidth)")
    assert len(pictures) > 8
    assert all(pictures)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".chart .main-svg .xaxislayer-above").count() >= CHARTS
    assert (brightness(page, "document.body", "backgroundColor") < 100) == (scheme == "dark")
    text = "document.querySelector('.chart .xtick text')"
    assert (brightness(page, text, "fill") > 150) == (scheme == "dark")


@pytest.mark.parametrize("width", [390, 1440])
def test_true_winter_and_the_tables_of_detectors_need_no_scrolling_sideways(
    browser: Browser, report: Path, width: int
):
    """The charts may be scrolled, in a frame of their own; tables show a row as lines where there is no room."""
    page = Opened(browser, report, width).page
    parts = page.locator("#true-winter .scroll, #true-winter figure, #detection .scroll:has(table)")
    tables = page.locator("#true-winter table, #detection table:visible")
    assert tables.count() >= 6
    for part in parts.all():
        room = part.evaluate("element => [element.scrollWidth, element.clientWidth]")
        assert room[0] <= room[1], (part.inner_text()[:80], room)
    for name, header in (("On true winter", "more than original"), ("In use", "at confidence")):
        cell = page.locator(f"td[data-header='{header}']").first
        shown = cell.evaluate("element => getComputedStyle(element, '::before').content")
        assert (header in shown) == (width == 390), name


def test_a_table_of_long_names_needs_no_scrolling_either(browser: Browser, tmp_path: Path):
    name = "a_training_set_with_a_name_that_is_longer_than_a_narrow_screen_is_wide"
    table = Table(
        "Long names", ["trained on", "tested on", "missed", "false alarms"], [[name, name, "1.0%", 2.0]]
    )
    template = REPOSITORY / "workflow/report/report.html.j2"
    text = render_page("long", "a", Headline(True, "b", "c"), [Section("part", "Part", [table])], template)
    (tmp_path / "report.html").write_text(text, encoding="utf-8")
    page = Opened(browser, tmp_path / "report.html", 390).page
    room = page.locator(".scroll").evaluate("element => [element.scrollWidth, element.clientWidth]")
    assert room[0] <= room[1]
    assert page.locator("td", has_text="2.000").is_visible()


def brightness(page: Page, element: str, colour: str) -> float:
    """Of a colour that is seen: 0 is black, 255 white."""
    found = page.evaluate(f"getComputedStyle({element}).{colour}")
    return sum(int(part) for part in found.strip("rgb()").split(",")) / 3


def test_charts_tell_their_numbers_on_hover_and_follow_the_scheme(browser: Browser, report: Path):
    opened = Opened(browser, report)
    page = opened.page
    chart = page.locator("#detection .chart").first
    chart.scroll_into_view_if_needed()
    box = chart.locator(".nsewdrag").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 4)
    chart.locator(".hoverlayer .hovertext").first.wait_for(timeout=5000)
    assert "trained on original, tested on original: mAP50 " in chart.locator(".hoverlayer").text_content()
    text = "document.querySelector('.chart .xtick text')"
    before = brightness(page, text, "fill")
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(300)
    assert brightness(page, text, "fill") > before + 100
    assert opened.messages == []


def test_the_slider_moves_from_the_original_to_winter(browser: Browser, report: Path):
    """By mouse and by keyboard; what is seen changes with it."""
    page = Opened(browser, report).page
    comparison = page.locator(".comparison").first
    views, slider = comparison.locator(".views"), comparison.locator("input")
    views.scroll_into_view_if_needed()
    seen = {}
    for key in ("Home", "End"):
        slider.press(key)
        seen[key] = views.screenshot()
    assert slider.input_value() == "100"
    assert seen["Home"] != seen["End"]
    box = slider.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    assert 15 <= int(slider.input_value()) <= 35
    assert views.screenshot() not in seen.values()


def test_in_print_both_pictures_of_a_pair_are_seen(browser: Browser, report: Path):
    page = Opened(browser, report).page
    page.emulate_media(media="print")
    boxes = [image.bounding_box() for image in page.locator(".comparison").first.locator("img").all()]
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    assert not page.locator(".comparison input").first.is_visible()


def test_a_study_with_names_that_are_html_shows_them_and_runs_nothing(
    browser: Browser, tiny_study: Path, tmp_path: Path
):
    """As its videos would bring them, by the page's own rule: in the tables that hold frames' names."""
    study = Path(shutil.copytree(tiny_study, tmp_path / "study", symlinks=True))
    results = study / "results/tiny"
    pairs = pd.read_csv(results / "snow/pairs/pairs.csv")
    pairs.assign(frame_id=f"{HOSTILE}/1").to_csv(results / "snow/pairs/pairs.csv", index=False)
    rejected = {"frame_id": [HOSTILE], "file": [f"{HOSTILE}.jpg"], "reason": [HOSTILE]}
    pd.DataFrame(rejected).to_csv(results / "data/rejected.csv", index=False)
    succeed(study, "report", "--forcerun", "make_report", "--allowed-rules", "make_report", "report")
    opened = Opened(browser, results / "report.html")
    assert opened.messages == []
    assert opened.page.locator("figcaption", has_text="<img src=x onerror=alert(2)>").count() == len(pairs)
    assert opened.page.evaluate("document.querySelectorAll('img[src=x]').length") == 0


def test_names_that_are_html_are_shown_and_not_run(browser: Browser, tmp_path: Path):
    blocks = [
        Text(HOSTILE),
        Figure(PIXEL, HOSTILE, HOSTILE, wide=True),
        Comparison(PIXEL, PIXEL, HOSTILE),
        Table(HOSTILE, [HOSTILE], [[HOSTILE]]),
        Chart(
            {"data": [{"x": [1], "y": [2], "name": HOSTILE}], "layout": {"title": {"text": HOSTILE}}},
            HOSTILE,
            HOSTILE,
            Table(HOSTILE, [HOSTILE], [[HOSTILE]]),
        ),
        Code(HOSTILE, HOSTILE),
    ]
    template = REPOSITORY / "workflow/report/report.html.j2"
    headline = Headline(True, HOSTILE, HOSTILE)
    text = render_page(HOSTILE, HOSTILE, headline, [Section("part", HOSTILE, blocks)], template)
    (tmp_path / "report.html").write_text(text, encoding="utf-8")
    opened = Opened(browser, tmp_path / "report.html")
    assert opened.messages == []
    assert opened.page.locator("p", has_text="alert(2)").count() == 4
    assert opened.page.evaluate("document.querySelectorAll('img[src=x]').length") == 0
    assert opened.page.evaluate("document.querySelectorAll('script').length") == 3


def test_a_script_that_slips_in_does_not_run(browser: Browser, report: Path, tmp_path: Path):
    """The page allows its own script alone, so that a slip in the escaping would do no harm."""
    text = report.read_text(encoding="utf-8").replace("<main>", "<main><script>alert(1)</script>")
    (tmp_path / "report.html").write_text(text, encoding="utf-8")
    opened = Opened(browser, tmp_path / "report.html")
    assert len(opened.messages) == 1
    assert "Content Security Policy" in opened.messages[0]
