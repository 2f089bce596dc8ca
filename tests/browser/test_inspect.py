"""Inspect and Train in a real browser: a checkpoint looked at, files of one's own, a run that is stopped and goes on."""

import re

import pytest
from playwright.sync_api import expect

from core.runs import layout, list_runs, load_run
from tests.browser.app_process import settle
from tests.browser.test_app import charts
from tests.explorer.synthetic import NASTY, write_inspection

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def own_inspections(own_runs):
    """A folder of runs whose inspections end with the test."""
    yield own_runs
    for run in list_runs(own_runs / layout.INSPECTIONS):
        run.request_stop()


def choose(page, label, value):
    box = page.get_by_role("combobox", name=label)
    box.fill(str(value))
    box.press("Enter")
    settle(page)


def put(page, label, value):
    field = page.get_by_label(label, exact=True)
    field.fill(str(value))
    field.press("Enter")
    settle(page)


def upload(page, name, content):
    page.get_by_text("Upload a file of texts").click()
    page.locator('input[type="file"]').first.set_input_files({"name": name, "mimeType": "text/csv", "buffer": content})


def test_a_checkpoint_is_inspected_on_an_uploaded_file_and_the_link_shows_it_again(
    own_inspections, tiny_model, visit, own_app
):
    rows = [f"the {colour} stone number {i},{colour}" for i in range(60) for colour in ("red", "blue")]
    with own_app(own_inspections) as address:
        page = visit(f"{address}/inspect")
        upload(page, "bad.csv", b"review,mood\na,b,c\n")
        expect(page.get_by_text("bad.csv is malformed at row 2")).to_be_visible()
        expect(page.get_by_role("button", name="Inspect", exact=True)).to_be_disabled()
        page.locator('input[type="file"]').first.set_input_files(
            {
                "name": "stones.csv",
                "mimeType": "text/csv",
                "buffer": "\n".join(["message;kind", *rows]).replace(",", ";").encode(),
            }
        )
        expect(page.get_by_text("120 texts in 2 classes")).to_be_visible()
        expect(page.get_by_role("combobox", name="Data")).to_have_value("stones.csv (uploaded)")
        settle(page)  # while the page is being drawn a choice may miss it
        choose(page, "Model", tiny_model)
        put(page, "Texts per class", 12)
        page.get_by_role("button", name="Inspect", exact=True).click()
        expect(page).to_have_url(re.compile(r"/inspect\?of="))
        expect(page.get_by_text("24 texts · 32 dimensions")).to_be_visible(timeout=120_000)
        settle(page)
        expect(page.get_by_text(re.compile("^Pooled by (mean|cls) instead"))).to_be_visible()
        expect(charts(page)).to_have_count(3)
        expect(page.get_by_text(re.compile(r"isotropic 0\.\d+")).first).to_be_visible()
        page.get_by_text("Merges", exact=True).click()
        expect(page.get_by_text("Farthest: the longest bars").first).to_be_visible()
        link = page.url
        assert "view-inspection=Merges" in link
        again = visit(link)
        expect(again.get_by_text(re.compile("^the (red|blue) stone number")).first).to_be_visible()
        page = visit(f"{address}/inspect?model={tiny_model}")
        upload(page, "plain.txt", "\n".join(row.split(",")[0] for row in rows).encode())
        expect(page.get_by_text("120 texts, one cloud")).to_be_visible()
        expect(page.get_by_role("combobox", name="Data")).to_have_value("plain.txt (uploaded)")
        settle(page)
        put(page, "Texts per class", 12)
        page.get_by_role("button", name="Inspect", exact=True).click()
        expect(page.get_by_text("24 texts · 32 dimensions")).to_be_visible(timeout=120_000)
        settle(page)
        expect(charts(page)).to_have_count(2)
        expect(page.get_by_text("24 of the 120 texts were taken")).to_be_visible()
    found = list_runs(own_inspections / layout.INSPECTIONS)
    assert [run.state for run in found] == ["finished"] * 2
    assert list_runs(own_inspections) == []


def test_a_model_that_is_not_there_is_a_sentence(own_inspections, visit, own_app):
    with own_app(own_inspections) as address:
        page = visit(f"{address}/inspect?model=./nowhere")
        page.get_by_role("button", name="Inspect", exact=True).click()
        expect(page.get_by_text("There is no model './nowhere'").first).to_be_visible(timeout=120_000)
        page.get_by_text("Change the settings and try again").click()
        expect(page.get_by_role("combobox", name="Model")).to_have_value("./nowhere")


def test_a_clicked_bar_shows_the_two_texts_that_it_joins(tmp_path, visit, own_app):
    path = write_inspection(tmp_path, texts=NASTY)
    with own_app(tmp_path) as address:
        page = visit(f"{address}/inspect?of={path.name}&class=acceptable")
        page.locator(".st-key-linked-1 g.mark-rect path").nth(2).click()
        expect(page.get_by_text("Bar 3", exact=True)).to_be_visible()
        expect(page.locator('[data-testid="stText"]')).to_have_text([re.compile("The acceptable sentence")] * 2)
        page.goto(f"{address}/inspect?of={path.name}&view-inspection=Merges")
        settle(page)
        assert "owned" not in page.title()


def test_a_run_is_stopped_and_goes_on_from_its_page(own_runs, tiny_model, tiny_task, visit, own_app):
    with own_app(own_runs) as address:
        page = visit(f"{address}/train")
        choose(page, "Model", tiny_model)
        choose(page, "Task", tiny_task)
        page.get_by_text("More settings").click()
        put(page, "max steps", 100_000)
        put(page, "batch size", 8)
        put(page, "probe per class", 8)
        expect(page.get_by_text("probe_per_class: 8")).to_be_visible()
        page.get_by_role("button", name="Start", exact=True).click()
        step = re.compile(r"step [\d,]+ of 100,000")
        expect(page.get_by_text(step).first).to_be_visible(timeout=120_000)
        page.locator(".st-key-stop button").click()
        resume = page.get_by_role("button", name=re.compile("Resume from step"))
        expect(resume).to_be_visible(timeout=60_000)
        (run,) = list_runs(own_runs)
        came_to = run.status["step"]
        resume.click()
        expect(page.get_by_text(step).first).to_be_visible(timeout=120_000)
        page.wait_for_function(
            """came => document.querySelector('.st-key-stop') && [...document.body.innerText.matchAll(
                /step ([\\d,]+) of 100,000/g)].some(m => Number(m[1].replaceAll(',', '')) > came)""",
            arg=came_to,
            timeout=120_000,
        )
        page.locator(".st-key-stop button").click()
        expect(resume).to_be_visible(timeout=60_000)
    run = load_run(run.path)
    assert run.state == "stopped"
    assert run.status["step"] > came_to
    assert 0 in run.steps
