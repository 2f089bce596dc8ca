"""The forms choose a model that reads what the task holds; where one's own doesn't, they say so before anything starts."""

import pytest

from core.tiny import tiny_checkpoint, tiny_task
from tests.explorer.conftest import called

pytestmark = pytest.mark.slow

FORMS = {"train": ("spec_", "Start"), "inspect": ("inspect_", "Inspect")}


@pytest.fixture(params=FORMS)
def form(request, open_page, tmp_path):
    """A function that puts values into a form as a person does, and one that says what it holds then."""
    key, button = FORMS[request.param]
    app = open_page(request.param, tmp_path / "runs")

    def put(name, value):
        box = called(app.selectbox, key + name)
        if value not in box.options:
            box.options.append(value)  # a person types it, which an AppTest can't
        box.set_value(value).run()
        assert not app.exception
        return app

    def held():
        disabled = next(found for found in app.button if found.label == button).disabled
        return *(called(app.selectbox, key + name).value for name in ("model", "task")), not disabled

    return put, held


def test_the_model_follows_the_task(form):
    put, held = form
    for task, model, many in (
        ("digits", "tiny-vit", "images"),
        ("tones", "tiny-ast", "sounds"),
        ("grammar", "minilm", "texts"),
    ):
        app = put("task", task)
        assert held() == (model, task, True)
        assert [toast.value for toast in app.toast] == [f"The model is {model} now, which reads {many}."]
    put("task", "paraphrase")
    assert held() == ("minilm", "paraphrase", True)
    assert not app.toast


def test_the_task_follows_the_model(form):
    put, held = form
    app = put("model", "tiny-ast")
    assert held() == ("tiny-ast", "tones", True)
    assert app.toast[0].value == "The task is tones now, which is of sounds."
    put("model", "minilm")
    assert held() == ("minilm", "grammar", True)


def test_what_is_trained_from_scratch_is_trained_at_its_own_rate(open_page, tmp_path):
    app = open_page("train", tmp_path / "runs")
    called(app.number_input, "spec_seed").set_value(3).run()
    for task, said in (
        ("digits", {"model: tiny-vit", "learning_rate: 0.001", "epochs: 30.0", "warmup: 0.1"}),
        ("tones", {"model: tiny-ast", "learning_rate: 0.0015", "epochs: 16.0", "warmup: 0.2"}),
        ("grammar", {"model: minilm", "learning_rate: 0.0002", "warmup: 0.1"}),
    ):
        called(app.selectbox, "spec_task").set_value(task).run()
        assert said | {"seed: 3"} <= set(app.code[0].value.splitlines())
    called(app.number_input, "spec_learning_rate").set_value(0.01).run()
    called(app.selectbox, "spec_task").set_value("digits").run()
    assert {"learning_rate: 0.01", "epochs: 30.0"} <= set(app.code[0].value.splitlines())


def test_a_model_of_one_s_own_is_kept_and_the_form_says_that_it_does_not_fit(form, tmp_path):
    put, held = form
    model, task = str(tiny_checkpoint("bert", tmp_path / "bert")), str(tiny_task(tmp_path / "images", "image"))
    put("model", model)
    assert held() == (model, "grammar", True)
    app = put("task", task)
    assert held() == (model, task, False)
    said = [error.value.replace("\\", "").replace("\u2060", "") for error in app.error]
    assert len(said) == 1
    assert "reads texts, but the task" in said[0]
    assert "choose one that reads images, such as tiny-vit" in said[0]
    put("model", "tiny-vit")
    assert held() == ("tiny-vit", task, True)
    put("model", model)  # the folder of images is somebody's own
    assert held() == (model, task, False)


def test_of_what_nothing_is_known_nothing_is_said(form):
    put, held = form
    app = put("task", "owner/name")
    assert held() == ("minilm", "owner/name", True)
    assert not app.error


def test_a_spec_that_is_pasted_is_told_too(open_page, tmp_path):
    app = open_page("train", tmp_path / "runs")
    app.text_area(key="pasted").set_value("task: digits").run()
    next(button for button in app.button if button.label == "Use it").click().run()
    assert "reads texts, but the task" in app.error[0].value
    assert called(app.selectbox, "spec_model").value == "minilm"


@pytest.mark.parametrize(
    ("before", "field", "now"),
    [
        ({"task": "moods.csv", "text_column": "message", "label_column": "queue"}, "task", "grammar"),
        ({"model": "vectors.npz", "label_column": "labels"}, "model", "minilm"),
    ],
)
def test_columns_go_with_the_data_that_they_were_named_for(open_page, tmp_path, before, field, now):
    app = open_page("inspect", tmp_path / "runs", seed="3", **before)
    called(app.selectbox, f"inspect_{field}").set_value(now).run()
    assert not app.exception
    assert not {"text_column", "label_column"} & set(app.query_params)
    assert app.query_params["seed"] in ("3", ["3"])
    assert not app.error


def test_columns_of_a_built_in_task_are_refused_before_anything_starts(open_page, tmp_path):
    app = open_page("inspect", tmp_path / "runs", task="grammar", label_column="queue")
    assert any(
        "has columns of its own; leave out the label column" in error.value.replace("\\", "") for error in app.error
    )
    assert next(button for button in app.button if button.label == "Inspect").disabled


def test_the_words_are_those_of_the_task(open_page, tmp_path):
    app = open_page("inspect", tmp_path / "runs")
    app.selectbox(key="inspect_task").set_value("digits").run()
    assert app.number_input(key="inspect_probe_per_class").label == "Images per class"
    assert any("its validation images are looked at" in caption.value for caption in app.caption)
    app = open_page("train", tmp_path / "runs")
    assert any("the texts of a batch come on top" in caption.value for caption in app.caption)
