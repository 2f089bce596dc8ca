"""The project's own readers, each as a function of bytes that returns or raises an IsobarError: anything else is a fault."""

import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet
from safetensors.numpy import save

from core import IsobarError
from core.geometry.files import read_embeddings
from core.models.changes import Change
from core.regularizers.chosen import Regularizers
from core.runs import Run, layout
from core.runs.pace import pace_of
from core.studies.sweep import Sweep
from core.table_files import read_lines, read_table
from core.training.spec import Lora, RunSpec
from core.yaml_text import parsed
from explorer.panels import points

_SPEC = RunSpec(seed=3, regularizer="koleo(weight=0.2)+istar(weight=5)").to_yaml().encode()
_STATUS = b'{"state": "finished", "pid": 12, "birth": "1 a", "host": "h", "heartbeat": "2026-01-01T00:00:00+00:00", "step": 3}'
_REPORT = json.dumps(
    {"before": {"mcc": 0.1, "classes": {"a": {"entropy": 1.0}}, "layers": [{"isoscore": 0.1}]}, "metric": "mcc",
     "after": {"mcc": 0.2}, "difference": {"mcc": 0.1}, "label_names": ["a", "b"]}
).encode()  # fmt: skip
_EVENTS = (
    b'{"time": 1.5, "kind": "step", "step": 1, "task_loss": 0.7, "classes": {"0": {"entropy": 1.0}}, "step_seconds": 0.1}\n'
    b'{"time": 2.5, "kind": "evaluation", "step": 2, "metrics": {"mcc": 0.1}}\n'
    b'{"time": 3.5, "kind": "probe", "step": 2, "measures": {"isoscore": 0.1}}\n{"time": 4, "kind": "note", "step": 0, "text": "x"}\n'
)
_CSV = b'text,label\n"a, b",0\nsome words,1\n\'x,0\n'
_NUMBERS = b"x0,x1,x2,label\n0.5,1.5,-2e-3,a\n1,2,3,b\n0.25,0.125,4,a\n"
_JSONL = b'{"text": "a", "label": 0, "vector": [0.1, 0.2]}\n{"text": "b\\u00e4", "label": 1, "vector": [0.3, 0.4]}\n'


def _snapshot() -> bytes:
    tensors = {
        "embeddings": np.arange(8, dtype=np.float32).reshape(4, 2), "labels": np.array([0, 0, 1, 1]), "predictions": np.zeros(4, np.int64),
        "bars/0/lengths": np.ones(1), "bars/0/edges": np.array([[0, 1]]), "bars/0/features": np.ones(1, np.uint8),
    }  # fmt: skip
    row = {
        "label": 0, "name": "a", "points": 2, "bars": 1, "kept": 1, "threshold": 1.0, "entropy": 0.0, "relative_entropy": 1.0,
        "relative_entropy_all": 1.0, "longest": 1.0,
    }  # fmt: skip
    head = {"format": 2, "step": 0, "epoch": 0.0, "measures": {"isoscore": 0.5}, "classes": [row], "layers": []}
    return save(tensors, metadata={"isobar": json.dumps(head)})


def _npy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.ones((3, 2), np.float32))
    return file.getvalue()


def _npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, embeddings=np.ones((3, 2)))
    return file.getvalue()


def _parquet() -> bytes:
    file = io.BytesIO()
    parquet.write_table(pa.table({"text": ["a", "b"], "vector": [[0.1, 0.2], [0.3, 0.4]]}), file)
    return file.getvalue()


@dataclass(frozen=True)
class Reader:
    """A reader and contents that it can read, from which others are made.

    Attributes:
        read: takes bytes; whatever it raises but an IsobarError is a fault.
        seeds: contents, one or several.
    """

    read: Callable[[bytes], object]
    seeds: tuple[bytes, ...]

    def fault(self, content: bytes) -> Exception | None:
        """Return what was raised that should not be, or None."""
        try:
            self.read(content)
        except IsobarError as error:
            said = str(error)
            return (
                None if said and "\n" not in said and len(said) < 4_000 else ValueError(f"no sentence: {said[:200]!r}")
            )
        except Exception as error:
            return error
        return None


_home = tempfile.TemporaryDirectory(prefix="isobar-readers-")  # which goes with the process
_folder = Path(_home.name)


def _file(name: str, content: bytes) -> Path:
    path = _folder / name
    path.parent.mkdir(parents=True, exist_ok=True)  # whoever tidies up the temporary folder may have been here
    path.write_bytes(content)
    return path


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _whole_run(name: str) -> Callable[[bytes], object]:
    """Return what reads a run of which the file `name` holds anything at all, as lists and pages do."""
    home = _folder / f"run-{Path(name).stem}"
    for file, content in {
        layout.SPEC: _SPEC,
        layout.STATUS: _STATUS,
        layout.REPORT: _REPORT,
        layout.EVENTS: _EVENTS,
    }.items():
        (home / file).parent.mkdir(parents=True, exist_ok=True)
        (home / file).write_bytes(content)

    def read(content: bytes) -> object:
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_bytes(content)
        run = Run(home)
        rows = [run.rows(kind) for kind in ("step", "probe", "evaluation", "note")]
        pace_of(run.events)
        return run.state, run.spec, run.record, run.report, run.note, run.problems, run.before, run.log(), rows

    return read


def _table(suffix: str) -> Reader:
    seeds = {
        ".csv": (_CSV, _CSV.replace(b",", b";"), _NUMBERS), ".tsv": (_CSV.replace(b",", b"\t"),), ".jsonl": (_JSONL,),
        ".json": (b"[" + b",".join(_JSONL.splitlines()) + b"]",), ".parquet": (_parquet(),),
    }  # fmt: skip
    return Reader(lambda content: read_table(_file(f"table{suffix}", content)), seeds[suffix])


def _embeddings(suffix: str, *seeds: bytes) -> Reader:
    return Reader(lambda content: read_embeddings(_file(f"cloud{suffix}", content)), seeds)


def _pasted(content: bytes) -> object:
    numbers = points.read_columns(content)
    return points.cloud(numbers, *numbers.columns[:2])


READERS: dict[str, Reader] = {
    "spec": Reader(
        lambda content: RunSpec.from_yaml(_file("spec.yaml", content)), (_SPEC, b"task: grammar\nseed: 1\n")
    ),
    "sweep": Reader(
        lambda content: Sweep.from_yaml(_file("sweep.yaml", content)).cells(),
        (
            b"base: {task: grammar}\ngrid: {seed: [0, 1], koleo.weight: [0.1]}\ncells: {a: {}, b: none}\nbaselines: true\n",
        ),
    ),
    "yaml": Reader(lambda content: _clause(parsed, content), (_SPEC, b"a: &a [1, 2]\nb: [*a, {<<: {c: 1}}]\n")),
    "regularizers": Reader(
        lambda content: Regularizers.parse(_text(content)), (b"koleo(weight=0.2) + cosine", b"none")
    ),
    "weights": Reader(lambda content: Change.parse(_text(content)), (b"noise(0.1)", b"untrained")),
    "lora": Reader(lambda content: _clause(Lora.parse, _text(content)), (b"r=8,alpha=16,dropout=0.05",)),
    **{
        f"run: {name}": Reader(_whole_run(name), seeds)
        for name, seeds in {
            layout.SPEC: (_SPEC,),
            layout.STATUS: (_STATUS,),
            layout.REPORT: (_REPORT,),
            layout.EVENTS: (_EVENTS,),
            layout.RECORD: (b"pooling: mean\ntask: {label_names: [a, b], notes: [x]}\nversions: {torch: '2'}\n",),
            layout.NOTE: (b'{"name": "n", "tags": ["t"], "text": "x"}',),
            layout.PROBE: (_parquet(),),
            f"{layout.SNAPSHOTS}/{layout.snapshot_name(0)}": (_snapshot(),),
        }.items()
    },
    **{f"table {suffix}": _table(suffix) for suffix in (".csv", ".tsv", ".json", ".jsonl", ".parquet")},
    "lines": Reader(lambda content: read_lines(_file("lines.txt", content)), (b"a line\nanother\r\n\n",)),
    "embeddings .csv": _embeddings(".csv", _NUMBERS, b"0.5;1,5\n1;2\n", b'v\n"[0.1, 0.2]"\n"[1, 2]"\n'),
    "embeddings .json": _embeddings(".json", b"[[0.1, 0.2], [0.3, 0.4]]", b'{"a": [1.5, 2], "b": [2, 3], "c": [1, 1]}'),
    "embeddings .jsonl": _embeddings(".jsonl", _JSONL, b'{"data": [{"embedding": [0.1, 0.2]}]}\n'),
    "embeddings .txt": _embeddings(".txt", b"2 3\nthe 0.1 0.2 0.3\nof 1 2 3\n", b"0.1 0.2\n1 2\n"),
    "embeddings .npy": _embeddings(".npy", _npy()),
    "embeddings .npz": _embeddings(".npz", _npz()),
    "embeddings .safetensors": _embeddings(".safetensors", _snapshot()),
    "embeddings .parquet": _embeddings(".parquet", _parquet()),
    "embeddings .fvecs": _embeddings(".fvecs", np.array([2, 0, 0, 2, 0, 0], np.int32).tobytes()),
    "points: a file": Reader(_pasted, (b"x,y\n1,2\n3,4.5\n-1,0\n", b"1,5;2\n2;3\n4;5\n")),
    "points: the address": Reader(lambda content: points.from_address(_text(content)), (b"0_1~2_3.5~4_-1e3",)),
}
"""By name; every one is tried in CI by hypothesis and outside of it by ``python -m tests.faults.fuzz``."""


def _clause(read: Callable, content: object) -> object:
    """Return what `read` returns, which says what is wrong in the clause of a ValueError."""
    try:
        return read(content)
    except ValueError as error:
        raise IsobarError(" ".join(str(error).split())[:3_000] or "nothing") from error
