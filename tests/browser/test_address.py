"""The address is the state, in a real browser: links, steps back, reloads."""

import re

import pytest
from playwright.sync_api import expect

from core.runs import layout, list_runs
from tests.browser.app_process import running_app, settle
from tests.explorer.synthetic import write_gallery, write_inspection

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("addressed")
    write_gallery(folder)
    write_inspection(folder, minutes_ago=1)
    write_inspection(folder, minutes_ago=2, seed=1)
    return folder


@pytest.fixture(scope="module")
def address(runs):
    """An app that shows runs and inspections."""
    with running_app(runs) as found:
        yield found


def views(page):
    return page.get_by_role("radiogroup", name="View")


def open_view(page, name):
    views(page).get_by_text(name, exact=True).click()
    expect(page).to_have_url(re.compile(f"view(-inspection)?={name}"))
    settle(page)


def shown_view(page):
    return views(page).locator('button[aria-checked="true"], [kind="segmented_controlActive"]')


def test_a_run_of_the_sidebar_stays_while_its_views_are_looked_at(address, runs, visit):
    first = list_runs(runs)[0].name
    other = next(run.name for run in list_runs(runs) if run.state == "finished")
    page = visit(address)
    expect(page).to_have_url(re.compile(re.escape(first.replace("+", "%2B"))))
    entry = page.locator(f".st-key-run-{other}")
    entry.click(position={"x": entry.bounding_box()["width"] - 8, "y": entry.bounding_box()["height"] - 4})
    expect(page).to_have_url(re.compile(f"run={re.escape(other)}"))
    settle(page)
    for view in ("Timeline", "Cloud"):
        open_view(page, view)
        assert f"run={other}" in page.url
        expect(page.locator(".st-key-run-open")).to_contain_text("anisotropy")
    page.reload()
    settle(page)
    expect(shown_view(page)).to_have_text("Cloud")
    assert f"run={other}" in page.url


def test_back_goes_from_view_to_view_and_from_run_to_run(address, runs, visit):
    names = [run.name for run in list_runs(runs) if run.state == "finished"]
    page = visit(f"{address}/learn")
    page.get_by_role("link", name="Run", exact=True).click()
    expect(page).to_have_url(re.compile(r"/run\?run="))
    settle(page)
    came = [page.url]
    page.locator(f".st-key-run-{names[0]} a").first.click()
    expect(page).to_have_url(re.compile(f"run={re.escape(names[0])}"))
    settle(page)
    came.append(page.url)
    for view in ("Timeline", "Cloud"):
        open_view(page, view)
        expect(page).to_have_url(re.compile(f"view={view}"))
        came.append(page.url)
    for url in reversed(came[:-1]):
        page.go_back()
        expect(page).to_have_url(url)
        settle(page)
        assert page.url == url
        expect(shown_view(page).or_(page.get_by_text("Stopped at step"))).not_to_have_count(0)
        if "view=Timeline" in url:
            expect(shown_view(page)).to_have_count(1)  # what is about to be taken away may stand beside it for a moment
            expect(shown_view(page)).to_have_text("Timeline")
    page.go_back()
    expect(page).to_have_url(re.compile("/learn$"))
    expect(page.get_by_text("What is a barcode?")).to_be_visible()
    page.go_forward()
    expect(page).to_have_url(came[0])


def test_the_first_page_is_one_step(address, visit):
    page = visit("about:blank", settled=False)
    page.goto(f"{address}/")
    settle(page)
    expect(page).to_have_url(re.compile(r"/run\?run="))
    page.go_back()
    expect(page).to_have_url("about:blank")


def test_the_baseline_survives_a_reload(address, runs, visit):
    baseline = next(run.name for run in list_runs(runs) if run.state == "finished" and not run.spec["regularizers"])
    with_one = next(run.name for run in list_runs(runs) if run.state == "finished" and run.spec["regularizers"])
    page = visit(f"{address}/run?run={with_one}")
    page.get_by_role("link", name=re.compile("Baseline: the same seed")).click()
    expect(page).to_have_url(re.compile(f"run={re.escape(baseline)}"))
    settle(page)
    page.reload()
    settle(page)
    assert f"run={baseline}" in page.url
    expect(page.get_by_text("baseline", exact=True).first).to_be_visible()


def test_an_inspection_stays_while_its_views_are_looked_at(address, runs, visit):
    name = list_runs(runs / layout.INSPECTIONS)[1].name
    page = visit(f"{address}/inspect")
    page.locator('[data-testid="stMain"] a').filter(has_text="on grammar").nth(1).click()
    expect(page).to_have_url(re.compile(f"of={re.escape(name)}"))
    settle(page)
    for view in ("Merges", "Anisotropy"):
        open_view(page, view)
        assert f"of={name}" in page.url
        expect(shown_view(page)).to_have_count(1)
        expect(shown_view(page)).to_have_text(view)
    page.get_by_role("link", name="New inspection").click()
    expect(page.get_by_role("button", name="Inspect", exact=True)).to_be_visible()
    settle(page)
    page.get_by_label("Layer", exact=True).fill("2")
    page.get_by_label("Layer", exact=True).press("Enter")
    expect(page).to_have_url(re.compile("layer=2"))
    settle(page)
    expect(page.get_by_role("button", name="Inspect", exact=True)).to_be_visible()
    page.reload()
    settle(page)
    expect(page.get_by_label("Layer", exact=True)).to_have_value("2")


def test_a_new_run_is_a_form_that_survives_a_reload(address, runs, visit):
    page = visit(f"{address}/train?run={list_runs(runs)[0].name}")
    page.get_by_role("link", name="New run").click()
    start = page.get_by_role("button", name="Start", exact=True)
    expect(start).to_be_visible()
    settle(page)
    task = page.get_by_role("combobox", name="Task")
    task.fill("paraphrase")
    task.press("Enter")
    expect(page.get_by_text("task: paraphrase")).to_be_visible()
    page.get_by_text("More settings").click()
    seed = page.get_by_label("seed", exact=True)
    seed.fill("7")
    seed.press("Enter")
    expect(page.get_by_text("seed: 7")).to_be_visible()
    settle(page)
    page.reload()
    settle(page)
    expect(page.get_by_text("seed: 7")).to_be_visible()
    expect(page.get_by_text("task: paraphrase")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("seed: 0")).to_be_visible()
    expect(page.get_by_text("task: paraphrase")).to_be_visible()
    settle(page)
    page.get_by_role("link", name="Learn", exact=True).click()
    expect(page.get_by_text("What is a barcode?")).to_be_visible()
    page.get_by_role("link", name="Train", exact=True).click()
    expect(page.get_by_text("task: paraphrase")).to_be_visible()


@pytest.mark.parametrize(("step", "points"), [("1", 5), ("3", 30), ("4", 5), ("5", 40)])
def test_a_lesson_is_one_step_and_its_answer_leaves_its_cloud_alone(address, visit, step, points):
    page = visit(f"{address}/learn?n=12&table=true")

    def cloud_of(count):
        return page.locator(f'.st-key-growing-box [aria-label^="A cloud of {count} points"]')

    expect(cloud_of(12)).not_to_have_count(0)
    page.get_by_role("radiogroup", name="Lesson").get_by_text(step, exact=True).click()
    expect(cloud_of(points)).not_to_have_count(0)
    settle(page)
    entered = page.url
    page.get_by_text("Answer", exact=True).click()
    expect(page.locator('[data-testid="stAlert"]')).to_be_visible()
    settle(page)
    expect(cloud_of(points)).not_to_have_count(0)
    page.reload()
    settle(page)
    expect(page.locator('[data-testid="stAlert"]')).to_be_visible()
    expect(cloud_of(points)).not_to_have_count(0)
    page.get_by_role("button", name="Cloud", exact=True).click()
    if step == "1":
        expect(page.get_by_test_id("stPopoverBody").get_by_test_id("stSliderThumbValue").first).to_have_text("5")
    page.keyboard.press("Escape")
    page.go_back()
    expect(page).to_have_url(entered)
    expect(page.locator('[data-testid="stAlert"]')).to_have_count(0)
    settle(page)
    page.go_back()
    expect(cloud_of(12)).not_to_have_count(0)
    expect(page).to_have_url(re.compile("n=12"))


@pytest.mark.parametrize(("path", "label"), [("layers", "Measure"), ("landscape", "Predictor")])
def test_a_choice_on_a_study_is_a_step_and_survives_a_reload(address, visit, path, label):
    page = visit(f"{address}/{path}")
    expect(page).to_have_url(re.compile("of=sample"))
    first = page.url
    box = page.get_by_role("combobox", name=label)
    was = box.input_value()
    box.click()
    page.get_by_role("option").filter(has_not_text=re.compile(f"^{re.escape(was)}$")).first.click()
    expect(page).to_have_url(re.compile(f"{label.lower()}="))
    settle(page)
    now = box.input_value()
    assert now != was
    page.reload()
    settle(page)
    expect(box).to_have_value(now)
    page.go_back()
    expect(page).to_have_url(first)
    expect(box).to_have_value(was)
    page.get_by_role("link", name="New study").click()
    expect(page).to_have_url(re.compile("new="))
    page.go_back()
    expect(page).to_have_url(first)
    expect(box).to_be_visible()


def test_what_is_compared_is_a_step(address, visit):
    page = visit(f"{address}/compare")
    expect(page).to_have_url(re.compile("runs="))
    settle(page)
    first = page.url
    about = page.get_by_text("centered", exact=True).first
    about.click()
    expect(page).to_have_url(re.compile("about=centered"))
    settle(page)
    page.go_back()
    expect(page).to_have_url(first)
    settle(page)
    page.go_forward()
    expect(page).to_have_url(re.compile("about=centered"))
    settle(page)
    page.reload()
    settle(page)
    expect(page).to_have_url(re.compile("about=centered"))


def test_what_was_picked_in_the_table_is_taken_back_by_a_step_back(address, visit):
    page = visit(f"{address}/compare")
    expect(page).to_have_url(re.compile("runs="))
    settle(page)
    first = page.url
    box = page.get_by_test_id("stDataFrame").first.bounding_box()
    page.mouse.click(box["x"] + 14, box["y"] + 35 + 17)
    expect(page).not_to_have_url(first)
    settle(page)
    second = page.url
    page.go_back()
    expect(page).to_have_url(first)
    settle(page)
    expect(page).to_have_url(first)
    page.go_forward()
    expect(page).to_have_url(second)
    settle(page)
    expect(page).to_have_url(second)
