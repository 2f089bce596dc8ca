"""The regularizers in somebody else's Trainer: its own loss stays, the term is added, and no confident nothing."""

import copy

import pytest
import torch
from datasets import Dataset
from torch.nn import functional
from transformers import AutoModel, BertPreTrainedModel, DataCollatorWithPadding, Trainer, TrainingArguments
from transformers.modeling_outputs import SequenceClassifierOutput

from core import CosineLoss, IsobarError, PersistentEntropyLoss, regularized
from core.models.loading import load_model


@pytest.fixture(scope="module")
def loaded(tiny_model):
    torch.manual_seed(0)
    found = load_model(str(tiny_model), 2)
    for module in found.model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return found


@pytest.fixture(scope="module")
def batch(loaded):
    texts = [f"word {k} " * (1 + k % 3) for k in range(12)]
    return {**loaded.processor(texts, padding=True, return_tensors="pt"), "labels": torch.arange(12) % 2}


class Weighted(Trainer):
    """What people write: it takes the labels out, and weighs the classes."""

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        labels = inputs.pop("labels")
        outputs = model(**inputs)
        loss = functional.cross_entropy(outputs.logits, labels, torch.tensor([1.0, 3.0]))
        return (loss, outputs) if return_outputs else loss


class Own(torch.nn.Module):
    """A module of somebody's own around an encoder, which hands out no states."""

    def __init__(self, folder, rule="cls"):
        super().__init__()
        self.encoder, self.rule = AutoModel.from_pretrained(folder), rule
        self.head = torch.nn.Linear(self.encoder.config.hidden_size, 2)

    def forward(self, input_ids, attention_mask, labels=None):
        states = self.encoder(input_ids, attention_mask).last_hidden_state
        if self.rule == "mean":
            mask = attention_mask.unsqueeze(-1)
            logits = self.head((states * mask).sum(1) / mask.sum(1))
        else:
            logits = self.head(states[:, 0])
        loss = functional.cross_entropy(logits, labels) if labels is not None else None
        return {"loss": loss, "logits": logits}


class OwnBert(BertPreTrainedModel):
    """A class of somebody's own in transformers' way."""

    def __init__(self, config):
        from transformers import BertModel

        super().__init__(config)
        self.bert, self.out = BertModel(config), torch.nn.Linear(config.hidden_size, 2)
        self.post_init()

    def forward(self, input_ids=None, attention_mask=None, labels=None):
        logits = self.out(self.bert(input_ids, attention_mask=attention_mask)[1])
        loss = functional.cross_entropy(logits, labels) if labels is not None else None
        return SequenceClassifierOutput(loss=loss, logits=logits)


def arguments(tmp_path, **options):
    return TrainingArguments(
        output_dir=str(tmp_path), use_cpu=True, report_to="none", disable_tqdm=True, save_strategy="no", **options
    )


def trainer_of(kind, model, tmp_path, /, arguments_=None, **options):
    return regularized(kind)(model=model, args=arguments_ or arguments(tmp_path), **options)


def hooks_of(model):
    return [(len(module._forward_hooks), len(module._forward_pre_hooks)) for module in model.modules()]


def test_it_is_a_subclass_and_of_its_own_result_it_makes_none(tmp_path, loaded):
    made = regularized(Weighted)
    assert issubclass(made, Weighted)
    assert regularized(Weighted) is made
    assert regularized(made) is made
    assert made.__name__ == "RegularizedWeighted"
    with pytest.raises(IsobarError, match="takes a class"):
        regularized(trainer_of(Trainer, loaded.model, tmp_path))
    with pytest.raises(IsobarError, match="takes a class"):
        regularized(torch.nn.Module)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Trainer, Weighted])
def test_the_loss_is_theirs_plus_the_term(loaded, batch, tmp_path, kind):
    model = loaded.model.train()
    theirs = kind(model=model, args=arguments(tmp_path)).compute_loss(model, dict(batch))
    states = model(**batch, output_hidden_states=True).hidden_states[-1][:, 0]
    hooks = hooks_of(model)  # transformers has its own
    term = PersistentEntropyLoss(weight=0.3)(states, batch["labels"]) + CosineLoss(weight=0.5)(states, batch["labels"])
    trainer = trainer_of(kind, model, tmp_path, regularizer="persistent-entropy(weight=0.3) + cosine(weight=0.5)")
    torch.testing.assert_close(trainer.compute_loss(model, dict(batch)), theirs + term)
    loss, outputs = trainer.compute_loss(model, dict(batch), return_outputs=True)
    torch.testing.assert_close(loss, theirs + term)
    assert outputs.hidden_states is not None
    model.eval()
    assert trainer.compute_loss(model, dict(batch)).item() == pytest.approx(theirs.item(), rel=1e-5)
    assert hooks_of(model) == hooks


def test_the_baseline_is_their_loss_and_what_would_be_seen_is_kept(loaded, batch, tmp_path):
    model = loaded.model.train()
    theirs = Weighted(model=model, args=arguments(tmp_path)).compute_loss(model, dict(batch))
    trainer = trainer_of(Weighted, model, tmp_path, regularizer="none")
    assert torch.equal(trainer.compute_loss(model, dict(batch)), theirs)
    assert trainer.terms.stats()["classes"]["0"]["bars"] == 5


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["cls", "mean"])
def test_a_module_of_their_own_is_read_at_the_encoder_inside(tiny_model, batch, tmp_path, rule):
    torch.manual_seed(0)
    model = Own(tiny_model, rule).train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    given = {name: batch[name] for name in ("input_ids", "attention_mask", "labels")}
    states = model.encoder(batch["input_ids"], batch["attention_mask"]).last_hidden_state
    mask = batch["attention_mask"].unsqueeze(-1)
    vectors = states[:, 0] if rule == "cls" else (states * mask).sum(1) / mask.sum(1)
    expected = model(**given)["loss"] + PersistentEntropyLoss()(vectors, batch["labels"])
    trainer = trainer_of(Trainer, model, tmp_path)
    torch.testing.assert_close(trainer.compute_loss(model, dict(given)), expected)


def test_a_class_of_their_own_in_transformers_way(tiny_model, batch, tmp_path):
    model = OwnBert.from_pretrained(tiny_model).train()
    given = {name: batch[name] for name in ("input_ids", "attention_mask", "labels")}
    trainer = trainer_of(Trainer, model, tmp_path, regularizer="cosine")
    trainer.compute_loss(model, given)
    assert trainer._seen_as == "cls"
    assert trainer.terms.modules["cosine"].read_stats()["skipped"] == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "labels", [None, torch.linspace(0, 1, 12), torch.ones(12, 3), torch.zeros(12, 5, dtype=torch.int64)], ids=str
)
def test_without_classes_the_batch_is_one_cloud(loaded, batch, tmp_path, labels):
    class Constant(Trainer):
        def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
            inputs.pop("labels", None)
            return model(**inputs).logits.square().mean()

    model = loaded.model.train()
    given = {name: value for name, value in batch.items() if name != "labels"}
    states = model(**given, output_hidden_states=True).hidden_states[-1][:, 0]
    expected = model(**given).logits.square().mean() + PersistentEntropyLoss(scope="global")(states, batch["labels"])
    trainer = trainer_of(Constant, model, tmp_path)
    found = trainer.compute_loss(model, given | ({} if labels is None else {"labels": labels}))
    torch.testing.assert_close(found, expected)


def test_of_several_passes_the_first_with_a_gradient_counts(loaded, batch, tmp_path):
    class Twice(Trainer):
        def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
            with torch.no_grad():
                model(**{**inputs, "input_ids": inputs["input_ids"].flip(0)})
            return model(**inputs).loss + 0 * model(**{**inputs, "input_ids": inputs["input_ids"].roll(1, 0)}).loss

    model = loaded.model.train()
    expected = trainer_of(Trainer, model, tmp_path, pooling="cls").compute_loss(model, dict(batch))
    found = trainer_of(Twice, model, tmp_path, pooling="cls").compute_loss(model, dict(batch))
    torch.testing.assert_close(found, expected)


@pytest.mark.slow
@pytest.mark.parametrize("scaled", [False, True])
def test_accumulated_batches_weigh_their_loss_and_the_term_alike(loaded, batch, tmp_path, scaled):
    """Two equal batches of a step are one of them: gradient of the loss plus gradient of the term, once."""

    def gradients(count):
        model = copy.deepcopy(loaded.model).double()
        args = arguments(tmp_path, gradient_accumulation_steps=count)
        trainer = trainer_of(Trainer, model, tmp_path, args, regularizer="persistent-entropy(weight=2)")
        trainer.model_accepts_loss_kwargs = False
        if scaled:  # as those do that sum, and divide by the items of the whole step
            trainer.compute_loss_func = lambda outputs, labels, num_items_in_batch: (
                functional.cross_entropy(outputs.logits, labels, reduction="sum") / (count * 12)
            )
        trainer.current_gradient_accumulation_steps = count
        for _ in range(count):
            trainer.training_step(model, dict(batch), num_items_in_batch=count * 12)
        row = trainer.terms.told()
        return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}, row

    (one, seen), (two, again) = gradients(1), gradients(2)
    assert one.keys() == two.keys()
    for name in one:
        torch.testing.assert_close(one[name], two[name], rtol=1e-8, atol=1e-12)
    assert again["task_loss"] == pytest.approx(seen["task_loss"])
    assert again["regularizer"] == pytest.approx(seen["regularizer"])


@pytest.mark.slow
def test_it_trains_with_mixed_precision_and_a_checkpoint_keeps_the_memory(loaded, tmp_path):
    texts = [f"{colour} word {k}" for k in range(16) for colour in ("red", "blue")]
    data = Dataset.from_dict({**loaded.processor(texts), "labels": [k % 2 for k in range(32)]})
    args = TrainingArguments(
        output_dir=str(tmp_path), use_cpu=True, report_to="none", disable_tqdm=True, bf16=True, max_steps=2,
        per_device_train_batch_size=8, logging_steps=1, save_steps=1,
    )  # fmt: skip

    def trainer(max_steps):
        args.max_steps = max_steps
        return trainer_of(
            Weighted, copy.deepcopy(loaded.model), tmp_path, args, train_dataset=data,
            data_collator=DataCollatorWithPadding(loaded.processor), regularizer="persistent-entropy(memory=8)",
        )  # fmt: skip

    first = trainer(2)
    first.train()
    logged = [row for row in first.state.log_history if "loss" in row]
    for row in logged:
        assert row["loss"] == pytest.approx(row["task_loss"] + row["regularizer/persistent-entropy"], rel=1e-3)
    held = first.terms.modules["persistent-entropy"].memory.rows
    again = trainer(4)
    again._load_from_checkpoint(str(tmp_path / "checkpoint-2"))
    assert torch.equal(again.terms.modules["persistent-entropy"].memory.rows, held)
    again.train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))
    assert again.state.global_step == 4


@pytest.mark.slow
def test_istar_has_its_covariance_of_their_training_texts(loaded, tmp_path):
    data = Dataset.from_dict(
        {**loaded.processor([f"word {k}" for k in range(16)]), "labels": [0, 1] * 8, "text": ["x"] * 16}
    )
    options = {"data_collator": DataCollatorWithPadding(loaded.processor), "regularizer": "istar(weight=1)"}
    args = arguments(tmp_path, max_steps=1)
    trainer = trainer_of(Trainer, loaded.model, tmp_path, args, train_dataset=data, **options)
    trainer.train()
    assert trainer.terms.modules["istar"].shrinkage.shape == (32, 32)
    stream = data.to_iterable_dataset()
    with pytest.raises(IsobarError, match="zeta=0"):
        trainer_of(Trainer, loaded.model, tmp_path, args, train_dataset=stream, **options).train()


class TestRefusals:
    def test_settings(self, loaded, tmp_path):
        with pytest.raises(IsobarError, match="persistent-entropy"):
            trainer_of(Trainer, loaded.model, tmp_path, regularizer="persistent-entrpy")
        with pytest.raises(IsobarError, match="holds no model of transformers"):
            trainer_of(Trainer, torch.nn.Linear(2, 2), tmp_path)

    def test_a_term_without_gradient_names_regularizer_and_layer(self, loaded, batch, tmp_path):
        model = copy.deepcopy(loaded.model).train()
        model.bert.requires_grad_(False)
        with pytest.raises(IsobarError, match=r"persistent-entropy can't act on layer -1"):
            trainer_of(Trainer, model, tmp_path).compute_loss(model, dict(batch))

    def test_a_layer_that_is_not_there(self, loaded, batch, tmp_path):
        model = loaded.model.train()
        for pooling in ("auto", "cls"):
            with pytest.raises(IsobarError, match="no layer 7"):
                trainer_of(Trainer, model, tmp_path, layer=7, pooling=pooling).compute_loss(model, dict(batch))

    def test_a_loss_that_passes_the_model_by(self, loaded, batch, tmp_path):
        class Other(Trainer):
            def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
                return model.bert.embeddings(inputs["input_ids"]).square().mean()

        model = loaded.model.train()
        with pytest.raises(IsobarError, match="runs no BertForSequenceClassification"):
            trainer_of(Other, model, tmp_path).compute_loss(model, dict(batch))

    def test_what_the_head_of_a_module_of_their_own_reads(self, tiny_model, batch, tmp_path):
        model = Own(tiny_model).train()
        given = {name: batch[name] for name in ("input_ids", "attention_mask", "labels")}
        with pytest.raises(IsobarError, match="owner's own"):
            trainer_of(Trainer, model, tmp_path, pooling="head").compute_loss(model, given)


@pytest.mark.slow
def test_a_second_training_begins_with_regularizers_that_have_seen_nothing(loaded, tmp_path):
    data = Dataset.from_dict({**loaded.processor([f"word {k}" for k in range(16)]), "labels": [0, 1] * 8})
    options = {"data_collator": DataCollatorWithPadding(loaded.processor), "train_dataset": data}
    options["regularizer"] = "persistent-entropy(memory=4)+istar(weight=1)"
    trainer = trainer_of(Trainer, loaded.model, tmp_path, arguments(tmp_path, max_steps=1), **options)
    trainer.train()
    first = trainer.terms.modules
    assert first["persistent-entropy"].memory.rows.numel()
    seen = []
    before_loss = type(trainer)._before_loss

    def looked(self):
        seen.append((self.terms.modules["persistent-entropy"].memory.rows.numel(), self._renewed))
        before_loss(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(trainer), "_before_loss", looked)
        trainer.train()
    assert seen[0] == (0, -1)
    assert trainer.terms.modules["istar"].shrinkage is not first["istar"].shrinkage
