"""Local folders and files of every kind become tasks; what can't is refused in one sentence."""

import json
import subprocess
import sys

import pandas as pd
import pytest

from core.errors import IsobarError
from core.tasks import load_task, load_texts

GOOD = [(f"A tale of {n} cities, told", n % 2) for n in range(40)]


def _write(path, rows, columns=("sentence", "label"), **options):
    frame = pd.DataFrame(rows, columns=list(columns))
    writers = {
        ".csv": lambda: frame.to_csv(path, index=False, **options),
        ".tsv": lambda: frame.to_csv(path, index=False, sep="\t", **options),
        ".jsonl": lambda: frame.to_json(path, orient="records", lines=True),
        ".json": lambda: frame.to_json(path, orient="records"),
        ".parquet": lambda: frame.to_parquet(path, index=False),
    }
    writers[path.suffix]()
    return path


def _refusal(name, **columns) -> str:
    with pytest.raises(IsobarError) as caught:
        load_task(str(name), **columns)
    message = str(caught.value)
    assert "\n" not in message
    assert message.rstrip("?").endswith((".", "'")), message
    return message


def test_importing_the_tasks_loads_nothing_heavy():
    code = (
        "import sys, core.tasks; print({'torch', 'transformers', 'datasets', 'pandas', 'sklearn'} & sys.modules.keys())"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".json", ".parquet"])
def test_every_kind_of_file_holds_the_same_task(tmp_path, suffix):
    texts = [(f'She said "{n}",\tor did not', n % 2) for n in range(40)] if suffix != ".tsv" else GOOD
    path = _write(tmp_path / f"mine{suffix}", texts)
    task = load_task(str(path))
    assert (task.name, task.label_names, task.metrics) == ("mine", ("0", "1"), ("accuracy", "f1"))
    assert (len(task.train), len(task.validation)) == (32, 8)
    assert sorted([*task.train["text"], *task.validation["text"]]) == sorted(text for text, _ in texts)
    assert sum(task.validation["label"]) == 4
    assert any("20%" in note for note in task.notes)
    assert any("'sentence'" in note for note in task.notes)


def test_the_fingerprint_follows_the_content_and_not_the_format(tmp_path):
    prints = set()
    for suffix in (".csv", ".jsonl", ".parquet"):
        folder = tmp_path / suffix[1:]
        folder.mkdir()
        _write(folder / f"train{suffix}", GOOD)
        _write(folder / f"dev{suffix}", GOOD[:10])
        prints.add(load_task(str(folder)).fingerprint)
    assert len(prints) == 1
    _write(tmp_path / "csv" / "dev.csv", [*GOOD[:9], ("another text", 1)])
    assert load_task(str(tmp_path / "csv")).fingerprint not in prints


@pytest.mark.parametrize("name", ["validation", "valid", "val", "dev", "test"])
def test_a_folder_knows_the_usual_names_of_its_validation_file(tmp_path, name):
    folder = tmp_path / "CoLA"
    folder.mkdir()
    _write(folder / "train.tsv", GOOD)
    _write(folder / f"{name}.tsv", GOOD[:10])
    task = load_task(folder)
    assert (task.name, task.metrics, len(task.validation)) == ("cola", ("mcc", "accuracy"), 10)
    assert not task.has_pairs
    assert any("stands in" in note for note in task.notes) == (name == "test")


def test_pairs_are_found_and_named(tmp_path):
    rows = [(f"one {n}", f"two {n}", ("no", "yes")[n % 2]) for n in range(20)]
    path = _write(tmp_path / "mrpc-mine.csv", rows, ("sentence1", "sentence2", "class"))
    task = load_task(path)
    assert task.has_pairs
    assert task.label_names == ("no", "yes")
    assert task.metrics == ("accuracy", "f1")
    assert set(task.train.column_names) == {"text", "text_pair", "label"}
    alone = load_task(path, text_column="sentence2")
    assert not alone.has_pairs
    assert alone.train["text"][0].startswith("two")


def test_columns_can_be_named(tmp_path):
    rows = [(f"a{n}", f"b{n}", f"c{n}", n % 2, n % 4) for n in range(40)]
    path = _write(tmp_path / "x.jsonl", rows, ("text", "left", "right", "label", "kind"))
    task = load_task(path, text_column="right", text_pair_column="left", label_column="kind")
    assert task.num_labels == 4
    assert task.train["text"][0].startswith("c")
    assert task.train["text_pair"][0].startswith("b")
    assert not any("guessed" in note for note in task.notes)


def test_labels_of_many_kinds_become_indices(tmp_path):
    def names(labels):
        rows = [(f"text {n}", labels[n % len(labels)]) for n in range(60)]
        return load_task(_write(tmp_path / "labels.parquet", rows)).label_names

    assert names([True, False]) == ("0", "1")
    assert names([2.0, 1.0, 10.0]) == ("1", "2", "10")
    assert names(["ham", "Spam", "eggs"]) == ("Spam", "eggs", "ham")
    assert names(["10", "9", "-1"]) == ("-1", "9", "10")


def test_texts_that_look_like_missing_values_or_numbers_stay_texts(tmp_path):
    rows = [(text, n % 2) for n, text in enumerate(["NA", "null", "None", "12", "1e5", "true"] * 5)]
    task = load_task(_write(tmp_path / "odd.csv", rows))
    assert set(task.train["text"]) == {"NA", "null", "None", "12", "1e5", "true"}


def test_quotation_marks_in_tsv_are_plain_unless_they_must_quote(tmp_path):
    plain = tmp_path / "plain.tsv"
    plain.write_text("text\tlabel\n" + '"Go" he said\t1\nHe said "go"\t0\n"No\t1\n"I ""did"""\t0\n' * 8)
    assert set(load_task(plain).train["text"]) == {'"Go" he said', 'He said "go"', '"No', 'I "did"'}
    quoted = tmp_path / "quoted.tsv"
    quoted.write_text("text\tlabel\n" + '"a\tb"\t1\nc\t0\n' * 8)
    assert "a\tb" in load_task(quoted).train["text"]


def test_a_byte_order_mark_and_windows_lines_do_no_harm(tmp_path):
    path = tmp_path / "windows.csv"
    path.write_bytes(b"\xef\xbb\xbftext,label\r\n" + b"caf\xc3\xa9,1\r\ntea,0\r\n" * 10)
    assert set(load_task(path).train["text"]) == {"café", "tea"}


def test_a_few_empty_texts_are_dropped_and_many_are_refused(tmp_path):
    rows = [*GOOD, ("  ", 1)]
    task = load_task(_write(tmp_path / "few.csv", rows))
    assert len(task.train) + len(task.validation) == 40
    assert any("1 empty text, the first in data row 41" in note for note in task.notes)
    message = _refusal(_write(tmp_path / "many.csv", [*GOOD, *rows[-1:] * 10]))
    assert "10 empty texts, the first in data row 41 of 50" in message


def test_train_size_keeps_the_classes_in_proportion(tmp_path):
    rows = [(f"text {n}", "rare" if n % 10 == 0 else "common") for n in range(500)]
    path = _write(tmp_path / "x.csv", rows)
    task = load_task(path, train_size=50, seed=3)
    assert len(task.train) == 50
    assert list(task.train["label"]).count(1) == 5
    assert task.fingerprint != load_task(path, seed=3).fingerprint
    assert task.fingerprint == load_task(path, train_size=50, seed=3).fingerprint
    assert any("9000" in note for note in load_task(path, train_size=9000).notes)
    assert len(load_task(path, train_size=2).train) == 2
    with pytest.raises(IsobarError, match="can't hold all 2 classes"):
        load_task(path, train_size=1)


def test_missing_files_and_folders_are_named(tmp_path):
    assert "There is no file or folder" in _refusal(tmp_path / "nothing.csv")
    assert "There is no file or folder" in _refusal("./nothing")
    assert "no train" in _refusal(tmp_path)
    _write(tmp_path / "train.csv", GOOD)
    message = _refusal(tmp_path)
    assert "no validation file" in message
    assert "train.csv" in message
    _write(tmp_path / "train.tsv", GOOD)
    assert "both train.csv and train.tsv" in _refusal(tmp_path)
    (tmp_path / "notes.txt").write_text("hello")
    assert ".parquet" in _refusal(tmp_path / "notes.txt")


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".json", ".parquet"])
def test_empty_files_are_refused(tmp_path, suffix):
    path = tmp_path / f"empty{suffix}"
    path.write_bytes(b"")
    assert f"{path} is empty" in _refusal(path)


def test_a_header_without_rows_is_refused(tmp_path):
    path = tmp_path / "header.csv"
    path.write_text("text,label\n")
    assert "has no rows" in _refusal(path)


def test_other_encodings_are_refused_with_the_line(tmp_path):
    path = tmp_path / "latin.csv"
    path.write_bytes(b"text,label\nplain,1\ncaf\xe9,0\n")
    message = _refusal(path)
    assert "byte 0xe9" in message
    assert "line 3" in message


def test_malformed_rows_are_named(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("text,label\nfine,1\none, two,0\n")
    assert "row 3" in (message := _refusal(path))
    assert "3 fields" in message
    path.write_text("text,label\nfine,1\nno label\n")
    assert "1 fields where the header has 2" in _refusal(path)
    lines = tmp_path / "bad.jsonl"
    lines.write_text('{"text": "a", "label": 0}\n\n{"text": "b", "label": }\n')
    assert "line 3" in _refusal(lines)
    lines.write_text('{"text": "a", "label": 0}\n[1]\n')
    assert "a list at line 2" in _refusal(lines)
    lines.write_text('{"text": "a", "label": 0}\n{"text": 5, "label": 1}\n')
    assert "one type" in _refusal(lines)
    whole = tmp_path / "bad.json"
    whole.write_text('[{"text": "a",\n "label": 0},\n oops]')
    assert "line 3" in _refusal(whole)
    whole.write_text('["a", "b"]')
    assert "list of JSON objects" in _refusal(whole)
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 not really")
    assert "not a parquet file" in _refusal(tmp_path / "bad.parquet")


def test_json_lines_in_a_json_file_and_a_wrapped_list_are_read(tmp_path):
    rows = [{"text": text, "label": label} for text, label in GOOD]
    path = tmp_path / "x.json"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    assert len(load_task(path).train) == 32
    path.write_text(json.dumps({"data": rows}))
    assert len(load_task(path).train) == 32


def test_missing_columns_are_refused_with_those_there(tmp_path):
    path = _write(tmp_path / "x.csv", [(n, n % 2) for n in range(40)], ("phrase", "label"))
    message = _refusal(path)
    assert "'phrase', 'label'" in message
    assert "no text column" in message
    assert "Did you mean 'phrase'?" in _refusal(path, text_column="phrases")
    assert len(load_task(path, text_column="phrase").train) == 32
    assert "no label column" in _refusal(
        _write(tmp_path / "y.csv", [(text, n) for n, (text, _) in enumerate(GOOD)], ("text", "mark"))
    )
    assert "asked for twice" in _refusal(path, text_column="label", label_column="label")
    folder = tmp_path / "f"
    folder.mkdir()
    _write(folder / "train.csv", GOOD)
    _write(folder / "validation.csv", GOOD, ("text", "label"))
    assert "validation.csv has no column 'sentence'" in _refusal(folder)
    twice = tmp_path / "twice.csv"
    twice.write_text("text,text,label\na,b,1\n")
    assert "two columns named 'text'" in _refusal(twice)


def test_labels_that_are_not_classes_are_refused(tmp_path):
    def refusal(labels):
        rows = [(f"text {n}", label) for n, label in enumerate(labels)]
        return _refusal(_write(tmp_path / "labels.parquet", rows))

    assert "numbers such as 0.37" in refusal([0.37, 1.0] * 20)
    assert "numbers such as 0.37" in refusal(["1", "0.37"] * 20)
    assert "40 different values in 40 rows" in refusal(range(40))
    assert "1001 different values" in refusal(list(range(1001)) * 3)
    assert "a single class, '7'" in refusal([7] * 20)
    message = refusal([0, 1, None, 1] * 10)
    assert "10 rows without a label" in message
    assert "data row 3" in message
    assert "which are not classes" in refusal([[0], [1]] * 10)


def test_texts_that_are_not_strings_are_refused(tmp_path):
    path = _write(tmp_path / "x.parquet", [(n, n % 2) for n in range(20)])
    assert "'sentence' of" in (message := _refusal(path))
    assert "int64" in message


def test_validation_labels_must_occur_in_training(tmp_path):
    _write(tmp_path / "train.csv", GOOD)
    _write(tmp_path / "validation.csv", [*GOOD[:10], ("new", 2)])
    message = _refusal(tmp_path)
    assert "label '2' (data row 11" in message
    assert "'0', '1'" in message


def test_too_few_rows_to_split_are_refused(tmp_path):
    assert "too few to split" in _refusal(_write(tmp_path / "x.csv", GOOD[:4]))


@pytest.mark.slow
def test_a_large_file_loads_in_seconds(tmp_path):
    path = _write(tmp_path / "big.csv", GOOD * 2500)
    task = load_task(path)
    assert len(task.train) == 80_000


@pytest.mark.parametrize(
    ("labels", "said"),
    [([7] * 20, "a single class"), ([0.37, 1.0] * 10, "not classes"), (range(20), "20 different values")],
)
def test_texts_whose_labels_are_not_classes_are_one_cloud_to_look_at_alone(tmp_path, labels, said):
    path = _write(tmp_path / "x.csv", [(f"text {n}", label) for n, label in enumerate(labels)])
    assert said in _refusal(path)
    assert said in _refusal(path, label_column="label")
    texts = load_texts(path)
    assert (texts.label_names, texts.metrics, len(texts.train), len(texts.validation)) == (("all texts",), (), 0, 20)
    assert list(texts.validation["text"]) == [f"text {n}" for n in range(20)]
    assert said in texts.notes[0]
    assert texts.notes[0].endswith("So all examples are one cloud.")
    with pytest.raises(IsobarError, match=said):  # a column that was named is meant
        load_texts(path, label_column="label")


def test_labels_are_left_aside_where_that_is_asked_for_and_never_to_train(tmp_path):
    path = _write(tmp_path / "x.csv", GOOD)
    assert load_texts(path).label_names == load_task(path).label_names
    alone = load_texts(path, label_column="none")
    assert (alone.has_labels, len(alone.validation)) == (False, len(GOOD))
    assert "no column 'none'" in _refusal(path, label_column="none")
    with pytest.raises(IsobarError, match="without a label"):  # most have one, so they are not for nothing
        load_texts(_write(tmp_path / "y.csv", [*GOOD, ("one more", "")]))


def test_a_lone_column_and_a_text_a_line_need_no_names(tmp_path):
    lone = _write(tmp_path / "lone.csv", [(f"text {n}",) for n in range(9)], ("abstract",))
    assert load_texts(lone).validation["text"][8] == "text 8"
    numbered = [(text, n) for n, (text, _) in enumerate(GOOD)]
    assert load_texts(_write(tmp_path / "two.csv", numbered, ("sentence", "mark"))).validation["text"][0] == GOOD[0][0]
    with pytest.raises(IsobarError, match="no text column"):
        load_texts(_write(tmp_path / "unnamed.csv", [(n, n) for n in range(9)], ("one", "two")))
    lines = tmp_path / "lines.txt"
    lines.write_bytes("\ufefffirst\r\n\r\nsecond, with a comma\u2028and more\n  \nthird".encode())
    texts = load_texts(lines)
    assert list(texts.validation["text"]) == ["first", "second, with a comma\u2028and more", "third"]
    assert texts.notes == (f"{lines} is read without labels: all that is in it is one cloud.",)
    lines.write_bytes(b" \n")
    with pytest.raises(IsobarError, match="is empty; it needs one text a line"):
        load_texts(lines)
    with pytest.raises(IsobarError, match="no column 'label'"):
        load_texts(_write(tmp_path / "p.csv", GOOD).rename(tmp_path / "p.txt"), label_column="label")


def test_pairs_without_labels_stay_pairs(tmp_path):
    texts = load_texts(_write(tmp_path / "x.csv", [("a", "b")] * 9, ("sentence1", "sentence2")))
    assert texts.has_pairs
    assert texts.validation["text_pair"][0] == "b"


def _labels_of(tmp_path, labels, **columns):
    rows = [(f"text {n}", labels[n % len(labels)]) for n in range(12 * len(labels))]
    task = load_task(_write(tmp_path / "labels.csv", rows), **columns)
    return task.label_names, " ".join(task.notes)


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([f"{n}.0" for n in range(12)], tuple(map(str, range(12)))),
        (["1.00", "10", "2e0", ".5e1"], ("1", "2", "5", "10")),
        (["0", "0.0", "1"], ("0", "1")),
        (["1.0", "2.0", "beta"], ("1.0", "2.0", "beta")),  # versions, not numbers
        (["01", "2", "10"], ("01", "2", "10")),
    ],
)
def test_whole_numbers_written_as_decimals_are_numbers(tmp_path, labels, names):
    assert _labels_of(tmp_path, labels)[0] == names


def test_a_class_is_the_same_in_both_splits_however_its_number_is_written(tmp_path):
    _write(tmp_path / "train.csv", GOOD)
    _write(tmp_path / "validation.csv", [(text, f"{label}.0") for text, label in GOOD[:10]])
    assert list(load_task(tmp_path).validation["label"]) == [0, 1] * 5
    versions = [(text, ("1.0", "beta")[label]) for text, label in GOOD]
    _write(tmp_path / "train.csv", versions)
    _write(tmp_path / "validation.csv", versions[::2])
    assert load_task(tmp_path).label_names == ("1.0", "beta")


@pytest.mark.parametrize(
    ("labels", "names", "said"),
    [
        (["-1", "0", "1", "2"], ("0", "1", "2"), "12 rows of 48 with '-1'"),
        (["-1.0", "0.0", "1.0", "2.0"], ("0", "1", "2"), "with '-1'"),
        (["-", "no", "yes"], ("no", "yes"), "12 rows of 36 with '-'"),
        (["-1", "0", "1"], ("-1", "0", "1"), "taken for a class"),
        (["-1", "1"], ("-1", "1"), "taken for a class"),
        (["-", "+"], ("+", "-"), ""),
        (["-2", "-1", "0", "1", "2"], ("-2", "-1", "0", "1", "2"), ""),
    ],
)
def test_rows_that_are_marked_as_unlabelled_are_left_out(tmp_path, labels, names, said):
    found, notes = _labels_of(tmp_path, labels)
    assert found == names
    assert said in notes
    assert ("is taken for" in notes) == bool(said)


def test_a_label_that_training_never_has_is_a_mark_in_validation(tmp_path):
    _write(tmp_path / "train.csv", GOOD)
    _write(tmp_path / "validation.csv", [*GOOD[:10], ("no one knows", -1)])
    task = load_task(tmp_path)
    assert len(task.validation) == 10
    assert any("1 row of 11 with '-1'" in note for note in task.notes)
    _write(tmp_path / "validation.csv", [(text, -1) for text, _ in GOOD])
    assert any("validation.csv has no labels and was ignored" in note for note in load_task(tmp_path).notes)


def test_names_that_datasets_wrote_beside_numbers_are_the_classes(tmp_path):
    import datasets

    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["bad", "good", "unused"])}
    )
    rows = {"text": [text for text, _ in GOOD] + ["no one knows"], "label": [label for _, label in GOOD] + [-1]}
    datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "x.parquet")
    task = load_task(tmp_path / "x.parquet")
    assert task.label_names == ("bad", "good")
    assert any("1 row of 41 with '-1'" in note for note in task.notes)


def test_several_labels_of_a_text_are_refused(tmp_path):
    path = _write(tmp_path / "x.parquet", [("a", [0, 2]), ("b", [1])] * 10)
    assert "several labels of an example" in _refusal(path)


TICKETS = [(f"the parcel number {n} has not come", ("billing", "delivery", "other")[n % 3]) for n in range(60)]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_columns_of_any_names_are_told_by_what_is_in_them(tmp_path, suffix):
    task = load_task(_write(tmp_path / f"x.{suffix}", TICKETS, ("message", "queue")))
    assert task.label_names == ("billing", "delivery", "other")
    assert task.train["text"][0].startswith("the parcel number")
    assert "Columns guessed: text from 'message', label from 'queue'." in task.notes
    numbered = [(str(n), *row, f"T-{n}") for n, row in enumerate(TICKETS)]
    assert load_task(_write(tmp_path / f"y.{suffix}", numbered, ("id", "body", "kind", "ticket"))).num_labels == 3


def test_where_several_columns_may_be_meant_one_must_be_named(tmp_path):
    rows = [(*row, "high" if n % 2 else "low") for n, row in enumerate(TICKETS)]
    path = _write(tmp_path / "x.csv", rows, ("message", "queue", "priority"))
    assert "several columns that may hold the labels, 'queue', 'priority'" in _refusal(path)
    assert load_task(path, label_column="priority").label_names == ("high", "low")
    assert "'queue', 'priority'" in load_texts(path).notes[0]
    rows = [(row[0], *row) for row in TICKETS]
    path = _write(tmp_path / "y.csv", rows, ("message", "reply", "queue"))
    assert "several columns that may hold the texts, 'message', 'reply'" in _refusal(path)


def test_a_question_that_is_asked_often_is_no_label(tmp_path):
    rows = [(f"what is the matter with {n % 4} of them", f"the answer is number {n}") for n in range(40)]
    texts = load_texts(_write(tmp_path / "x.csv", rows, ("question", "answer")))
    assert (texts.has_pairs, texts.has_labels) == (True, False)


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_a_csv_may_have_other_separators(tmp_path, separator):
    path = tmp_path / "x.csv"
    rows = [f'"yes, {text}"{separator}{label}' for text, label in TICKETS] + [f"no, {separator}billing"] * 3
    path.write_text("\n".join([f"message{separator}queue", *rows]))
    texts = load_texts(path)
    assert texts.label_names == ("billing", "delivery", "other")
    assert texts.validation["text"][0] == "yes, the parcel number 0 has not come"
    path.write_text("\n".join([f"message{separator}queue", *rows, separator.join("abc")]))
    assert "it has 3 fields where the header has 2" in _refusal(path)


def test_a_lone_column_may_hold_semicolons(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("text\n" + "first; second\n" * 9 + "third\n")
    assert load_texts(path).validation["text"][0] == "first; second"


def test_all_rows_of_labelled_data_without_a_validation_split_are_looked_at(tmp_path):
    path = _write(tmp_path / "x.csv", TICKETS, ("text", "label"))
    texts = load_texts(path)
    assert (len(texts.train), len(texts.validation), texts.num_labels) == (0, 60, 3)
    assert list(texts.validation["text"]) == [text for text, _ in TICKETS]
    assert "all its rows are looked at" in texts.notes[-1]
    assert len(load_task(path).validation) == 12
    (tmp_path / "split").mkdir()
    _write(tmp_path / "split" / "train.csv", TICKETS, ("text", "label"))
    _write(tmp_path / "split" / "dev.csv", TICKETS[:30], ("text", "label"))
    assert len(load_texts(tmp_path / "split").validation) == 30
