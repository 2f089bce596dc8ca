import pytest
import yaml

from core import IsobarError, load_run
from core.training.spec import RunSpec
from core.training.sweep import Sweep, cell_dir, run_sweep, summary


@pytest.fixture
def sweep(tiny_spec):
    base = tiny_spec.model_dump() | {"max_steps": 2, "snapshots": 2, "save_model": False}
    return Sweep(base=base, grid={"seed": [0, 1], "weight": [0.5, 2.0]})


def test_the_cells_are_the_product_each_baseline_once(sweep):
    cells = sweep.cells()
    assert len(cells) == 2 * (2 + 1)
    assert [c.regularizer for c in cells].count("none") == 2
    assert len({cell_dir("runs", c) for c in cells}) == len(cells)


def test_a_sweep_runs_every_cell_once_and_summarizes_over_seeds(sweep, tmp_path):
    told = []
    runs = run_sweep(sweep, tmp_path, told.append)
    assert len(runs) == 6
    assert all(run.state == "finished" for run in runs)
    again = run_sweep(sweep, tmp_path, told.append)
    assert len(told) == 6  # nothing was run again
    rows = summary(again)
    assert [(row["regularizer"], row["weight"], row["seeds"]) for row in rows] == [
        ("none", "", 2), ("prominent", 0.5, 2), ("prominent", 2.0, 2),
    ]  # fmt: skip
    of_weight_2 = [run for run in runs if run.spec["weight"] == 2.0]
    mean = sum(run.report["after"]["isoscore"] for run in of_weight_2) / 2
    assert rows[2]["IsoScore"] == pytest.approx(mean)


def test_a_cell_that_cannot_run_is_told_and_the_rest_go_on(sweep, tmp_path):
    told = []
    broken = sweep.model_copy(update={"grid": {"seed": [0], "layer": [-1, 9]}, "baselines": False})
    runs = run_sweep(broken, tmp_path, told.append)
    assert len(runs) == 1
    assert any("no layer 9" in line for line in told)


def test_a_cell_cut_short_is_resumed(sweep, tmp_path, monkeypatch):
    one = sweep.model_copy(update={"grid": {"max_steps": [8]}, "baselines": False})
    path = cell_dir(tmp_path, one.cells()[0])
    from core.training import trainer

    def stopping(spec, run_dir, **options):
        def stop_at_three(phase, done, total):
            if phase == "training" and done == 3:
                load_run(path).request_stop()

        return original(spec, run_dir, progress=stop_at_three, **options)

    original = trainer.train
    monkeypatch.setattr(trainer, "train", stopping)
    with pytest.raises(KeyboardInterrupt):
        run_sweep(one, tmp_path, lambda line: None)
    assert load_run(path).state == "stopped"
    monkeypatch.setattr(trainer, "train", original)
    (run,) = run_sweep(one, tmp_path, lambda line: None)
    assert run.state == "finished"
    assert run.steps[-1] == 8


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"grids": {}}, "grid"),
        ({"grid": {"wieght": [1]}}, "weight"),
        ({"grid": {"seed": [0, 0]}}, "twice"),
        ({"grid": {"seed": 3}}, "list"),
        ({"base": {"learning_rate": -1}}, "learning_rate"),
        ([1, 2], "should hold"),
    ],
)
def test_a_wrong_file_is_one_sentence(tmp_path, content, words):
    path = tmp_path / "sweep.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(IsobarError, match=words):
        Sweep.from_yaml(path)


@pytest.mark.parametrize("name", ["cola", "mrpc", "grammar"])
def test_the_recorded_sweeps_are_valid(name):
    from pathlib import Path

    sweep = Sweep.from_yaml(Path(__file__).parents[2] / "assets" / "sweeps" / f"{name}.yaml")
    assert all(isinstance(cell, RunSpec) for cell in sweep.cells())
