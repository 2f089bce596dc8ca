"""Learn in a real browser: what moves there without the server, and what comes back after a reload."""

import re
from urllib.parse import urljoin

import numpy as np
import pytest
from playwright.sync_api import expect

from core.topology import feature_mask, minimum_spanning_tree
from core.topology.examples import EXAMPLES, example_cloud
from core.topology.features import bar_entropy
from core.topology.rips import critical_pairs
from explorer.panels import board, points
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


CLOUDS = [
    *(example_cloud(*cloud) for name in EXAMPLES for cloud in ((name, 3), (name, 12, 0.0), (name, 40, 0.1, 1))),
    *(np.random.default_rng(seed).normal(size=(25, 2)) for seed in range(10)),
    example_cloud("ring", points.MOST, 0.1),
    1e9 * example_cloud("ring", 20, 0.1),
    1e-9 * example_cloud("ring", 20, 0.1),
    np.zeros((5, 2)),
    np.repeat(example_cloud("uniform", 10), 2, axis=0),
    np.stack(np.meshgrid(np.arange(5.0), np.arange(4.0)), axis=-1).reshape(-1, 2),
    np.arange(12.0).repeat(2).reshape(12, 2),
]


def test_the_board_computes_what_core_computes(chromium):
    page = chromium.new_page()
    page.add_script_tag(content=board.script())
    found = page.evaluate(
        """(clouds) => clouds.map((points) => {
            const tree = spanningTree(points), lengths = tree.map((edge) => edge.length);
            return { tree, lengths, features: featureCount(lengths), entropy: barEntropy(lengths), loops: loopBars(points) };
        })""",
        [cloud.tolist() for cloud in CLOUDS],
    )
    page.close()
    for cloud, here in zip(CLOUDS, found, strict=True):
        lengths, _ = minimum_spanning_tree(cloud)
        unit = max(lengths.max(), 1e-300)
        assert np.array(here["lengths"]) / unit == pytest.approx(lengths / unit, abs=1e-9)
        for edge in here["tree"]:
            ends = cloud[[edge["i"], edge["j"]]]
            assert np.linalg.norm(ends[0] - ends[1]) / unit == pytest.approx(edge["length"] / unit, abs=1e-9)
        assert here["features"] == feature_mask(lengths).sum()
        assert here["entropy"] == pytest.approx(bar_entropy(lengths), abs=1e-9)
        # Of loops that last equally long either may come first.
        loops = np.array(here["loops"]).reshape(-1, 2) / unit
        expected = critical_pairs(cloud)[1] / unit
        assert np.sort(loops, axis=0) == pytest.approx(np.sort(expected, axis=0), abs=1e-9)
        assert np.sort(np.diff(loops), axis=0) == pytest.approx(np.sort(np.diff(expected), axis=0), abs=1e-9)


def drawn(page):
    """Points that the address names; those of an example are in none."""
    text = re.search(r"own=([^&]*)", page.url)
    return points.from_address(text[1]) if text else None


def middle(dot):
    found = dot.bounding_box()
    return found["x"] + found["width"] / 2, found["y"] + found["height"] / 2


def test_points_are_dragged_added_and_removed_with_their_bars_and_a_step_back_is_one_of_them(app, visit):
    page = visit(f"{app}/{RING}&draw=1")
    dots, numbers = page.locator(".cloud circle"), page.locator(".numbers")
    expect(numbers).to_contain_text("11 bars")
    expect(numbers).to_contain_text("Entropy of all bars 2.398 of at most 2.398 nats")
    url = page.url
    x, y = middle(dots.first)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 20, y - 40, steps=4)
    expect(numbers).not_to_contain_text("Entropy of all bars 2.398")  # while the hand still holds it
    assert page.url == url
    page.mouse.up()
    expect(page).to_have_url(re.compile("cloud=your\\+points.*own="))
    moved = drawn(page)
    assert len(moved) == 12
    assert np.linalg.norm(moved - example_cloud("ring", 12, 0.0), axis=1).argmax() == 0
    expect(page.locator(".st-key-growing-box g.mark-rect path")).to_have_count(14)  # 11 bars, a loop, two of the gauge
    assert float(numbers.get_attribute("data-entropy")) == pytest.approx(
        bar_entropy(minimum_spanning_tree(moved)[0]), abs=1e-3
    )

    inside = page.locator(".cloud").bounding_box()
    page.mouse.click(inside["x"] + 20, inside["y"] + 20)
    expect(numbers).to_contain_text("12 bars")
    expect(page).to_have_url(re.compile("own=([^~]*~){12}[^~]*$"))
    assert len(drawn(page)) == 13
    dots.nth(12).dblclick()
    expect(numbers).to_contain_text("11 bars")
    expect(page).to_have_url(re.compile("own=([^~]*~){11}[^~]*$"))
    assert drawn(page) == pytest.approx(moved)
    dots.nth(3).focus()
    page.keyboard.press("Delete")
    expect(page).to_have_url(re.compile("own=([^~]*~){10}[^~]*$"))
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowUp")
    expect(numbers).to_contain_text("10 bars")
    settle(page)
    page.go_back()
    page.go_back()
    expect(dots).to_have_count(12)
    address = page.url
    page.reload()
    settle(page)
    expect(dots).to_have_count(12)
    assert page.url == address
    for _ in range(3):
        page.go_back()
    expect(page).to_have_url(url)
    expect(numbers).to_contain_text("Entropy of all bars 2.398")


def test_a_cloud_is_drawn_from_nothing(app, visit):
    page = visit(f"{app}/learn?cloud=Your+points")
    numbers = page.locator(".numbers")
    expect(numbers).to_have_text("0 points: it takes 3 or more.")
    for count, (x, y) in enumerate(((40, 40), (200, 60), (60, 220), (230, 230)), 1):
        settle(page)  # with the third point there is a barcode, and the page moves
        expect(page.locator(".cloud")).to_have_count(1)
        inside = page.locator(".cloud").bounding_box()
        page.mouse.click(inside["x"] + x, inside["y"] + y)
        expect(page.locator(".cloud circle")).to_have_count(count)
    expect(page).to_have_url(re.compile("own=([^~]*~){3}[^~]*&draw=1"))
    expect(said(page)).to_have_text(re.compile("component"))
    expect(page.locator("input[type=file]")).to_have_count(0)
    for _ in range(3):
        page.locator(".cloud circle").first.focus()
        page.keyboard.press("Delete")
    expect(page.locator(".cloud circle")).to_have_count(3)  # fewer make no barcode


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_a_button_plays_both_sliders_until_it_is_paused_or_the_slider_is_taken(app, visit, motion):
    page = visit(f"{app}/{RING.replace('noise=0', 'noise=0.1')}&act=1", reduced_motion=motion)
    positions = """(slider) => new Promise((done) => {
        const seen = [];
        slider.addEventListener("input", () => { seen.push(slider.value); if (seen.length === 3) done(seen.map(Number)); });
    })"""
    for name in ("growing", "acting"):
        slider, play = box(page, name).locator("input[type=range]"), box(page, name).locator(".play")
        slider.fill("0")
        share = float(slider.get_attribute("max"))
        expect(play).to_have_text("▶ Play")
        play.click()
        expect(play).to_have_text("❚❚ Pause")
        seen = np.array(slider.evaluate(positions)) / share
        assert (np.diff(seen) > 0).all() or motion == "no-preference"
        assert (np.diff(seen).max() > 0.05) == (motion == "reduce")
        play.click()
        expect(play).to_have_text("▶ Play")
        kept = slider.input_value()
        page.wait_for_timeout(1100)
        assert slider.input_value() == kept
        play.click()
        slider.press("ArrowLeft")
        expect(play).to_have_text("▶ Play")
    slide(page, 60, "acting")
    expect(said(page, "acting")).to_have_text("Step 60 of 60")
    play = box(page, "acting").locator(".play")
    play.click()  # from the end it begins anew
    expect(said(page, "acting")).not_to_have_text("Step 60 of 60")
    page.get_by_label("Seed").fill("5")
    page.get_by_label("Seed").press("Enter")
    expect(said(page, "acting")).to_have_text("Step 0 of 60", timeout=90_000)
    expect(page.locator(".play")).to_have_count(2)


def test_before_a_room_there_is_the_lesson_alone_and_its_slider_is_seen(app, visit):
    page = visit(f"{app}/learn?lesson=1&projector=1", settled=False)
    page.set_viewport_size({"width": 1280, "height": 720})
    slider = box(page).locator("input[type=range]")
    expect(slider).to_be_visible()
    for chrome in ("stSidebar", "stHeader", "stBottom"):
        expect(page.get_by_test_id(chrome)).to_be_hidden()
    expect(page.get_by_text("Answer", exact=True)).to_have_css("font-size", re.compile(r"^(1[7-9]|2\\d)"))
    expect(box(page).locator("svg.marks")).to_be_visible()
    page.wait_for_function(
        "document.querySelector('.st-key-growing-box input[type=range]').getBoundingClientRect().bottom <= 720"
    )
    page.get_by_role("button", name="Step 2").click()
    expect(page).to_have_url(re.compile("lesson=2.*projector=1|projector=1.*lesson=2"))
    page.get_by_text("Projector", exact=True).click()
    expect(page.get_by_test_id("stHeader")).to_be_visible()
    expect(page).not_to_have_url(re.compile("projector"))


def test_the_lesson_as_a_file_works_without_a_network(app, visit, tmp_path):
    page = visit(f"{app}/learn")
    link = page.get_by_role("link", name="The lesson as one file")
    answer = page.request.get(urljoin(page.url, link.get_attribute("href")), timeout=0)
    assert answer.headers["content-disposition"] == 'attachment; filename="isobar-lesson.html"'
    file = tmp_path / "lesson.html"
    file.write_bytes(answer.body())
    page = visit(file.as_uri(), settled=False, offline=True)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    page.wait_for_function("document.body.dataset.drawn === '8'")
    chart = page.locator(".chart").first
    chart.locator("input[type=range]").fill("0")
    expect(chart.locator(".role-title text").first).to_have_text("5 components, 0 loops")
    chart.locator(".play").click()
    expect(chart.locator(".role-title text").first).to_have_text("1 component, 0 loops", timeout=60_000)
    answer = page.get_by_text("Five components at the start")
    expect(answer).to_be_hidden()
    page.get_by_text("Answer", exact=True).first.click()
    expect(answer).to_be_visible()
    page.locator(".cloud").scroll_into_view_if_needed()
    expect(page.locator(".numbers")).to_contain_text("11 bars")
    x, y = middle(page.locator(".cloud"))
    page.mouse.click(x, y)
    expect(page.locator(".numbers")).to_contain_text("12 bars")
    page.reload()
    expect(page.locator(".numbers")).to_contain_text("12 bars")
    assert {url.partition("#")[0] for url in asked} == {file.as_uri()}
