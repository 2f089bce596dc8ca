"""Folders and tables of images and sounds: what is found, what is made of it, and what is said of what can't be used."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from core.errors import IsobarError
from core.modalities.media import decode_image, decode_sound, image_cell, sound_cell
from core.tasks import load_task, load_texts, probe_set, tones


def _cell(kind, number):
    """An image or a sound that is known by its number."""
    if kind == "image":
        return image_cell(Image.new("L", (4, 3), number), f"{number}.png")
    return sound_cell(np.full(50, number / 256), 8_000, f"{number}.wav")


def _number(kind, cell):
    if kind == "image":
        return decode_image(cell).getpixel((0, 0))[0]
    return round(float(decode_sound(cell)[0]) * 256)


def _fill(folder, kind, numbers):
    folder.mkdir(parents=True)
    for number in numbers:
        cell = _cell(kind, number)
        (folder / cell["path"]).write_bytes(cell["bytes"])


@pytest.fixture(params=["image", "audio"])
def kind(request):
    return request.param


@pytest.fixture
def pets(tmp_path, kind):
    """Folders of two classes, told apart by whether the number is even."""
    folder = tmp_path / "pets"
    _fill(folder / "cat", kind, range(0, 40, 2))
    _fill(folder / "dog", kind, range(1, 41, 2))
    return folder


@pytest.fixture
def split_pets(tmp_path, kind):
    folder = tmp_path / "pets"
    for split, numbers in (("train", range(40)), ("val", range(40, 60))):
        for parity, name in enumerate(("cat", "dog")):
            _fill(folder / split / name, kind, numbers[parity::2])
    return folder


def _assert_right(kind, split):
    """Each example is of its class still, and none is there twice."""
    numbers = [_number(kind, cell) for cell in split[kind]]
    assert [number % 2 for number in numbers] == list(split["label"])
    assert len(set(numbers)) == len(numbers)
    return set(numbers)


@pytest.mark.slow
def test_a_folder_per_class_becomes_a_task_with_a_stratified_fifth_to_validate(pets, kind):
    task = load_task(pets)
    assert (task.name, task.modality, task.label_names, task.metrics) == (
        "pets",
        kind,
        ("cat", "dog"),
        ("accuracy", "f1"),
    )
    assert task.train.column_names == [kind, "label"]
    assert task.validation["label"][:] == [0] * 4 + [1] * 4
    assert _assert_right(kind, task.train) | _assert_right(kind, task.validation) == set(range(40))
    assert task.fingerprint == load_task(pets).fingerprint != load_task(pets, seed=1).fingerprint
    assert "stratified 20%" in task.notes[-1]


def test_folders_train_and_validation_are_the_splits(split_pets, kind):
    task = load_task(split_pets)
    assert _assert_right(kind, task.train) == set(range(40))
    assert _assert_right(kind, task.validation) == set(range(40, 60))
    assert task.notes == ()
    assert task.train[0][kind]["path"].startswith("cat/")


def test_train_alone_is_split_and_other_folders_are_noted(split_pets, kind):
    (split_pets / "val").rename(split_pets / "more")
    task = load_task(split_pets)
    assert (len(task.train), len(task.validation)) == (32, 8)
    assert "has more, which is not read" in task.notes[0]


def test_a_test_folder_stands_in_for_validation_and_a_class_it_lacks_is_no_matter(split_pets):
    (split_pets / "val").rename(split_pets / "test")
    shutil.rmtree(split_pets / "test" / "dog")
    task = load_task(split_pets)
    assert set(task.validation["label"]) == {0}
    assert "stands in for a validation folder" in task.notes[0]


def test_a_class_may_be_called_train(pets, kind):
    (pets / "dog").rename(pets / "train")
    assert load_task(pets).label_names == ("cat", "train")


def test_files_of_other_kinds_and_hidden_ones_are_no_examples(pets):
    (pets / "cat" / "Thumbs.db").write_bytes(b"x")
    (pets / "cat" / "._1.png").write_bytes(b"x")
    (pets / "__MACOSX").mkdir()
    (pets / "README.md").write_text("pets")
    assert len(load_task(pets).train) == 32


def test_what_lies_deeper_in_a_class_is_of_it_and_what_lies_outside_is_noted(pets, kind):
    cell = _cell(kind, 100)
    (pets / cell["path"]).write_bytes(cell["bytes"])
    (pets / "cat").rename(pets / "inner")
    (pets / "cat").mkdir()
    (pets / "inner").rename(pets / "cat" / "inner")
    task = load_task(pets)
    assert task.label_names == ("cat", "dog")
    assert cell["path"] in task.notes[0]
    assert len(task.train) + len(task.validation) == 40


def test_an_empty_folder_of_a_class_is_said(pets):
    (pets / "mouse").mkdir()
    with pytest.raises(IsobarError, match=r"mouse holds no image and no sound .*fill it, or remove it"):
        load_task(pets)


def test_images_and_sounds_are_not_mixed(pets, kind):
    other = _cell("audio" if kind == "image" else "image", 1)
    (pets / "dog" / other["path"]).write_bytes(other["bytes"])
    with pytest.raises(
        IsobarError, match=r"mixes images and sounds, such as cat/0\.|mixes images and sounds, such as dog/1\."
    ):
        load_task(pets)


def test_one_broken_file_in_forty_is_dropped_with_its_name(pets, kind):
    broken = sorted((pets / "dog").iterdir())[3]
    broken.write_bytes(b"broken")
    task = load_task(pets)
    assert len(task.train) + len(task.validation) == 39
    assert f"1 {'image' if kind == 'image' else 'sound'} that can't be used; it was dropped" in task.notes[0]
    assert f"dog/{broken.name} is no" in task.notes[0]
    _assert_right(kind, task.train)


def test_more_than_one_in_twenty_broken_is_an_error(pets, kind):
    for path in sorted((pets / "dog").iterdir())[:3]:
        path.write_bytes(b"")
    with pytest.raises(
        IsobarError, match=r"has 3 (images|sounds) that can't be used of 40; .* The first: dog/1\.\w+ is empty"
    ):
        load_task(pets)


def test_columns_of_a_folder_can_not_be_named(pets):
    with pytest.raises(IsobarError, match="its folders the classes"):
        load_task(pets, label_column="label")


def test_side_by_side_they_can_be_looked_at_and_not_told_apart(pets, kind):
    folder = pets / "cat"
    with pytest.raises(IsobarError, match="one folder per class"):
        load_task(folder)
    cloud = load_texts(folder)
    assert (cloud.label_names, len(cloud.train), len(cloud.validation), cloud.modality) == (
        (f"all {'images' if kind == 'image' else 'sounds'}",),
        0,
        20,
        kind,
    )
    assert len(load_texts(pets, label_column="none").validation) == 40
    assert load_texts(pets).label_names == ("cat", "dog")


def _write(path, kind, rows):
    """Write columns ``file``, ``n`` and ``kind`` of the examples with the numbers `rows`, by names of their files."""
    columns = {
        "file": [f"media/{_cell(kind, n)['path']}" for n in rows],
        "n": [str(n) for n in rows],
        "label": ["odd" if n % 2 else "even" for n in rows],
    }
    if path.suffix == ".csv":
        path.write_text("\n".join(",".join(row) for row in [list(columns), *zip(*columns.values(), strict=True)]))
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(json.dumps(dict(zip(columns, row))) for row in zip(*columns.values(), strict=True)))
    else:
        parquet.write_table(pa.table(columns), path)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_table_may_name_files_which_lie_beside_it(tmp_path, kind, suffix):
    _fill(tmp_path / "media", kind, range(40))
    _write(tmp_path / f"table{suffix}", kind, range(40))
    task = load_task(tmp_path / f"table{suffix}")
    assert (task.modality, task.label_names) == (kind, ("even", "odd"))
    assert _assert_right(kind, task.train) | _assert_right(kind, task.validation) == set(range(40))
    assert f"{'image' if kind == 'image' else 'sound'} from 'file', label from 'label'" in task.notes[0]


def test_tables_in_a_folder_may_too(tmp_path, kind):
    _fill(tmp_path / "media", kind, range(60))
    _write(tmp_path / "train.csv", kind, range(40))
    _write(tmp_path / "validation.csv", kind, range(40, 60))
    task = load_task(tmp_path)
    assert _assert_right(kind, task.validation) == set(range(40, 60))


@pytest.mark.slow
@pytest.mark.parametrize("form", ["bytes", "struct", "bytes and no name", "name and no bytes"])
def test_a_table_may_hold_the_files_themselves(tmp_path, kind, form):
    _fill(tmp_path / "media", kind, range(40))
    cells = [_cell(kind, n) for n in range(40)]
    if form == "bytes":
        column = pa.array([cell["bytes"] for cell in cells])
    elif form == "struct":
        column = pa.array(cells)
    elif form == "bytes and no name":
        column = pa.array([{"bytes": cell["bytes"], "path": None} for cell in cells])
    else:
        column = pa.array([{"bytes": None, "path": f"media/{cell['path']}"} for cell in cells])
    parquet.write_table(pa.table({"x": column, "label": [n % 2 for n in range(40)]}), tmp_path / "table.parquet")
    task = load_task(tmp_path / "table.parquet")
    assert task.modality == kind
    assert _assert_right(kind, task.train) | _assert_right(kind, task.validation) == set(range(40))
    name = task.train[0][kind]["path"]
    assert (
        name == f"data row 1 of {tmp_path / 'table.parquet'}"
        if form.startswith("bytes")
        else name.endswith((".png", ".wav"))
    )


def test_the_column_may_be_named_and_then_it_decides(tmp_path):
    image, sound = ([_cell(kind, n) for n in range(40)] for kind in ("image", "audio"))
    columns = {"face": image, "voice": sound, "text": [f"text {n}" for n in range(40)], "label": [0, 1] * 20}
    parquet.write_table(pa.table(columns), tmp_path / "table.parquet")
    with pytest.raises(IsobarError, match="more than one column of images or sounds, 'face', 'voice'; name one"):
        load_task(tmp_path / "table.parquet")
    for name, modality in (("face", "image"), ("voice", "audio"), ("text", "text")):
        assert load_task(tmp_path / "table.parquet", text_column=name).modality == modality
    with pytest.raises(IsobarError, match="'text' is asked for as a second text"):
        load_task(tmp_path / "table.parquet", text_column="face", text_pair_column="text")


def test_files_that_are_not_there_are_named(tmp_path):
    rows = [f"{n}.png,{n % 2}" for n in range(20)]
    (tmp_path / "table.csv").write_text("\n".join(["file,label", *rows]))
    with pytest.raises(
        IsobarError, match=r"20 images that can't be used of 20; .* The first: .*0\.png can't be read \(No such file"
    ):
        load_task(tmp_path / "table.csv")


def test_texts_that_end_as_files_do_stay_texts(tmp_path):
    rows = [f"see {'this.png' if n == 3 else 'this'} {n},{n % 2}" for n in range(20)]
    (tmp_path / "table.csv").write_text("\n".join(["text,label", *rows]))
    assert load_task(tmp_path / "table.csv").modality == "text"


def test_without_labels_a_table_of_them_is_one_cloud(tmp_path, kind):
    _fill(tmp_path / "media", kind, range(20))
    names = [f"media/{_cell(kind, n)['path']}" for n in range(20)]
    (tmp_path / "table.csv").write_text("\n".join(["file", *names]))
    cloud = load_texts(tmp_path / "table.csv")
    assert (cloud.modality, len(cloud.validation), cloud.has_labels) == (kind, 20, False)


def test_the_probe_set_and_a_part_of_the_training_data_keep_the_cells(pets, kind):
    task = load_task(pets, train_size=10)
    assert len(_assert_right(kind, task.train)) == 10
    probe = probe_set(task, 4, seed=0)
    assert probe.column_names == [kind, "label", "row"]
    _assert_right(kind, probe)


@pytest.mark.slow
def test_digits_are_scikit_learn_s_own(monkeypatch):
    from sklearn.datasets import load_digits

    task, published = load_task("digits"), load_digits()
    assert (task.modality, task.label_names, task.metrics) == ("image", tuple("0123456789"), ("accuracy",))
    assert (len(task.train), len(task.validation)) == (1437, 360)
    rows = []
    for split in (task.train, task.validation):
        for cell, label in zip(split["image"], split["label"], strict=True):
            row = int(cell["path"][-8:-4])
            assert published.target[row] == label
            # 17 greys, of which the last is white
            assert np.array_equal(
                np.asarray(decode_image(cell))[..., 1], np.round(published.images[row] * 255 / 16).astype(int)
            )
            rows.append(row)
    assert sorted(rows) == list(range(1797))
    shares = np.bincount(task.validation["label"]) / np.bincount(published.target)
    assert np.allclose(shares, 0.2, atol=0.01)
    assert load_task("digits", seed=1).fingerprint != task.fingerprint == load_task("digits").fingerprint
    assert "all 1437" in load_task("digits", train_size=5000).notes[0]


@pytest.mark.slow
def test_tones_are_of_equal_number_and_of_a_seed():
    task = load_task("tones")
    assert (task.modality, task.label_names) == ("audio", ("level", "rising", "dipping", "falling"))
    assert np.bincount(task.train["label"]).tolist() == [500] * 4
    assert np.bincount(task.validation["label"]).tolist() == [100] * 4
    few, same, other = (load_task("tones", train_size=40, seed=seed) for seed in (0, 0, 1))
    assert other.fingerprint != few.fingerprint == same.fingerprint != task.fingerprint
    sounds = [cell["bytes"] for split in (task.train, task.validation) for cell in split["audio"]]
    assert len(set(sounds)) == 2400
    seconds = [len(decode_sound(cell)) / tones.RATE for cell in task.validation["audio"]]
    assert 0.35 <= min(seconds) < max(seconds) <= 0.67
    larger = load_task("tones", train_size=2001)
    assert len(larger.train) == 2001
    assert larger.validation["audio"][:] == task.validation["audio"][:]


def _heard(sound, middle):
    """Return the pitch in Hz around a sample: the highest peak of the autocorrelation."""
    hann = np.hanning(1280)
    window = sound[middle - 640 : middle + 640] * hann
    lags = np.arange(tones.RATE // 450, tones.RATE // 60)
    similar = (np.correlate(window, window, "full") / np.maximum(np.correlate(hann, hann, "full"), 1))[1279 + lags]
    return tones.RATE / lags[similar.argmax()]


@pytest.mark.slow
def test_what_is_heard_is_the_pitch_that_was_meant():
    """Judged by a pitch tracker that knows nothing of sources and filters, but may hear a multiple or a part of the pitch."""
    right = 0
    for number in range(40):
        tone = list(tones.TONES.values())[number % 4]
        meant = tones.pitch(tone, np.random.RandomState(number))
        sound = tones.syllable(tone, np.random.RandomState(number))
        for middle in (np.array([0.3, 0.5, 0.7]) * len(sound)).astype(int):
            # How much silence there is in front is drawn, up to 0.06 seconds.
            there = meant[max(middle - int(0.06 * tones.RATE), 0) : middle]
            heard = _heard(sound, middle) * np.array([1 / 3, 1 / 2, 1, 2, 3])
            right += ((0.97 * there.min() < heard) & (heard < 1.03 * there.max())).any()
    assert right >= 114  # of 120


@pytest.mark.parametrize(("tone", "course"), [("level", "="), ("rising", "<"), ("dipping", "v"), ("falling", ">")])
def test_each_tone_has_its_course(tone, course):
    for seed in range(50):
        pitch = tones.pitch(tones.TONES[tone], np.random.RandomState(seed))
        first, last = (12 * np.log2(pitch[place] / pitch.mean()) for place in (0, -1))
        low = 12 * np.log2(pitch.min() / pitch.mean())
        if course == "=":
            assert abs(last - first) < 5
        elif course == "v":
            assert low < min(first, last) - 0.2
        else:
            assert (last > first) == (course == "<")


@pytest.mark.slow
def test_no_single_moment_tells_the_tone():
    """A classifier of average spectra, the counterpart of counting words, must not solve it."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    task = load_task("tones")

    def spectra(split):
        return np.log(
            [np.abs(np.fft.rfft(decode_sound(cell), 8192)[:1000]).reshape(50, 20).mean(1) for cell in split["audio"]]
        )

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    model.fit(spectra(task.train), task.train["label"][:])
    assert 0.25 < model.score(spectra(task.validation), task.validation["label"][:]) < 0.6
