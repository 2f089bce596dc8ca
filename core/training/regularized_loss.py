"""The regularizers beside any loss of sentence-transformers."""

import copy
import logging
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from statistics import fmean
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from core.errors import IsobarError
from core.regularizers.base import Regularizer
from core.regularizers.chosen import Regularizers
from core.training import ranks
from core.training.any_trainer import announce, terms_of
from core.training.terms import Clouds, StepLog, Terms

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_log = logging.getLogger("isobar")
_NO_MODEL = (
    "The loss runs no model whose sentence embeddings could be read; it should call the SentenceTransformer itself, not "
    "parts of it."
)


class RegularizedLoss(nn.Module):
    """A loss of sentence-transformers, plus regularizers of the embeddings that it was computed from.

    It is given to a SentenceTransformerTrainer in place of the loss::

        loss = RegularizedLoss(MultipleNegativesRankingLoss(model), "persistent-entropy(weight=0.3)")

    * The embeddings are read while the inner loss runs the model, so that each text is encoded once; those of the losses
      that cache gradients in mini-batches are the whole batch's. They are what the model's last module puts out: a
      Matryoshka loss shortens them for itself, a loss over several layers has those of the last one here.
    * Each column of the batch (anchors, positives, negatives) is one cloud, whatever its labels, and a term is the mean of
      the columns'. A text and its positive are not in one cloud, since the task loss draws them together and a
      regularizer would push them apart.
    * While training it returns the parts by name, as a Trainer logs them: ``task_loss`` (or the inner loss's own parts) and
      ``regularizer/NAME``; their sum is the loss. In evaluation it returns the inner loss as it is.
    * On several processes a cloud is that of all of them; whether the inner loss gathers too is its own setting
      (``gather_across_devices``).

    It goes around all other losses (Matryoshka's and such), never inside one. What a regularizer remembers of past batches
    (``memory``) begins anew when a training is resumed.

    Args:
        loss: any loss of sentence-transformers, or a module of your own that is called in the same way.
        regularizer: the terms with their settings, several joined by ``+``; "none" is the baseline, whose clouds are
            logged all the same.
        model: the SentenceTransformer, where the loss holds several or none.

    Attributes:
        terms: the regularizers, and what they saw.

    Raises:
        IsobarError: sentence-transformers isn't installed, a regularizer or setting is unknown or acts on tokens, or it
            can't be told which model the loss trains; when called, the loss runs no such model, or none that is trained.
    """

    def __init__(
        self,
        loss: nn.Module,
        regularizer: str | Mapping | Regularizers = "persistent-entropy",
        *,
        model: "SentenceTransformer | None" = None,
    ):
        super().__init__()
        kind = _sentence_transformer()
        if not isinstance(loss, nn.Module) or isinstance(loss, kind):
            raise IsobarError(
                f"RegularizedLoss goes around a loss of sentence-transformers, such as CoSENTLoss(model); it was given "
                f"{'a class' if isinstance(loss, type) else 'a'} {getattr(loss, '__name__', type(loss).__name__)}."
            )
        chosen = Regularizers.parse(regularizer, "RegularizedLoss")
        for name, settings in chosen.items():
            if settings.tokens is not None:
                raise IsobarError(
                    f"The regularizer {name} acts on the states of tokens, but sentence-transformers hands out embeddings of "
                    "texts; choose another one or, where it has the setting, of=texts."
                )
        self.loss = loss
        self.terms = Terms(chosen, pooling="encode")
        self.terms.watched = False
        self.terms.modules = {name: _PerColumn(module) for name, module in self.terms.modules.items()}
        self._given = None if model is None else weakref.ref(model)
        self._warned: set[str] = set()
        self._trained()

    def __setattr__(self, name: str, value) -> None:
        super().__setattr__(name, value)
        if name == "loss" and hasattr(self, "terms"):  # how a Trainer that made a new model gives it to its losses
            self._trained()

    @property
    def model(self) -> nn.Module:
        """The inner loss's model; a Trainer puts its own wrapper of it there."""
        return self.loss.model

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor | None = None):
        """Return the parts of the loss by name, each a scalar; in evaluation what the inner loss returns.

        Args:
            sentence_features: what the tokenizer made of each column's b texts.
            labels: (b,) or whatever else the inner loss takes.
        """
        model = self._trained()
        if not model.training:
            return self.loss(sentence_features, labels)
        if not self.terms.watched:  # nobody takes out what would pile up in the log
            self.terms.log = StepLog()
        features = list(sentence_features)
        cached = next((part for part in self.loss.modules() if _caches_gradients(part)), None)
        if cached is None:
            with _embeddings_of(model) as runs:
                found = self.loss(features, labels)
            added = self._values(_columns(runs, features), model)
        else:
            with self._added_in(cached, model) as added:
                found = self.loss(features, labels)
            if added.keys() != self.terms.chosen.keys():
                raise IsobarError(_NO_MODEL)
        parts = found if isinstance(found, dict) else {"task_loss": found}
        if not all(isinstance(part, Tensor) for part in parts.values()):
            raise IsobarError(
                f"The loss {type(self.loss).__name__} gives a {type(found).__name__} and no number; does the batch lack labels?"
            )
        self.terms.log.task_loss.append(sum(part.detach() for part in parts.values()))
        return {**parts, **{f"regularizer/{name}": value for name, value in added.items()}}

    def get_config_dict(self) -> dict:
        """Return the settings, as a model card lists them."""
        inner = self.loss.get_config_dict() if hasattr(self.loss, "get_config_dict") else {}
        return {"loss": type(self.loss).__name__, "loss_config": inner, "regularizer": str(self.terms.chosen)}

    @contextmanager
    def _added_in(self, cached: nn.Module, model: nn.Module) -> Iterator[dict[str, Tensor]]:
        """Add the terms where a loss computes the gradients of all embeddings, which it brings to the weights itself.

        The gradients that it keeps are then of the sum, and the values that are yielded have none.
        """
        inner, own = cached.calculate_loss, vars(cached).get("calculate_loss")
        added: dict[str, Tensor] = {}

        def calculate_loss(reps: list[list[Tensor]], *args, **options) -> Tensor:
            loss = inner(reps, *args, **options)
            values = self._values([torch.cat(column) for column in reps], model)
            total = sum(values.values())
            if isinstance(total, Tensor) and total.requires_grad:
                total.backward()
            added.update({name: value.detach() for name, value in values.items()})
            return loss

        cached.calculate_loss = calculate_loss
        try:
            yield added
        finally:
            if own is None:
                del cached.calculate_loss
            else:
                cached.calculate_loss = own

    def _values(self, columns: list[Tensor], model: nn.Module) -> dict[str, Tensor]:
        """Return the value of each regularizer by the embeddings (b, d) of each column, which `model` made."""
        labels = [torch.full((len(rows),), k, device=rows.device) for k, rows in enumerate(columns)]
        cloud = torch.cat(columns), torch.cat(labels)
        reached = cloud[0].requires_grad and any(weight.requires_grad for weight in model.parameters())
        if torch.is_grad_enabled() and not reached:
            raise IsobarError(
                "The regularizers would reach no weight: no part of the model that makes the embeddings is trained."
            )
        fewest = min(map(len, columns)) * ranks.count()
        for name, settings in self.terms.chosen.items():
            if fewest < settings.fewest and name not in self._warned:
                self._warned.add(name)
                _log.warning(
                    "A batch has %d texts in a column; %s needs %d, and adds nothing to such batches.",
                    fewest,
                    name,
                    settings.fewest,
                )
        clouds: Clouds = dict.fromkeys(self.terms.modules, cloud)
        self.terms.log_only(clouds)
        return self.terms.values(clouds)

    def _trained(self) -> "SentenceTransformer":
        """Return the model whose embeddings are read; a Trainer may have wrapped it or put another one in."""
        kind = _sentence_transformer()
        model = self._given() if self._given is not None else getattr(self.loss, "model", self.loss)
        if isinstance(model, nn.DataParallel):
            raise IsobarError(
                "One process that trains on several GPUs splits each batch, and with it the cloud; start a process for each "
                "(torchrun or accelerate launch), or show it one (CUDA_VISIBLE_DEVICES=0)."
            )
        found = [part for part in model.modules() if isinstance(part, kind)] if isinstance(model, nn.Module) else []
        if len(found) != 1:
            raise IsobarError(
                f"The loss {type(self.loss).__name__} holds {len(found) or 'no'} SentenceTransformer{'s' * (len(found) > 1)}; "
                "say which one it trains: RegularizedLoss(loss, regularizer, model=...)."
            )
        if terms_of(found[0]) is not self.terms:
            announce(found[0], self.terms)
        return found[0]


class _PerColumn(nn.Module):
    """The mean of a regularizer over the columns of a batch, each of which has its own memory and draws.

    Called as a regularizer is, with the number of each row's column as its label.
    """

    def __init__(self, regularizer: Regularizer):
        super().__init__()
        self._new = copy.deepcopy(regularizer)
        self.columns = nn.ModuleList([regularizer])

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        sizes = labels.bincount().tolist()
        while len(self.columns) < len(sizes):
            self.columns.append(copy.deepcopy(self._new))
        values = [
            column(rows, rows.new_zeros(len(rows), dtype=torch.long))
            for column, rows in zip(self.columns, embeddings.split(sizes))
        ]
        return torch.stack(values).mean()

    def read_stats(self) -> dict:
        """Return the means over the columns of the last call's numbers; ``skipped`` is the columns that were too small."""
        found = [column.read_stats() for column in self.columns]
        clouds = [of_class for row in found for of_class in row["classes"].values()]
        numbers = {name for row in found for name in row} - {"skipped", "classes"}
        return {
            **{name: fmean(row[name] for row in found if name in row) for name in sorted(numbers)},
            "skipped": sum(row["skipped"] for row in found),
            "classes": {"0": {name: fmean(row[name] for row in clouds) for name in clouds[0]}} if clouds else {},
        }


@contextmanager
def _embeddings_of(model: nn.Module) -> Iterator[list[Tensor]]:
    """Yield a list that fills with what the last module of `model` puts out: nothing has shortened that yet."""
    *_, last = model.children()
    runs, with_gradient = [], torch.is_grad_enabled()

    def keep(module, args, output) -> None:
        if torch.is_grad_enabled() == with_gradient and "sentence_embedding" in output:
            runs.append(output["sentence_embedding"])

    handle = last.register_forward_hook(keep)
    try:
        yield runs
    finally:
        handle.remove()


def _columns(runs: list[Tensor], features: list[dict[str, Tensor]]) -> list[Tensor]:
    """Return the embeddings (b, d) of each column.

    A loss runs the model for each column, or for several at once, one below the other; and may run it again for other
    layers, which don't count.
    """
    if not runs:
        raise IsobarError(_NO_MODEL)
    ids = features[0].get("input_ids")
    flat = not isinstance(ids, Tensor) or ids.ndim != 2 or "cu_seq_lens_q" in features[0]
    size = len(runs[0]) if flat else len(ids)  # of flattened texts the first run tells: it is of the first column
    return list(torch.cat(runs)[: size * len(features)].split(size))


def _caches_gradients(part: nn.Module) -> bool:
    return bool(getattr(part, "uses_gradient_cache", False)) and hasattr(part, "calculate_loss")


def _sentence_transformer() -> type:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise IsobarError(
            'RegularizedLoss needs the package sentence-transformers: pip install "isobar-explorer[sentence]".'
        ) from error
    return SentenceTransformer
