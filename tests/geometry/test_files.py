import numpy as np
import pandas as pd
import pytest

from core.errors import IsobarError
from core.geometry.files import read_embeddings


def cloud(n=60, d=4):
    return np.random.default_rng(1).standard_normal((n, d))


@pytest.fixture
def csv(tmp_path):
    """Write text, or a frame as pandas does, and return the file."""
    path = tmp_path / "x.csv"

    def write(what, **options):
        if isinstance(what, pd.DataFrame):
            what.to_csv(path, **options)
        else:
            path.write_text(what)
        return path

    return write


def test_a_table_without_a_header_loses_no_row(tmp_path):
    x = cloud()
    np.savetxt(tmp_path / "x.csv", x, delimiter=",")
    found = read_embeddings(tmp_path / "x.csv")
    np.testing.assert_array_equal(found.embeddings, x)
    assert found.notes == ()
    with pytest.raises(IsobarError, match=r"no column 'kind'\. It has no header"):
        read_embeddings(tmp_path / "x.csv", labels="kind")
    by_number = read_embeddings(tmp_path / "x.csv", labels="3")
    np.testing.assert_array_equal(by_number.embeddings, x[:, :3])
    np.testing.assert_array_equal(by_number.labels, x[:, 3])


@pytest.mark.parametrize("index", [True, False])
def test_columns_that_pandas_counted_are_a_header(csv, index):
    x = cloud()
    found = read_embeddings(csv(pd.DataFrame(x), index=index))
    np.testing.assert_array_equal(found.embeddings, x)
    assert len(found.notes) == index


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("0,1\n2,3\n4,5\n", [[0, 1], [2, 3], [4, 5]]),  # whole numbers that begin as a count does
        ("0.0,1.0\n2.5,3.5\n", [[0, 1], [2.5, 3.5]]),
        ("1.5,\n2.5,3.5\n", [[1.5, np.nan], [2.5, 3.5]]),  # a gap in the first row makes it no header
        ("\ufeff1.5,2\n2.5,3\n", [[1.5, 2], [2.5, 3]]),
        ("\n1.5,-1e3\n2.5,nan\n", [[1.5, -1000], [2.5, np.nan]]),
        ('"a","b"\n1,2\n3,4\n', [[1, 2], [3, 4]]),
        (",0,1\n0,5,6\n1,7,8\n", [[5, 6], [7, 8]]),
    ],
)
def test_which_lines_are_rows(csv, text, rows):
    np.testing.assert_array_equal(read_embeddings(csv(text)).embeddings, rows)


def test_what_is_no_dimension_is_left_out_and_told(csv):
    x = cloud()
    frame = pd.DataFrame(x, columns=list("abcd")).assign(kind=np.arange(60) % 3, text="a stone", cut=True)
    frame["d"] = [*x[:59, 3], "seven"]  # one such cell, and the column is text
    path = csv(frame)
    found = read_embeddings(path, labels="kind")
    np.testing.assert_array_equal(found.embeddings, x[:, :3])
    assert found.labels.tolist() == [k % 3 for k in range(60)]
    index, others = found.notes
    assert "index: column 'Unnamed: 0'" in index
    assert "columns 'd', 'text', 'cut'" in others
    unlabelled = read_embeddings(path)
    np.testing.assert_array_equal(unlabelled.embeddings, x[:, :3])
    assert "whole numbers among decimals: column 'kind'" in unlabelled.notes[-1]
    assert unlabelled.read == (
        "Read: x.csv (csv), columns 'a', 'b', 'c', 60 x 3 float64; left out: 'Unnamed: 0', 'd', 'kind', 'text', 'cut'."
    )


def test_indices_by_other_names(csv, tmp_path):
    x = cloud()
    frame = pd.DataFrame(x, columns=list("abcd"))
    twice = pd.read_csv(csv(frame))
    assert read_embeddings(csv(twice)).embeddings.shape == (60, 4)
    body = frame.set_index(frame.index + 1).to_csv(header=False)
    found = read_embeddings(csv("a,b,c,d\n" + body))  # as R writes the names of rows: a cell more than the header
    np.testing.assert_array_equal(found.embeddings, x)
    assert "the rows' names" in found.notes[0]
    frame.assign(__index_level_0__=np.arange(60)).to_parquet(tmp_path / "x.parquet", index=False)
    assert read_embeddings(tmp_path / "x.parquet").embeddings.shape == (60, 4)


def test_names_that_are_numbers_are_told(csv):
    (note,) = read_embeddings(csv("0.5,-2,spam\n1.5,2.5,egg\n1.0,3.5,egg\n"), labels="spam").notes
    assert "names, though numbers: columns '0.5', '-2';" in note
    assert read_embeddings(csv("0,1,kind\n1.5,2.5,egg\n1.0,3.5,egg\n"), labels="kind").notes == ()


def test_many_columns_are_named_in_part(csv):
    frame = pd.DataFrame({f"t{k}": ["a", "b"] for k in range(8)}).assign(x=[1.0, 2.0])
    assert read_embeddings(csv(frame, index=False)).notes == (
        "Left out, not being numbers: columns 't0', 't1', 't2', 't3', 't4' and 3 more.",
        "All that is measured is one column of numbers, 'x'; an embedding has several, or is a column of lists.",
    )


def test_tables_without_embeddings(csv, tmp_path):
    x = cloud()
    np.savetxt(tmp_path / "x.csv", x)  # NumPy's own choice is a space between two numbers
    np.testing.assert_array_equal(read_embeddings(tmp_path / "x.csv").embeddings, x)
    with pytest.raises(IsobarError, match=r"row 3 has 3 cells where the first row has 2"):
        read_embeddings(csv("a,b\n1,2\n1,2,3\n"))
    with pytest.raises(IsobarError, match="can't be read"):
        read_embeddings(csv(""))
    with pytest.raises(IsobarError, match=r"The column 'a' of .* holds no vectors"):
        read_embeddings(csv("a,b\n1,2\n"), column="a")
