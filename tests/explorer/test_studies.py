"""The pages Layers and Landscape: what they say of a study, of one that is cut short, and where there is none."""

import json

import numpy as np
import pytest

from core.runs import RunWriter, layout, load_run
from core.studies.landscape import FILE as LANDSCAPE
from core.studies.landscape import LandscapeSpec
from core.studies.layers import ALIKE, MEASURES, LayersSpec
from core.studies.layers import FILE as LAYERS
from explorer import jobs
from explorer.charts.depth import alike, by_depth, depth_lines, model_colours
from explorer.charts.predicting import residuals, scatter, states
from explorer.panels import studies
from explorer.panels.studies import Studies
from tests.explorer.conftest import called

pytestmark = pytest.mark.slow


def layers_study(depth=3):
    draw = np.random.default_rng(0)
    rows = [
        {
            "model": model, "weights": weights, "seed": seed, "points": points, "layer": layer, "of": depth,
            **{name: float(draw.random()) for name in MEASURES}, "twonn": None,
        }
        for model in ("minilm", "runs/other/model")
        for weights, seed in (("trained", None), ("untrained", 0), ("untrained", 1))
        for points in ("examples", "tokens")
        for layer in range(depth + 1)
    ]  # fmt: skip
    about = {
        "type": "bert",
        "modality": "text",
        "task": "grammar",
        "pooling": "cls",
        "examples": 9,
        "parameters": 10,
        "notes": ["A *note*."],
    }
    table = [[0.5] * (depth + 1) for _ in range(depth + 1)]
    return {
        "format": 1,
        "spec": LayersSpec(models=("minilm", "runs/other/model")).model_dump(mode="json"),
        "models": [{"model": model, **about} for model in ("minilm", "runs/other/model")],
        "rows": rows,
        "matrices": [{"model": "minilm", "matrix": "input", "rows": 30, **dict.fromkeys(MEASURES, 0.5)}],
        "pairs": [{"one": "minilm", "other": "runs/other/model", "examples": 9, **dict.fromkeys(ALIKE, table)}],
    }


def landscape_study():
    draw = np.random.default_rng(0)
    points = [
        {"model": "minilm", "weights": weights, "seed": seed, "task": "grammar", "metric": "mcc", "score": float(draw.random()),
         "isoscore": float(draw.random()), "eee": float(draw.random()), "twonn": None}
        for weights in ("", *(f"noise({k / 10})" for k in range(1, 9)), "shuffled(0.5)", "untrained")
        for seed in range(3)
    ]  # fmt: skip
    return {
        "format": 1,
        "spec": LandscapeSpec().model_dump(mode="json"),
        "points": points,
        "failed": {"a_cell": "It *failed*."},
    }


def write(folder, kind, name="2026-11-27T10-00-00_minilm", found=None, state="finished", **status):
    where, file = (layout.LAYERS, LAYERS) if kind == "layers" else (layout.LANDSCAPES, LANDSCAPE)
    found = (layers_study() if kind == "layers" else landscape_study()) if found is None else found
    with RunWriter(folder / where / name) as writer:
        writer.begin(found["spec"])
        writer.write(file, json.dumps(found))
        writer.status("running")
        if state != "running":
            writer.status(state, **status)
    return folder / where / name


def words(app):
    return " ".join(
        str(part.value) for part in (*app.markdown, *app.caption, *app.info, *app.warning, *app.error, *app.subheader)
    )


@pytest.mark.parametrize("kind", ["layers", "landscape"])
def test_a_finished_study_is_shown_with_its_verdict(kind, tmp_path, open_page):
    path = write(tmp_path, kind)
    app = open_page(kind, tmp_path)
    assert not app.exception
    assert path.name in app.query_params["of"]
    assert ("with depth" if kind == "layers" else "the level of the noise alone ranks") in words(app)
    assert len(app.get("vega_lite_chart") or app.get("arrow_vega_lite_chart")) >= (2 if kind == "layers" else 1)


def test_the_table_of_a_landscape_says_the_numbers_of_its_verdict(tmp_path, open_page):
    app = open_page("landscape", tmp_path, of="sample-mrpc")
    table, said = app.dataframe[0].value.set_index("predictor"), words(app).replace("\\", "")
    assert f"IsoScore still says something, {table.loc['IsoScore', 'Given the noise']:+.2f} [" in said


@pytest.mark.parametrize("kind", ["layers", "landscape"])
@pytest.mark.parametrize(("state", "said"), [("stopped", "what had finished is kept"), ("failed", "No memory")])
def test_one_that_did_not_finish_says_so_and_can_go_on(kind, state, said, tmp_path, open_page, monkeypatch):
    path = write(tmp_path, kind, state=state, error="No memory.")
    settings = load_run(path).settings
    app = open_page(kind, tmp_path, of=path.name)
    assert said in words(app)
    started = []
    monkeypatch.setattr(jobs, "_keeper", lambda *given: started.append(given))
    next(button for button in app.button if button.label == "Go on").click().run()
    assert started == [(kind, path)]
    assert load_run(path).state == "queued"
    assert load_run(path).settings == settings


@pytest.mark.parametrize("kind", ["layers", "landscape"])
def test_one_that_runs_can_be_stopped(kind, tmp_path, open_page):
    path = write(tmp_path, kind, state="running")
    app = open_page(kind, tmp_path, of=path.name)
    next(button for button in app.button if button.label == "Stop").click().run()
    assert (path / layout.STOP).exists()


@pytest.mark.parametrize("kind", ["layers", "landscape"])
@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"format": 9, "spec": {}, "models": [], "rows": [], "matrices": [], "pairs": [], "points": []}'],
)
def test_a_file_that_is_cut_short_is_a_sentence(kind, content, tmp_path, open_page):
    path = write(tmp_path, kind)
    (path / (LAYERS if kind == "layers" else LANDSCAPE)).write_text(content)
    app = open_page(kind, tmp_path, of=path.name)
    assert not app.exception
    assert app.error


@pytest.mark.parametrize("kind", ["layers", "landscape"])
@pytest.mark.parametrize("name", ["nowhere", "..", "../.layers", ""])
def test_a_link_to_a_study_that_does_not_exist_is_a_sentence(kind, name, tmp_path, open_page):
    app = open_page(kind, tmp_path, of=name)
    assert not app.exception
    assert "There is no study" in words(app)


@pytest.mark.parametrize("kind", ["layers", "landscape"])
def test_a_new_one_is_asked_for_and_started(kind, tmp_path, open_page, monkeypatch):
    monkeypatch.setattr(studies, "_SHIPPED", tmp_path / "nothing")
    started = []
    monkeypatch.setattr(jobs, "_keeper", lambda *given: started.append(given))
    app = open_page(kind, tmp_path)
    assert not app.exception
    next(button for button in app.button if button.label in ("Look", "Start")).click().run()
    ((of, path),) = started
    assert of == kind
    run = load_run(path)
    assert run.state == "queued"
    spec = (LayersSpec if kind == "layers" else LandscapeSpec).parse(run.settings)
    assert spec.model_dump(mode="json") == run.settings
    assert path.parent == tmp_path / (layout.LAYERS if kind == "layers" else layout.LANDSCAPES)


def test_without_models_the_button_is_off_and_says_why(tmp_path, open_page, monkeypatch):
    monkeypatch.setattr(studies, "_SHIPPED", tmp_path / "nothing")
    app = open_page("layers", tmp_path)
    called(app.multiselect, "layers_models").set_value([]).run()
    assert next(button for button in app.button if button.label == "Look").disabled
    assert "models" in words(app)


def test_the_common_mean_can_be_taken_off(tmp_path, open_page):
    write(tmp_path, "layers")
    app = open_page("layers", tmp_path)
    app.toggle(key="centered").set_value(True).run()
    assert not app.exception
    app.selectbox(key="measure").set_value("isoscore").run()
    assert app.toggle(key="centered").disabled


def test_a_measure_without_a_value_is_a_sentence(tmp_path, open_page):
    write(tmp_path, "layers")
    app = open_page("layers", tmp_path)
    app.selectbox(key="measure").set_value("twonn").run()
    assert "has no value for" in words(app)
    assert not app.exception


def test_a_study_runs_in_a_process_of_its_own_and_goes_on(tmp_path, monkeypatch):
    """The real one: the command line, started by the app, in a directory that waited."""
    import time

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ISOBAR_RUNS", str(tmp_path / "runs"))
    (tmp_path / "texts.txt").write_text("\n".join(f"the old mill {k}" for k in range(6)))
    of = Studies("layers", layout.LAYERS, LAYERS, "")
    spec = LayersSpec(models=("minilm",), tasks=(str(tmp_path / "texts.txt"),), untrained=0)
    path = jobs.study("layers", spec, tmp_path / "runs" / layout.LAYERS)
    until = time.monotonic() + 300
    while of.find(path.name).state in ("queued", "running") and time.monotonic() < until:
        time.sleep(0.5)
    assert of.find(path.name).state == "finished", of.find(path.name).log()
    assert json.loads((path / LAYERS).read_text())["models"][0]["examples"] == 6


def test_charts_are_valid():
    from core.studies.landscape import Landscape
    from core.studies.layers import LayersStudy

    raw = layers_study()
    study = LayersStudy(**{name: raw[name] for name in ("spec", "models", "rows", "matrices", "pairs")})
    called = {"minilm": "minilm", "runs/other/model": "other"}
    frame = by_depth(study, "mean_cosine", "tokens", called)
    assert len(frame) == 2 * 2 * 4
    random = frame[frame["weights"] == "random"]
    assert (random["low"] <= random["value"]).all()
    assert (random["value"] <= random["high"]).all()
    assert frame.groupby("model")["depth"].max().eq(1).all()
    (depth_lines(frame, model_colours(list(called.values())), title="t", value="v")).to_dict()
    (alike(raw["pairs"][0]["mutual_knn"], one="a", other="b", title="t", value="v")).to_dict()
    made = landscape_study()
    found = Landscape(made["spec"], made["points"])
    points = states(found, "grammar", "isoscore")
    assert np.allclose(np.polyval(np.polyfit(points["x"], points["y"], 1), points["x"]), points["fit"])
    assert abs(points["left"].sum()) < 1e-9
    for name in ("isoscore", "noise level"):
        shown = states(found, "grammar", name)
        (scatter(shown, x="x", y="y", title="t", logarithmic=name == "noise level")).to_dict()
        (residuals(shown, x="x", y="y", title="t")).to_dict()
    assert states(found, "grammar", "twonn").empty
    assert set(states(found, "grammar", "noise level")["kind"]) == {"as it is", "noise"}


def test_a_filled_form_survives_a_reload(open_page, tmp_path):
    app = open_page("landscape", tmp_path, new="1")
    called(app.multiselect, "landscape_weights").set_value(["", "noise(0.01)", "noise(0.07)"]).run()
    called(app.multiselect, "landscape_tasks").set_value(["grammar", "my/texts.csv"]).run()
    called(app.number_input, "landscape_seeds").set_value(5).run()
    assert not app.exception
    told = {name: value if isinstance(value, str) else value[0] for name, value in app.query_params.items()}
    again = open_page("landscape", tmp_path, **told)
    assert not again.exception
    assert called(again.multiselect, "landscape_weights").value == ["", "noise(0.01)", "noise(0.07)"]
    assert called(again.multiselect, "landscape_tasks").value == ["grammar", "my/texts.csv"]
    assert called(again.number_input, "landscape_seeds").value == 5
    app = open_page("layers", tmp_path, new="1", models="minilm,org/other", untrained="0", pooling="mean", tasks="")
    assert called(app.multiselect, "layers_models").value == ["minilm", "org/other"]
    assert called(app.selectbox, "layers_pooling").value == "mean"
    assert called(app.multiselect, "layers_tasks").value == []
    app = open_page("layers", tmp_path, new="1", examples="nonsense", untrained="-4", pooling="nobody")
    assert not app.exception
    assert called(app.selectbox, "layers_pooling").value == "auto"
