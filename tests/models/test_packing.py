import copy

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

from core.models import packing
from core.models.adapters import with_adapters
from core.models.packing import Layout, PaddingFree, pack_texts, telling_rows
from core.models.pooling import pool

TINY = {
    "vocab_size": 60,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 24,
    "num_labels": 3,
    "pad_token_id": 1,
}
DISTILBERT = {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32}
PACKED = ["bert", "roberta", "xlm-roberta", "mpnet", "distilbert", "electra", "albert", "modernbert", "gpt2"]
LENGTHS = (4, 20, 9, 1, 9, 16, 3, 5)


def classifier(kind: str, **options):
    """Return a random classifier whose weights are large enough for every token to count."""
    torch.manual_seed(3)
    if kind == "xlnet":
        config = AutoConfig.for_model(kind, vocab_size=60, d_model=16, n_layer=2, n_head=2, d_inner=32, num_labels=3)
        return AutoModelForSequenceClassification.from_config(config).eval()
    common = {**TINY, **(DISTILBERT if kind == "distilbert" else {}), **options}
    if kind == "albert":
        common["embedding_size"] = 8
    if kind == "modernbert":
        common |= {
            "local_attention": 64,
            **options,
            "cls_token_id": 2,
            "sep_token_id": 3,
            "eos_token_id": 3,
            "bos_token_id": 2,
        }
    if kind == "gpt2":
        common |= {"eos_token_id": 3, "bos_token_id": 2}
    model = AutoModelForSequenceClassification.from_config(AutoConfig.for_model(kind, **common))
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if weights.ndim == 2:
                weights.copy_(torch.randn_like(weights) * 0.4)
            if "bias" in name:
                weights.add_(torch.randn_like(weights) * 0.1)
    return model.eval()


def padded_batch(lengths, *, pairs: bool = False, seed: int = 0, left: bool = False) -> dict:
    random = torch.Generator().manual_seed(seed)
    length = max(lengths)
    columns = torch.arange(length).expand(len(lengths), -1)
    real = columns < torch.tensor(lengths)[:, None]
    if left:
        real = real.flip(1)
    ids = torch.randint(5, TINY["vocab_size"], real.shape, generator=random)
    batch = {"input_ids": torch.where(real, ids, TINY["pad_token_id"]), "attention_mask": real.long()}
    if pairs:
        batch["token_type_ids"] = (columns >= torch.tensor(lengths)[:, None] // 2).long() * real
    batch["labels"] = torch.arange(len(lengths)) % 3
    return batch


def scores_and_gradients(model, batch):
    """Return hidden states, logits and gradients of a loss on the scores and on what each pooling takes of a layer."""
    model.zero_grad()
    output = model(**batch, output_hidden_states=True)
    mask = batch["attention_mask"]
    terms = [
        pool(output.hidden_states[k], mask, how).square().mean() for k in (-1, 1) for how in ("cls", "mean", "last")
    ]
    (output.loss + sum(terms)).backward()
    gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    return output, gradients


def assert_same(model, batch, *, row=None):
    """Padded and packed agree on everything that training reads."""
    padded, expected = scores_and_gradients(model, batch)
    hooks = PaddingFree(
        model, causal=model.config.model_type == "gpt2", longest=10_000, always=True, **({"row": row} if row else {})
    )
    packed, got = scores_and_gradients(model, batch)
    hooks.remove()
    real = batch["attention_mask"].bool()
    assert len(packed.hidden_states) == len(padded.hidden_states)
    for ours, theirs in zip(packed.hidden_states, padded.hidden_states, strict=True):
        torch.testing.assert_close(ours[real], theirs[real], rtol=1e-5, atol=1e-5)
        assert not ours[~real].any()
    torch.testing.assert_close(packed.logits, padded.logits, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(packed.loss, padded.loss, rtol=1e-5, atol=1e-5)
    assert got.keys() == expected.keys()
    for name, gradient in expected.items():
        scale = max(1.0, float(gradient.abs().max()))
        torch.testing.assert_close(got[name] / scale, gradient / scale, rtol=0, atol=1e-5, msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("kind", PACKED)
def test_packed_states_scores_and_gradients_are_the_padded_ones(kind):
    model = classifier(kind)
    batch = padded_batch(LENGTHS, pairs=kind in ("bert", "electra", "albert"))
    hooks, why = pack_texts(model, batch)
    assert why == ""
    hooks.remove()
    for row in (8, 32, 64):
        assert_same(model, batch, row=row)


@pytest.mark.slow
@pytest.mark.parametrize(
    "lengths",
    [(7, 7, 7, 7), (6,), (1, 1), (20, 20), (24, 3, 24, 2), (22,)],
    ids=lambda lengths: "-".join(map(str, lengths)),
)
@pytest.mark.parametrize("kind", ["bert", "mpnet"])
def test_equal_lengths_one_text_and_the_longest_possible_text(kind, lengths):
    if kind == "mpnet":
        lengths = [min(length, 22) for length in lengths]  # its positions begin behind the padding's
    assert_same(classifier(kind), padded_batch(lengths, pairs=kind == "bert"))


def test_padding_on_the_left_stays_since_heads_take_the_first_column():
    model = classifier("bert")
    hooks, _ = pack_texts(model, padded_batch(LENGTHS))
    assert rows_seen(model, padded_batch(LENGTHS, left=True)) == [(8, 20)]
    hooks.remove()


def test_a_padding_token_inside_a_text_keeps_its_position():
    batch = padded_batch(LENGTHS)
    batch["input_ids"][1, 5] = TINY["pad_token_id"]
    assert_same(classifier("roberta"), batch)


@pytest.mark.parametrize("kind", ["fnet", "deberta-v2", "xlnet"])
def test_a_model_that_can_not_be_packed_stays_padded_and_says_why(kind):
    options = {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]} if kind == "deberta-v2" else {}
    model = classifier(kind, **options)
    batch = padded_batch(LENGTHS)
    if kind == "fnet":  # knows no mask
        batch = {"input_ids": batch["input_ids"]}
    before = model(**batch).logits
    hooks, why = pack_texts(model, padded_batch(LENGTHS))
    assert hooks is None
    assert why.endswith(".")
    assert torch.equal(model(**batch).logits, before)


def test_a_window_of_attention_that_packing_would_open_is_noticed():
    hooks, why = pack_texts(classifier("modernbert", local_attention=4), padded_batch(LENGTHS))
    assert hooks is None
    assert "other states" in why


def test_the_check_sees_positions_that_do_not_begin_anew(monkeypatch):
    whole = lambda self, ids: torch.arange(ids.numel()).view_as(ids) % TINY["max_position_embeddings"]  # noqa: E731
    monkeypatch.setattr(PaddingFree, "_positions", whole)
    hooks, why = pack_texts(classifier("bert"), padded_batch(LENGTHS))
    assert hooks is None
    assert "other states" in why


def test_the_check_sees_texts_that_see_one_another(monkeypatch):
    monkeypatch.setattr(
        Layout, "mask", lambda self, causal=False: torch.ones(self.rows[0], 1, self.rows[1], self.rows[1]).bool()
    )
    hooks, why = pack_texts(classifier("bert"), padded_batch(LENGTHS))
    assert hooks is None
    assert "other states" in why


def rows_seen(model, batch) -> list[tuple[int, int]]:
    """Return the shape of what the embeddings of `model` were given."""
    model.train()
    seen = []
    hook = model.get_input_embeddings().register_forward_pre_hook(lambda _, args: seen.append(tuple(args[0].shape)))
    model(**batch)
    hook.remove()
    return seen


def test_fewer_tokens_are_computed_and_only_where_padding_is_worth_it():
    model = classifier("bert")
    hooks, _ = pack_texts(model, padded_batch(LENGTHS))
    lengths = [20, 3, 4, 5, 3, 4, 5, 6] * 4
    assert rows_seen(model, padded_batch(lengths)) == [(5, 40)]  # 200 tokens of 640
    assert rows_seen(model, padded_batch([20] * 8)) == [(8, 20)]
    assert rows_seen(model, padded_batch([21, 3, 4, 5])) == [(4, 21)]  # longer than what was compared
    hooks.remove()
    assert rows_seen(model, padded_batch(lengths)) == [(32, 20)]


def test_evaluation_stays_padded_so_that_repeated_texts_stay_equal_to_the_last_bit():
    model = classifier("bert")
    hooks, _ = pack_texts(model, padded_batch(LENGTHS))
    batch = padded_batch([20, 3, 3, 5, 3, 4, 5, 6] * 4)
    with_hooks = model(**batch, output_hidden_states=True)
    hooks.remove()
    for ours, theirs in zip(
        with_hooks.hidden_states, model(**batch, output_hidden_states=True).hidden_states, strict=True
    ):
        assert torch.equal(ours, theirs)


def test_attention_maps_and_tuples_come_padded():
    model = classifier("bert", attn_implementation="eager")
    hooks, _ = pack_texts(model, padded_batch(LENGTHS))
    batch = padded_batch(LENGTHS)
    assert model.train()(**batch, output_attentions=True).attentions[0].shape == (8, 2, 20, 20)
    batch["attention_mask"][1, 5] = 0  # a hole: a text is one stretch of tokens
    assert rows_seen(model, batch) == [(8, 20)]
    hooks.remove()


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_both_kinds_of_attention(attention):
    model = classifier("bert", attn_implementation=attention)
    assert model.config._attn_implementation == attention
    assert_same(model, padded_batch(LENGTHS))


@pytest.mark.slow
def test_adapters_checkpointing_and_bfloat16():
    adapted = with_adapters(classifier("bert"), 2)
    hooks, why = pack_texts(adapted, padded_batch(LENGTHS))
    assert why == ""
    assert rows_seen(adapted, padded_batch(LENGTHS)) == [(3, 24)]
    hooks.remove()

    model = classifier("bert", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0).train()
    plain, expected = scores_and_gradients(model, padded_batch(LENGTHS))
    model.activation_checkpointing_enable({"use_reentrant": False})
    hooks, _ = pack_texts(model, padded_batch(LENGTHS))
    assert model.training
    packed, got = scores_and_gradients(model, padded_batch(LENGTHS))
    for name, gradient in expected.items():
        torch.testing.assert_close(got[name], gradient, rtol=1e-4, atol=1e-5)

    with torch.autocast("cpu", torch.bfloat16):
        rough, _ = scores_and_gradients(model, padded_batch(LENGTHS))
    torch.testing.assert_close(rough.logits.float(), plain.logits, rtol=0.1, atol=0.1)
    twin = copy.deepcopy(model)
    hooks.remove()
    assert rows_seen(model, padded_batch(LENGTHS)) == [(8, 20)]
    torch.testing.assert_close(twin(**padded_batch(LENGTHS)).logits, packed.logits, rtol=1e-4, atol=1e-5)


def test_what_is_saved_knows_nothing_of_packing(tmp_path):
    model = classifier("bert")
    batch = padded_batch(LENGTHS)
    hooks, _ = pack_texts(model, batch)
    model.save_pretrained(tmp_path)
    hooks.remove()
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    assert torch.equal(again(**batch).logits, model(**batch).logits)


@pytest.mark.parametrize("longest", [10, 30, 90, 300])
def test_rows_are_as_long_as_costs_least(longest):
    for seed in range(20):
        lengths = np.random.default_rng(seed).integers(2, longest, 32).tolist()
        _, (count, length) = packing._starts(lengths, packing.ROW)
        costs = [n * w * (1 + w / packing._EQUAL) for n in range(1, 33) for w, _ in [packing._levelled(lengths, n)]]
        assert count * length * (1 + length / packing._EQUAL) <= 1.15 * min(costs)


@pytest.mark.parametrize("row", [None, 1, 16, 64])
def test_a_layout_holds_every_token_once_and_whole_texts(row):
    lengths = torch.randint(1, 30, (50,), generator=torch.Generator().manual_seed(1)).tolist()
    batch = padded_batch(lengths)
    layout = Layout.of(batch["attention_mask"], row)
    rows, length = layout.rows
    assert length % 8 == 0
    assert layout.target.unique().numel() == sum(lengths)
    assert torch.equal(
        layout.unpack(layout.pack(batch["input_ids"]).unsqueeze(-1)).squeeze(-1),
        batch["input_ids"] * batch["attention_mask"],
    )
    for text, count in enumerate(lengths):
        places = (layout.texts.flatten() == text).nonzero().squeeze(1)
        assert len(places) == count
        assert places[-1] - places[0] == count - 1
        assert places[0] // length == places[-1] // length
    if row is None:
        assert rows == 1
    else:
        assert rows * length <= 1.2 * sum(lengths) + 8 * rows


def test_telling_rows_are_the_longest_and_the_shortest():
    assert sorted(telling_rows([5, 9, 1, 7, 8], longest=2, shortest=1)) == [1, 2, 4]
    assert telling_rows([5]) == [0]
