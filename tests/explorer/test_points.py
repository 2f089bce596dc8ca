import numpy as np
import pandas as pd
import pytest

from core.errors import IsobarError
from explorer.panels.points import LARGEST, MOST, cloud, from_address, read_columns, to_address


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("x,y\n1,2\n3,4\n5,6", ["x", "y"]),
        ("1,2\n3,4\n5,6\n", ["column 1", "column 2"]),
        ("name;a;b\nn;1.5;2\nm;3;4\n", ["a", "b"]),
        ("a\tb\n1\t2\n", ["a", "b"]),
        ("\ufeffx, y\n1, 2\n", ["x", "y"]),
    ],
)
def test_columns_of_numbers_are_found_with_or_without_a_header(text, columns):
    assert list(read_columns(text.encode()).columns) == columns


def test_the_numbers_of_rows_are_no_coordinate_unless_chosen():
    saved = pd.DataFrame({"x": [1.5, 2.5, 4.0], "y": [0.0, 1.0, 0.5]}).to_csv()
    assert list(read_columns(saved.encode()).columns) == ["x", "y", "Unnamed: 0"]


@pytest.mark.parametrize("text", ["x;y\n1,5;2\n-3,25;4,5\n", "1,5;2\n-3,25;4,5", "1,5\t2\n-3,25\t4,5\n"])
def test_a_comma_in_a_number_is_read(text):
    assert read_columns(text.encode()).to_numpy().tolist() == [[1.5, 2], [-3.25, 4.5]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"  \n\n", "is empty"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"a,b\nx,y\n", "of its 2 columns none"),
        (b"a\n1\n2\n", "of its 1 column one"),
        (b"a,b\n1,2\n1,2,3\n", "can't be read as CSV"),
        (b"a,b\n1,2,3\n1,2,3\n", "can't be read as CSV"),
        (b"1" * (LARGEST + 1), "can be read"),
    ],
)
def test_a_file_that_holds_no_points_is_refused_in_a_sentence(content, said):
    with pytest.raises(IsobarError, match=said) as caught:
        read_columns(content)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x,y\n1,2\n3,\n5,6", "Row 2 of the points has no number in 'x' or 'y'"),
        ("x,y\n1,2\n3,4", "There are 2 points"),
        ("x,y\n1,2\n3,inf\n5,6", "Row 2"),
        ("x,y\n1,2\n3,1e300\n5,6", "scale them down"),
    ],
)
def test_points_that_can_not_be_drawn_are_refused(text, said):
    with pytest.raises(IsobarError, match=said):
        cloud(read_columns(text.encode()), "x", "y")


def test_of_many_points_the_first_are_taken():
    rows = "\n".join(f"{k},{k}" for k in range(MOST + 20))
    assert len(cloud(read_columns(rows.encode()), "column 1", "column 2")) == MOST


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e7])
def test_an_address_keeps_points_to_a_ten_thousandth_of_their_extent(unit):
    points = unit * np.random.default_rng(0).normal(size=(40, 2))
    assert from_address(to_address(points)) == pytest.approx(points, abs=2e-4 * unit)
    assert len(to_address(points)) < 40 * 24


@pytest.mark.parametrize(
    "text", ["", "x", "1_2", "1_2~3", "1_2~3_4~nan_1", "1_2~3_4~<b>_1", "1_2~" * 10, "0_0~" * 200 + "0_0"]
)
def test_an_address_that_holds_no_points_is_refused(text):
    with pytest.raises(IsobarError):
        from_address(text)
