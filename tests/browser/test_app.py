"""The real app in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from core.runs import list_runs, load_run
from tests.browser.app_process import settle
from tests.explorer.synthetic import NASTY, write_run

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def newest(gallery, state="finished", regularizer="persistent-entropy"):
    return next(r.name for r in list_runs(gallery) if r.state == state and regularizer in r.spec["regularizers"])


def charts(page):
    return page.locator('[data-testid="stVegaLiteChart"]')


def test_a_link_opens_the_run_it_names(app, gallery, visit):
    name = newest(gallery)
    page = visit(f"{app}/run?run={name}&class=acceptable")
    expect(charts(page)).to_have_count(2)
    expect(
        page.locator("svg[aria-label*='acceptable, after training'], [aria-label*='acceptable, after training']")
    ).not_to_have_count(0)
    page.get_by_role("radio", name="all classes").or_(page.get_by_text("all classes", exact=True)).first.click()
    expect(charts(page)).to_have_count(4)
    expect(page).not_to_have_url(re.compile("class="))
    page.get_by_text("Anisotropy", exact=True).first.click()
    expect(page).to_have_url(re.compile("view=Anisotropy"))
    expect(page.get_by_text("Share of each direction")).to_be_visible()
    address = page.url
    page.reload()
    settle(page)
    expect(page.get_by_text("Share of each direction")).to_be_visible()
    assert page.url == address


def test_what_directions_are_about_is_in_the_address(app, gallery, visit):
    page = visit(f"{app}/run?run={newest(gallery)}&view=Anisotropy")
    by_class = page.locator(".st-key-figure-by-class")
    expect(by_class.get_by_text("Anisotropy within classes: share")).to_be_visible()
    assert "about=" not in page.url
    for about, label in (("uncentered", "Anisotropy 1: share"), ("centered", "Anisotropy 1, centered: share")):
        page.get_by_text(about, exact=True).first.click()
        expect(by_class.get_by_text(label)).to_be_visible()
        expect(page).to_have_url(re.compile(f"about={about}"))
    page.reload()
    settle(page)
    expect(by_class.get_by_text("Anisotropy 1, centered: share")).to_be_visible()
    page.get_by_text("within classes", exact=True).first.click()
    expect(by_class.get_by_text("Anisotropy within classes: share")).to_be_visible()
    expect(page).not_to_have_url(re.compile("about="))


def test_a_clicked_bar_shows_the_two_texts_that_it_joins(app, gallery, visit):
    page = visit(f"{app}/run?run={newest(gallery)}&class=acceptable")
    column = page.locator(".st-key-figure-linked-1-After")
    column.locator("g.mark-rect path").nth(1).click()
    expect(page.get_by_text("Bar 2", exact=True)).to_be_visible()
    said = page.locator('[data-testid="stText"]')
    expect(said).to_have_text([re.compile(r"The acceptable sentence number \d+ of the probe set")] * 2)
    # And the other way round: an edge of the tree.
    column.locator("g.mark-rule").last.locator("line, path").nth(4).dispatch_event("click")
    expect(page.get_by_text("Bar 5", exact=True)).to_be_visible()


def test_the_slider_says_at_once_what_keeping_more_bars_gives(app, gallery, visit):
    page = visit(f"{app}/run?run={newest(gallery)}&class=acceptable")
    column = page.locator(".st-key-figure-linked-1-After")
    slider = column.locator("input[type=range]")
    slider.focus()
    slider.press("Home")
    expect(column.locator(".role-title text").first).to_have_text(re.compile("1 feature, .* entropy 0.000 nats"))
    slider.press("End")
    expect(column.locator(".role-title text").first).to_have_text(re.compile("39 features"))


def test_every_chart_is_saved_as_svg_and_csv_and_shown_full_screen(app, gallery, visit):
    page = visit(f"{app}/run?run={newest(gallery)}&view=Anisotropy")
    figure = page.locator(".st-key-figure-spectrum")
    figure.get_by_role("button", name="Save").focus()  # by the keyboard, without pointing at the chart
    page.keyboard.press("Enter")
    saved = {}
    for kind in ("SVG", "CSV"):
        with page.expect_download() as download:
            page.get_by_role("button", name=kind, exact=True).click()
        saved[download.value.suggested_filename] = download.value.path().read_text(encoding="utf-8")
    assert saved["spectrum.svg"].startswith("<svg")
    assert saved["spectrum.csv"].startswith("side,direction,share,cumulative\nbefore,1,")
    page.keyboard.press("Escape")
    figure.hover()
    with page.expect_download() as download:
        figure.get_by_role("button", name="Download as PNG").click()
    assert download.value.path().read_bytes().startswith(b"\x89PNG")
    figure.get_by_role("button", name="Fullscreen").click()
    expect(page.get_by_role("button", name="Close fullscreen")).to_be_visible()


def test_the_specified_form_of_address_leads_to_the_same(app, gallery, visit):
    name = newest(gallery)
    page = visit(f"{app}/?page=run&run={name}&class=acceptable")
    expect(page).to_have_url(re.compile(rf"/run\?.*{name}"))
    expect(charts(page)).to_have_count(2)


def test_the_sidebar_opens_runs(app, gallery, visit):
    page = visit(f"{app}/train")
    page.get_by_placeholder("Filter runs").fill("paraphrase")
    links = page.locator(".st-key-runs a")
    expect(links.filter(has_text="grammar")).to_have_count(0)
    links.filter(has_text="paraphrase").first.click()
    expect(page.get_by_text("The memory was not enough", exact=False)).to_be_visible()
    expect(page).to_have_url(re.compile("/run"))


def test_a_link_to_nowhere_says_so_and_leads_on(app, visit):
    page = visit(f"{app}/run?run=nowhere")
    expect(page.get_by_text("There is no run 'nowhere'")).to_be_visible()
    page.get_by_text("Show the newest run").click()
    expect(page.get_by_text("MCC", exact=True).first).to_be_visible()


def test_both_themes_reach_page_and_charts(app, gallery, visit):
    name = newest(gallery)
    backgrounds = {}
    for scheme in ("light", "dark"):
        page = visit(f"{app}/run?run={name}", color_scheme=scheme)
        backgrounds[scheme] = page.evaluate(
            "() => getComputedStyle(document.querySelector('[data-testid=\"stApp\"]')).backgroundColor"
        )
    assert backgrounds == {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 29)"}


def test_nothing_is_fetched_from_anywhere_else(app, gallery, visit):
    page = visit(f"{app}/run?run={newest(gallery)}")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    settle(page)
    assert [url for url in asked if not url.startswith((app, app.replace("http", "ws"), "data:", "blob:"))] == []


def test_texts_never_become_code(tmp_path, visit, own_app):
    names = ("<img src=x onerror=alert(1)>", "plain")
    path = write_run(tmp_path, names=names, texts=NASTY, per_class=8, task="<script>alert(2)</script>")
    with own_app(tmp_path) as address:
        page = visit(f"{address}/run?run={path.name}")
        expect(page.get_by_text("<img src=x onerror=alert(1)>").first).to_be_visible()
        assert "owned" not in page.title()


def test_the_first_start_shows_something(tmp_path, visit, own_app):
    with own_app(tmp_path / "none") as address:
        page = visit(address)
        expect(
            page.get_by_text("ships with Isobar").or_(page.get_by_text("No runs yet", exact=True)).first
        ).to_be_visible()


def test_a_run_is_started_watched_reloaded_outlives_the_app_and_is_stopped(
    own_runs, tiny_model, tiny_task, visit, own_app
):
    runs = own_runs
    under_way = re.compile(r"step [\d,]+ of 100,000")
    with own_app(runs) as address:
        page = visit(f"{address}/train?run=nowhere")
        page.get_by_role("link", name="New run").click()
        for label, value in (("Model", tiny_model), ("Task", tiny_task)):
            box = page.get_by_role("combobox", name=label)
            box.fill(str(value))
            box.press("Enter")
            expect(page.get_by_text(f"{label.lower()}: {value}")).to_be_visible()
        page.get_by_text("More settings").click()
        for label, value in (("max steps", 100_000), ("batch size", 8), ("probe per class", 8), ("evaluations", 1)):
            field = page.get_by_label(label, exact=True)
            field.fill(str(value))
            field.press("Enter")
            expect(page.get_by_text(f"{label.replace(' ', '_')}: {value}")).to_be_visible()
        page.get_by_role("button", name="Start", exact=True).click()
        expect(page).to_have_url(re.compile(r"/train\?run="))
        expect(page.get_by_text(under_way).first).to_be_visible(timeout=120_000)
        expect(charts(page)).to_have_count(6)
        page.reload()
        settle(page)
        expect(page.get_by_text(under_way).first).to_be_visible()
    (run,) = list_runs(runs)
    assert run.state == "running"

    with own_app(runs) as address:
        page = visit(f"{address}/train?run={run.name}")
        expect(page.get_by_text(under_way).first).to_be_visible()
        page.locator(".st-key-stop button").click()
        expect(page.get_by_text(re.compile(r"^Stopped at step"))).to_be_visible(timeout=30_000)
        assert load_run(run.path).state == "stopped"
        page.get_by_text("Show the run").click()
        expect(page.get_by_text(re.compile("how far it came|left no snapshot but"))).to_be_visible()
        expect(page.get_by_text("Before", exact=True).first).to_be_visible()
