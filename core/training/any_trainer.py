"""The regularizers in anybody's Trainer: a class for a class."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache, partial
from pathlib import Path
from weakref import WeakKeyDictionary, ref

import numpy as np
from torch import Tensor, nn
from transformers import Trainer

from core.errors import IsobarError
from core.models.pooling import HeadInput, View, pooled, view, watched_head
from core.models.reading import StateReader
from core.models.states import States
from core.regularizers.chosen import Regularizers
from core.training import ranks
from core.training.terms import Clouds, Terms, class_labels

_log = logging.getLogger("isobar")
_SAMPLED = 4_096  # training examples, of which I-STAR's covariance takes its states
_TERMS: WeakKeyDictionary = WeakKeyDictionary()  # by model: a reference to the terms that its training adds


@cache
def regularized(trainer: type[Trainer]) -> type[Trainer]:
    """Return a subclass of `trainer`, a class of transformers' Trainer, that adds regularizers to its training loss.

    Whatever that class computes as its loss stays as it is: the states are read from the model while it runs. The
    subclass takes what `trainer` takes, and three keywords more::

        trainer = regularized(MyTrainer)(model=model, args=args, ..., regularizer="persistent-entropy(weight=0.3)")

    * ``regularizer``: the terms with their settings, several joined by ``+``; "none" is the baseline, whose clouds are
      logged all the same. By default "persistent-entropy".
    * ``pooling``: how the states of an example become its embedding: auto (what the model's own classifier reads), cls,
      mean, last or head.
    * ``layer``: whose states; -1 is the last layer, 0 the input embeddings.

    The model is a class of transformers, or any module that has one inside. Labels are those in the batch's ``labels``;
    where these are no classes (fractions, labels of tokens, none at all) the batch is one cloud. The terms are added once
    per optimizer step in the mean over accumulated batches, as the task loss is. The Trainer's log has ``task_loss`` and
    ``regularizer/NAME`` beside ``loss``.

    Raises:
        IsobarError: `trainer` is no Trainer, or one of sentence-transformers, whose losses :class:`RegularizedLoss` goes
            around; when it is made, a regularizer or setting is unknown, or the model holds none of transformers; when it trains, a term would reach no weight, or there is no such layer or pooling.
    """
    if not (isinstance(trainer, type) and issubclass(trainer, Trainer)):
        raise IsobarError(
            f"regularized takes a class, transformers' Trainer or a subclass of it, and returns one; it was given {trainer!r}."
        )
    if issubclass(trainer, TermsInLoss):
        return trainer
    if _is_a(trainer, "SentenceTransformerTrainer"):
        raise IsobarError(
            f"{trainer.__name__} has a loss that encodes the texts itself; give it loss=RegularizedLoss(your_loss, regularizer)."
        )
    return type(f"Regularized{trainer.__name__}", (TermsInLoss, trainer), {"__module__": trainer.__module__})


def terms_of(model: nn.Module) -> Terms | None:
    """Return the terms that the training of `model` adds to its loss, or None where nobody has said so."""
    known = _TERMS.get(model)
    return known() if known is not None else None


def announce(model: nn.Module, terms: Terms) -> None:
    """Say which `terms` the training of `model` adds to its loss."""
    _TERMS[model] = ref(terms)


def is_sentence_transformer(model: nn.Module) -> bool:
    """Whether `model` is of sentence-transformers, which need not be installed."""
    return _is_a(type(model), "SentenceTransformer")


def _is_a(kind: type, name: str) -> bool:
    return any(base.__name__ == name and base.__module__.startswith("sentence_transformers.") for base in kind.__mro__)


class TermsInLoss:
    """What :func:`regularized` puts in front of a Trainer class.

    Attributes:
        terms: the regularizers, and what they saw.
    """

    def __init__(
        self,
        *args,
        regularizer: str | Mapping | Regularizers = "persistent-entropy",
        pooling: str = "auto",
        layer: int = -1,
        **options,
    ):
        self.terms = Terms(Regularizers.parse(regularizer, "the keyword regularizer"), layer, pooling)
        self.pooling, self.layer = pooling, layer
        self._reader: StateReader | None = None
        self._head: HeadInput | None = None
        self._seen_as = ""  # the pooling that `pooling` comes to, once the first batch has told
        self._renewed = -1  # the epoch of I-STAR's covariance
        self._trained = False  # whether a training has begun
        super().__init__(*args, **options)
        if self.args.n_gpu > 1:
            raise IsobarError(
                f"One process that trains on {self.args.n_gpu} GPUs splits each batch, and with it the cloud; start a process "
                "for each (torchrun or accelerate launch), or show it one (CUDA_VISIBLE_DEVICES=0)."
            )
        self._watched()

    def call_model_init(self, trial=None):
        """Return the new model of a search over settings."""
        model = super().call_model_init(trial)
        announce(model, self.terms)
        return model

    def train(self, *args, **options):
        """Train; whoever writes a run of it is told where that fails.

        A second training that does not resume the first begins with regularizers that have seen nothing, as in a search over
        settings, where the model is another one.
        """
        resumed = args[0] if args else options.get("resume_from_checkpoint")
        if self._trained and not resumed:
            self.terms.forget()
            self._renewed = -1
        self._trained = True
        try:
            return super().train(*args, **options)
        except BaseException as error:
            for callback in self.callback_handler.callbacks:
                if hasattr(callback, "on_failure"):
                    callback.on_failure(error)
            raise

    def compute_loss(self, model, inputs, return_outputs=False, *args, **options):
        """Return the loss of the class that this one is made of, plus the regularizers' values while training."""
        if not model.training:
            return super().compute_loss(model, inputs, return_outputs, *args, **options)
        labels = inputs.get("labels")  # theirs may take it out
        self._before_loss()
        with self._watching() as reader:
            found = super().compute_loss(model, inputs, return_outputs, *args, **options)
        loss, outputs = found if return_outputs else (found, None)
        share = self._share(args[0] if args else options.get("num_items_in_batch"))
        self.terms.log.task_loss.append(loss.detach() / share)
        states = reader.states()
        if not self._seen_as:
            self._look(reader, states)
        if self._seen_as == "head" and reader.count > 1:
            raise IsobarError(
                f"The loss runs the model {reader.count} times for a batch, so that it can't be told what its head read; "
                "choose pooling cls, mean or last."
            )
        reader.forget()
        clouds = self._clouds(states, labels)
        self.terms.check_gradient(clouds)
        value = self._added(clouds)
        loss = loss + share * value if isinstance(value, Tensor) else loss
        return (loss, outputs) if return_outputs else loss

    def log(self, logs, *args, **options):
        """Also log what the regularizers added; wherever the Trainer reports to, it is told as well."""
        if "loss" in logs and self.terms.log.task_loss:
            row = self.terms.told()
            told = {"task_loss": row["task_loss"], **{f"regularizer/{k}": v for k, v in row["regularizers"].items()}}
            logs.update({name: value for name, value in told.items() if value is not None})
        super().log(logs, *args, **options)

    def _added(self, clouds: Clouds) -> Tensor | float:
        """Return what is added to the loss of a batch."""
        self.terms.log_only(clouds)
        return self.terms.value(clouds)

    def _before_loss(self) -> None:
        """Renew I-STAR's covariance at the beginning of each epoch."""
        epoch = self.state.epoch or 0.0
        if int(epoch) == self._renewed:
            return
        self._renewed = int(epoch)
        self.terms.renew(self.model, epoch, self.args.seed, partial(_sample, self))

    @contextmanager
    def _watching(self) -> Iterator[StateReader]:
        """Read the model meanwhile, and its head where that counts."""
        head = watched_head(self.model) if self._seen_as in ("", "head") else nullcontext()
        with self._watched() as reader, head as self._head:
            yield reader

    def _watched(self) -> StateReader:
        """Return the reader of the model that is trained; a search over settings makes a new one for each trial."""
        if self._reader is None or self._reader.model is not self.model:
            self._reader, self._seen_as = StateReader(self.model), ""
            announce(self.model, self.terms)
        return self._reader

    def _look(self, reader: StateReader, states: States) -> None:
        """Find the pooling, for auto by a trial of the batch that the model was just given; check that the terms reach weights."""
        seen = View(
            self.pooling,
            len(states.layers),
            tuple(layer.requires_grad for layer in states.layers),
            states.kind,
            widths=tuple(layer.shape[-1] for layer in states.layers),
        )
        if reader.given:
            seen = view(self.model, reader.given, self.pooling, self.layer)
        elif self.pooling in ("auto", "head"):
            raise IsobarError(
                f"The loss runs parts of the model ({type(self.model).__name__}) and not the model itself, so that it can't "
                "be told what its head reads; choose pooling cls, mean or last."
            )
        seen.check_layer(self.layer)
        self.terms.check(seen)
        self._seen_as = seen.pooling
        if self.pooling == "auto" and ranks.is_first():
            _log.info("An embedding is what the model's classifier reads: pooling %s.", seen.pooling)

    def _clouds(self, states: States, labels) -> Clouds:
        embeddings = pooled(states, self.layer, self._seen_as, self._head)
        return self.terms.clouds(states, embeddings, class_labels(labels, len(embeddings), embeddings.device))

    def _share(self, num_items_in_batch) -> float:
        """Return what a batch's term counts for in the loss of an optimizer step.

        The Trainer divides each batch's loss by the number of batches that it accumulates, but not where that is a sum
        divided by the items of all of them already.
        """
        scaled = getattr(self, "loss_is_scaled_for_ga", None)
        if scaled is None:
            scaled = (
                self.model_accepts_loss_kwargs and num_items_in_batch is not None
            ) or self.compute_loss_func is not None
        return 1 / self.current_gradient_accumulation_steps if scaled else 1.0

    def _save_checkpoint(self, model, trial):
        """Also keep what the regularizers hold, so that a resumed training goes on with it."""
        if ranks.is_first():  # before all else: the Trainer's own state, written last, says that a checkpoint is whole
            folder = Path(self._get_output_dir(trial=trial)) / f"checkpoint-{self.state.global_step}"
            folder.mkdir(parents=True, exist_ok=True)
            self.terms.save(folder)
        super()._save_checkpoint(model, trial)

    def _load_from_checkpoint(self, resume_from_checkpoint, model=None):
        """Load the weights, and what the regularizers held."""
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        self.terms.recall(Path(resume_from_checkpoint), self.args.device)


class _Sample(Sequence):
    """Some rows of a training set, and what each costs."""

    def __init__(self, rows: list[Mapping]):
        self.rows = rows
        self.costs = np.array([len(row["input_ids"]) for row in rows])

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: int) -> Mapping:
        return self.rows[number]


def _sample(trainer: Trainer, name: str, seed: list[int]) -> tuple[_Sample, object]:
    """Return a random part of what `trainer` trains on, and what makes a batch of it."""
    data = trainer.train_dataset
    try:
        chosen = np.random.default_rng(seed).permutation(len(data))[:_SAMPLED]
        return _Sample([data[int(i)] for i in chosen]), trainer._get_collator_with_removed_columns(
            trainer.data_collator, description="training"
        )
    except (TypeError, KeyError) as error:
        raise IsobarError(
            f"The regularizer {name} takes a covariance of many training texts, but train_dataset ({type(data).__name__}) "
            "gives no rows with input_ids by their numbers; set zeta=0, which asks for none."
        ) from error
