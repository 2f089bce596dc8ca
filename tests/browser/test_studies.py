"""Layers and Landscape in a real browser: the studies that ship, the address, a narrow window, one that is started there."""

import re

import pytest
from playwright.sync_api import expect

from core.runs import layout, list_runs
from tests.browser.app_process import settle
from tests.browser.test_app import charts

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def wait_until_nothing_is_cut_off(page):
    """Wait until no part of the page is beyond its window; tables, which scroll by themselves, count by their frames."""
    page.wait_for_function(
        """() => {
            const main = document.querySelector('[data-testid="stMain"]');
            const charts = [...document.querySelectorAll('[data-testid="stVegaLiteChart"] .marks')].filter(c => c.checkVisibility());
            return main.scrollWidth <= main.clientWidth
                && charts.every(chart => chart.getBoundingClientRect().right <= innerWidth);
        }"""
    )


def saved(page, key, kind):
    """Return the text of the file that the chart `key` is saved as, by the keyboard alone."""
    settle(page)
    page.locator(f".st-key-save-{key}").get_by_role("button", name="Save").focus()
    page.keyboard.press("Enter")
    with page.expect_download() as download:
        page.get_by_role("dialog").get_by_role("button", name=kind).last.click()
    page.keyboard.press("Escape")
    return download.value.path().read_text(encoding="utf-8")


def test_layers_shows_a_study_that_ships_and_its_switches_are_in_the_address(app, visit):
    page = visit(f"{app}/layers")
    expect(page).to_have_url(re.compile("of=sample-"))
    expect(page.get_by_text("with depth").first).to_be_visible()
    expect(charts(page)).to_have_count(2)
    drift = page.get_by_role("switch", name="Take the common mean off")
    drift.focus()
    page.keyboard.press("Space")
    expect(page).to_have_url(re.compile("centered=1"))
    expect(page.locator(".st-key-figure-layers [aria-label*='Mean cosine, centered']")).not_to_have_count(0)
    page.reload()
    settle(page)
    expect(page.get_by_role("switch", name="Take the common mean off")).to_be_checked()
    expect(page.locator(".st-key-figure-layers [aria-label*='Mean cosine, centered']")).not_to_have_count(0)
    rows = saved(page, "layers", "CSV").splitlines()
    assert "layer" in rows[0]
    assert len(rows) > 10
    assert saved(page, "layers", "SVG").startswith("<svg")


def test_landscape_shows_a_study_that_ships_and_each_predictor_is_a_link(app, visit):
    page = visit(f"{app}/landscape?predictor=Noise+level")
    expect(page).to_have_url(re.compile("of=sample-"))
    expect(page.get_by_text("the level of the noise alone ranks").first).to_be_visible()
    chart = page.locator(".st-key-figure-landscape")
    expect(chart.locator("[aria-label*='Noise level']")).not_to_have_count(0)
    page.get_by_role("combobox", name="Predictor").click()
    page.get_by_role("option", name="Mean cosine", exact=True).click()
    expect(page).to_have_url(re.compile("predictor=mean_cosine"))
    expect(chart.locator("[aria-label*='Mean cosine']")).not_to_have_count(0)
    rows = saved(page, "landscape", "CSV").splitlines()
    assert len(rows) > 40


@pytest.mark.parametrize(
    "path", ["layers?of=sample-models", "layers?new=1", "landscape?of=sample-grammar", "landscape?new=1"]
)
def test_a_narrow_window_cuts_nothing_off(path, app, visit):
    page = visit(f"{app}/{path}")
    page.set_viewport_size({"width": 800, "height": 720})
    wait_until_nothing_is_cut_off(page)


def test_a_study_is_started_watched_stopped_gone_on_with_and_shown(own_runs, own_app, tiny_model, tiny_task, visit):
    with own_app(own_runs) as address:
        page = visit(f"{address}/landscape?new=1")
        box = page.get_by_role("combobox", name="Model", exact=True)
        box.fill(str(tiny_model))
        box.press("Enter")
        for number, values in enumerate(([str(tiny_task)], ["noise(0.01)", "untrained"])):  # tasks, states
            field = page.locator('[data-testid="stMultiSelect"]').nth(number)
            settle(page)
            field.get_by_role("button", name="Clear all").click()
            for value in values:
                settle(page)
                field.locator("input").first.fill(value)
                field.locator("input").first.press("Enter")
                field.locator("input").first.press("Escape")  # while its list is open all else is hidden
                expect(field.get_by_text(value)).to_be_visible()
        for label, value in (("Seeds", 3), ("Sentences measured", 20), ("Steps of each fine-tuning", 60)):
            field = page.get_by_label(label, exact=True)
            field.fill(str(value))
            field.press("Enter")
            settle(page)
        expect(page.get_by_text("6 runs, one after the other")).to_be_visible()
        page.get_by_role("button", name="Start", exact=True).click()
        expect(page).to_have_url(re.compile("of="))
        page.get_by_role("button", name="Stop", exact=True).click(timeout=120_000)
        expect(page.get_by_text("what had finished is kept")).to_be_visible(timeout=120_000)
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_text("untrained").or_(page.get_by_text("6 points")).first).to_be_visible(timeout=240_000)
        expect(charts(page).first).to_be_visible(timeout=240_000)
        expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0, timeout=240_000)
    (run,) = list_runs(own_runs / layout.LANDSCAPES)
    assert run.state == "finished"
