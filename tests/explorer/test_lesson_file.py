import json
import re

import pytest

from explorer import lesson_file
from explorer.panels import lesson


@pytest.fixture(scope="module")
def page():
    return lesson_file.html()


@pytest.mark.slow
def test_every_step_is_there_with_its_question_answer_and_clouds(page):
    body = page[page.index("<body>") : page.index("<script")]
    words = re.sub(r"<[^>]+>", "", body)
    for name, step in lesson.STEPS.items():
        assert f"<h2>{name}. {step.title}</h2>" in body
        for text in (step.text, step.question, step.answer):
            assert text.replace("*", "").replace("\n\n", "") in words
        for choice in step.choices:
            assert f"<h3>{choice}</h3>" in body
    assert "*" not in words.replace("*r*", "")
    drawn = re.findall(r'data-chart="([^"]+)"', body)
    charts = json.loads(re.search(r'id="charts">(.*?)</script>', page)[1])
    assert drawn == list(charts)
    assert len(drawn) == sum(max(len(step.choices), 1) + step.acts for step in lesson.STEPS.values())
    assert body.count("How is the threshold found?") == len(drawn) - 1


@pytest.mark.slow
def test_it_forbids_itself_to_fetch_anything_and_is_small(page):
    assert "default-src 'none'" in page
    assert not re.search(r'(?:src|href)="(?!data:)[^"]', page[: page.index("<script>")])
    assert len(page.encode()) < 3_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("**a** *b* < c", "<p><b>a</b> <em>b</em> &lt; c</p>"),
        ("one\n\n- a\n- **b**", "<p>one</p><ul><li>a</li><li><b>b</b></li></ul>"),
    ],
)
def test_the_markdown_of_the_lesson_is_html(text, expected):
    assert lesson_file._marked_up(text) == expected
