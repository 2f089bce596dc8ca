"""Every form that embeddings are stored in: the right rows, and what was taken and left out said."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from core.errors import IsobarError
from core.geometry.files import FORMATS, read_embeddings

N, D = 30, 5
X = np.random.default_rng(5).standard_normal((N, D)).round(4)
LABELS = np.where(np.arange(N) % 3, "b", "a")


def same(found, x=X, **close):
    np.testing.assert_allclose(np.asarray(found.embeddings, dtype=np.float64), x, **close)
    return found


@pytest.mark.parametrize("suffix", ["npy", "NPY", "Npy"])
def test_suffixes_in_either_case(tmp_path, suffix):
    with (tmp_path / f"x.{suffix}").open("wb") as file:
        np.save(file, X.astype(np.float16))
    assert (
        same(read_embeddings(tmp_path / f"x.{suffix}"), rtol=1e-3).read == f"Read: x.{suffix} (NumPy), 30 x 5 float16."
    )


def vectors(kind):
    if kind == "extension":
        return pa.FixedShapeTensorArray.from_numpy_ndarray(X)
    flat = pa.array(X.ravel())
    if kind == "half":
        return pa.FixedSizeListArray.from_arrays(flat.cast(pa.float32()).cast(pa.float16()), D)
    if kind == "fixed":
        return pa.FixedSizeListArray.from_arrays(flat, D)
    if kind == "decimal":
        return pa.array(X.tolist()).cast(pa.list_(pa.decimal128(10, 4)))
    if kind == "int8":
        return pa.array((X * 50).astype(np.int8).tolist(), pa.list_(pa.int8()))
    if kind == "nested":
        return pa.array([[row] for row in X.tolist()])
    return pa.array(X.tolist()).cast({"list": pa.list_(pa.float64()), "large": pa.large_list(pa.float32())}[kind])


@pytest.mark.parametrize("kind", ["list", "large", "fixed", "half", "extension", "decimal", "int8", "nested"])
def test_a_column_of_vectors_is_the_embedding(tmp_path, kind):
    columns = {
        "id": np.arange(N) + 1000,
        "n_tokens": np.arange(N) * 7 % 11,
        "emb": vectors(kind),
        "score": X[:, 0],
        "kind": LABELS,
    }
    parquet.write_table(pa.table(columns), tmp_path / "x.parquet", row_group_size=7)
    x = np.trunc(X * 50) if kind == "int8" else X
    found = same(read_embeddings(tmp_path / "x.parquet", labels="kind"), x, atol=2e-3 if kind == "half" else 1e-6)
    assert found.labels.tolist() == LABELS.tolist()
    assert found.read.startswith("Read: x.parquet (parquet), column 'emb', 30 x 5 ")
    assert found.read.endswith(", labels 'kind'; left out: 'id', 'n_tokens', 'score'.")


def test_several_columns_of_vectors_are_asked_about(tmp_path):
    table = pa.table(
        {
            "title": pa.array(X.tolist()),
            "body": pa.array((2 * X).tolist()),
            "ids": pa.array([[1, 2]] * N),
            "tags": pa.array([["a"]] * N),
        }
    )
    parquet.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(IsobarError, match=r"2 columns of vectors: 'title', 'body'; choose one with --column"):
        read_embeddings(tmp_path / "x.parquet")
    found = same(read_embeddings(tmp_path / "x.parquet", column="body"), 2 * X)
    assert found.left_out == ("title", "ids", "tags")
    with pytest.raises(IsobarError, match=r"'tags' of .* holds no vectors"):
        read_embeddings(tmp_path / "x.parquet", column="tags")
    with pytest.raises(IsobarError, match=r"no column 'bodi'. Did you mean 'body'"):
        read_embeddings(tmp_path / "x.parquet", column="bodi")


def test_vectors_beside_numbered_columns_and_tokens(tmp_path):
    numbered = {f"e{k}": X[:, k] for k in range(D)}
    lists = {
        "input_ids": pa.array([[1, 2, 3]] * N),
        "box": pa.array([[4, 5]] * N),
        "ragged": pa.array([[0.5] * (k % 3) for k in range(N)]),
    }
    parquet.write_table(pa.table({**lists, **numbered}), tmp_path / "x.parquet")
    assert same(read_embeddings(tmp_path / "x.parquet")).left_out == ("input_ids", "box", "ragged")
    parquet.write_table(pa.table({"where": pa.array((2 * X).tolist()), **numbered}), tmp_path / "x.parquet")
    with pytest.raises(IsobarError, match=r"column 'where' of vectors and columns that are numbered: 'e'; choose one"):
        read_embeddings(tmp_path / "x.parquet")
    same(read_embeddings(tmp_path / "x.parquet", column="e"))
    same(read_embeddings(tmp_path / "x.parquet", column="where"), 2 * X)
    parquet.write_table(pa.table({"input_ids": lists["input_ids"], "text": LABELS}), tmp_path / "x.parquet")
    with pytest.raises(IsobarError, match="no column of numbers that are an embedding"):
        read_embeddings(tmp_path / "x.parquet")
    pd.DataFrame({**numbered, "box": "[1, 2, 3, 4]", "kind": LABELS}).to_csv(tmp_path / "x.csv", index=False)
    assert same(read_embeddings(tmp_path / "x.csv")).left_out == ("box", "kind")


def test_lists_that_are_no_vectors(tmp_path):
    ragged = pa.table({"tokens": pa.array([[1] * (k % 4 + 1) for k in range(N)]), "e": pa.array(X.tolist())})
    parquet.write_table(ragged, tmp_path / "x.parquet")
    same(read_embeddings(tmp_path / "x.parquet"))
    parquet.write_table(ragged.select(["tokens"]), tmp_path / "x.parquet")
    with pytest.raises(IsobarError, match=r"'tokens' .* has 2 numbers in row 1 where the first row has 1"):
        read_embeddings(tmp_path / "x.parquet")
    rows = X.tolist()
    rows[3] = None
    parquet.write_table(pa.table({"e": pa.array(rows)}), tmp_path / "x.parquet")
    with pytest.raises(IsobarError, match=r"no vector in 1 of 30 rows, first in row 3"):
        read_embeddings(tmp_path / "x.parquet")
    parquet.write_table(pa.table({"e": pa.array(X.reshape(10, 3, 5).tolist())}), tmp_path / "x.parquet")
    with pytest.raises(IsobarError, match=r"several vectors in a row; pool them"):
        read_embeddings(tmp_path / "x.parquet")


@pytest.mark.parametrize(
    "spell",
    [
        str,
        json.dumps,
        lambda row: " ".join(map(str, row)),
        lambda row: str(np.array(row)),
        lambda row: repr(np.array(row)),
        lambda row: repr([np.float64(cell) for cell in row]),
        lambda row: repr([np.float32(cell) for cell in row]),
        lambda row: "{" + ",".join(map(str, row)) + "}",
        lambda row: f"tensor({row}, dtype=torch.float64)",
    ],
)
def test_a_vector_in_a_cell(tmp_path, spell):
    frame = pd.DataFrame({"id": np.arange(N), "text": "a, b", "vector": [spell(row) for row in X.tolist()]})
    for sep in (",", ";", "\t"):
        path = tmp_path / ("x.tsv" if sep == "\t" else "x.csv")
        frame.to_csv(path, index=False, sep=sep)
        found = same(read_embeddings(path), rtol=1e-6)
        assert found.read.endswith("left out: 'id', 'text'."), found.read


def test_vectors_in_cells_that_were_cut(tmp_path):
    wide = np.random.default_rng(0).standard_normal((4, 1200))
    pd.DataFrame({"id": range(4), "v": [str(row) for row in wide]}).to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(IsobarError, match=r"'v' .* has '\.\.\.' in row 0"):
        read_embeddings(tmp_path / "x.csv")
    pd.DataFrame({"id": range(4), "v": [str(row.tolist()) for row in np.tile(wide, 8)]}).to_csv(
        tmp_path / "x.csv", index=False
    )
    assert read_embeddings(tmp_path / "x.csv").embeddings.shape == (4, 9600)
    pd.DataFrame({"v": ["[0.1, 0.2]", "[0.1]", "[0.1, 0.3]"]}).to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(IsobarError, match=r"1 numbers in row 1 where the first row has 2"):
        read_embeddings(tmp_path / "x.csv")
    pd.DataFrame({"v": ["[0.1, 0.2]", "none", "[0.1, 0.3]"]}).to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(IsobarError, match=r"no vector in row 1: 'none'"):
        read_embeddings(tmp_path / "x.csv")


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("sep", [";", "\t", "|", " "])
@pytest.mark.parametrize("decimal", [".", ","])
def test_other_separators_and_decimal_commas(tmp_path, header, sep, decimal):
    pd.DataFrame(X, columns=[f"e{k}" for k in range(D)]).to_csv(
        tmp_path / "x.csv", sep=sep, decimal=decimal, header=header, index=False
    )
    found = same(read_embeddings(tmp_path / "x.csv"))
    (note,) = found.notes
    assert note.startswith("Read with ")
    assert ("decimal commas" in note) == (decimal == ",")


def test_how_spreadsheets_write(tmp_path):
    frame = pd.DataFrame(X, columns=list("vwxyz")).assign(kind=LABELS)
    frame.to_csv(tmp_path / "x.csv", decimal=",", index=False)  # commas for both, numbers in quotation marks
    assert same(read_embeddings(tmp_path / "x.csv", labels="kind")).labels.tolist() == LABELS.tolist()
    body = frame.to_csv(sep=";", decimal=",", index=False)
    (tmp_path / "x.csv").write_bytes(b"\xef\xbb\xbf" + ("sep=;\n" + body).replace("\n", "\r\n").encode())
    same(read_embeddings(tmp_path / "x.csv", labels="kind"))
    empty = frame.to_csv(index=False).replace("\n", ",,\n")
    (tmp_path / "x.csv").write_text(empty)
    found = same(read_embeddings(tmp_path / "x.csv"))
    assert set(found.left_out) == {"kind", "Unnamed: 6", "Unnamed: 7"}


def test_ids_labels_and_counts_are_no_dimensions(tmp_path):
    whole = np.round(X * 40).astype(int)

    def left(frame, **options):
        frame.to_csv(tmp_path / "x.csv", index=False, **options)
        found = read_embeddings(tmp_path / "x.csv")
        assert found.embeddings.shape == (N, D), found.read
        assert any(str(name) in note for note in found.notes for name in found.left_out)
        return found.left_out

    for x in (X, whole):
        for named in ([f"e{k}" for k in range(D)], list("vwxyz"), range(D), [f"dim_{k + 1}" for k in range(D)]):
            frame = pd.DataFrame(x, columns=named)
            assert left(frame.assign(id=np.arange(N) + 7)) == ("id",)
            frame.insert(0, "doc_id", np.arange(N)[::-1] * 3)
            assert left(frame) == ("doc_id",)
            frame = frame.drop(columns="doc_id").assign(label=np.arange(N) % 2)
            assert left(frame) == ("label",)
        numbered = pd.DataFrame(x, columns=[f"e{k}" for k in range(D)])
        assert left(numbered.assign(n_tokens=np.arange(N) * 7 % 13, score=X[:, 0] / 3)) == ("n_tokens", "score")
        bare = pd.DataFrame(x)
        bare.insert(0, "i", np.arange(N))
        assert left(bare, header=False) == ("0",)
    assert left(pd.DataFrame(X, columns=list("vwxyz")).assign(age=np.arange(N) * 7 % 13)) == ("age",)
    assert left(pd.DataFrame(X).assign(y=np.arange(N) % 3), header=False) == ("5",)


def test_tables_of_nothing_but_ids_and_labels(tmp_path):
    pd.DataFrame({"id": np.arange(N), "label": np.arange(N) % 2, "text": "a"}).to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(IsobarError, match=r"no embedding: columns 'id', 'label' hold"):
        read_embeddings(tmp_path / "x.csv")
    pd.DataFrame({"text": ["a"] * N, "more": "b"}).to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(IsobarError, match=r"no column of numbers .* what it has: columns 'text', 'more'"):
        read_embeddings(tmp_path / "x.csv")


def test_numbered_columns(tmp_path):
    frame = pd.DataFrame(np.hstack([X, 2 * X]), columns=[f"{what}_{k}" for what in ("title", "body") for k in range(D)])
    frame.to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(
        IsobarError, match=r"2 sets of numbered columns: 'title_0' to 'title_4', 'body_0' to 'body_4'; choose"
    ):
        read_embeddings(tmp_path / "x.csv")
    same(read_embeddings(tmp_path / "x.csv", column="body_"), 2 * X)
    broken = pd.DataFrame(X, columns=[f"e{k}" for k in range(D)]).astype(object)
    broken.loc[7, "e3"] = "seven"
    broken.to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(IsobarError, match=r"no numbers in column 'e3': 'seven' in row 7"):
        read_embeddings(tmp_path / "x.csv")


@pytest.mark.parametrize("gap", ["NA", "None", "null", "nan", "", "N/A"])
def test_labels_that_read_like_gaps_are_names(tmp_path, gap):
    labels = [gap if k % 2 else "SA" for k in range(N)]
    pd.DataFrame(X).assign(kind=labels).to_csv(tmp_path / "x.csv", index=False)
    assert read_embeddings(tmp_path / "x.csv", labels="kind").labels.tolist() == labels
    pd.DataFrame(X).assign(kind=gap).to_csv(tmp_path / "x.csv", index=False)
    assert set(read_embeddings(tmp_path / "x.csv", labels="kind").labels) == {gap}
    rows = [{"kind": label, "e": row} for label, row in zip(labels, X.tolist(), strict=True)]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert read_embeddings(tmp_path / "x.jsonl", labels="kind").labels.tolist() == labels


def test_labels_of_numbers_with_a_gap_are_not_names(tmp_path):
    pd.DataFrame(X).assign(kind=[None if k == 4 else k % 2 for k in range(N)]).to_csv(tmp_path / "x.csv", index=False)
    found = read_embeddings(tmp_path / "x.csv", labels="kind").labels.tolist()
    assert found[:6] == [0, 1, 0, 1, None, 1]


BATCH = {
    "id": "b",
    "custom_id": "t{k}",
    "response": {"status_code": 200, "body": {"object": "list", "data": [], "usage": {"total_tokens": 3}}},
    "error": None,
}


def batch(row, k):
    data = [{"object": "embedding", "embedding": row, "index": 0}]
    return {
        **BATCH,
        "custom_id": f"t{k}",
        "response": {**BATCH["response"], "body": {**BATCH["response"]["body"], "data": data}},
    }


ANSWERS = {
    "list of lists": X.tolist(),
    "objects": [{"id": k, "text": "a", "embedding": row} for k, row in enumerate(X.tolist())],
    "embeddings": {"embeddings": X.tolist(), "model": "m"},
    "by type": {"id": "r", "embeddings": {"float": X.tolist()}, "texts": ["a"] * N, "meta": {"billed": {"tokens": 3}}},
    "data": {
        "object": "list",
        "data": [{"object": "embedding", "index": k, "embedding": row} for k, row in enumerate(X.tolist())],
        "model": "m",
        "usage": {"total_tokens": 9},
    },
    "values": {"embeddings": [{"values": row} for row in X.tolist()]},
    "predictions": {
        "predictions": [{"embeddings": {"values": row, "statistics": {"token_count": 4}}} for row in X.tolist()]
    },
    "vectors of a database": {
        "ids": [str(k) for k in range(N)],
        "embeddings": X.tolist(),
        "documents": ["a"] * N,
        "metadatas": None,
    },
    "by name": {f"w{k}": row for k, row in enumerate(X.tolist())},
    "batch": [batch(row, k) for k, row in enumerate(X.tolist())],
}


@pytest.mark.parametrize("name", ANSWERS)
def test_json_in_the_forms_that_models_answer(tmp_path, name):
    (tmp_path / "x.json").write_text(json.dumps(ANSWERS[name]))
    found = same(read_embeddings(tmp_path / "x.json"))
    assert "30 x 5 float64" in found.read
    if isinstance(ANSWERS[name], list):
        (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, ANSWERS[name])) + "\n")
        same(read_embeddings(tmp_path / "x.jsonl"))
        (tmp_path / "x.json").write_text("\n".join(map(json.dumps, ANSWERS[name])) + "\n")
        same(read_embeddings(tmp_path / "x.json"))


@pytest.mark.parametrize("orient", ["columns", "index", "records", "split", "values"])
def test_json_of_pandas(tmp_path, orient):
    frame = pd.DataFrame({"id": np.arange(N) + 7, "kind": LABELS, "vector": X.tolist()})
    if orient == "values":
        frame = frame[["vector"]]
    frame.to_json(tmp_path / "x.json", orient=orient)
    if orient == "values":
        same(read_embeddings(tmp_path / "x.json"))
        return
    found = same(read_embeddings(tmp_path / "x.json", labels="kind"))
    assert found.left_out == ("id",)
    assert found.labels.tolist() == LABELS.tolist()
    frame = pd.DataFrame(X, columns=[f"e{k}" for k in range(D)])
    frame.to_json(tmp_path / "x.json", orient=orient)
    same(read_embeddings(tmp_path / "x.json"))


def test_failed_requests_of_a_batch_are_told(tmp_path):
    rows = [batch(row, k) for k, row in enumerate(X.tolist())]
    rows[2] = {**BATCH, "custom_id": "t2", "response": None, "error": {"message": "too long"}}
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = same(read_embeddings(tmp_path / "x.jsonl", labels="custom_id"), np.delete(X, 2, axis=0))
    assert found.notes == ("Left out: 1 row without a vector.",)
    assert found.labels.tolist() == [f"t{k}" for k in range(N) if k != 2]
    assert "column 'response.body.data.embedding'" in found.read


def test_json_that_cannot_be_read(tmp_path):
    for text, said in (
        ('{"a": ', "malformed at line 1"),
        ("[[0.1, 0.2], [0.1]]", "1 numbers in row 1 where the first row has 2"),
        ('[[0.1, 0.2], ["a", "b"]]', "can't be read"),
        ('{"texts": ["a", "b"]}', "no column of numbers"),
        ("3", "can't be read"),
        ("[]", "no column of numbers"),
    ):
        (tmp_path / "x.json").write_text(text)
        with pytest.raises(IsobarError, match=said):
            read_embeddings(tmp_path / "x.json")


def test_npz(tmp_path):
    np.savez(tmp_path / "x.npz", vectors=X, y=LABELS, ids=np.arange(N), objects=np.array([{}], dtype=object))
    found = same(read_embeddings(tmp_path / "x.npz", labels="y"))
    assert found.labels.tolist() == LABELS.tolist()
    assert "pickles, which are not opened: 'objects'" in found.notes[0]
    assert found.read == "Read: x.npz (NumPy), tensor 'vectors', 30 x 5 float64, labels 'y'; left out: 'ids'."
    np.savez(tmp_path / "x.npz", train=X, test=2 * X)
    with pytest.raises(
        IsobarError, match=r"2 tensors of two dimensions; choose one with --tensor NAME: train \(30 x 5\)"
    ):
        read_embeddings(tmp_path / "x.npz")
    same(read_embeddings(tmp_path / "x.npz", column="test"), 2 * X)
    np.savez(tmp_path / "x.npz", x=np.array([{}], dtype=object))
    with pytest.raises(IsobarError, match="a pickle"):
        read_embeddings(tmp_path / "x.npz")


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32", "float64", "float8_e4m3fn", "int8"])
def test_safetensors_of_every_type(tmp_path, dtype):
    import torch
    from safetensors.torch import save_file

    x = torch.tensor(X * 50 if dtype == "int8" else X).to(getattr(torch, dtype))
    save_file(
        {"x": x, "norms": torch.ones(N, dtype=torch.bfloat16), "ids": torch.ones(N, 4).long()},
        tmp_path / "x.safetensors",
    )
    if dtype == "int8":  # two of whole numbers
        with pytest.raises(IsobarError, match="holds 2 tensors"):
            read_embeddings(tmp_path / "x.safetensors")
    found = same(
        read_embeddings(tmp_path / "x.safetensors", column="x" if dtype == "int8" else None), x.double().numpy()
    )
    assert found.left_out == ("ids", "norms")


def test_a_vector_for_each_name(tmp_path):
    from safetensors.numpy import save_file

    save_file({f"doc{k:02}": row for k, row in enumerate(X)}, tmp_path / "x.safetensors")
    assert "one vector each of 30 arrays" in same(read_embeddings(tmp_path / "x.safetensors")).read


TOKENS = ["the", "New York", ". . .", "1990", "0.5", "\u00a0odd", "a\u2028b", "naïve", *[f"w{k}" for k in range(N - 8)]]


@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.parametrize("ending", ["\n", " \n", "\r\n"])
@pytest.mark.parametrize("suffix", ["txt", "vec"])
def test_word_vectors(tmp_path, counts, ending, suffix):
    lines = [f"{N} {D}"] * counts + [f"{word} {' '.join(map(str, row))}" for word, row in zip(TOKENS, X.tolist())]
    (tmp_path / f"x.{suffix}").write_bytes((ending.join(lines) + ending).encode())
    found = same(read_embeddings(tmp_path / f"x.{suffix}"))
    assert "tokens from 'the' to 'w21'" in found.read
    assert found.notes == ()


def test_word_vectors_that_were_cut_or_broken(tmp_path):
    lines = [f"400000 {D}", *(f"w{k} {' '.join(map(str, row))}" for k, row in enumerate(X.tolist()))]
    (tmp_path / "x.vec").write_text("\n".join(lines))
    assert same(read_embeddings(tmp_path / "x.vec")).notes == (
        "Its first line promises 400,000 vectors; there are 30.",
    )
    lines[5] = "w4 0.5 0.5"
    (tmp_path / "x.vec").write_text("\n".join(lines))
    with pytest.raises(IsobarError, match="malformed at line 6"):
        read_embeddings(tmp_path / "x.vec")
    lines[5] = "w4 0.5 0.5 a b c"
    (tmp_path / "x.vec").write_text("\n".join(lines))
    with pytest.raises(IsobarError, match="can't be read as word vectors"):
        read_embeddings(tmp_path / "x.vec")


def test_text_of_numbers_alone(tmp_path):
    np.savetxt(tmp_path / "x.txt", X)
    assert "vectors without tokens" in same(read_embeddings(tmp_path / "x.txt")).read
    for delimiter in (",", "\t", ";"):
        np.savetxt(tmp_path / "x.txt", X, delimiter=delimiter)
        same(read_embeddings(tmp_path / "x.txt"))
    (tmp_path / "x.txt").write_text("\n".join("  ".join(f"{cell:8.4f}" for cell in row) for row in X))  # aligned
    same(read_embeddings(tmp_path / "x.txt"))


def projector(folder: Path, metadata: str) -> Path:
    np.savetxt(folder / "vectors.tsv", X, delimiter="\t")
    (folder / "metadata.tsv").write_text(metadata)
    return folder / "vectors.tsv"


def test_the_projectors_pair_of_files(tmp_path):
    path = projector(tmp_path, "\n".join(LABELS) + "\n")
    found = same(read_embeddings(path))
    assert "metadata.tsv beside it" in found.notes[0]
    for name in ("metadata.tsv", "metadata", "label"):
        assert read_embeddings(path, labels=name).labels.tolist() == LABELS.tolist()
    path = projector(tmp_path, "word\tkind\n" + "".join(f"w{k}\t{label}\n" for k, label in enumerate(LABELS)))
    assert read_embeddings(path, labels="kind").labels.tolist() == LABELS.tolist()
    with pytest.raises(
        IsobarError, match=r"no column 'kinds' of labels; its columns are word, kind. Did you mean 'kind'"
    ):
        read_embeddings(path, labels="kinds")
    path = projector(tmp_path, "a\nb\n")
    with pytest.raises(IsobarError, match=r"has 2 labels; there are 30 embeddings"):
        read_embeddings(path, labels="metadata")


def test_labels_in_a_file_of_their_own(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", np.arange(N) % 3)
    (tmp_path / "y.txt").write_text("\n".join(LABELS))
    assert read_embeddings(tmp_path / "x.npy", labels="y.npy").labels.tolist() == [k % 3 for k in range(N)]
    assert read_embeddings(tmp_path / "x.npy", labels=str(tmp_path / "y.txt")).labels.tolist() == LABELS.tolist()
    with pytest.raises(IsobarError, match="without names"):
        read_embeddings(tmp_path / "x.npy", labels="z.npy")


QUOTED = ["neg, very", 'he said "no"', "two\nlines", "", "plain"]


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("header", [True, False])
def test_a_csv_of_labels_is_read_as_csv(tmp_path, separator, header):
    # What separates cells is told by lines, so of rows with line ends in them it is a comma.
    labels = [QUOTED[k % 5] if separator == "," else f'"{k % 2}"' for k in range(N)]
    np.save(tmp_path / "x.npy", X)
    frame = pd.DataFrame({"id": range(N), "kind": labels})
    frame.to_csv(tmp_path / "y.csv", index=False, header=header, sep=separator)
    column = "kind" if header else "1"
    assert read_embeddings(tmp_path / "x.npy", labels=f"y.csv:column={column}").labels.tolist() == labels
    with pytest.raises(
        IsobarError, match=r"y\.csv has several columns, .* \(y\.csv:column=(kind|1)\); its columns are"
    ):
        read_embeddings(tmp_path / "x.npy", labels="y.csv")
    with pytest.raises(IsobarError, match=r"y\.csv has no column 'kin' of labels; its columns are"):
        read_embeddings(tmp_path / "x.npy", labels="y.csv:column=kin")
    frame[["kind"]].to_csv(tmp_path / "one.csv", index=False, header=header)
    assert read_embeddings(tmp_path / "x.npy", labels="one.csv").labels.tolist() == labels


def test_a_column_of_tabs_is_named_in_the_same_way(tmp_path):
    np.save(tmp_path / "x.npy", X)
    pd.DataFrame({"id": range(N), "kind": LABELS}).to_csv(tmp_path / "y.tsv", index=False, sep="\t")
    found = read_embeddings(tmp_path / "x.npy", labels=f"{tmp_path / 'y.tsv'}:column=kind")
    assert found.labels.tolist() == LABELS.tolist()
    assert "labels '" in found.read


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("objects.npy", r"file of labels .*objects\.npy can't be read: it holds Python objects"),
        ("broken.npy", r"file of labels .*broken\.npy can't be read"),
        ("plain.npy:column=kind", r"plain\.npy holds one array; it has no column 'kind'"),
        ("few.npy", r"few\.npy has 3 labels; there are 30 embeddings"),
        ("few.csv:column=kind", r"few\.csv has 2 labels; there are 30 embeddings"),
        ("ragged.csv:column=kind", r"ragged\.csv has no column 'kind' in row 4"),
        ("nowhere.csv:column=kind", r"no file of labels nowhere\.csv"),
    ],
)
def test_the_file_of_labels_that_is_at_fault_is_named(tmp_path, name, said):
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "objects.npy", LABELS.astype(object), allow_pickle=True)
    (tmp_path / "broken.npy").write_bytes(b"no array")
    np.save(tmp_path / "plain.npy", LABELS.astype(str))
    np.save(tmp_path / "few.npy", np.arange(3))
    (tmp_path / "few.csv").write_text("id,kind\n0,a\n1,b\n")
    (tmp_path / "ragged.csv").write_text("id,kind\n" + "".join(f"{k},a\n" if k != 2 else "2\n" for k in range(N)))
    with pytest.raises(IsobarError, match=said):
        read_embeddings(tmp_path / "x.npy", labels=name)


def test_a_data_set_that_was_saved(tmp_path):
    from datasets import Dataset, DatasetDict, Features, List, Value

    features = Features({"text": Value("string"), "emb": List(Value("float32"), length=D), "n": Value("int64")})
    data = Dataset.from_dict({"text": LABELS.tolist(), "emb": X.tolist(), "n": list(range(N))}, features=features)
    data.save_to_disk(tmp_path / "one", num_shards=3)
    found = same(read_embeddings(tmp_path / "one", labels="text"), rtol=1e-6)
    assert found.read == "Read: one (data set), column 'emb', 30 x 5 float32, labels 'text'; left out: 'n'."
    DatasetDict(train=data, test=data).save_to_disk(tmp_path / "two")
    with pytest.raises(IsobarError, match="several splits; name one: test, train"):
        read_embeddings(tmp_path / "two")
    same(read_embeddings(tmp_path / "two" / "train"), rtol=1e-6)
    shards = tmp_path / "shards"
    shards.mkdir()
    for k in range(3):
        data.select(range(10 * k, 10 * k + 10)).to_parquet(shards / f"train-0000{k}-of-00003.parquet")
    same(read_embeddings(shards), rtol=1e-6)
    data.to_parquet(shards / "test-00000-of-00001.parquet")
    with pytest.raises(IsobarError, match=r"several names \(test, train\)"):
        read_embeddings(shards)
    (tmp_path / "empty").mkdir()
    with pytest.raises(IsobarError, match="no data set"):
        read_embeddings(tmp_path / "empty")


@pytest.mark.parametrize("suffix", ["arrow", "feather"])
def test_arrow(tmp_path, suffix):
    table = pa.table({"e": pa.array(X.tolist()), "id": np.arange(N)})
    opened = pa.ipc.new_stream if suffix == "arrow" else pa.ipc.new_file
    with opened(str(tmp_path / f"x.{suffix}"), table.schema) as writer:
        writer.write_table(table)
    same(read_embeddings(tmp_path / f"x.{suffix}"))


def test_vectors_of_nearest_neighbour_benchmarks(tmp_path):
    x = X.astype("<f4")
    heads = np.full((N, 1), D, "<i4")
    (tmp_path / "x.fvecs").write_bytes(np.hstack([heads, x.view("<i4")]).tobytes())
    same(read_embeddings(tmp_path / "x.fvecs"), x)
    small = np.arange(N * D, dtype="u1").reshape(N, D)
    (tmp_path / "x.bvecs").write_bytes(np.hstack([heads.view("u1"), small]).tobytes())
    same(read_embeddings(tmp_path / "x.bvecs"), small)
    (tmp_path / "x.fvecs").write_bytes((tmp_path / "x.fvecs").read_bytes()[:-3])
    with pytest.raises(IsobarError, match="no whole file of vectors"):
        read_embeddings(tmp_path / "x.fvecs")


def test_hdf5(tmp_path):
    h5py = pytest.importorskip("h5py", reason="h5py, which the extra hdf5 brings, is not installed")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["a/embeddings"], file["y"] = X, np.char.encode(LABELS)
    found = same(read_embeddings(tmp_path / "x.h5", labels="y"))
    assert found.labels.tolist() == LABELS.tolist()
    assert "tensor 'a/embeddings'" in found.read
    with h5py.File(tmp_path / "x.hdf5", "w") as file:
        for k, row in enumerate(X):
            file[f"P{k:02}"] = row
    same(read_embeddings(tmp_path / "x.hdf5"))
    with h5py.File(tmp_path / "x.h5ad", "w") as file:
        file["obsm/X_pca"], file["obsm/X_umap"], file["X"] = X, X[:, :2], np.ones((N, 7))
        file["obs/kind/codes"], file["obs/kind/categories"] = (LABELS == "b").astype("i1"), ["a", "b"]
        file["obs/n"] = np.arange(N)
    with pytest.raises(IsobarError, match=r"2 tensors .* --tensor NAME: obsm/X_pca \(30 x 5\), obsm/X_umap"):
        read_embeddings(tmp_path / "x.h5ad")
    assert same(read_embeddings(tmp_path / "x.h5ad", column="X_pca", labels="kind")).labels.tolist() == LABELS.tolist()
    with pytest.raises(IsobarError, match=r"no column 'kin' in its obs. Did you mean 'kind'"):
        read_embeddings(tmp_path / "x.h5ad", column="X_pca", labels="kin")


def test_hdf5_without_its_package(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    (tmp_path / "x.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(IsobarError, match=r'pip install "isobar-explorer\[hdf5\]"'):
        read_embeddings(tmp_path / "x.h5")


@pytest.mark.slow
def test_pickles_are_refused_with_the_line_that_converts_them(tmp_path, monkeypatch):
    """The lines are run."""
    import pickle
    import re
    import subprocess
    import sys

    import torch

    monkeypatch.chdir(tmp_path)
    torch.save(torch.tensor(X), "x.pt")
    torch.save({"embeddings": torch.tensor(X).T.contiguous().T, "y": torch.arange(N)}, "y.pth")
    (tmp_path / "z.pkl").write_bytes(pickle.dumps(X.tolist()))
    torch.save(torch.tensor(X), "w.bin")
    for name, made in (
        ("x.pt", "x.safetensors"),
        ("y.pth", "y.safetensors"),
        ("z.pkl", "z.npy"),
        ("w.bin", "w.safetensors"),
    ):
        with pytest.raises(IsobarError, match="not opened") as refused:
            read_embeddings(name)
        code = re.search(r'python -c "(.*)"', str(refused.value))[1]
        subprocess.run([sys.executable, "-c", code], check=True)
        same(read_embeddings(made))
    (tmp_path / "v.bin").write_bytes(b"3 2\nthe \x00\x01\x02")
    with pytest.raises(IsobarError, match="word2vec's binary form"):
        read_embeddings("v.bin")
    (tmp_path / "x.csv.gz").write_bytes(b"\x1f\x8b")
    with pytest.raises(IsobarError, match="unpack it"):
        read_embeddings("x.csv.gz")
    with pytest.raises(IsobarError, match=r"none of \.npy"):
        read_embeddings("x.xlsx")


def test_empty_and_cut_files_of_every_format(tmp_path):
    for suffix in FORMATS:
        for content in (b"", b"\n", b"\x00\xff\xfe\x01"):
            path = tmp_path / f"x{suffix}"
            path.write_bytes(content)
            with pytest.raises(IsobarError) as refused:
                read_embeddings(path)
            assert str(path) in str(refused.value)
            assert str(refused.value).endswith((".", '].".', '".')), refused.value


def test_the_inputs_that_are_kept_beside_the_project():
    folder = Path(__file__).parents[2].parent / "shared" / "inputs"
    if not folder.is_dir():
        pytest.skip("there is no folder of inputs beside the project")
    for name, file in (
        ("bf16-safetensors", "points.safetensors"),
        ("embeddings-fixed-list-parquet", "points.parquet"),
        ("embeddings-list-parquet", "points.parquet"),
        ("projector-tsv", "vectors.tsv"),
        ("suffix-upper-case", "POINTS.CSV"),
        ("labels-called-NA", "points.csv"),
    ):
        assert read_embeddings(folder / name / file).embeddings.shape == (60, 6), name
    assert read_embeddings(folder / "int8-with-id-csv" / "points.csv").embeddings.shape[1] == 6
