"""The models to be trained from scratch: what their files say."""

import pytest
import torch
import transformers

from core.errors import IsobarError
from core.modalities.media import decode_image, decode_sound
from core.models import BUILT_IN
from core.models.loading import load_model
from core.tasks import load_task
from core.training import RunSpec, train

CLASSES = {"image": transformers.AutoModelForImageClassification, "audio": transformers.AutoModelForAudioClassification}
PROCESSORS = {"image": transformers.AutoImageProcessor, "audio": transformers.AutoFeatureExtractor}
UNTRAINED = [name for name, model in BUILT_IN.items() if not model.trained]


@pytest.mark.parametrize("name", UNTRAINED)
def test_it_has_no_weights_and_they_are_made_of_the_seed(name):
    model = BUILT_IN[name]
    assert {path.name for path in model.path().iterdir()} == {"config.json", "preprocessor_config.json"}
    config = transformers.AutoConfig.from_pretrained(model.path())
    made = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        made.append(torch.cat([p.flatten() for p in CLASSES[model.modality].from_config(config).parameters()]))
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])
    said = int(model.title.split(" parameters")[0].split()[-1].replace(",", ""))
    assert abs(len(made[0]) - said) < 1000  # but for the head, whose size is the task's


@pytest.mark.slow
@pytest.mark.parametrize(("name", "task"), [("tiny-vit", "digits"), ("tiny-ast", "tones")])
def test_it_reads_the_task_that_it_was_made_for(name, task):
    model, data = BUILT_IN[name], load_task(task)
    options = {"backend": "pil"} if model.modality == "image" else {}
    processor = PROCESSORS[model.modality].from_pretrained(model.path(), **options)
    cells = data.validation[:8][model.modality]
    if model.modality == "image":
        batch = processor(images=[decode_image(cell) for cell in cells], return_tensors="pt")
        assert batch["pixel_values"].shape[-2:] == (8, 8)  # as they are: nothing is made larger or smaller
    else:
        rate = processor.sampling_rate
        sounds = [decode_sound(cell, rate) for cell in cells]
        assert max(map(len, sounds)) <= (processor.max_length - 1) * 160 + 400  # nothing is cut off
        batch = processor(sounds, sampling_rate=rate, return_tensors="pt")
    config = transformers.AutoConfig.from_pretrained(model.path(), num_labels=data.num_labels)
    assert CLASSES[model.modality].from_config(config)(**batch).logits.shape == (8, data.num_labels)


@pytest.mark.parametrize(("name", "modality"), [("tiny-vit", "image"), ("tiny-ast", "audio")])
def test_it_is_loaded_with_weights_that_the_seed_decides_and_says_so(name, modality):
    made = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        loaded = load_model(name, 3, modality)
        assert loaded.untrained
        assert not loaded.trained_head
        assert not loaded.model.training
        made.append(torch.cat([p.flatten() for p in loaded.model.parameters()]))
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])


def test_a_model_of_texts_that_is_given_images_is_told_which_built_in_one_reads_them():
    with pytest.raises(
        IsobarError, match=r"'minilm' \(bert\) reads texts, and no images; .* tiny-vit, which is built in"
    ):
        load_model("minilm", 10, "image")


@pytest.mark.slow
def test_a_run_from_scratch_is_told_repeatable_and_opens_again(tmp_path):
    spec = RunSpec(model="tiny-vit", task="digits", epochs=0.2, probe_per_class=4, snapshots=2, device="cpu")
    runs = [train(spec, tmp_path / name) for name in ("one", "two")]
    assert runs[0].events["text"].str.contains("from scratch").any()
    assert runs[0].record["model"] == {"source": "tiny-vit", "trained_head": False, "untrained": True, "notes": []}
    first, second = (run.snapshot(run.steps[-1]).embeddings for run in runs)
    assert (first == second).all()
    again = load_model(str(runs[0].path / "model"), 10, "image")
    assert again.trained_head
    assert not again.untrained


@pytest.mark.slow
def test_adapters_on_random_weights_are_refused(tmp_path):
    with pytest.raises(IsobarError, match="random weights alone"):
        train(RunSpec(model="tiny-vit", task="digits", lora="r=2", device="cpu"), tmp_path / "run")
    assert not (tmp_path / "run").exists()
