import io
import json
import threading
import tomllib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from core import IsobarError
from core.geometry.files import read_embeddings
from core.table_files import MOST_COLUMNS, csv_of, read_table

READERS = (read_table, read_embeddings)


def test_no_text_of_a_csv_is_a_formula_and_numbers_stay_numbers():
    frame = pd.DataFrame(
        {"=1+1": ["=HYPERLINK(0)", "+1", "-a", "@x", "plain", "\t="], "value": [-1.5, 2, -3, 0.1, 5, None]}
    )
    read = pd.read_csv(io.StringIO(csv_of(frame)))
    assert read.columns.tolist() == ["'=1+1", "value"]
    assert read["'=1+1"].tolist() == ["'=HYPERLINK(0)", "'+1", "'-a", "'@x", "plain", "'\t="]
    pd.testing.assert_series_equal(read["value"], frame["value"])


def test_tables_of_the_app_are_not_exported_past_that():
    # Streamlit's own button writes cells as they are; each page has one of its own.
    settings = tomllib.loads((Path(__file__).parents[1] / "explorer" / "streamlit.toml").read_text("utf-8"))
    assert settings["client"]["disableDataExport"] is True


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """Files of a column more than are read."""
    folder = tmp_path_factory.mktemp("wide")
    names = [f"c{k}" for k in range(MOST_COLUMNS + 1)]
    numbers = ["0.5"] * len(names)
    row = "{" + ",".join(f'"{name}": 0.5' for name in names) + "}"
    for end in ("csv", "tsv"):
        between = {"csv": ",", "tsv": "\t"}[end]
        (folder / f"wide.{end}").write_text(f"{between.join(names)}\n{between.join(numbers)}\n")
    (folder / "wide.jsonl").write_text(f"{row}\n")
    (folder / "wide.json").write_text(f"[{row}]")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("name", ["wide.csv", "wide.tsv", "wide.json", "wide.jsonl"])
def test_a_table_of_too_many_columns_is_refused_before_it_is_made(wide, name, read, monkeypatch):
    for making in ("table", "Table"):
        monkeypatch.setattr(pa, making, None)
    with pytest.raises(IsobarError, match=r"has 100,001 columns, of which at most 100,000 are read"):
        read(wide / name)


@pytest.mark.parametrize("read", READERS)
def test_so_is_a_wide_parquet_file(tmp_path, read, monkeypatch):
    monkeypatch.setattr("core.table_files.MOST_COLUMNS", 3)
    parquet.write_table(pa.table({f"c{k}": [0.5] for k in range(4)}), tmp_path / "wide.parquet")
    monkeypatch.setattr(parquet, "read_table", None)  # so far it does not come
    with pytest.raises(IsobarError, match=r"has 4 columns, of which at most 3 are read"):
        read(tmp_path / "wide.parquet")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_a_header_longer_than_what_is_looked_at_is_read(tmp_path, name):
    between = "," if name == "a.csv" else "\t"
    names = [f"dimension_{k}" for k in range(6_000)]  # 90 KB
    rows = [between.join(f"{0.25 * (row + k)}" for k in range(6_000)) for row in range(3)]
    (tmp_path / name).write_text("\n".join([between.join(names), *rows]))
    assert read_table(tmp_path / name).shape == (3, 6_000)
    assert read_embeddings(tmp_path / name).embeddings.shape == (3, 6_000)
    (tmp_path / name).write_text("\n" * 70_000 + between.join(names[:2]) + "\n1\n")
    with pytest.raises(IsobarError):
        read_table(tmp_path / name)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("name", ["deep.json", "deep.jsonl"])
@pytest.mark.parametrize(
    "value", ["[" * 100_000, "[" * 100_000 + "]" * 100_000, '{"a":' * 20_000 + "1" + "}" * 20_000, "[\n" * 500]
)
def test_json_of_too_many_levels_is_a_sentence(tmp_path, read, name, value):
    (tmp_path / name).write_text(f'{{"text": "x", "label": {value}}}\n')
    with pytest.raises(IsobarError, match=r"more than 64 brackets in one another"):
        read(tmp_path / name)


@pytest.mark.parametrize("end", ["json", "jsonl"])
def test_brackets_in_texts_are_no_levels(tmp_path, end):
    texts = ["[" * 200, '{"' * 100, '\\"[[[' * 50, "\\" * 99 + "{{{", "]]]]"] * 50
    rows = [{"text": text, "label": k % 2} for k, text in enumerate(texts)]
    (tmp_path / f"a.{end}").write_text("\n".join(map(json.dumps, rows)) if end == "jsonl" else json.dumps(rows))
    assert read_table(tmp_path / f"a.{end}")["text"].to_pylist() == texts


@pytest.mark.slow
@pytest.mark.parametrize("read", READERS)
def test_a_small_file_of_very_many_rows_is_refused_before_it_is_read(tmp_path, read, monkeypatch):
    rows = pa.table({"label": pa.array([0] * 1_000_000), "vector": pa.array([0.5] * 1_000_000)})
    with parquet.ParquetWriter(tmp_path / "a.parquet", rows.schema) as writer:
        for _ in range(51):
            writer.write_table(rows)
    assert (tmp_path / "a.parquet").stat().st_size < 1e6
    monkeypatch.setattr(parquet, "read_table", None)
    with pytest.raises(IsobarError, match="has 51,000,000 rows, of which at most 50,000,000 are read"):
        read(tmp_path / "a.parquet")
    monkeypatch.setattr("core.table_files.MOST_ROWS", 10**9)
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=5e8))
    with pytest.raises(IsobarError, match=r"would take about 0.8 GB of memory, and 0.5 GB are free"):
        read(tmp_path / "a.parquet")


def test_what_would_not_fit_into_memory_is_refused_before_it_is_read(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", embeddings=np.zeros((1_000, 2_000)))
    (tmp_path / "a.csv").write_text("x,y\n" + "0.5,1.5\n" * 1_000_000)
    assert (tmp_path / "a.npz").stat().st_size < 1e5
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=1e7))
    for name in ("a.npz", "a.csv"):
        with pytest.raises(IsobarError, match=r"would take about 0.0 GB of memory, and 0.0 GB are free"):
            read_embeddings(tmp_path / name)


@pytest.mark.parametrize("read", READERS)
def test_a_parquet_file_with_a_name_that_is_no_text_is_a_sentence(tmp_path, read):
    """The fuzzer made one: Arrow's reader of names raises Python's own error."""
    parquet.write_table(pa.table({"qqqq": ["a", "b"], "label": [0, 1]}), tmp_path / "a.parquet")
    file = tmp_path / "a.parquet"
    file.write_bytes(file.read_bytes().replace(b"qqqq", b"qqq\xf4"))
    with pytest.raises(UnicodeDecodeError):
        parquet.read_metadata(file)
    with pytest.raises(IsobarError, match=r"a\.parquet .*not a parquet file that can be read") as caught:
        read(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "error", [pa.ArrowNotImplementedError(""), pa.ArrowCapacityError("2 GB\nor more"), KeyError("x")]
)
def test_whatever_arrow_raises_over_a_parquet_file_is_a_sentence(tmp_path, monkeypatch, error):
    parquet.write_table(pa.table({"text": ["a"], "label": [0]}), tmp_path / "a.parquet")

    def fails(*_, **__):
        raise error

    monkeypatch.setattr(parquet, "read_table", fails)
    with pytest.raises(IsobarError, match="not a parquet file that can be read") as caught:
        read_table(tmp_path / "a.parquet")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("read", "text"), [(read_table, "text,label\na,1\n"), (read_embeddings, "1,2\n3,4\n")])
def test_no_signal_is_lost_where_arrow_reads_csv(tmp_path, monkeypatch, read, text):
    """In the main thread Arrow takes SIGTERM and Ctrl-C for itself meanwhile, and loses some; in others it takes none."""
    in_main, plain = [], csv.read_csv

    def watched(*arguments, **options):
        in_main.append(threading.current_thread() is threading.main_thread())
        return plain(*arguments, **options)

    monkeypatch.setattr(csv, "read_csv", watched)
    (tmp_path / "a.csv").write_text(text)
    read(tmp_path / "a.csv")
    assert in_main == [False]
