"""The shape of each class: its barcode, which bars are features, their entropy, and a few measures."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from core.geometry.cloud import Embeddings, as_cloud
from core.geometry.labels import Labels, whole_labels
from core.geometry.report import measure

CLASS_MEASURES: tuple[str, ...] = ("anisotropy_1", "anisotropy_1_centered", "mean_cosine")
_NAN = float("nan")


@dataclass(frozen=True, eq=False)
class ClassShape:
    """What one class of a labelled cloud looks like.

    Attributes:
        label, name: the class.  points: how many rows it has.
        lengths: (m,) float64, the bars of dimension 0, longest first; m = points - 1.
        edges: (m, 2) int64, the two *rows of the whole cloud* that each bar joins.
        features: (m,) bool, the bars that stand out from noise (`core.topology`'s selection).
        threshold: the length of the shortest feature; NaN without one.
        entropy, relative_entropy: persistent entropy of the features in nats (what the regularizer raises), and as a
            share of its maximum, the logarithm of their number; NaN without a feature, and with fewer than two.
        entropy_all, relative_entropy_all: the same of all bars of a length above 0.
        measures: a few measures of the class by itself, as `measure()` names them; NaN for a class of one point.
    """

    label: int
    points: int
    lengths: np.ndarray
    edges: np.ndarray
    features: np.ndarray
    name: str = ""
    threshold: float = _NAN
    entropy: float = _NAN
    relative_entropy: float = _NAN
    entropy_all: float = _NAN
    relative_entropy_all: float = _NAN
    measures: dict[str, float] = field(default_factory=dict)

    @property
    def called(self) -> str:
        """The class's name, or ``class 3`` where it has none."""
        return self.name or f"class {self.label}"

    @property
    def kept(self) -> int:
        """The number of features."""
        return int(self.features.sum())

    @classmethod
    def from_bars(
        cls,
        label: int,
        *,
        lengths: np.ndarray,
        edges: np.ndarray,
        features: np.ndarray,
        points: int | None = None,
        name: str = "",
        measures: Mapping[str, float] | None = None,
    ) -> "ClassShape":
        """Return the shape with these bars; its entropies and threshold follow from them."""
        lengths = np.asarray(lengths, dtype=np.float64)
        features = np.asarray(features, dtype=bool)
        entropy, relative_entropy = _entropies(lengths[features])
        entropy_all, relative_entropy_all = _entropies(lengths)
        return cls(
            label=int(label),
            points=int(points) if points is not None else lengths.size + 1,
            lengths=lengths,
            edges=np.asarray(edges, dtype=np.int64).reshape(-1, 2),
            features=features,
            name=str(name),
            threshold=float(lengths[features].min()) if features.any() else _NAN,
            entropy=entropy,
            relative_entropy=relative_entropy,
            entropy_all=entropy_all,
            relative_entropy_all=relative_entropy_all,
            measures=dict(measures or {}),
        )

    def summary(self) -> dict:
        """Return everything but the arrays, and `kept`, as strict JSON knows it: NaN is None."""
        row = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in _ARRAYS}
        row["kept"] = self.kept
        row["measures"] = {key: _plain(value) for key, value in self.measures.items()}
        return {key: _plain(value) for key, value in row.items()}

    @classmethod
    def from_summary(
        cls, row: Mapping, *, lengths: np.ndarray, edges: np.ndarray, features: np.ndarray
    ) -> "ClassShape":
        """Return the shape that :meth:`summary` described; keys of other versions are ignored, missing ones computed.

        Raises:
            ValueError: the row has no label, or the arrays' lengths differ.
        """
        if row.get("label") is None:
            raise ValueError("A class's summary needs its label.")
        if not len(lengths) == len(edges) == len(features):
            raise ValueError(
                f"The bars of class {row['label']} disagree: {len(lengths)}, {len(edges)}, {len(features)}."
            )
        computed = cls.from_bars(
            row["label"],
            lengths=lengths,
            edges=edges,
            features=features,
            points=row.get("points"),
            name=row.get("name") or "",
            measures={key: _number(value) for key, value in (row.get("measures") or {}).items()},
        )
        written = {key: _number(row[key]) for key in _ENTROPIES if key in row}
        return cls(**{**{f.name: getattr(computed, f.name) for f in fields(cls)}, **written})


_ARRAYS = ("lengths", "edges", "features")
_ENTROPIES = ("threshold", "entropy", "relative_entropy", "entropy_all", "relative_entropy_all")


def shape_by_class(
    x: Embeddings, labels: Labels, names: Mapping[int, str] | Sequence[str] | None = None
) -> list[ClassShape]:
    """Return the shape of each class of `x` (n, d), in the order of the `labels` (n,) that occur.

    `names` says what the classes are called: a mapping, or a sequence that labels index; a class without one has "".

    Raises:
        IsobarError: labels that are not one whole number a row; fewer than two rows, NaN or infinity, not (n, d).
    """
    from core.topology import feature_mask, minimum_spanning_tree  # here, because numba takes a while to import

    x = as_cloud(x).x
    labels = whole_labels(labels, len(x))
    shapes = []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        lengths, edges, measures = np.zeros(0), np.zeros((0, 2), np.int64), dict.fromkeys(CLASS_MEASURES, _NAN)
        if rows.size > 1:
            lengths, edges = minimum_spanning_tree(x[rows])
            measures = measure(x[rows], CLASS_MEASURES)
        shapes.append(
            ClassShape.from_bars(
                int(label),
                lengths=lengths,
                edges=rows[edges],
                features=feature_mask(lengths) if len(lengths) else np.zeros(0, bool),
                points=rows.size,
                name=_name(names, int(label)),
                measures=measures,
            )
        )
    return shapes


def _entropies(lengths: np.ndarray) -> tuple[float, float]:
    """Persistent entropy in nats, and relative to its maximum, of the bars that have a length."""
    lengths = lengths[lengths > 0]
    if lengths.size == 0:
        return _NAN, _NAN
    # E = -sum p_k ln p_k, p_k = l_k / sum l
    p = lengths / lengths.sum()
    entropy = max(float(-(p @ np.log(p))), 0.0)
    return entropy, min(entropy / math.log(p.size), 1.0) if p.size > 1 else _NAN


def _name(names: Mapping[int, str] | Sequence[str] | None, label: int) -> str:
    if names is None:
        return ""
    if isinstance(names, Mapping):
        return str(names.get(label, ""))
    return str(names[label]) if 0 <= label < len(names) else ""


def _plain(value):
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _number(value) -> float:
    return _NAN if value is None else float(value)
