import numpy as np
import pytest
import torch

from core.models.layers import state_covariance, token_states


def test_token_states_are_every_layers_and_padding_is_marked():
    layers = [torch.randn(2, 3, 4) for _ in range(2)]
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]])
    states, labels = token_states([(states, mask) for states in layers], torch.tensor([5, 6]))
    assert labels.tolist() == [5, 5, -1, 6, 6, 6] * 2
    torch.testing.assert_close(states[labels >= 0], torch.cat([x[mask.bool()] for x in layers]))


@pytest.fixture(scope="module")
def material(tiny_model):
    from datasets import Dataset

    from core.modalities import Cut
    from core.models.loading import load_model

    loaded = load_model(str(tiny_model), 2)
    texts = [f"the {'very ' * (i % 4)}blue stone {i}" for i in range(40)]
    rows = loaded.encode(Dataset.from_dict({"text": texts, "label": [0] * 40}), Cut())
    return loaded.model, loaded.collator(), rows


def covariance_at_once(model, collate, rows, layers):
    model.eval()
    batch = collate([rows[i] for i in range(len(rows))])
    with torch.no_grad():
        hidden = model(**{k: v for k, v in batch.items() if k != "labels"}, output_hidden_states=True).hidden_states
    there = batch["attention_mask"].bool()
    return torch.cov(torch.cat([hidden[k][there] for k in layers]).T)


@pytest.mark.slow
@pytest.mark.parametrize(("which", "layers"), [("all", (1, 2)), ("1", (1,)), ("0", (0,))])
def test_covariance_batch_by_batch_is_that_of_all_states(material, which, layers):
    model, collate, rows = material
    found = state_covariance(model, collate, rows, layers=which, batch_size=7)
    torch.testing.assert_close(found, covariance_at_once(model, collate, rows, layers), rtol=1e-4, atol=1e-6)


def test_the_sample_is_bounded_seeded_and_leaves_the_training_alone(material):
    model, collate, rows = material
    model.train()
    torch.manual_seed(3)
    before, told = torch.get_rng_state(), []
    limit = 2 * 60  # two layers
    one = state_covariance(model, collate, rows, limit=limit, seed=1, on_batch=lambda *at: told.append(at))
    assert model.training
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one, state_covariance(model, collate, rows, limit=limit, seed=1))
    assert not torch.equal(one, state_covariance(model, collate, rows, limit=limit, seed=2))
    (done, total) = told[-1]
    assert done == total < 40
    order = np.random.default_rng(1).permutation(40)[:total]
    assert sum(len(rows[int(i)]["input_ids"]) for i in order) <= 60


@pytest.mark.slow
@pytest.mark.parametrize(("task", "model"), [("digits", "tiny-vit"), ("tones", "tiny-ast")])
def test_the_sample_is_bounded_whatever_an_example_is(task, model):
    from core.modalities import Cut
    from core.models import layers
    from core.models.loading import load_model
    from core.tasks import load_task

    data = load_task(task, train_size=200)
    loaded = load_model(model, data.num_labels, data.modality)
    rows = loaded.encode(data.train, Cut())
    counted, told = layers.Moments.add, []

    def add(self, states):
        told.append(len(states))
        return counted(self, states)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layers.Moments, "add", add)
        state_covariance(loaded.model, loaded.collator(), rows, limit=20_000, batch_size=4)
    assert 5_000 < sum(told) <= 20_000
