"""The views of a run in a real browser: what is clicked, brushed and moved."""

import re

import pytest
from playwright.sync_api import expect

from core.runs import list_runs
from tests.browser.app_process import settle

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def run(app, gallery):
    """The address of a finished run with the regularizer."""
    of = (r.name for r in list_runs(gallery) if r.state == "finished" and r.spec["regularizers"])
    return f"{app}/run?run={next(of)}"


def drawn(page, key):
    return page.locator(f".st-key-figure-{key} svg.marks")


def test_a_chart_s_toolbar_covers_no_number(run, visit):
    page = visit(f"{run}&class=acceptable")
    after = page.locator(".st-key-figure-linked-1-After")
    after.hover()
    toolbar = after.get_by_test_id("stElementToolbar").get_by_role("button").first.bounding_box()
    said = page.get_by_text(re.compile("^features 2: .* nats")).last.bounding_box()
    assert toolbar["y"] >= said["y"] + said["height"]


def test_a_bar_among_all_classes_shows_the_two_texts_that_it_joins(run, visit):
    page = visit(run)
    page.locator(".st-key-figure-barcode-1-After g.mark-rect path").nth(1).click()
    expect(page.get_by_text("Bar 2", exact=True)).to_be_visible()
    expect(page.locator('[data-testid="stText"]')).to_have_text([re.compile("The acceptable sentence number")] * 2)


def test_brushed_points_are_listed_and_other_axes_keep_colours_and_trees_and_no_brush(run, visit):
    page = visit(f"{run}&view=Cloud")
    chart = drawn(page, "cloud")
    listed, pale = page.get_by_text(re.compile(r"^\d+ texts?$")), chart.locator("g.mark-symbol path[opacity='0.12']")

    def brush():
        box = chart.bounding_box()
        page.mouse.move(box["x"] + 0.55 * box["width"], box["y"] + 30)
        page.mouse.down()
        page.mouse.move(box["x"] + 0.95 * box["width"], box["y"] + 0.8 * box["height"], steps=5)
        page.mouse.up()

    brush()
    expect(listed).to_be_visible()
    expect(page.locator('[data-testid="stDataFrame"]')).to_be_visible()
    settle(page)
    wrong, trees = chart.locator(".role-legend text", has_text="wrong"), chart.locator("g.mark-rule line")
    expect(wrong).to_have_count(0)
    page.get_by_text("error", exact=True).click()
    expect(wrong).to_have_count(1)
    settle(page)  # what changes a chart while it is being drawn may have Streamlit draw it twice
    page.get_by_text("Spanning trees").click()
    expect(trees).not_to_have_count(0)
    settle(page)
    expect(listed).to_be_visible()
    page.get_by_text("2 and 3", exact=True).click()
    expect(chart.get_by_text("third principal axis")).to_be_visible()
    expect(wrong).to_have_count(1)
    expect(trees).not_to_have_count(0)
    expect(listed).to_have_count(0)
    expect(pale).to_have_count(0)
    settle(page)
    brush()
    expect(listed).not_to_have_text("0 texts")
    expect(page).to_have_url(re.compile("colour=error.*axes=2.*tree=1|colour=error.*tree=1.*axes=2"))


def test_the_scrubber_moves_cloud_bars_and_measures_without_asking_the_server(run, visit):
    page = visit(f"{run}&view=Timeline&step=0")
    chart = drawn(page, "timeline-film")
    expect(chart.locator(".role-title text").first).to_have_text("Step 0: before training")
    sent = []
    page.context.on("request", lambda request: sent.append(request.url))
    before = [chart.locator(f"g.mark-{kind} path").nth(5).get_attribute("d") for kind in ("rect",)]
    place = chart.locator("g.mark-symbol path").nth(5).get_attribute("transform")
    slider = page.locator(".st-key-timeline input[type=range]")
    slider.focus()
    slider.press("End")
    expect(chart.locator(".role-title text").first).to_have_text("Step 60: after, the last snapshot")
    assert [chart.locator(f"g.mark-{kind} path").nth(5).get_attribute("d") for kind in ("rect",)] != before
    assert chart.locator("g.mark-symbol path").nth(5).get_attribute("transform") != place
    assert sent == []


def test_a_bar_of_the_film_shows_its_texts_and_a_step_of_it_has_an_address(run, visit):
    page = visit(f"{run}&view=Timeline")
    chart = drawn(page, "timeline-film")
    chart.locator("g.mark-rect path").nth(1).click()
    expect(page.locator('[data-testid="stText"]')).to_have_count(2)
    chart.locator("g.mark-symbol").last.locator("path").nth(3).click(force=True)
    expect(page).to_have_url(re.compile("step=30"))
    expect(drawn(page, "timeline-film").locator(".role-title text").first).to_have_text("Step 30")


def test_a_link_leads_to_a_view_with_its_choices(run, visit):
    page = visit(f"{run}&view=Texts that moved&by=class distance")
    expect(page.get_by_text("moved towards their own class")).to_be_visible()
    page = visit(f"{run}&view=Cloud&axes=1 and 3&colour=error&class=acceptable")
    expect(drawn(page, "cloud").get_by_text("third principal axis")).to_be_visible()
    expect(drawn(page, "cloud").locator(".role-legend text", has_text="wrong")).to_have_count(1)


# A click's request goes out just after that of one of the page's timers, which brings what was chosen before it: so it happens on
# a busy machine.
OVERTAKEN = """
const send = WebSocket.prototype.send;
window.held = null;
WebSocket.prototype.send = function (data) {
  if (window.held === "next") { window.held = data; return; }
  send.call(this, data);
  if (window.held) { send.call(this, window.held); window.held = null; }
};
null;
"""


def test_a_choice_that_a_timer_overtakes_is_kept(run, visit):
    page = visit(f"{run}&view=Cloud")
    page.evaluate(OVERTAKEN)
    for choice in ("3-D", "1 and 3", "Timeline", "Cloud"):
        page.evaluate("window.held = 'next'")
        page.get_by_text(choice, exact=True).click()
        page.wait_for_function("window.held === null")
        settle(page)
        page.wait_for_timeout(2500)  # a timer's request more, which says the address that the browser has by then
        expect(page.get_by_role("radio", name=choice, exact=True)).to_be_checked()


def test_a_clicked_point_and_its_neighbours_are_marked_and_a_space_is_turned(run, visit):
    page = visit(f"{run}&view=Cloud&own-axes=1")
    chart = drawn(page, "cloud").last  # Streamlit may draw one that is changed while it is being drawn twice
    points = chart.locator("g.mark-symbol path[stroke-width='1.3']:not([stroke='#D40078'])")
    rings, count = chart.locator("path[stroke='#D40078']"), points.count()
    expect(rings).to_have_count(0)
    points.nth(3).evaluate("point => point.scrollIntoView({block: 'center'})")
    points.nth(3).click(force=True)  # another point may lie above it: that is as good
    expect(page).to_have_url(re.compile(r"example=\d+"))
    expect(rings).to_have_count(2 * 11)  # ten about the neighbours and one about the point, on both sides
    expect(points).to_have_count(count)
    expect(page.locator(".st-key-neighbours [data-testid=stDataFrame]")).to_have_count(2)
    page.reload()
    settle(page)
    expect(rings).to_have_count(2 * 11)
    page.get_by_text("3-D", exact=True).click()
    settle(page)
    expect(rings).to_have_count(2 * 11)
    place = rings.first.get_attribute("transform")
    turn = page.locator(".st-key-figure-cloud input[type=range]").first
    turn.fill("90")
    expect(rings.first).not_to_have_attribute("transform", place)
    page.get_by_role("button", name="No neighbours").click()
    expect(rings).to_have_count(0)
    expect(page).not_to_have_url(re.compile("example"))
