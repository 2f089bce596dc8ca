"""A window of 800 pixels: nothing is cut, nothing overlaps, no picture is squeezed to a line."""

import pytest

from tests.browser.app_process import settle

pytestmark = [pytest.mark.browser, pytest.mark.slow]

_CUT = """() => [...document.querySelectorAll('[data-testid="stMetricValue"] *, [data-testid="stMetricDelta"] *')]
    .filter(one => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX !== 'visible'
        || one.getBoundingClientRect().right > document.querySelector('[data-testid="stMainBlockContainer"]').getBoundingClientRect().right)
    .map(one => one.textContent)"""
_OVERLAPS = """() => {
    const boxes = [...document.querySelectorAll('.st-key-timeline svg .mark-text text')].map(one => one.getBoundingClientRect());
    return boxes.flatMap((a, i) => boxes.slice(i + 1).filter(b =>
        a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1)).length;
}"""
_OUTSIDE = """(selector) => [...document.querySelectorAll(selector + ' svg')].flatMap(svg => {
    const frame = svg.getBoundingClientRect();
    return [...svg.querySelectorAll('text')].filter(one => {
        const box = one.getBoundingClientRect();
        return box.width &&  // a turned text has a box a little wider than its letters
            (box.left < frame.left - 6 || box.right > frame.right + 6);
    }).map(one => one.textContent);
})"""


def test_a_run_and_a_comparison_at_800_pixels(app, gallery, visit):
    page = visit(f"{app}/run?run=sample&view=Timeline")
    page.set_viewport_size({"width": 800, "height": 720})
    settle(page)
    assert page.evaluate(_CUT) == []
    assert page.evaluate(_OVERLAPS) == 0
    assert page.evaluate(_OUTSIDE, ".st-key-timeline") == []
    page.goto(f"{app}/compare?runs=sample,sample-baseline")
    settle(page)
    widths = page.locator(".st-key-linked-1 g.mark-rect path, [class*='st-key-pair'] g.mark-rect path").evaluate_all(
        "bars => bars.map(bar => bar.getBoundingClientRect().width)"
    )
    assert max(widths) > 200
    assert page.evaluate(_OUTSIDE, '[data-testid="stMain"]') == []
    assert page.get_by_text("95 % interval").count() == 0  # one seed has none
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"{app}/run?run=sample")
    settle(page)
    assert page.evaluate(_CUT) == []
