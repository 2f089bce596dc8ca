"""The models to be trained from scratch: what their files say."""

import pytest
import torch
import transformers

from core.modalities.media import decode_image, decode_sound
from core.models import BUILT_IN
from core.tasks import load_task

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
