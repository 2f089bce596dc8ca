"""Image and audio classifiers through the whole of a run: accumulated clouds, adapters, bfloat16, a stop and its resumption."""

import copy

import numpy as np
import pytest
import torch

from core import IsobarError, RunSpec, inspect_checkpoint, load_run, train
from core.modalities import Cut
from core.modalities.media import decode_image, decode_sound
from core.models.adapters import with_adapters
from core.models.loading import load_model
from core.tasks import load_task
from core.tiny import tiny_checkpoint, tiny_task
from tests.training.test_loss import step

pytestmark = pytest.mark.slow

KINDS = {"vit": "image", "resnet": "image", "wav2vec2": "audio"}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return the checkpoint and the task of a type, by its name."""
    folder = tmp_path_factory.mktemp("files")
    models = {kind: tiny_checkpoint(kind, folder / kind, modality) for kind, modality in KINDS.items()}
    tasks = {modality: tiny_task(folder / modality, modality) for modality in ("image", "audio")}
    return {kind: (str(model), str(tasks[KINDS[kind]])) for kind, model in models.items()}


@pytest.fixture
def spec_of(files):
    def make(kind, **settings):
        model, task = files[kind]
        short = {
            "batch_size": 8,
            "max_steps": 6,
            "probe_per_class": 8,
            "snapshots": 3,
            "log_every": 1,
            "evaluations": 1,
        }
        return RunSpec.parse({"model": model, "task": task, **short, "device": "cpu", "save_model": False, **settings})

    return make


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_of_an_accumulated_cloud_is_that_of_what_is_summed(kind, files, spec_of, tmp_path):
    """By central differences in double precision; resnet's batches have their own means, wav2vec2's passes the same draws."""
    loaded = load_model(files[kind][0], 2, KINDS[kind])
    rows = loaded.encode(load_task(files[kind][1]).train, Cut())
    order = np.random.RandomState(0).permutation(len(rows))
    batches = [loaded.collator()([rows[int(i)] for i in part]) for part in (order[:8], order[8:])]
    batches = [{k: v.double() if v.is_floating_point() else v for k, v in batch.items()} for batch in batches]
    spec = spec_of(kind, accumulation=2, accumulated_cloud=True, **{"persistent-entropy.weight": 5.0})
    drawing = {"mask_time_prob": 0.5, "mask_time_min_masks": 1} if kind == "wav2vec2" else {}

    def run(shift):
        torch.manual_seed(3)
        np.random.seed(3)
        moved = copy.deepcopy(loaded)
        moved.model.config.update(drawing)
        moved.model.double()
        weight = next(p for p in moved.model.parameters() if p.ndim == 4 or (p.ndim == 3 and p.shape[1] == 1))
        weight.data.view(-1)[0] += shift
        trainer, _, gradients = step(moved, spec, batches, tmp_path, dropout=0.1, pooling="mean")
        task = sum(trainer.terms.log.task_loss) / 2
        term = trainer.terms.log.regularizers["persistent-entropy"][0]
        name = next(n for n, p in moved.model.named_parameters() if p is weight)
        return float(task + term), gradients[name].view(-1)[0], trainer.model

    _, gradient, model = run(0.0)
    slope = (run(1e-5)[0] - run(-1e-5)[0]) / 2e-5
    assert slope != 0
    assert float(gradient) == pytest.approx(slope, rel=1e-4)
    passes = {int(value) for name, value in model.state_dict().items() if name.endswith("num_batches_tracked")}
    assert passes == ({2} if kind == "resnet" else set())  # the first passes leave no trace


@pytest.mark.parametrize("kind", KINDS)
def test_a_stopped_run_goes_on_as_if_it_had_not_been(kind, spec_of, tmp_path):
    spec = spec_of(kind)

    def stop(phase, done, total):
        if phase == "training" and done == 4:
            load_run(tmp_path / "run").request_stop()

    assert train(spec, tmp_path / "run", progress=stop).state == "stopped"
    resumed = train(spec, tmp_path / "run", resume=True)
    whole = train(spec, tmp_path / "whole")
    assert resumed.state == "finished"
    np.testing.assert_allclose(resumed.after.embeddings, whole.after.embeddings, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_in_bfloat16_is_near_one_in_float32(kind, spec_of, tmp_path):
    whole = train(spec_of(kind), tmp_path / "whole")
    half = train(spec_of(kind, precision="bf16"), tmp_path / "half")
    assert half.rows("step")[0]["task_loss"] == pytest.approx(whole.rows("step")[0]["task_loss"], abs=0.05)
    np.testing.assert_allclose(
        half.after.embeddings, whole.after.embeddings, atol=0.15 * np.abs(whole.after.embeddings).max()
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_trained_model_is_inspected_again(kind, spec_of, tmp_path):
    run = train(spec_of(kind, save_model=True), tmp_path / "run")
    found = inspect_checkpoint(str(run.path / "model"), run.spec["task"], spec=spec_of(kind))
    np.testing.assert_allclose(found.embeddings, run.after.embeddings, atol=1e-5)
    assert found.metrics.keys() == {"accuracy", "f1"}
    assert run.record["task"]["modality"] == KINDS[kind]
    (packing,) = run.rows("packing")
    assert not packing["packed"]
    (memory,) = run.rows("memory")
    assert memory["activations"] > 0


@pytest.mark.parametrize("kind", ["vit", "wav2vec2"])
def test_a_run_shows_what_it_has_seen(kind, spec_of, tmp_path):
    run = train(spec_of(kind, max_steps=2), tmp_path / "run")
    task = load_task(run.spec["task"])
    shown = {row: run.preview(row) for row in range(len(run.probe))}
    assert len(shown) == 16
    for row, path in shown.items():
        cell = task.validation[int(run.probe["row"][row])][KINDS[kind]]
        again = {"bytes": path.read_bytes(), "path": path.name}
        assert run.probe["text"][row] == cell["path"]
        if kind == "vit":
            small, large = np.asarray(decode_image(cell)), np.asarray(decode_image(again))
            times = len(large) // len(small)  # small images are shown larger, pixel by pixel
            assert np.array_equal(large, small.repeat(times, 0).repeat(times, 1))
        else:
            np.testing.assert_allclose(decode_sound(again), decode_sound(cell, 16_000), atol=1e-4)


def test_layer_drop_is_switched_off_and_told(files, spec_of, tmp_path):
    folder = tiny_checkpoint("wav2vec2", tmp_path / "model", "audio", layerdrop=0.9)
    run = train(spec_of("wav2vec2", model=str(folder), layer=1), tmp_path / "run")
    assert run.state == "finished"
    assert any("LayerDrop is off" in note["text"] for note in run.rows("note"))


def test_that_padding_matters_is_told(spec_of, tmp_path):
    run = train(spec_of("wav2vec2", max_steps=2), tmp_path / "run")
    assert run.record["padding_matters"]
    assert any("embedded in batches of examples of one length" in note["text"] for note in run.rows("note"))
    assert not train(spec_of("vit", max_steps=2), tmp_path / "vit").record["padding_matters"]


def test_layers_of_several_widths_are_no_one_cloud(spec_of, tmp_path):
    with pytest.raises(
        IsobarError, match=r"istar can't act on all layers, whose states are 8, 16, 16, 32 wide.*choose a layer"
    ):
        train(spec_of("resnet", regularizer="istar(layers=all)"), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert train(spec_of("resnet", regularizer="istar(layers=1)"), tmp_path / "one").state == "finished"


def test_a_last_example_alone_is_left_out_where_a_batch_is_normed(files, spec_of, tmp_path):
    """16 examples in batches of 5 leave one, and of one place there is no variance."""
    run = train(spec_of("resnet", batch_size=5, max_steps=4), tmp_path / "run")
    assert run.state == "finished"
    assert any("would be of one example" in note["text"] for note in run.rows("note"))
    assert not any(
        "one example" in note["text"]
        for note in train(spec_of("vit", batch_size=5, max_steps=4), tmp_path / "vit").rows("note")
    )


@pytest.mark.parametrize(("kind", "other"), [("vit", "wav2vec2"), ("wav2vec2", "resnet")])
def test_examples_of_another_modality_are_refused(kind, other, files, spec_of, tmp_path):
    many, reads, own = ("sounds", "images", "ast") if KINDS[kind] == "image" else ("images", "sounds", "vit")
    with pytest.raises(
        IsobarError, match=rf"\({kind}\) reads {reads}, and no {many}; those that do are tiny-{own}, which"
    ):
        train(spec_of(kind, task=files[other][1]), tmp_path / "run")
    assert not (tmp_path / "run").exists()


ADAPTED = {"vit": "image", "clip": "image", "swin": "image", "wav2vec2": "audio"}


@pytest.mark.parametrize("kind", ADAPTED)
def test_adapters_and_the_head_alone_are_trained(kind, tmp_path):
    loaded = load_model(str(tiny_checkpoint(kind, tmp_path / kind, ADAPTED[kind])), 2, ADAPTED[kind])
    head = {"classifier", "projector"}
    whole = {name for name, _ in loaded.model.named_parameters() if name.partition(".")[0] in head}
    adapted = with_adapters(loaded.model, r=2)
    trained = {name.removeprefix("base_model.model.") for name, p in adapted.named_parameters() if p.requires_grad}
    assert {name for name in trained if "lora_" not in name} == {
        f"{module}.modules_to_save.default.{leaf}" for module, _, leaf in (name.rpartition(".") for name in whole)
    }
    assert any("lora_" in name for name in trained)


@pytest.mark.parametrize("kind", ["vit", "wav2vec2"])
def test_a_run_with_adapters_is_resumed_and_its_model_is_a_plain_one(kind, spec_of, tmp_path):
    spec = spec_of(kind, lora="r=2", save_model=True)

    def stop(phase, done, total):
        if phase == "training" and done == 3:
            load_run(tmp_path / "run").request_stop()

    assert train(spec, tmp_path / "run", progress=stop).state == "stopped"
    run = train(spec, tmp_path / "run", resume=True)
    whole = train(spec, tmp_path / "whole")
    np.testing.assert_allclose(run.after.embeddings, whole.after.embeddings, atol=1e-5)
    assert not np.allclose(run.before.embeddings, run.after.embeddings, atol=1e-5)
    found = inspect_checkpoint(str(run.path / "model"), run.spec["task"], spec=spec)
    np.testing.assert_allclose(found.embeddings, run.after.embeddings, atol=1e-4)


def test_where_nothing_is_linear_no_adapter_can_stand(spec_of, tmp_path):
    with pytest.raises(IsobarError, match=r"\(resnet\) has no linear layers but its head's"):
        train(spec_of("resnet", lora="r=2"), tmp_path / "run")
    assert not (tmp_path / "run").exists()
