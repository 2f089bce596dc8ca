"""Images and sounds in a real browser: they are seen and can be played, on a page and in a report without a network."""

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from core.modalities import MODALITIES, Cut
from core.modalities.media import image_cell, sound_cell
from core.runs import layout, load_run
from explorer import report
from tests.browser.app_process import settle
from tests.explorer.synthetic import write_inspection

pytestmark = [pytest.mark.browser, pytest.mark.slow]
CELLS = {
    "image": lambda draw: image_cell(Image.fromarray(draw.integers(0, 256, (200, 300, 3), dtype=np.uint8)), "a.png"),
    "audio": lambda draw: sound_cell(0.1 * draw.standard_normal(8_000), 16_000, "a.wav"),
}
TAGS = {"image": "img[src*='data:image/jpeg'], [data-testid='stImage'] img", "audio": "audio"}
# An image is decoded; a sound is, once it is asked for, half a second long.
SHOWN = {
    "image": "elements => Promise.all(elements.map(async e => { await e.decode(); return e.naturalWidth; }))",
    "audio": """elements => Promise.all(elements.map(e => new Promise((resolve, reject) => {
        e.onloadedmetadata = () => resolve(e.duration);
        e.onerror = () => reject(e.error.message);
        e.preload = "metadata";
        e.load();
    })))""",
}


@pytest.fixture(params=["image", "audio"])
def kind(request):
    return request.param


@pytest.fixture
def inspection(kind, own_runs):
    path = write_inspection(own_runs, per_class=6, names=("one", "other"))
    draw = np.random.default_rng(0)
    (path / layout.PREVIEWS).mkdir()
    for row in range(12):
        shown = MODALITIES[kind].preview(CELLS[kind](draw), Cut())
        (path / layout.PREVIEWS / f"{layout.preview_name(row)}{shown.suffix}").write_bytes(shown.content)
    return path


def seen(page, kind):
    page.locator(TAGS[kind]).first.wait_for()
    return page.locator(TAGS[kind]).evaluate_all(SHOWN[kind])


def right(kind, found):
    return all(96 <= value <= 300 for value in found) if kind == "image" else set(found) == {0.5}


def test_on_a_page(kind, inspection, visit, own_runs, own_app):
    with own_app(own_runs) as address:
        page = visit(f"{address}/inspect?of={inspection.name}&class=other")
        two = seen(page, kind)  # that the longest bar joins
        assert len(two) == 2
        assert right(kind, two)
        page.get_by_role("radio", name="Merges").click()
        expect(page.get_by_text("Farthest: the longest bars").first).to_be_visible()
        settle(page)
        merged = seen(page, kind)
        assert len(merged) >= 10
        assert right(kind, merged)


def test_in_a_report(kind, inspection, chromium, tmp_path):
    report.write(load_run(inspection), tmp_path / "report.html")
    context = chromium.new_context(offline=True)
    page, complaints = context.new_page(), []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto((tmp_path / "report.html").as_uri())
    page.locator("body[data-drawn]").wait_for()
    found = seen(page, kind)
    assert len(found) >= 20
    assert right(kind, found)
    page.locator("[data-chart=barcode-1-this-checkpoint] g.mark-rect path").first.dispatch_event("click")
    joined = page.locator("figure", has=page.locator("[data-chart=barcode-1-this-checkpoint]")).locator(".said")
    expect(joined).to_contain_text("Bar 1, ")
    two = joined.locator({"image": "img", "audio": "audio"}[kind])
    expect(two).to_have_count(2)
    assert right(kind, two.evaluate_all(SHOWN[kind]))
    assert complaints == []
    context.close()
