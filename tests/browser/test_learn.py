"""Learn in a real browser: what moves there without the server, and what comes back after a reload."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.app_process import settle

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RING = "learn?cloud=Ring&n=12&noise=0"  # of radius 1: neighbours are 0.518 apart


def box(page, name="growing"):
    return page.locator(f".st-key-{name}-box")


def said(page, name="growing"):
    return box(page, name).locator(".role-title text").first


def slide(page, value, name="growing"):
    box(page, name).locator("input[type=range]").fill(str(value))


def painted(page, colour):
    return box(page).locator(f"[fill='{colour}'], [stroke='{colour}']")


def test_the_slider_moves_discs_counter_and_cut_without_the_server(app, visit):
    page = visit(f"{app}/{RING}")
    sent = []
    page.on("websocket", lambda socket: sent.append(socket))
    page.evaluate(
        """() => {
            const send = WebSocket.prototype.send;
            window.sentBytes = 0;
            WebSocket.prototype.send = function (data) { window.sentBytes += 1; return send.call(this, data); };
        }"""
    )
    slide(page, 0.5)
    expect(said(page)).to_have_text("12 components, 0 loops")
    discs = box(page).locator("g.mark-symbol").first.locator("path")
    expect(discs).to_have_count(12)
    before = discs.first.bounding_box()["width"]
    slide(page, 0.52)
    expect(said(page)).to_have_text("1 component, 1 loop")
    assert discs.first.bounding_box()["width"] == pytest.approx(before * 0.52 / 0.5, rel=0.01)
    box(page).locator("input[type=range]").press("End")
    expect(said(page)).to_have_text("1 component, 0 loops")
    box(page).locator("input[type=range]").press("Home")
    expect(said(page)).to_have_text("12 components, 0 loops")
    assert sent == []
    # The status line and the list of runs ask by themselves now and then; twelve points and a slider would ask a lot more.
    assert page.evaluate("window.sentBytes") <= 3


def test_two_discs_touch_exactly_when_e_is_their_distance(app, visit):
    page = visit(f"{app}/learn?cloud=Your+points&own=0_0~1_0~0_3")
    slide(page, 1)
    discs = box(page).locator("g.mark-symbol").first.locator("path")
    expect(discs).to_have_count(3)
    found = sorted((disc.bounding_box() for disc in discs.all()), key=lambda b: (round(-b["y"]), b["x"]))
    left, right = found[0], found[1]
    assert left["width"] == pytest.approx(left["height"], abs=0.5)
    assert left["x"] + left["width"] == pytest.approx(right["x"], abs=1.0)


def test_a_bar_marks_its_edge_and_an_edge_its_bar(app, visit):
    page = visit(f"{app}/{RING}")
    slide(page, 0.6)
    marked = painted(page, "#D40078")
    expect(marked).to_have_count(0)
    box(page).locator("g.mark-rect path").nth(4).click()
    expect(marked).to_have_count(3)  # bar, edge and point of the diagram
    mark = box(page).get_by_label("mark bar")
    expect(mark).to_have_value("5")
    box(page).locator("g.mark-rule").first.locator("line").nth(7).dispatch_event("click")
    expect(mark).to_have_value("8")
    expect(marked).to_have_count(3)
    mark.select_option("none")
    expect(marked).to_have_count(0)
    box(page).get_by_label("mark loop").select_option("1")  # the loop's bar and point, and where it begins and ends
    expect(marked).to_have_count(4)


def test_a_chosen_cloud_is_in_the_address_and_survives_a_reload(app, visit):
    page = visit(f"{app}/learn")
    page.get_by_label("Seed").fill("5")
    page.get_by_label("Seed").press("Enter")
    expect(page).to_have_url(re.compile("seed=5"))
    page.get_by_role("radiogroup", name="Lesson").get_by_text("2", exact=True).click()
    expect(page.get_by_text("Which bars matter?")).to_be_visible()
    expect(page).to_have_url(re.compile("lesson=2"))
    page.get_by_text("Answer", exact=True).click()
    expect(page.get_by_text("The longest.")).to_be_visible()
    address = page.url
    page.reload()
    settle(page)
    expect(page.get_by_text("The longest.")).to_be_visible()
    assert page.url == address


def test_a_bad_file_is_refused_in_a_sentence_and_a_good_one_is_drawn(app, visit):
    page = visit(f"{app}/learn?cloud=Your+points")
    chooser = page.locator("input[type=file]")
    chooser.set_input_files(
        {"name": "bad.csv", "mimeType": "text/csv", "buffer": b"a,b\n<img src=x onerror=alert(1)>,2\n"}
    )
    expect(page.get_by_text("The file needs two columns of numbers")).to_be_visible()
    chooser.set_input_files({"name": "good.csv", "mimeType": "text/csv", "buffer": b"1,2\n3,4\n5,0\n2,2\n"})
    expect(said(page)).to_have_text(re.compile("component"))
    expect(page).to_have_url(re.compile("own="))
    page.reload()
    settle(page)
    expect(said(page)).to_have_text(re.compile("component"))


def test_the_regularizer_acts_and_a_slider_plays_what_it_did(app, visit):
    page = visit(f"{app}/{RING.replace('noise=0', 'noise=0.1')}")
    page.get_by_role("button", name="Let the regularizer act").click()
    expect(said(page, "acting")).to_have_text("Step 0 of 60", timeout=90_000)
    bars = box(page, "acting").locator("g.mark-rect path")
    expect(bars).to_have_count(11)
    widths = [bar.bounding_box()["width"] for bar in (bars.first, bars.last)]
    slide(page, 60, "acting")
    expect(said(page, "acting")).to_have_text("Step 60 of 60")
    after = [bar.bounding_box()["width"] for bar in (bars.first, bars.last)]
    assert after[0] - after[1] < widths[0] - widths[1]
    expect(page).to_have_url(re.compile("act=1"))
    page.get_by_text("Features only").click()
    expect(page).to_have_url(re.compile("raise="))
    expect(said(page, "acting")).to_have_text("Step 0 of 60")


@pytest.mark.parametrize(("choice", "longer"), [("Noise pulled together", False), ("Published term", True)])
def test_noise_is_pulled_together_or_pushed_apart_as_the_page_says(app, visit, choice, longer):
    page = visit(f"{app}/learn?cloud=Two+clusters&n=30&act=1&raise={choice.replace(' ', '+')}")
    expect(page.get_by_text("longer" if longer else "shorter", exact=True)).to_be_visible(timeout=90_000)
    expect(said(page, "acting")).to_have_text("Step 0 of 60", timeout=90_000)
    bars = box(page, "acting").locator("g.mark-rect path")
    expect(bars).to_have_count(29)

    def middle():  # of the bars, far below the features
        return bars.nth(15).bounding_box()["width"]

    before = middle()
    slide(page, 60, "acting")
    expect(said(page, "acting")).to_have_text("Step 60 of 60")
    assert middle() > 1.3 * before if longer else middle() < 0.85 * before


def test_nothing_lies_over_a_choice_and_nothing_is_cut(app, visit):
    page = visit(f"{app}/learn?lesson=3")
    figure = page.locator(".st-key-figure-growing")
    figure.hover()
    save, mark = figure.get_by_role("button", name="Save"), box(page).get_by_label("mark bar")
    expect(save).to_be_visible()
    assert save.bounding_box()["y"] >= mark.bounding_box()["y"] + mark.bounding_box()["height"]
    page.get_by_role("button", name="Cloud", exact=True).click()
    popover = page.get_by_test_id("stPopoverBody")
    seed = popover.get_by_test_id("stNumberInputContainer").bounding_box()
    inside = popover.bounding_box()
    assert seed["x"] + seed["width"] <= inside["x"] + inside["width"]


def test_at_1280_by_720_cloud_barcode_and_slider_are_seen_at_once(app, visit):
    page = visit(f"{app}/learn")
    page.set_viewport_size({"width": 1280, "height": 720})
    settle(page)
    line = page.locator(".st-key-status-line").bounding_box()["y"]
    slider = box(page).locator("input[type=range]").bounding_box()
    assert slider["y"] + slider["height"] < line
    chart = box(page).locator("svg.marks").bounding_box()
    assert chart["y"] > 60
    assert chart["width"] <= box(page).bounding_box()["width"]
