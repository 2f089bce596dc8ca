import numpy as np
import pytest
import torch

from core import IsobarError, measure, measure_layers
from core.models.loading import load_model
from core.models.pooling import pool

TEXTS = [f"the {'very ' * (i % 5)}blue stone {i} lies by the road" for i in range(70)]


@pytest.fixture(scope="module")
def loaded(tiny_model):
    return load_model(str(tiny_model), 2)


def embeddings(loaded, texts, pooling):
    """Of every layer, text by text."""
    rows = []
    for text in texts:
        batch = loaded.processor(text, return_tensors="pt")
        with torch.no_grad():
            hidden = loaded.model.eval()(**batch, output_hidden_states=True).hidden_states
        rows.append([pool(states, batch["attention_mask"], pooling)[0].numpy() for states in hidden])
    return [np.array(layer) for layer in zip(*rows)]


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize("keep", [1000, 20])
def test_every_layer_is_measured_as_its_embeddings_are(loaded, pooling, keep):
    found = measure_layers(loaded, iter(TEXTS), pooling=pooling, batch_size=16, keep=keep, device="cpu")
    clouds = embeddings(loaded, TEXTS, pooling)
    assert len(found) == len(clouds) == 3
    for layer, cloud in zip(found, clouds):
        # The input embedding of [CLS] is the same in every text: nothing varies there but rounding.
        names = [n for n in layer if np.ptp(cloud, axis=0).max() > 1e-3 or n in ("anisotropy_1", "mean_cosine")]
        assert {n: layer[n] for n in names} == pytest.approx(measure(cloud, names), rel=1e-3, abs=1e-5)


@pytest.mark.slow
def test_one_forward_pass_and_no_more_kept_than_asked(loaded, monkeypatch):
    from core.geometry.stream import CloudStream

    held, passes = [], []
    add = CloudStream.add
    monkeypatch.setattr(CloudStream, "add", lambda self, *rows: (add(self, *rows), held.append(len(self._rows)))[0])
    hook = loaded.model.register_forward_hook(lambda module, given, out: passes.append(len(out.logits)))
    told = []
    measure_layers(loaded, TEXTS, ["twonn"], batch_size=16, keep=30, device="cpu", progress=lambda *at: told.append(at))
    hook.remove()
    assert passes[:3] == [3, 1, 3]  # what auto is tried on, and whether padding matters
    assert sum(passes[3:]) == len(TEXTS)
    assert max(held) == 30
    assert told == [("embedding", 70, 70)]


def test_pairs_of_texts(loaded):
    pairs = [(text, "and so on") for text in TEXTS[:12]]
    found = measure_layers(loaded, pairs, device="cpu")
    assert found != measure_layers(loaded, TEXTS[:12], device="cpu")


def test_requests_that_cannot_be_met(loaded):
    with pytest.raises(IsobarError, match="only 1"):
        measure_layers(loaded, TEXTS[:1], device="cpu")
    with pytest.raises(IsobarError, match="are none"):
        measure_layers(loaded, [], device="cpu")
    with pytest.raises(IsobarError, match="isoscore"):
        measure_layers(loaded, TEXTS, ["isoscor"], device="cpu")
    with pytest.raises(IsobarError, match="no model"):
        measure_layers("./nowhere", TEXTS, device="cpu")


@pytest.mark.slow
def test_a_nan_is_told_with_its_layer_and_text(tiny_model, monkeypatch):
    broken = load_model(str(tiny_model), 2)
    with torch.no_grad():
        broken.model.base_model.encoder.layer[0].output.dense.bias[3] = float("nan")
    with pytest.raises(IsobarError, match=r"hidden states of layer 1 \(of 0 to 2\) hold NaN.* in row 3;") as caught:
        measure_layers(broken, TEXTS, batch_size=16, device="cpu")
    assert "\n" not in str(caught.value)

    # One token that only text 37 has.
    texts = [text.replace("very ", "blue ") for text in TEXTS]
    texts[37] = "the very stone"
    broken = load_model(str(tiny_model), 2)
    (token,) = broken.processor("very", add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        broken.model.get_input_embeddings().weight[token] = float("nan")
    for at_once in (2048, 20):
        monkeypatch.setattr("core.training.inspection._AT_ONCE", at_once)
        with pytest.raises(IsobarError, match=r"layer 0 \(of 0 to 2\) hold NaN.* first in row 37;"):
            measure_layers(broken, texts, pooling="mean", batch_size=16, device="cpu")
