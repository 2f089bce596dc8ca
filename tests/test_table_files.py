import io

import pandas as pd

from core.table_files import csv_of


def test_no_text_of_a_csv_is_a_formula_and_numbers_stay_numbers():
    frame = pd.DataFrame(
        {"=1+1": ["=HYPERLINK(0)", "+1", "-a", "@x", "plain", "\t="], "value": [-1.5, 2, -3, 0.1, 5, None]}
    )
    read = pd.read_csv(io.StringIO(csv_of(frame)))
    assert read.columns.tolist() == ["'=1+1", "value"]
    assert read["'=1+1"].tolist() == ["'=HYPERLINK(0)", "'+1", "'-a", "'@x", "plain", "'\t="]
    pd.testing.assert_series_equal(read["value"], frame["value"])
