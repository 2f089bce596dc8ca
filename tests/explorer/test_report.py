"""The report of a run: one file, whole, small, and with nothing in it that a text of the run could set off."""

import json
import os
import re
import subprocess
import sys
from functools import partial
from html.parser import HTMLParser

import pytest

from core.errors import IsobarError
from core.runs import layout, list_runs, load_run
from explorer import report
from explorer.charts.plane import common_plane
from explorer.panels import barcodes
from explorer.panels.figure import spec_of
from explorer.panels.texts import texts_of
from tests.explorer.synthetic import NASTY, write_inspections, write_run

pytestmark = pytest.mark.slow


class Elements(HTMLParser):
    """The elements of a page, and the text outside of scripts."""

    def __init__(self, page: str):
        super().__init__()
        self.found, self.text, self.scripts, self.within = [], "", {}, None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag in ("script", "style"):
            self.within = dict(attributes).get("id", tag)

    def handle_endtag(self, tag):
        if tag in ("script", "style"):
            self.within = None

    def handle_data(self, data):
        if self.within:
            self.scripts[self.within] = data
        else:
            self.text += data


def charts_of(page: Elements) -> dict:
    return json.loads(page.scripts["charts"])


def test_a_run_s_report_holds_the_charts_of_the_app_its_numbers_texts_and_settings(one_run):
    run = load_run(one_run())
    page = Elements(report.html(run))
    placed = [a["data-chart"] for _, a in page.found if a.get("class") == "chart"]
    assert placed == list(charts_of(page))
    assert [key for key in placed if key.startswith("barcode")] == [
        f"barcode-{label}-{side}" for label in (0, 1) for side in ("before", "after")
    ]
    assert {"cloud", "timeline", "spectrum", "cumulative", "by-class", "loss", "entropy"} <= set(placed)
    for said in ("0.020 → 0.620", "Matthews' correlation", "+0.600 better", "learning_rate: 0.0002", "label_names"):
        assert said in page.text
    # Six merges a class and end, and the thirty texts that moved most.
    assert page.text.count("Farthest: the longest bars") == page.text.count("Nearest: the shortest bars") == 2
    assert re.findall(r"Bar (\d+),", page.text) == 2 * [*"123456", *map(str, range(39, 33, -1))]
    assert "The first 30 of 80 are listed." in page.text
    # A click and a brush find the texts by their rows.
    texts = json.loads(page.scripts["texts"])
    assert texts == run.probe["text"].tolist()
    # And nothing in it is fetched.
    assert not [a for _, a in page.found if "src" in a or "href" in a]
    policy = next(a["content"] for tag, a in page.found if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';")


def test_the_cards_say_what_the_page_s_do(tmp_path):
    write_run(tmp_path, regularizer="none", score=0.9, minutes_ago=1)
    page = report.html(load_run(write_run(tmp_path, score=0.62)))
    assert '<span class="soft">−0.280 from the baseline</span>' in page
    assert "baseline 0.900 · one seed: it may be noise" in page
    assert "+0.600" not in page


def test_texts_stay_texts(one_run):
    names = ("</script><img src=x onerror=alert(1)>", "<!--")
    path = one_run(names=names, texts=NASTY, task="<b>$task</b>", model="org/</title><script>alert(2)</script>")
    page = Elements(report.html(load_run(path)))
    tags = [tag for tag, _ in page.found]
    assert tags.count("script") == 7
    assert "img" not in tags
    assert names[0] in page.text
    assert names[0] in page.scripts["charts"].replace("\\u003c", "<")


def test_a_report_of_before_alone_is_that_of_an_inspection(one_run):
    path = one_run()
    for file in sorted((path / "snapshots").iterdir())[1:]:
        file.unlink()
    found = json.loads((path / "report.json").read_text())
    (path / "report.json").write_text(
        json.dumps({"before": found["before"], "isotropic": {"anisotropy_1": 0.021}, "metric": "mcc"})
    )
    (path / "events.jsonl").unlink()
    page = Elements(report.html(load_run(path)))
    assert list(charts_of(page)) == [
        "standing",
        "barcode-0-before",
        "barcode-1-before",
        "cloud",
        "spectrum",
        "cumulative",
        "cosines",
    ]
    assert "isotropic 0.021" in page.text
    assert "→" not in page.text
    assert "Merges" in page.text


def test_a_report_says_which_regularizers_there_were(one_run):
    page = Elements(report.html(load_run(one_run(regularizer="istar(weight=0.5) + cosine", per_class=12, width=8))))
    assert "I-STAR ↑ + cosine · I-STAR weight 0.5 · cosine weight 1 · seed 0" in page.text
    assert "persistent entropy:" not in page.text


def test_a_report_of_an_inspection_knows_no_before(tmp_path):
    write_inspections(tmp_path)
    run = next(run for run in list_runs(tmp_path / layout.INSPECTIONS) if run.state == "finished")
    page = Elements(report.html(run))
    assert "inspection · seed 0" in page.text
    assert "Green is this checkpoint." in page.text
    assert not [word for word in ("baseline", "before training", "Grey is before") if word in page.text]
    charts = charts_of(page)
    assert "barcode-0-this-checkpoint" in charts
    assert "There is no snapshot after" not in page.text
    assert "The line runs from isotropic, left, to collapsed, right. Of the whole cloud" in page.text
    assert "the right end can be success too: a head that has its classes apart." in page.text
    assert "layers-isoscore" in charts
    assert not {"layers", "cloud", "timeline"} & set(charts)
    assert "this checkpoint" in charts["spectrum"]["description"]


@pytest.mark.parametrize("broken", ["spec.yaml", "status.json", "report.json", "events.jsonl", "probe.parquet"])
def test_a_run_cut_short_has_a_report_of_what_is_there(one_run, broken):
    path = one_run(per_class=12, width=8)
    (path / broken).write_bytes((path / broken).read_bytes()[:40])
    assert "spectrum" in charts_of(Elements(report.html(load_run(path))))


def test_a_run_without_a_snapshot_has_nothing_to_report(one_run, tmp_path):
    path = one_run(state="failed", done=20)
    for file in (path / "snapshots").iterdir():
        file.write_bytes(b"")
    with pytest.raises(IsobarError, match="nothing to report"):
        report.write(load_run(path), tmp_path / "out.html")
    assert not (tmp_path / "out.html").exists()


def test_a_timeline_of_many_snapshots_is_thinned_to_what_fits(one_run):
    page = Elements(report.html(load_run(one_run(per_class=12, width=8, snapshots=20))))
    steps = next(p["value"] for p in charts_of(page)["timeline"]["params"] if p["name"] == "steps")
    assert len(steps) == 12
    assert (steps[0], steps[-1]) == (0, 60)
    assert "12 of 20 snapshots are shown." in page.text


def test_very_many_bars_are_cut_to_the_longest(one_run, monkeypatch):
    monkeypatch.setattr(report, "_MOST_BARS", 40)
    page = Elements(report.html(load_run(one_run())))
    assert "The 10 longest of 39 bars." in page.text
    own = charts_of(page)["barcode-0-after"]
    assert {len(column) for column in (*own["bars"].values(), own["entropies"])} == {10}


def filled(form, own):
    """The description that the browser makes of a form and of what a class has of its own, as report.html says."""
    columns = own["bars"]
    bars = [dict(zip(columns, row)) for row in zip(*columns.values())]
    ends = [(bar["row"], bar["x"], bar["y"]) for bar in bars] + [(bar["other"], bar["x2"], bar["y2"]) for bar in bars]
    points = {row: {"x": x, "y": y} for row, x, y in ends}
    values = {
        **own,
        "bars": bars,
        "lengths": columns["length"],
        "-extent": -own["extent"],
        "points": list(points.values()),
    }

    def placed(part):
        if isinstance(part, str):
            return values[part[1:]] if part.startswith("@") else part
        if isinstance(part, list):
            return [placed(one) for one in part]
        return {key: placed(one) for key, one in part.items()} if isinstance(part, dict) else part

    return placed(form)


def without_names(spec):
    """The description without what tables and views happen to be called."""
    said = re.sub(r'"view_[0-9a-f_]+"', '"view"', json.dumps(spec))
    return re.sub(r'"data": {"name": "[^"]+"}', "", said).replace('"data-', "")


def test_a_form_filled_in_is_the_chart_of_the_app(one_run):
    run = load_run(one_run(names=("a", "b", "c"), per_class=9))
    page = Elements(report.html(run))
    forms, charts = json.loads(page.scripts["forms"]), charts_of(page)
    assert set(forms) == {"Before", "After"}
    texts = texts_of(run)
    for shape in run.after.classes:
        own = charts[f"barcode-{shape.label}-after"]
        of_class = [side.embeddings[side.labels == shape.label] for side in (run.before, run.after)]
        options = {name: own[name] for name in ("longest", "most", "extent", "colour", "description")}
        plane = common_plane(of_class)[1]
        make = partial(barcodes.linked, shape, run.after, plane, texts, room=8, title="After", **options)
        chart, found = spec_of(make), filled(forms["After"], own)
        for param in chart["params"]:  # a list of numbers is spelled as text there
            if "expr" in param:
                param["value"] = [float(number) for number in param.pop("expr").split("'")[1].split(",")]
        bars, points = sorted(chart.pop("datasets").values(), key=lambda rows: "rank" not in rows[0])
        own_bars, own_points = sorted(found.pop("datasets").values(), key=len)
        chart.pop("config")
        assert without_names(found) == without_names(chart)
        assert [{name: bar[name] for name in own_bars[0] if name != "feature"} for bar in bars] == [
            {name: bar[name] for name in bar if name != "feature"} for bar in own_bars
        ]
        assert [bar["kind"] == "feature" for bar in bars] == [bool(bar["feature"]) for bar in own_bars]
        assert sorted((p["x"], p["y"]) for p in points) == sorted((p["x"], p["y"]) for p in own_points)


def test_of_many_classes_all_but_the_first_are_folded_and_the_file_stays_small(one_run):
    names = tuple(f"class {k}" for k in range(100))
    page = Elements(report.html(load_run(one_run(names=names, per_class=5, width=12))))
    folded = [tag for tag, of in page.found if tag == "details" and of.get("class") == "panel"]
    assert len(folded) == 100 - 12
    assert len([key for key in charts_of(page) if key.startswith("barcode")]) == 200
    assert len(page.scripts["charts"]) < 1e6
    assert len(json.loads(page.scripts["forms"])) == 2
    assert page.text.count("Farthest: the longest bars") == 12
    assert "Of the first 12 of 100 classes" in page.text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "There is no run directory"),
        (["sample", "--out", "no/such/folder/out.html"], "there is no folder"),
        (["sample", "--out", "."], "can't be written"),
    ],
)
def test_a_wrong_request_is_a_sentence(tmp_path, arguments, said):
    write_run(tmp_path, per_class=6, width=8).rename(tmp_path / "sample")
    done = command(tmp_path, arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["sample"]


def test_the_command_writes_a_file_of_the_run_s_name(tmp_path):
    path = write_run(tmp_path, per_class=400, width=96)
    done = command(tmp_path, [path.name, "--json"])
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    said = json.loads(done.stdout)
    assert said == {"report": f"{path.name}.html", "bytes": (tmp_path / f"{path.name}.html").stat().st_size}
    assert said["bytes"] < 5e6


def command(folder, arguments):
    from tests.explorer.conftest import MAIN

    return subprocess.run(
        [sys.executable, "-m", "core.cli", "report", *arguments, "--runs", "."],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(MAIN.parents[2])},
    )
