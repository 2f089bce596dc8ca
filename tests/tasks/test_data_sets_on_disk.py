"""Data sets as `datasets` saves them and as the Hub ships them, and tables as other programs write them."""

import json

import datasets
import pandas as pd
import pytest

from core.errors import IsobarError
from core.tasks import load_task, load_texts

ROWS = [(f"A tale of {n} cities, told", n % 2) for n in range(40)]
NAMED = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["bad", "good"])})


def _data(rows=ROWS, features=NAMED):
    return datasets.Dataset.from_dict(
        {"text": [text for text, _ in rows], "label": [label for _, label in rows]}, features=features
    )


def _csv(path, rows=ROWS):
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows, columns=["text", "label"]).to_csv(path, index=False)


def _refusal(name) -> str:
    with pytest.raises(IsobarError) as caught:
        load_task(str(name))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_datasets_saves_is_read_with_its_names(tmp_path):
    splits = datasets.DatasetDict(train=_data().shuffle(seed=1), validation=_data(ROWS[:10]), extra=_data(ROWS[:4]))
    splits.save_to_disk(tmp_path / "mine", num_shards={"train": 3, "validation": 1, "extra": 1})
    task = load_task(tmp_path / "mine")
    assert (task.name, task.label_names, len(task.train), len(task.validation)) == ("mine", ("bad", "good"), 40, 10)
    alone = load_task(tmp_path / "mine" / "train")
    assert (alone.label_names, len(alone.train), len(alone.validation)) == (("bad", "good"), 32, 8)
    assert load_texts(tmp_path / "mine").fingerprint == task.fingerprint


def test_a_split_of_datasets_whose_rows_have_no_label_validates_nothing(tmp_path):
    secret = [(text, -1) for text, _ in ROWS]
    datasets.DatasetDict(train=_data(), test=_data(secret)).save_to_disk(tmp_path)
    task = load_task(tmp_path)
    assert (len(task.train), len(task.validation)) == (32, 8)
    assert any("no labels and was ignored" in note for note in task.notes)


def test_what_datasets_saved_and_is_cut_short_is_one_sentence(tmp_path):
    datasets.DatasetDict(train=_data(), validation=_data(ROWS[:10])).save_to_disk(tmp_path)
    arrow = next((tmp_path / "train").glob("*.arrow"))
    arrow.write_bytes(arrow.read_bytes()[:100])
    assert "can't be read" in _refusal(tmp_path)
    _data(ROWS[:0]).save_to_disk(tmp_path / "empty")
    assert "can't be read" in _refusal(tmp_path / "empty")  # datasets can't either


@pytest.mark.slow
@pytest.mark.parametrize("names", [("train-{}-of-00002", "test-{}-of-00002"), ("train_{}", "dev_{}"), ("Train.{}", "Validation.{}")])  # fmt: skip
@pytest.mark.parametrize("home", ["", "data"])
def test_shards_are_one_split(tmp_path, names, home):
    folder = tmp_path / "owner-name"
    (folder / home).mkdir(parents=True)
    for name, rows in zip(names, (ROWS, ROWS[:10])):
        for shard in range(2):
            _data(rows[shard::2]).to_parquet(folder / home / f"{name.format(f'{shard:05}')}.parquet")
    (folder / "README.md").write_text("---\nlicense: mit\ntask_categories:\n- text-classification\n---\n# Mine\n")
    task = load_task(folder)
    assert (task.label_names, len(task.train), len(task.validation)) == (("bad", "good"), 40, 10)
    assert load_task(folder / home).fingerprint == task.fingerprint


def test_folders_called_as_splits_hold_them(tmp_path):
    for split, rows in (("train", ROWS), ("validation", ROWS[:10])):
        _csv(tmp_path / split / "0000.csv", rows)
    assert len(load_task(tmp_path).validation) == 10


def test_the_readme_s_configs_say_which_file_is_which_split(tmp_path):
    _csv(tmp_path / "en" / "a.csv", ROWS[:20])
    _csv(tmp_path / "en" / "b.csv", ROWS[20:])
    _csv(tmp_path / "held-out.csv", ROWS[:10])
    _csv(tmp_path / "fr.csv", ROWS[:30])
    english = "- config_name: en\n  data_files:\n  - split: train\n    path: en/*.csv\n  - split: test\n    path:\n    - held-out.csv\n"
    french = "- config_name: fr\n  data_files: fr.csv\n"
    readme = tmp_path / "README.md"
    readme.write_text(f"---\nconfigs:\n{english}{french}---\n")
    assert (len(load_task(f"{tmp_path}:en").train), len(load_task(f"{tmp_path}:en").validation)) == (40, 10)
    assert len(load_task(f"{tmp_path}:fr").train) == 24
    assert f"{tmp_path}:NAME, of en, fr" in _refusal(tmp_path)
    assert "Did you mean 'fr'" in _refusal(f"{tmp_path}:fra")
    readme.write_text(f"---\nconfigs:\n{english}  default: true\n{french}---\n")
    assert len(load_task(tmp_path).train) == 40


@pytest.mark.parametrize("path", ["../secret.csv", "https://example.org/x.csv", "/etc/x.csv", "nothing/*.csv"])
def test_a_readme_names_files_of_its_own_folder_alone(tmp_path, path):
    _csv(tmp_path / "secret.csv")
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "README.md").write_text(f"---\nconfigs:\n- config_name: default\n  data_files: {path}\n---\n")
    assert path in _refusal(folder)


def test_shards_of_other_columns_are_refused(tmp_path):
    _csv(tmp_path / "train-0.csv")
    pd.DataFrame(ROWS, columns=["text", "mark"]).to_csv(tmp_path / "train-1.csv", index=False)
    assert "train-1.csv has other columns" in _refusal(tmp_path)


def test_columns_without_a_name_are_not_needed(tmp_path):
    path = tmp_path / "spam.csv"
    path.write_text("text,label,,,\n" + "".join(f"{text.replace(',', '')},{label},,,\n" for text, label in ROWS))
    assert load_task(path).label_names == ("0", "1")


def _json(path, rows):
    rows = [json.dumps(row) if isinstance(row, dict) else row for row in rows]
    path.write_text("\n".join(rows) if path.suffix == ".jsonl" else f"[{','.join(rows)}]")
    return path


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_half_a_character_is_told_with_its_row(tmp_path, suffix):
    rows = [{"text": text, "label": label} for text, label in ROWS]
    rows[2]["text"] = "sad \ud83d"
    message = _refusal(_json(tmp_path / f"posts{suffix}", rows))
    assert r"\ud83d without its other half" in message
    assert ("row 3, column 'text'" if suffix == ".json" else "line 3") in message


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_numbers_that_no_column_can_hold_do_no_harm_beside_texts(tmp_path, suffix):
    rows = [{"text": text, "label": label, "id": 10**25 + n} for n, (text, label) in enumerate(ROWS)]
    assert load_task(_json(tmp_path / f"posts{suffix}", rows)).label_names == ("0", "1")


def test_numbers_that_decimals_can_not_tell_apart_are_no_classes(tmp_path):
    rows = [{"text": text, "label": 2**64 + label} for text, label in ROWS]
    assert load_task(_json(tmp_path / "posts.json", rows)).label_names == (str(2**64), str(2**64 + 1))
    assert "numbers such as 1.8" in _refusal(_json(tmp_path / "posts.jsonl", rows))


def test_a_column_that_the_first_row_lacks_is_read(tmp_path):
    rows = [{"text": text, "label": label} for text, label in ROWS]
    path = _json(tmp_path / "posts.json", [{"label": 0}, *rows])
    assert len(load_task(path).train) == 32
