"""The regularizer of the project: it makes the bars that count equally long."""

import math
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, get_args

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from core.errors import IsobarError, nearest
from core.regularizers.base import Regularizer, check_batch
from core.regularizers.gather import gather_batch
from core.regularizers.memory import ClassMemory
from core.regularizers.settings import RegularizerSettings, Scope, Weight
from core.topology.entropy import in_working_precision, persistent_entropy, relative_entropy
from core.topology.euclidean import refuse_unmeasurable
from core.topology.features import entropy_and_slopes, feature_count
from core.topology.homology import hk_barcode, refuse_traced
from core.topology.host import on_host, refuse_visible_nonfinite
from core.topology.host_tree import minimum_spanning_tree
from core.topology.metric import check_metric, directions, lengths_and_slopes, metric_lengths
from core.topology.prim import edge_gradient
from core.topology.selection import check_selection, choose, random_keys, select
from core.topology.spanning_tree import choose_backend, spanning_forest

SCOPES = get_args(Scope)


class Settings(RegularizerSettings):
    """Makes bars of each class equally long: minus the persistent entropy of those that are selected."""

    label: ClassVar[str] = "persistent entropy"
    told_by: ClassVar[str] = "selection"
    factors: ClassVar[tuple[str, ...]] = ("cohesion",)
    former: ClassVar[Mapping[str, Mapping[str, str]]] = {"selection": {"prominent": "features"}}

    weight: Weight = Field(1.0, description="Factor of the persistent entropy; 1 is the paper's.")
    selection: Literal["features", "all", "longest", "random"] = Field(
        "features", description="Which bars count: the features, all, or an ablation."
    )
    longest: Annotated[int, Field(ge=2)] = Field(8, description="How many bars selection 'longest' keeps.")
    scope: Scope = Field("class", description="One cloud per class (fine-tuning), or the whole batch as one.")
    metric: Literal["euclidean", "cosine", "angular"] = Field(
        "euclidean", description="Distance of embeddings: the paper's, 1 - cos, or the angle."
    )
    max_dim: Annotated[int, Field(ge=0, le=1)] = Field(
        0, description="1 also counts loops, the bars of dimension 1; slower, and computed on the host."
    )
    relative: bool = Field(False, description="Divide each class's entropy by its maximum, ln of its bars.")
    cohesion: Annotated[float, Field(ge=-1000, le=1000)] = Field(
        0.0,
        description="Factor of the mean length of the noise bars: above 0 it pulls them together, below 0 it pushes them "
        "apart. The authors' code has -0.05. Its unit is a length, so it means something else in every model.",
    )
    memory: Annotated[int, Field(ge=0, le=4096)] = Field(
        0, description="Past embeddings per class that join the cloud; 0 sees the batch alone."
    )

    @property
    def without_effect(self) -> tuple[str, ...]:
        """`longest` where another selection than that is chosen, `cohesion` where no bar is left to act on."""
        longest = self.selection != "longest" and self.longest != type(self).model_fields["longest"].default
        cohesion = self.selection == "all" and self.cohesion != 0
        return (*(["longest"] if longest else []), *(["cohesion"] if cohesion else []))

    @property
    def fewest(self) -> int:
        """Three, which have two bars: the entropy of one is 0. A memory fills up whatever the batch holds."""
        return 0 if self.memory else 3

    @classmethod
    def words(cls, settings: Mapping) -> str:
        """Return which bars it acts on."""
        bars = {"features": "features", "all": "all bars", "longest": "longest bars", "random": "random bars"}
        return bars.get(settings.get("selection", ""), cls.label)


class PersistentEntropyLoss(Regularizer):
    """Minus the persistent entropy of the selected bars of each class's embeddings in the batch.

    `value = sum over classes of (-weight * E(selected bars) + cohesion * mean(length of the other bars))`, where E is
    in nats. A class with fewer than two bars (three points) contributes 0 and is counted as skipped. Under distributed
    training the batch is that of all processes together.

    Args:
        weight: factor of the entropy; 1 is the paper's.
        selection: which bars' entropy is raised: "features" (the features, the paper's), "all", "longest", or
            "random" (as many as there are features).
        longest: how many bars "longest" takes.
        scope: "class", one cloud for each label; "global", the whole batch as one cloud.
        cohesion: factor of the mean length of the noise bars, those not selected, in the metric's unit; it isn't
            multiplied by `weight`. Above 0 it pulls them together, below 0 it pushes them apart: the authors' term,
            `-(E + 0.05 * mean(noise bars))` in their notebook (repository Xenomirant/Shrink-the-longest at 2bc508f), is
            `cohesion=-0.05`.
        relative: take E / ln(number of selected bars), so that class sizes weigh the same.
        memory: how many past embeddings of each class join its cloud, detached.
        metric: "euclidean", "cosine" or "angular", as in `h0_barcode`.
        max_dim: 1 adds minus the entropy of each class's bars of dimension 1 (loops), selected alike, as an option of
            the authors' code does; a class without loops adds 0. They are found by `hk_barcode` on the host, for which
            every call waits: 3 ms for two classes of 16 points, 11 ms for two of 32, 90 ms for 128 points of one class.
            It can't be compiled, exported or transformed by `torch.func`.
        num_classes: how many classes there are; needed only where a memory is compiled, or must not wait for a device.
        seed: of the selection "random", which draws anew in every call.
        backend: "auto", "prim" or "boruvka", as in `h0_barcode`.

    Raises:
        IsobarError: an argument is out of range; or when called, embeddings or labels are misshapen, too many for
            max_dim=1, or, where the host can see it without waiting, not finite.

    Persistent-entropy regularization of transformers, arXiv 2501.05502.
    """

    def __init__(
        self,
        weight: float = 1.0,
        selection: str = "features",
        scope: str = "class",
        cohesion: float = 0.0,
        relative: bool = False,
        memory: int = 0,
        *,
        longest: int = 8,
        metric: str = "euclidean",
        max_dim: int = 0,
        num_classes: int | None = None,
        seed: int = 0,
        backend: str = "auto",
    ):
        super().__init__()
        check_selection(selection, longest)
        check_metric(metric)
        if scope not in SCOPES:
            raise IsobarError(f"Unknown scope {scope!r}; known are {', '.join(SCOPES)}.{nearest(scope, SCOPES)}")
        if not (math.isfinite(weight) and math.isfinite(cohesion)):
            raise IsobarError(f"weight = {weight} and cohesion = {cohesion} must be finite numbers.")
        if memory < 0:
            raise IsobarError(f"memory = {memory} must be 0 or the number of past embeddings kept for each class.")
        if max_dim not in (0, 1):
            raise IsobarError(f"max_dim = {max_dim} must be 0, or 1 to count loops too.")
        choose_backend(torch.empty(0, 1), backend)
        self.weight, self.cohesion, self.relative = weight, cohesion, relative
        self.selection, self.longest, self.scope = selection, longest, scope
        self.metric, self.max_dim, self.seed, self.backend = metric, max_dim, seed, backend
        self.memory = ClassMemory(memory, 1 if scope == "global" else num_classes) if memory else None
        # How often "random" has drawn: a tensor, so that a compiled program draws anew too.
        self.register_buffer("draws", torch.zeros((), dtype=torch.int64), persistent=False)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Return the term to add to the task loss, a scalar in float32 (float64 for float64 embeddings).

        Args:
            embeddings: (n, d), any floating dtype; bfloat16 and float16 are measured in float32.
            labels: (n,), the class of each; rows with a negative label are left out.
        """
        check_batch(embeddings, labels)
        embeddings, labels = gather_batch(in_working_precision(embeddings), labels.long())
        precision = embeddings.dtype
        if self.scope == "global":
            labels = labels.clamp(max=0)
        if self.memory is not None:
            batch = (embeddings, labels)
            embeddings, labels = self.memory.join(*batch)
            if self.training:
                self.memory.push(*batch)
        loops = self._loops(embeddings, labels) if self.max_dim else 0
        if self.metric != "euclidean":
            embeddings = directions(embeddings, labels >= 0)
        if choose_backend(embeddings, self.backend) == "prim" and on_host(embeddings) and on_host(labels):
            value = _HostTerm.apply(embeddings, labels, self, precision)
        else:
            refuse_visible_nonfinite(embeddings, labels >= 0)
            value = self._program(embeddings, labels, precision)
        if self.selection == "random":
            self.draws += 1
        return value.to(precision) + loops

    def extra_repr(self) -> str:
        """Return the arguments that differ between losses, for `print`."""
        return f"weight={self.weight}, selection={self.selection!r}, scope={self.scope!r}, cohesion={self.cohesion}"

    def _loops(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """The part of the bars of dimension 1, class after class."""
        refuse_traced(embeddings, 1)
        entropy = relative_entropy if self.relative else persistent_entropy
        value = embeddings.new_zeros(())
        for label in sorted(set(labels.tolist())):
            if label < 0:
                continue
            lengths = hk_barcode(embeddings[labels == label], metric=self.metric).lengths
            chosen = select(lengths, self.selection, longest=self.longest, seed=self._seed(label)).mask
            value = value - self.weight * entropy(lengths, chosen)
        return value

    def _program(self, embeddings: Tensor, labels: Tensor, precision: torch.dtype) -> Tensor:
        """The term as one tensor program of fixed shape, for any device: nothing is read back by the host."""
        n = labels.shape[0]
        if n == 0:
            self._keep(**_nothing(labels))
            return embeddings.sum() * 0
        point = torch.arange(n, device=labels.device)
        # A class goes by the number of its first row, so that how many there are need not be known. Rows that are
        # left out are groups of their own.
        counted = labels >= 0
        by_class = labels.argsort(stable=True)
        sorted_labels = labels[by_class]
        rank = ((sorted_labels != sorted_labels.roll(1)) & (point > 0)).cumsum(0)
        first = torch.full_like(point, n).scatter_reduce(0, rank, by_class, "amin")
        group = torch.where(counted, torch.zeros_like(point).scatter(0, by_class, first[rank]), point)
        embeddings = torch.where(counted.unsqueeze(-1), embeddings, 0)
        heads, tails, exists = spanning_forest(embeddings, group)
        lengths = metric_lengths(embeddings, heads, tails, self.metric)
        # Class after class, longest bar first.
        order = torch.where(exists, lengths.detach(), -1).argsort(descending=True, stable=True)
        order = order[group[order].argsort(stable=True)]
        lengths, exists, group = lengths.gather(0, order), exists[order], group[order]
        start = torch.full_like(point, n).scatter_reduce(0, group, point, "amin")[group]
        seed = self._seed(labels[order]) if self.selection == "random" else 0
        bars = torch.where(exists, lengths.detach(), 0).to(precision)
        chosen = choose(bars, start, None, self.selection, longest=self.longest, seed=seed)
        value, stats = self._value(lengths, group, exists, chosen)
        is_class = counted & (group[order.argsort()] == point)
        self._keep(label=torch.where(is_class, labels, -1), **stats)
        return value

    def _value(self, lengths: Tensor, group: Tensor, exists: Tensor, chosen: Tensor) -> tuple[Tensor, dict]:
        """Return the term and its statistics, by group; differentiable in the lengths any number of times."""
        zeros = torch.zeros_like(lengths)

        def total(values: Tensor) -> Tensor:
            return torch.zeros_like(values).scatter_add(0, group, values)

        bars, kept = total(exists.long()), total(chosen.long())
        # E doesn't change with the unit: the longest bar keeps every number near 1.
        unit = zeros.scatter_reduce(0, group, torch.where(chosen, lengths.detach(), 0), "amax")[group]
        unit = torch.where(chosen, unit, 1)
        carries = chosen & (lengths.detach() / unit > 0)
        shares = torch.where(carries, lengths, unit) / unit
        sums = total(torch.where(carries, shares, 0))
        sums = torch.where(kept > 0, sums, 1)
        entropy = sums.log() - total(shares * shares.log()) / sums
        relative = entropy / kept.clamp(min=2).to(entropy.dtype).log()
        others = exists & ~chosen
        rest = total(torch.where(others, lengths, 0)) / total(others.long()).clamp(min=1)
        terms = -self.weight * (relative if self.relative else entropy) + self.cohesion * rest
        skipped = bars < 2
        stats = {"skipped": skipped, "entropy": entropy, "relative_entropy": relative, "bars": bars, "features": kept}
        return torch.where(skipped, 0, terms).sum(), stats

    def _seed(self, label: Tensor | int) -> Tensor | int:
        return (self.seed + 7919 * self.draws) * 104729 + label


class _HostTerm(torch.autograd.Function):
    """The same term by compiled kernels, class after class, with its gradient on the way."""

    @staticmethod
    def forward(ctx, embeddings, labels, loss, precision):
        rounded = (
            np.float32 if precision == torch.float32 else np.float64
        )  # the bars are told apart in the input's dtype
        points, classes = embeddings.detach().numpy(), labels.numpy()
        value = 0.0
        gradient = np.zeros_like(points, order="C") if ctx.needs_input_grad[0] else None
        bars, stats = [], []
        for label in sorted(set(classes.tolist())):
            if label < 0:
                continue
            rows = np.flatnonzero(classes == label)
            if len(rows) < 3:
                stats.append((label, True, 0.0, 0.0, max(len(rows) - 1, 0), 0))
                continue
            cloud = points[rows]
            try:
                chords, edges = minimum_spanning_tree(cloud)
            except IsobarError:
                refuse_unmeasurable(points, rows)
            lengths, steepness = lengths_and_slopes(cloud, chords, edges, loss.metric)
            chosen = _chosen(lengths.astype(rounded, copy=False), label, loss)
            entropy, slopes = entropy_and_slopes(lengths * chosen)
            kept, others = int(chosen.sum()), int((~chosen).sum())
            relative = entropy / math.log(max(kept, 2))
            scale = -loss.weight / math.log(max(kept, 2)) if loss.relative else -loss.weight
            value += -loss.weight * (relative if loss.relative else entropy)
            slopes *= scale
            if others and loss.cohesion:
                value += loss.cohesion * float(lengths[~chosen].mean(dtype=np.float64))
                slopes += ~chosen * (loss.cohesion / others)
            if gradient is not None:
                gradient[rows] = edge_gradient(cloud, chords, edges, slopes * steepness)
            bars.append((np.full(len(lengths), rows[0]), rows[edges], chosen))
            stats.append((label, False, entropy, relative, len(lengths), kept))
        columns = ("label", "skipped", "entropy", "relative_entropy", "bars", "features")
        stats = {name: torch.from_numpy(np.array(column)) for name, column in zip(columns, zip(*stats))}
        loss._keep(**stats or _nothing(labels))
        if gradient is not None:
            ctx.save_for_backward(embeddings, torch.from_numpy(gradient))
            ctx.bars, ctx.loss = bars, loss
        return embeddings.new_tensor(value)

    @staticmethod
    def backward(ctx, grad):
        embeddings, gradient = ctx.saved_tensors
        if not torch.is_grad_enabled() or not ctx.bars:
            return grad * gradient, None, None, None
        # A gradient that is to be differentiated itself: the same bars as a tensor program.
        group, edges, chosen = (torch.from_numpy(np.concatenate(parts)) for parts in zip(*ctx.bars))
        lengths = metric_lengths(embeddings, edges[:, 0], edges[:, 1], ctx.loss.metric)
        value, _ = ctx.loss._value(lengths, group, torch.ones_like(chosen), chosen)
        (gradient,) = torch.autograd.grad(value, embeddings, create_graph=True)
        return grad * gradient, None, None, None


def _chosen(lengths: np.ndarray, label: int, loss: PersistentEntropyLoss) -> np.ndarray:
    """Return which bars, longest first, are selected: `selection.choose` for one barcode on the host."""
    chosen = lengths > 0
    if loss.selection == "all":
        return chosen
    if loss.selection == "longest":
        chosen[loss.longest :] = False
        return chosen
    count = feature_count(lengths)
    if loss.selection == "features":
        chosen[count:] = False
        return chosen
    alive = int(chosen.sum())
    keys = random_keys(np.arange(alive), int(loss._seed(label)))
    chosen[:] = False
    chosen[np.argsort(keys, kind="stable")[:count]] = True
    return chosen


def _nothing(labels: Tensor) -> dict[str, Tensor]:
    """Statistics of a batch too small for any bar."""
    zeros = torch.zeros_like(labels)
    stats = dict.fromkeys(("entropy", "relative_entropy", "bars", "features"), zeros)
    return {"label": labels, "skipped": zeros == 0, **stats}
