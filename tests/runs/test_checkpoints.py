import json
import os
import shutil

import pytest

from core.runs import Run, checkpoints


@pytest.fixture
def run_dir(tmp_path):
    """Two whole checkpoints; by their times the older one is the newer, as after a clock was set back."""
    for step in (90, 100):
        folder = checkpoints.folder(tmp_path, step)
        folder.mkdir()
        for name in ("model.safetensors", "optimizer.pt", "trainer_state.json"):
            (folder / name).write_text(name * step)
        checkpoints.seal(folder)
    os.utime(tmp_path / "checkpoint-100", (0, 0))
    return tmp_path


def test_the_newest_is_that_of_the_last_step_whatever_the_clock_says(run_dir):
    assert Run(run_dir).checkpoint == run_dir / "checkpoint-100"


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.pt", "trainer_state.json", checkpoints.COMPLETE])
@pytest.mark.parametrize("cut", [True, False])
def test_one_that_lacks_a_file_or_a_part_of_one_is_none(run_dir, name, cut):
    path = run_dir / "checkpoint-100" / name
    content = path.read_bytes()
    path.unlink()
    if cut:
        path.write_bytes(content[:-1])
    assert Run(run_dir).checkpoint == run_dir / "checkpoint-90"
    (run_dir / "checkpoint-90" / name).unlink()
    assert Run(run_dir).checkpoint is None


def test_removing_one_makes_it_none_first(run_dir, monkeypatch):
    def killed(path, **options):
        (path / "optimizer.pt").unlink()
        raise SystemExit

    monkeypatch.setattr(shutil, "rmtree", killed)
    with pytest.raises(SystemExit):
        checkpoints.drop(run_dir / "checkpoint-100")
    assert (run_dir / "checkpoint-100" / "trainer_state.json").exists()
    assert Run(run_dir).checkpoint == run_dir / "checkpoint-90"


@pytest.mark.parametrize("name", ["checkpoint-old", "checkpoint-", "checkpoint-" + "9" * 5000, "checkpoint-²"])
def test_a_folder_called_like_one_is_none(run_dir, name):
    try:
        shutil.copytree(run_dir / "checkpoint-100", run_dir / name)
    except OSError:
        pytest.skip("no name for a folder here")
    assert Run(run_dir).checkpoint == run_dir / "checkpoint-100"


@pytest.mark.parametrize(
    "marker", ["[]", "{}", "null", '{"a": null}', "[" * 100_000, '{"../checkpoint-90/optimizer.pt": 1}']
)
def test_a_marker_that_says_something_else_is_none(run_dir, marker):
    (run_dir / "checkpoint-100" / checkpoints.COMPLETE).write_text(marker)
    assert Run(run_dir).checkpoint == run_dir / "checkpoint-90"
    assert json.loads((run_dir / "checkpoint-90" / checkpoints.COMPLETE).read_text())["optimizer.pt"] == 1080
