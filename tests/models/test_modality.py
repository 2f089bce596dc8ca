"""What a model reads is told by its files, as transformers' own tables tell it by its type, or not at all."""

import json
import subprocess
import sys

import pytest

from core.models import BUILT_IN
from core.models.modality import modality_of_model
from core.tiny import tiny_checkpoint

KINDS = {
    "text": ("bert", "gpt2", "canine", "t5"),
    "image": ("vit", "resnet", "clip"),
    "audio": ("wav2vec2", "whisper", "audio-spectrogram-transformer"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("modality", "kind"), [(name, kind) for name, kinds in KINDS.items() for kind in kinds])
def test_of_a_folder(modality, kind, tmp_path):
    folder = tiny_checkpoint(kind, tmp_path, modality)
    assert modality_of_model(str(folder)) == modality
    if modality == "text":
        return
    for file in folder.glob("*processor_config.json"):  # as newer versions of transformers write it
        key = {"image": "image_processor", "audio": "feature_extractor"}[modality]
        (folder / "processor_config.json").write_text(json.dumps({key: json.loads(file.read_bytes())}))
        file.unlink()
    assert modality_of_model(str(folder)) == modality


@pytest.mark.parametrize("name", BUILT_IN)
def test_of_a_built_in_one(name):
    assert modality_of_model(name) == BUILT_IN[name].modality == modality_of_model(str(BUILT_IN[name].path()))


def test_of_one_that_reads_images_beside_texts_its_class_says_which(tmp_path):
    folder = tiny_checkpoint("bert", tmp_path)
    (folder / "preprocessor_config.json").write_text('{"image_processor_type": "CLIPImageProcessor"}')
    assert modality_of_model(str(folder)) == "text"
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**settings, "architectures": ["CLIPModel"]}))
    assert modality_of_model(str(folder)) is None


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"architectures": 3}', '{"architectures": ["BertModel"]}'])
def test_where_nothing_says_it(content, tmp_path):
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    assert modality_of_model(str(tmp_path)) is None
    assert modality_of_model("owner/name") is None
    assert modality_of_model("~nobody/model") is None


def test_it_needs_no_torch():
    code = "import sys; from core.models.modality import modality_of_model as of; print(of('tiny-vit'), 'torch' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "image False\n"
    )
