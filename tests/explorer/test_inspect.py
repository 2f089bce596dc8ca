"""The page Inspect, files of one's own, and how long a run will take."""

import json

import pytest

from core.geometry import mean_cosine
from core.runs import checkpoints, layout, load_run
from core.training.spec import RunSpec
from explorer import report
from explorer.panels.words import number
from tests.explorer.conftest import called
from tests.explorer.synthetic import NASTY, write_inspection, write_run
from tests.explorer.test_pages import all_text, charts

VIEWS = ("Barcodes", "Merges", "Anisotropy", "Layers", "Beside another")


def button(app, label):
    return next(found for found in app.button if found.label == label)


def box(app, label):
    return next(found for found in app.selectbox if found.label == label)


@pytest.mark.slow
def test_an_inspection_shows_cards_beside_their_references_and_a_barcode_of_each_class(open_page, tmp_path):
    path = write_inspection(tmp_path, base=True)
    app = open_page("inspect", tmp_path, of=path.name, more="1")
    assert not app.exception
    assert app.subheader[0].value == "minilm on grammar"
    report = load_run(path).report
    values = {metric.label: metric.value for metric in app.metric}
    assert values["Anisotropy 1"] == f"{report['before']['anisotropy_1']:.3f}"
    assert f"isotropic {report['isotropic']['anisotropy_1']:.3f}" in all_text(app)
    assert f"untouched {report['base']['anisotropy_1']:.3f}" in all_text(app)
    assert len(charts(app)) == 3
    assert "A note on the data" in all_text(app)
    saves = {"Report, HTML", "Measures and bars, JSON", "Numbers, CSV", "Bars, CSV"}
    assert saves <= {button.label for button in app.get("download_button")}


@pytest.mark.slow
def test_the_verdict_is_core_s_on_the_page_and_in_the_report(open_page, tmp_path):
    from html import unescape

    from core.geometry.verdict import verdict

    run = load_run(write_inspection(tmp_path))
    said = verdict(run.before.embeddings, run.before.labels).sentence
    assert said in all_text(open_page("inspect", tmp_path, of=run.name)).replace("\\", "").replace("\u2060", "")
    assert said in unescape(report.html(run))
    assert '"standing"' in report.html(run)


@pytest.mark.slow
def test_two_inspections_of_the_same_examples_stand_side_by_side(open_page, tmp_path):
    one = write_inspection(tmp_path, minutes_ago=2)
    view = {"view-inspection": "Beside another"}
    app = open_page("inspect", tmp_path, of=one.name, **view)
    assert "No other inspection is of the same texts yet." in all_text(app)
    write_inspection(tmp_path, minutes_ago=3, names=("all texts",))
    other = write_inspection(tmp_path, minutes_ago=1, model="./mine")
    app = open_page("inspect", tmp_path, of=one.name, **view)
    assert not app.exception
    assert len(box(app, "Beside").options) == 1  # the third is of other examples
    assert len(charts(app)) == 2
    said = all_text(app).replace("\\", "")
    assert "CKA" in said
    assert "of nearest neighbours kept" in said
    table = app.dataframe[0].value
    rows = [load_run(path).before.embeddings for path in (one, other)]
    mean = table.set_index("measure").loc["Mean cosine"]
    assert mean["difference"] == pytest.approx(mean_cosine(rows[1]) - mean_cosine(rows[0]))
    assert mean["from"] <= mean["difference"] <= mean["to"]
    assert app.query_params["of"] == [one.name] or app.query_params["of"] == one.name


def test_without_a_base_nothing_is_said_of_it(open_page, tmp_path):
    path = write_inspection(tmp_path)
    assert "untouched" not in all_text(open_page("inspect", tmp_path, of=path.name))


@pytest.mark.slow
def test_a_link_may_name_a_class_and_a_view(open_page, tmp_path):
    of = {"of": write_inspection(tmp_path).name}
    app = open_page("inspect", tmp_path, **of, **{"class": "acceptable"})
    assert len(charts(app)) == 2
    assert "Bar 1" in all_text(app)
    assert len(charts(open_page("inspect", tmp_path, **of, **{"view-inspection": "Anisotropy"}))) == 4
    assert len(charts(open_page("inspect", tmp_path, **of, **{"view-inspection": "Layers"}))) == 10
    assert len(charts(open_page("inspect", tmp_path, **of, **{"view-inspection": "nonsense"}))) == 3


def test_merges_are_told_as_the_texts_that_they_join(open_page, tmp_path):
    from core.geometry import merges

    path = write_inspection(tmp_path)
    app = open_page("inspect", tmp_path, of=path.name, **{"view-inspection": "Merges"})
    said, run = all_text(app), load_run(path)
    for shape in run.before.classes:
        found = merges(shape)
        for merge in (found[0], found[-1]):
            assert f"length {number(merge.length)}" in said
            assert all(run.probe["text"].iloc[row] in said for row in merge.rows)


@pytest.mark.slow
def test_layers_are_drawn_where_they_were_measured(open_page, tmp_path):
    path = write_inspection(tmp_path, layers=4)
    app = open_page("inspect", tmp_path, of=path.name, **{"view-inspection": "Layers"})
    assert not app.exception
    assert len(charts(app)) == 10
    assert "The large point is layer 3" in all_text(app)
    path = write_inspection(tmp_path, layers=0, seed=1)
    app = open_page("inspect", tmp_path, of=path.name, **{"view-inspection": "Layers"})
    assert "older version" in all_text(app)


def test_one_under_way_says_how_far_it_is_and_can_be_stopped(open_page, tmp_path):
    path = write_inspection(tmp_path, state="running")
    app = open_page("inspect", tmp_path, of=path.name)
    assert not app.exception
    assert [bar.proto.text for bar in app.get("progress")] == ["Embedding the texts, 128 of 400"]
    app.button(key="stop-inspection").click().run()
    assert (path / layout.STOP).exists()
    assert app.button(key="stop-inspection").label == "Stopping…"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("state", "said"), [("failed", "There is no model"), ("stopped", "Stopped before anything was found")]
)
def test_one_that_found_nothing_says_why_and_leads_back(open_page, tmp_path, state, said):
    error = "There is no model 'minlm': it is neither built in, nor a folder." if state == "failed" else None
    path = write_inspection(tmp_path, state=state, error=error, seed=3)
    app = open_page("inspect", tmp_path, of=path.name)
    assert said in all_text(app)
    assert not app.metric
    app = open_page("inspect", tmp_path, like=path.name)
    assert called(app.number_input, "inspect_seed").value == 3


@pytest.mark.parametrize("name", ["nowhere", "../../etc", "..", "<b>"])
def test_a_link_to_an_inspection_that_does_not_exist_leads_on(open_page, tmp_path, name):
    app = open_page("inspect", tmp_path, of=name)
    assert not app.exception
    assert "There is no inspection" in app.error[0].value


@pytest.mark.slow
@pytest.mark.parametrize("how", ["gone", "cut"])
@pytest.mark.parametrize("broken", ["spec.yaml", "status.json", "report.json", "probe.parquet", "000000"])
def test_a_directory_cut_short_anywhere_still_has_a_page(open_page, tmp_path, broken, how):
    path = write_inspection(tmp_path, per_class=8, width=8)
    (file,) = (p for p in path.rglob("*") if p.is_file() and broken in p.name)
    content = file.read_bytes()
    file.unlink() if how == "gone" else file.write_bytes(content[: len(content) // 2])
    app = open_page("inspect", tmp_path, of=path.name, **{"view-inspection": VIEWS[len(broken) % 3]})
    assert not app.exception, app.exception
    assert not [e for e in app.error if "can't be shown" in e.value]


@pytest.mark.slow
@pytest.mark.parametrize("view", VIEWS[:2])
def test_texts_are_shown_as_text(open_page, tmp_path, view):
    names = ("<img src=x onerror=alert(1)>", "**bold** :smile: $x$")
    path = write_inspection(tmp_path, names=names, texts=NASTY, per_class=8, model="org/**model**", task="<b>task")
    app = open_page("inspect", tmp_path, of=path.name, **{"view-inspection": view})
    assert not app.exception
    assert "<img" not in all_text(app)
    assert "<script" not in all_text(app)
    assert r"\<b\>task" in app.subheader[0].value


@pytest.mark.slow
def test_inspections_do_not_stand_among_the_runs(open_page, tmp_path):
    write_inspection(tmp_path)
    run = write_run(tmp_path, per_class=8)
    app = open_page("inspect", tmp_path)
    assert [page.label for page in app.get("page_link") if page.label.endswith("on grammar")] == ["minilm on grammar"]
    assert app.query_params.get("of") is None
    assert open_page("run", tmp_path).query_params["run"] == run.name


def test_inspect_starts_one_of_what_was_chosen(open_page, tmp_path, monkeypatch):
    from explorer import jobs

    started = []
    monkeypatch.setattr(
        jobs, "inspect", lambda spec, runs: started.append(spec) or write_inspection(tmp_path, state="running")
    )
    app = open_page("inspect", tmp_path)
    called(app.number_input, "inspect_layer").set_value(3).run()
    called(app.selectbox, "inspect_pooling").set_value("mean").run()
    button(app, "Inspect").click().run()
    assert not app.exception
    (spec,) = started
    assert (spec.layer, spec.pooling, spec.model, spec.regularizer) == (3, "mean", "minilm", "none")
    assert "of" in app.query_params


def test_the_form_of_one_page_is_not_that_of_the_other(open_page, tmp_path):
    app = open_page("inspect", tmp_path, model="./mine")
    assert called(app.selectbox, "inspect_model").value == "./mine"
    assert "spec_model" not in app.session_state


@pytest.mark.slow
def test_finished_runs_offer_their_models(open_page, tmp_path):
    path = write_run(tmp_path, per_class=8)
    (path / layout.MODEL).mkdir()
    (path / layout.MODEL / "config.json").write_text("{}")
    app = open_page("inspect", tmp_path)
    assert any(option.startswith("run: grammar") for option in called(app.selectbox, "inspect_model").options)
    of_model = write_inspection(tmp_path, model=str(path / layout.MODEL))
    app = open_page("inspect", tmp_path, of=of_model.name)
    assert app.subheader[0].value == "minilm, fine-tuned, on grammar"


def csv(rows=60, head="review,mood", classes=2) -> bytes:
    lines = [head, *(f"text number {i} of them,class {i % classes}" for i in range(rows))]
    return "\n".join(lines).encode()


def uploaded(app, content, name="moods.csv", form="inspect_"):
    app.file_uploader(key=f"{form}upload").set_value((name, content, "text/csv"))
    return app.run()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"", "a.csv", "is empty"),
        (b"text,label\n", "a.csv", "has no rows"),
        (b"text,label\n\xff\xfe,1\n", "a.csv", "is not UTF-8"),
        (b"text,label\na,b,c,d\n", "a.csv", "is malformed at row 2"),
        (b"text,text\na,b\n", "a.csv", "has two columns named 'text'"),
        (csv(60, classes=1), "a.csv", "Label column"),
        (b"not parquet", "a.parquet", "is not a parquet file"),
        (b"{", "a.jsonl", "is malformed at line 1"),
    ],
)
@pytest.mark.parametrize("form", ["inspect_"])
def test_a_bad_file_is_a_sentence(open_page, tmp_path, content, name, said, form):
    app = uploaded(open_page("inspect", tmp_path), content, name, form)
    assert not app.exception
    assert (tmp_path / ".uploads").exists() == (said == "Label column")
    if said == "Label column":  # one class is one cloud; labels that are chosen must be classes
        box(app, "Label column").set_value("mood").run()
        said = "has a single class"
    assert said in app.error[0].value.replace("\\", "").replace("\u2060", "")
    assert "/tmp" not in app.error[0].value
    assert button(app, "Inspect").disabled


@pytest.mark.slow
def test_a_class_of_too_few_texts_is_a_sentence(open_page, tmp_path):
    content = csv(60, "text,label") + b"\nrare one,rare\nrare two,rare"
    for page, form, least in (("inspect", "inspect_", "at least 4."), ("train", "spec_", "at least 20, so that 4")):
        app = uploaded(open_page(page, tmp_path), content, form=form)
        assert f"has 2 texts; each class needs {least}" in app.error[0].value.replace("\\", "")


def test_an_upload_is_the_choice_of_the_data(open_page, tmp_path):
    app = uploaded(open_page("inspect", tmp_path), csv(60, "message,queue"))
    assert not app.exception
    assert not app.error
    (kept,) = (tmp_path / ".uploads").rglob("*.csv")
    assert kept.read_bytes() == csv(60, "message,queue")
    assert called(app.selectbox, "inspect_task").value == str(kept)
    assert "moods.csv (uploaded)" in called(app.selectbox, "inspect_task").options
    assert (box(app, "Text column").value, box(app, "Label column").value) == ("message", "queue")
    assert called(app.text_input, "inspect_label_column").value == "queue"
    assert "60 texts in 2 classes" in all_text(app)
    assert not button(app, "Inspect").disabled
    box(app, "Label column").set_value("(none: one cloud)").run()
    assert called(app.text_input, "inspect_label_column").value == "none"


@pytest.mark.slow
def test_other_data_that_are_chosen_take_the_upload_back(open_page, tmp_path):
    app = uploaded(open_page("inspect", tmp_path), csv())
    called(app.selectbox, "inspect_task").set_value("paraphrase").run()
    assert called(app.selectbox, "inspect_task").value == "paraphrase"
    assert app.file_uploader[0].value is None
    app = uploaded(open_page("train", tmp_path), b"text,text\na,b\n", form="spec_")
    assert button(app, "Start").disabled
    called(app.selectbox, "spec_task").set_value("paraphrase").run()
    assert not button(app, "Start").disabled
    assert not app.error


def test_the_form_asks_where_columns_are_in_doubt(open_page, tmp_path):
    rows = [f"the parcel number {n} is late,{n % 2},{n % 3}" for n in range(60)]
    app = uploaded(open_page("inspect", tmp_path), "\n".join(["message,queue,priority", *rows]).encode())
    assert (box(app, "Text column").value, box(app, "Label column").value) == ("message", None)
    assert "several columns that may hold the labels" in app.error[0].value
    assert button(app, "Inspect").disabled
    box(app, "Label column").set_value("priority").run()
    assert "60 texts in 3 classes" in all_text(app)
    assert not button(app, "Inspect").disabled


@pytest.mark.slow
def test_an_inspection_looks_at_all_of_an_upload(open_page, tmp_path, monkeypatch):
    from core.training.inspection import examples_of
    from explorer import jobs

    started = []
    monkeypatch.setattr(
        jobs, "inspect", lambda spec, runs: started.append(spec) or write_inspection(tmp_path, state="running")
    )
    app = uploaded(open_page("inspect", tmp_path), csv(120, "message,queue").replace(b",", b";"))
    button(app, "Inspect").click().run()
    assert len(examples_of(started[0]).validation) == 120


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("t.csv", csv(classes=40), "review"),
        ("t.csv", b"abstract\n" + b"one text\n" * 9, "abstract"),
        ("t.txt", b"a\nb\n" * 4, "text"),
    ],
)
def test_texts_without_labels_are_one_cloud_to_look_at_and_none_to_train_on(open_page, tmp_path, name, content, text):
    app = uploaded(open_page("inspect", tmp_path), content, name)
    assert "one cloud, of up to 2 times the texts a class" in all_text(app)
    assert {box.label: box.value for box in app.selectbox}["Label column"] == "(none: one cloud)"
    assert "texts, one cloud" in all_text(app)
    assert not app.exception
    assert called(app.text_input, "inspect_label_column").value == "none"
    assert called(app.text_input, "inspect_text_column").value == text
    train = open_page("train", tmp_path)
    assert "one cloud" not in all_text(train)
    if name.endswith("csv"):
        train = uploaded(train, content, name, "spec_")
        assert "one cloud" not in str([box.options for box in train.selectbox])
        assert train.error
        assert button(train, "Start").disabled


def test_fewer_texts_than_have_a_shape_are_a_sentence(open_page, tmp_path):
    app = uploaded(open_page("inspect", tmp_path), b"one\ntwo\nthree", "t.txt")
    assert "at least 4 texts" in app.error[0].value
    assert button(app, "Inspect").disabled


@pytest.mark.slow
def test_an_inspection_of_texts_without_labels_has_one_class_and_no_score(open_page, tmp_path):
    path = write_inspection(tmp_path, names=("all texts",))
    for view in VIEWS:
        app = open_page("inspect", tmp_path, of=path.name, **{"view-inspection": view})
        assert not app.exception
        assert not [e for e in app.error if "can't be shown" in e.value]
    assert "MCC" not in {metric.label for metric in app.metric}
    assert report.html(load_run(path)).count("all texts") >= 2


@pytest.mark.slow
def test_an_upload_on_train_fills_the_spec_that_core_then_reads(open_page, tmp_path):
    from core.tasks import load_task

    app = uploaded(open_page("train", tmp_path), csv(100, "text,label", 4), "../../etc/my moods!.CSV", "spec_")
    assert not app.exception
    (kept,) = (tmp_path / ".uploads").rglob("*.csv")
    assert kept.name == "my-moods.csv"
    assert f"task: {kept}" in app.code[0].value
    assert "80 texts" not in all_text(app)
    task = load_task(str(kept), text_column="text", label_column="label")
    assert (len(task.train), task.num_labels) == (80, 4)


def test_the_same_content_is_kept_once(tmp_path, monkeypatch):
    from explorer.panels import upload

    monkeypatch.setenv("ISOBAR_RUNS", str(tmp_path))
    paths = {upload.store("a.csv", b"x", "0" * 64) for _ in range(2)} | {upload.store("a.csv", b"y", "1" * 64)}
    assert len(paths) == 2
    assert sorted(p.name for p in (tmp_path / ".uploads").rglob("*") if p.is_file()) == ["a.csv", "a.csv"]


@pytest.fixture
def judged(monkeypatch, tmp_path):
    """A function that returns the estimate of a spec by the runs in a folder."""
    import streamlit as st

    from explorer.panels.estimate import estimate

    monkeypatch.setenv("ISOBAR_RUNS", str(tmp_path))

    def said(**settings):
        st.cache_data.clear()
        return estimate(RunSpec(**settings))

    return said


def test_an_estimate_goes_by_the_steps_of_earlier_runs(judged, tmp_path):
    path = write_run(tmp_path, per_class=8)
    events = [json.loads(line) for line in (path / layout.EVENTS).read_text().splitlines()]
    events = sorted(events, key=lambda row: row["step"])
    for row in events:
        row["time"] = (
            1000.0 + (30.0 if row["step"] else 0.0) + 0.2 * row["step"]
        )  # steps of 0.2 s, and 30 s beside them
        if "step_seconds" in row:
            row["step_seconds"] = 0.2
    (path / layout.EVENTS).write_text("\n".join(map(json.dumps, events)))
    assert judged(max_steps=100).seconds == pytest.approx(50)
    assert judged(max_steps=100, batch_size=64).seconds == pytest.approx(70)
    assert judged(max_steps=100, accumulation=2).seconds == pytest.approx(70)
    cloud = {"max_steps": 100, "accumulation": 2, "accumulated_cloud": True}
    assert judged(**cloud).seconds == pytest.approx(30 + 40 * 4 / 3)
    assert judged(**cloud, regularizer="none").seconds == pytest.approx(70)
    assert judged().steps == 188
    assert judged(accumulation=2).steps == 95
    assert judged(train_size=320, epochs=2).steps == 20
    assert judged(max_steps=100).words == "About 50 s for 100 steps, judged by an earlier run of this model and task."
    assert judged(max_steps=100, task="paraphrase").words.endswith("of this model on other tasks.")


@pytest.fixture
def timed(tmp_path):
    """A run of 60 steps of 0.2 s with 2 evaluations of 5 s and one before, 3 snapshots of 1 s, and 4 s of loading; paused for `hours`."""

    def written(hours=0.0, **options):
        path = write_run(tmp_path, per_class=8, **options)
        rows = [json.loads(line) for line in (path / layout.EVENTS).read_text().splitlines()]
        plan = [
            ("memory", 0, 0.0),
            ("probe", 0, 5.0),
            ("evaluation", 0, 5.0),
            *(("step", n, 2.0) for n in (10, 20, 30)),
        ]
        plan += [("probe", 30, 1.0), ("evaluation", 30, 5.0), ("memory", 0, 3600 * hours)] if hours else []
        plan += [("probe", 30, 1.0), ("evaluation", 30, 5.0)] * (not hours)
        plan += [*(("step", n, 2.0) for n in (40, 50, 60)), ("probe", 60, 1.0), ("evaluation", 60, 5.0)]
        now, events = 0.0, []
        for kind, step, took in plan:
            now += took
            like = next((row for row in rows if row["kind"] == kind), {})
            events.append(
                {**like, "kind": kind, "step": step, "time": now, **({"step_seconds": 0.2} if kind == "step" else {})}
            )
        (path / layout.EVENTS).write_text("\n".join(map(json.dumps, events)))
        return path

    return written


def test_a_pause_is_no_running_time(judged, timed, open_page, tmp_path):
    path = timed(hours=8)
    assert judged(max_steps=60, snapshots=3).seconds == pytest.approx(12 + 15 + 3 + 4)
    assert "Finished after 34 s." in all_text(open_page("train", tmp_path, run=path.name)).replace("\\", "")


def test_an_estimate_grows_with_evaluations_snapshots_and_lengths(judged, timed, tmp_path):
    texts = tuple(
        "a text of some ninety characters, as they are often met in reviews, and no word longer than ten"
        for _ in range(16)
    )
    timed(texts=texts)
    asked = {"max_steps": 60, "snapshots": 3, "probe_per_class": 200}
    assert judged(**asked).seconds == pytest.approx(34)
    assert judged(**{**asked, "evaluations": 10}).seconds == pytest.approx(34 + 8 * 5)
    assert judged(**{**asked, "snapshots": 30}).seconds == pytest.approx(34 + 27)
    assert judged(**{**asked, "probe_per_class": 400}).seconds == pytest.approx(34 + 3)
    assert judged(**{**asked, "max_length": 8}).seconds < 4 + 30 / 2
    rows = [f"{texts[0] * 3},{n % 2}" for n in range(100)]
    (tmp_path / "long.csv").write_text(
        "\n".join(["text;label", *(row.replace(",", ";") for row in rows)]).replace("; ", ", ")
    )
    longer = judged(**asked, task=str(tmp_path / "long.csv"))
    assert 4 + 2 * 30 < longer.seconds < 4 + 4 * 30
    assert not longer.same_task


def test_an_estimate_counts_the_rows_of_a_file(judged, tmp_path):
    (tmp_path / "mine.csv").write_bytes(csv(100))
    assert judged(task=str(tmp_path / "mine.csv"), batch_size=16, epochs=1).steps == 5


def test_without_an_earlier_run_nothing_is_made_up(judged):
    assert judged(model="org/unknown").words == "188 steps. How long they take, no earlier run of this model says."
    assert (
        judged(model="org/unknown", task="org/unknown").words
        == "How long they take, no earlier run of this model says."
    )
    assert "sample run" in judged().words


def test_the_least_memory_is_four_numbers_a_weight_and_with_adapters_one(tmp_path):
    import numpy as np
    from safetensors.numpy import save_file

    from explorer.panels.estimate import least_memory

    halves = {"a": np.zeros((1000, 2000), np.float16), "b": np.zeros(5, np.float16)}
    for part in range(2):
        save_file(halves, tmp_path / f"model-{part}.safetensors")
    assert least_memory(RunSpec(model=str(tmp_path))).startswith("At least 0.064 GB")
    assert least_memory(RunSpec(model=str(tmp_path), lora="r=8")).startswith("At least 0.016 GB of memory for weights;")
    assert "0.36 GB" in least_memory(RunSpec())
    assert least_memory(RunSpec(model="org/unknown")) == ""
    (tmp_path / "model-0.safetensors").write_bytes(b"cut")
    assert least_memory(RunSpec(model=str(tmp_path))).startswith("At least 0.032 GB")


@pytest.mark.slow
def test_a_stopped_run_with_a_checkpoint_can_be_resumed(open_page, tmp_path, monkeypatch):
    from explorer import jobs

    path = write_run(tmp_path, state="stopped", done=30, per_class=8)
    for page in ("train", "run"):
        assert not [b for b in open_page(page, tmp_path, run=path.name).button if "Resume" in b.label]
    (path / "checkpoint-30").mkdir()
    (path / "checkpoint-30" / "trainer_state.json").write_text("{}")
    checkpoints.seal(path / "checkpoint-30")
    resumed = []
    monkeypatch.setattr(jobs, "resume", lambda run: resumed.append(run.name))
    for page in ("train", "run"):
        app = open_page(page, tmp_path, run=path.name)
        button(app, "Resume from step 30").click().run()
        assert not app.exception
    assert resumed == [path.name] * 2


@pytest.mark.slow
def test_what_is_under_way_is_said_be_it_no_run(open_page, tmp_path):
    app = open_page("learn", tmp_path)
    assert "no run under way" in all_text(app)
    write_inspection(tmp_path, state="running")
    app = open_page("learn", tmp_path)
    assert "inspection under way" in all_text(app)
    assert "no run under way" not in all_text(app)


@pytest.mark.slow
def test_effective_rank_is_shown_with_a_score_and_without(open_page, tmp_path):
    path = write_inspection(tmp_path)
    report = json.loads((path / "report.json").read_text())
    assert "effective_rank" in report["before"]
    for score in ({}, {"mcc": 0.5}):
        (path / "report.json").write_text(json.dumps({**report, "before": {**report["before"], **score}}))
        app = open_page("inspect", tmp_path, of=path.name)
        labels = [metric.label for metric in app.metric]
        assert labels.count("Effective rank") == 1
        assert ("MCC" in labels) == bool(score)


@pytest.mark.slow
def test_uploaded_embeddings_are_the_choice_and_are_looked_at_as_they_are(open_page, tmp_path, monkeypatch):
    import io

    import numpy as np

    from explorer import jobs

    x, labels, content = np.random.default_rng(0).normal(size=(60, 9)), np.repeat(["a", "b"], 30), io.BytesIO()
    np.savez(content, vectors=x, labels=labels)
    app = open_page("inspect", tmp_path)
    app.file_uploader(key="inspect_embedded").set_value(("mine.npz", content.getvalue(), "application/zip"))
    app.run()
    assert not app.exception
    assert "mine.npz (uploaded)" in called(app.selectbox, "inspect_model").options
    assert not [box for box in app.selectbox if box.label in ("Data", "Layer", "Pooling")]
    assert called(app.selectbox, "inspect_label_column").value == "labels"
    asked = []
    monkeypatch.setattr(jobs, "inspect", lambda spec, folder: asked.append(spec) or tmp_path / "inspections" / "x")
    assert not button(app, "Inspect").disabled, [e.value for e in app.error]
    button(app, "Inspect").click().run()
    assert not app.exception
    assert (asked[0].label_column, asked[0].model.endswith("mine.npz")) == ("labels", True)

    from core.runs import layout
    from core.training.inspection import record_inspection

    run, _ = record_inspection(asked[0], tmp_path / layout.INSPECTIONS / "2026-05-04T09-41-07_mine")
    app = open_page("inspect", tmp_path, of=run.name)
    assert not app.exception
    assert [head.value for head in app.subheader] == ["Embeddings: mine\\.npz"], all_text(app)
    app = open_page("inspect", tmp_path, of=run.name, **{"view-inspection": "Layers"})
    assert "A file of embeddings has no layers." in all_text(app)


def test_a_file_that_holds_no_embeddings_is_told_and_leaves_the_model(open_page, tmp_path):
    app = open_page("inspect", tmp_path)
    app.file_uploader(key="inspect_embedded").set_value(("bad.npy", b"nothing", "application/octet-stream"))
    app.run()
    assert not app.exception
    assert any("can't be read" in error.value.replace("\\", "") for error in app.error)
    assert called(app.selectbox, "inspect_model").value == "minilm"
