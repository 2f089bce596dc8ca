"""The report of a run in a browser without a network."""

import json

import pytest
from playwright.sync_api import expect

from core.runs import load_run
from explorer import report
from tests.explorer.synthetic import NASTY, write_run

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_report_opens_without_a_network_and_its_texts_stay_texts(chromium, tmp_path, scheme):
    path = write_run(tmp_path, names=("<img src=x onerror=alert(1)>", "plain"), texts=NASTY, per_class=8)
    report.write(load_run(path), tmp_path / "report.html")
    context = chromium.new_context(offline=True, color_scheme=scheme)
    page, complaints, asked = context.new_page(), [], []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "report.html").as_uri())
    page.locator("body[data-drawn]").wait_for()
    expect(page.locator(".chart svg.marks")).to_have_count(16)
    assert page.locator("body").evaluate("e => getComputedStyle(e).backgroundColor") == (
        "rgb(255, 255, 255)" if scheme == "light" else "rgb(18, 22, 29)"
    )
    for rank in range(1, 8):
        page.locator("[data-chart=barcode-0-after] g.mark-rect path").nth(rank - 1).dispatch_event("click")
        expect(page.locator(".said").nth(1)).to_contain_text(f"Bar {rank}, ")
    slider = page.locator("[data-chart=barcode-0-after] input[type=range]")
    slider.focus()
    slider.press("End")
    expect(page.locator("[data-chart=barcode-0-after] .role-title text").first).to_contain_text("7 features")
    film = page.locator("[data-chart=timeline]")
    film.locator("input[type=range]").focus()
    film.locator("input[type=range]").press("Home")
    expect(film.locator(".role-title text").first).to_contain_text("Step 0: before training")
    cloud = page.locator("[data-chart=cloud]")
    cloud.locator("input[value=error]").check()
    expect(cloud.locator(".role-legend").first).to_contain_text("wrong")
    cloud.scroll_into_view_if_needed()
    box = cloud.locator("svg.marks").bounding_box()
    page.mouse.move(box["x"] + 80, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.95 * box["width"], box["y"] + 350, steps=4)
    page.mouse.up()
    said = page.locator("figure", has=cloud).locator(".said")
    expect(said).to_contain_text("<script>document.title = 'owned'</script>")
    assert page.title() == "grammar · minilm"
    assert not [url for url in asked if not url.startswith(("file:", "data:"))]
    assert complaints == []
    context.close()


def test_a_folded_class_is_drawn_when_it_is_opened(chromium, tmp_path):
    path = write_run(tmp_path, names=tuple(f"class {k}" for k in range(14)), per_class=6, width=12)
    report.write(load_run(path), tmp_path / "report.html")
    page, complaints = chromium.new_page(), []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto((tmp_path / "report.html").as_uri())
    page.locator("body[data-drawn]").wait_for()
    folded = page.locator("details", has=page.locator("[data-chart=barcode-13-after]"))
    expect(folded.locator("svg.marks")).to_have_count(0)
    folded.locator("summary").click()
    expect(folded.locator("svg.marks")).to_have_count(2)
    page.locator("[data-chart=barcode-13-after] g.mark-rect path").nth(2).dispatch_event("click")
    said = folded.locator(".said").nth(1)
    expect(said).to_contain_text("Bar 3, ")
    row, other = (
        json.loads(page.locator("#charts").text_content())["barcode-13-after"]["bars"][end][2]
        for end in ("row", "other")
    )
    for joined in (row, other):
        expect(said).to_contain_text(load_run(path).probe["text"][joined])
    assert complaints == []
    page.close()
