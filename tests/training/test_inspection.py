import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from core.errors import IsobarError
from core.geometry import measure
from core.runs import RunWriter, list_runs, load_run
from core.training.inspection import inspect_checkpoint, record_inspection
from core.training.progress import Stopped
from core.training.spec import RunSpec

pytestmark = pytest.mark.slow


@pytest.fixture
def spec(tiny_model, tiny_task):
    return RunSpec(model=str(tiny_model), task=str(tiny_task), probe_per_class=8, device="cpu", regularizer="none")


def waiting(path, spec):
    """A directory as the app makes it for an inspection that waits its turn."""
    writer = RunWriter.create(path, spec.model_dump())
    writer.status("queued")
    return path


def test_an_inspection_is_a_directory_that_readers_of_runs_read(spec, tmp_path):
    seen = []
    run, found = record_inspection(spec, tmp_path / "i", progress=lambda *about: seen.append(about))
    assert run.state == "finished"
    assert not [problem for problem in run.problems if "events" not in problem]
    assert run.steps == [0]
    assert np.array_equal(run.before.embeddings, found.embeddings)
    assert len(run.probe) == len(found.embeddings) == 16
    assert run.report["before"]["anisotropy_1"] == pytest.approx(found.measures["anisotropy_1"])
    assert set(run.report["before"]) >= set(run.report["isotropic"])
    assert {"anisotropy_1_within", "between_share", "nc1"} < set(run.report["isotropic"])
    labels = found.probe["label"].to_numpy()
    assert found.measures == pytest.approx(measure(found.embeddings, "main", labels))
    assert found.layers[-1] == pytest.approx(found.measures)
    assert set(found.layers[0]) == set(found.measures)
    assert set(run.report["isotropic"]["classes"]) == set(run.report["before"]["classes"])
    assert run.report["base"] is None
    assert RunSpec.from_yaml(run.path / "spec.yaml") == spec
    assert json.loads((run.path / "inspection.json").read_text()) == json.loads(json.dumps(found.as_dict()))
    assert {phase for phase, *_ in seen} == {"loading", "embedding"}


def test_what_is_undefined_is_null_in_what_is_told_and_in_what_is_written(spec, tmp_path):
    # The first token's input embedding is the same of all texts, so that it has no shape.
    run, found = record_inspection(spec.model_copy(update={"pooling": "cls"}), tmp_path / "i")
    told = json.dumps(found.as_dict(), allow_nan=False)
    written = (run.path / "inspection.json").read_text()
    assert json.loads(written, parse_constant=pytest.fail) == json.loads(told)
    assert found.as_dict()["layers"][0]["isoscore"] is None


def test_one_that_waited_says_how_far_it_is_and_how_it_ended(spec, tmp_path):
    path = waiting(tmp_path / "i", spec)
    phases = []
    record_inspection(spec, path, progress=lambda *about: phases.append(load_run(path).status.get("phase")))
    assert "loading" in phases
    assert load_run(path).state == "finished"


def test_a_stop_is_heeded_and_leaves_nothing_but_the_word(spec, tmp_path):
    path = waiting(tmp_path / "i", spec)
    load_run(path).request_stop()
    with pytest.raises(Stopped):
        record_inspection(spec, path)
    assert load_run(path).state == "stopped"
    assert load_run(path).steps == []


@pytest.mark.parametrize(
    ("wrong", "said"), [({"model": "minlm"}, "minilm"), ({"task": "gramar"}, "grammar"), ({"layer": 9}, "layer 9")]
)
def test_a_wrong_request_is_a_sentence_and_nothing_is_written(spec, tmp_path, wrong, said):
    wrong = spec.model_copy(update=wrong)
    with pytest.raises(IsobarError, match=said):
        record_inspection(wrong, tmp_path / "i")
    assert not (tmp_path / "i").exists()
    path = waiting(tmp_path / "waited", spec)
    with pytest.raises(IsobarError):
        record_inspection(wrong, path)
    assert said in load_run(path).status["error"]


def test_what_is_there_is_not_written_over(spec, tmp_path):
    (tmp_path / "i").mkdir()
    (tmp_path / "i" / "thesis.txt").touch()
    with pytest.raises(IsobarError, match="exists already"):
        record_inspection(spec, tmp_path / "i")
    assert [p.name for p in (tmp_path / "i").iterdir()] == ["thesis.txt"]


def test_a_run_s_model_stands_beside_the_model_that_the_run_began_with(spec, tiny_model, tmp_path):
    import shutil

    RunWriter.create(tmp_path / "run", spec.model_dump())
    shutil.copytree(tiny_model, tmp_path / "run" / "model")
    of_run = spec.model_copy(update={"model": str(tmp_path / "run" / "model")})
    base = record_inspection(of_run, tmp_path / "i")[0].report["base"]
    untouched = inspect_checkpoint(str(tiny_model), str(spec.task), spec=spec)
    assert base["model"] == str(tiny_model)
    assert base["anisotropy_1"] == pytest.approx(untouched.measures["anisotropy_1"])
    RunWriter(tmp_path / "run").write_spec({**spec.model_dump(), "model": "./gone"})
    assert record_inspection(of_run, tmp_path / "j")[0].report["base"] is None


@pytest.mark.parametrize("columns", [{}, {"label_column": "none"}])
@pytest.mark.parametrize("name", ["t.csv", "t.txt"])
def test_texts_without_labels_are_one_cloud_of_a_seeded_sample(spec, tmp_path, name, columns):
    texts = [f"the stone number {n}" for n in range(30)]
    (tmp_path / name).write_text("\n".join(["text"] * name.endswith("csv") + texts))
    spec = spec.model_copy(update={"task": str(tmp_path / name), "probe_per_class": 6, **columns})
    run, found = record_inspection(spec, tmp_path / "i")
    assert set(run.probe["text"]) < set(texts)
    assert len(run.probe) == len(found.embeddings) == 12
    assert [(shape.name, shape.points) for shape in run.before.classes] == [("all texts", 12)]
    assert (found.metrics, run.report.get("metric"), set(run.before.predictions)) == ({}, None, {-1})
    assert not {"anisotropy_1_within", "between_share", "nc1"} & {*found.measures, *found.reference, *found.layers[0]}
    assert any("12 of the 30 texts" in note for note in found.as_dict()["notes"])
    assert any("one cloud" in note for note in found.notes)
    again = inspect_checkpoint(spec.model, spec.task, spec=spec)
    assert again.probe.equals(found.probe)
    other = inspect_checkpoint(spec.model, spec.task, spec=spec.model_copy(update={"seed": 1}))
    assert not other.probe.equals(found.probe)


def test_inspections_are_no_runs(spec, tmp_path):
    record_inspection(spec, tmp_path / ".inspections" / "i")
    assert list_runs(tmp_path) == []
    assert len(list_runs(tmp_path / ".inspections")) == 1


def test_an_inspection_needs_no_trainer():
    code = (
        "import sys, core.training.inspection; print([m for m in sys.modules if m.startswith('transformers.trainer')])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"


def test_the_other_pooling_s_figures_are_those_of_an_inspection_by_it(spec):
    found = inspect_checkpoint(spec.model, spec.task, spec=spec)
    other = found.other_pooling["pooling"]
    assert {found.record["pooling"], other} == {"cls", "mean"}
    again = inspect_checkpoint(spec.model, spec.task, spec=spec.model_copy(update={"pooling": other}))
    assert again.other_pooling["pooling"] == found.record["pooling"]
    for name in ("mean_cosine", "anisotropy_1", "effective_rank"):
        assert found.other_pooling[name] == pytest.approx(again.measures[name], rel=1e-5)
        assert again.other_pooling[name] == pytest.approx(found.measures[name], rel=1e-5)


def test_of_the_model_of_a_run_those_rows_are_looked_at_that_it_was_not_trained_on(spec, tiny_model, tmp_path):
    from core.tasks import load_task

    file = tmp_path / "mine.csv"
    file.write_text("text,label\n" + "\n".join(f"the stone number {n},{n % 2}" for n in range(80)))
    run = tmp_path / "runs" / "one"
    RunWriter.create(run, spec.model_copy(update={"task": str(file), "seed": 3}).model_dump())
    shutil.copytree(tiny_model, run / "model")
    spec = spec.model_copy(update={"task": str(file)})
    inspected, found = record_inspection(spec.model_copy(update={"model": str(run / "model")}), tmp_path / "i")
    held_out = load_task(str(file), seed=3).validation["text"]
    assert sorted(found.probe["text"]) == sorted(held_out)
    assert inspected.report["base"]["effective_rank"] == pytest.approx(found.measures["effective_rank"], rel=1e-4)
    assert "The model's run was trained on the other rows." in found.notes
    assert "16 of 16 texts" in found.read
    assert "16 of 80 texts" in inspect_checkpoint(spec.model, spec.task, spec=spec).read


def test_models_layers_and_poolings_are_looked_at_by_the_same_examples(spec):
    from core.studies.beside import same_examples
    from core.training.inspection import inspect_side_by_side

    model = spec.model
    found = inspect_side_by_side([model, f"{model}:layer=0", f"{model}:layer=1,pooling=mean"], spec=spec)
    assert [one.model for one in found] == [model, f"{model}:layer=0", f"{model}:layer=1,pooling=mean"]
    assert all(same_examples(found[0].probe, one.probe) for one in found)
    alone = inspect_checkpoint(model, spec.task, spec=spec.model_copy(update={"layer": 1, "pooling": "mean"}))
    assert np.allclose(found[2].embeddings, alone.embeddings, atol=1e-6)
    with pytest.raises(IsobarError, match="pooling"):
        inspect_side_by_side([model, f"{model}:pooling=nonsense"], spec=spec)
