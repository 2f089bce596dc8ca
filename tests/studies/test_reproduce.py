from statistics import fmean

import pytest
import yaml

from core import IsobarError
from core.runs import RunWriter, load_run
from core.studies.reproduce import adapted, presets, read_preset, reproduce
from core.studies.sweep import Sweep, cell_dir, unfinished
from core.training.presets import preset_settings

SEEDS = range(5)
NOISE = (0.02, -0.02, 0.01, -0.01, 0.0)
CELLS = {
    "paper": {}, "authors": {"persistent-entropy.cohesion": -0.05}, "repulsion": {"regularizer": "repulsion"},
    "all": {"regularizer": "persistent-entropy(selection=all)"}, "random": {"persistent-entropy.selection": "random"},
    "global": {"persistent-entropy.scope": "global"},
}  # fmt: skip
CLAIMS = 3 + 1 + 2 * 2 + 2 * 2  # (a) three anisotropies, (b) the score, (c) and (d) both against two


@pytest.fixture
def finished(tmp_path):
    """Writes the finished cells of a sweep with made-up numbers, (centered anisotropy, mcc) by set, and returns the sweep."""

    def finished(numbers, task="data/cola", seeds=SEEDS, wobble=0.1):
        sweep = Sweep(base={"task": task}, grid={"seed": list(seeds)}, cells=CELLS)
        specs = {spec: name for name, found in sweep.by_name().items() for spec in found}
        for spec in sweep.cells():
            name = specs.get(spec, "none")
            if name not in numbers:
                continue
            centered, mcc = numbers[name]
            # What seeds share cancels in pairs; what is left is a little, and another little in each set.
            own = wobble * NOISE[(spec.seed + len(name)) % 5]
            after = {
                "mcc": mcc + NOISE[spec.seed] + own,
                "anisotropy_1": (centered + NOISE[spec.seed] + own) / 2,
                "anisotropy_1_centered": centered + NOISE[spec.seed] + own,
                "anisotropy_1_within": centered + NOISE[spec.seed] + own - 0.1,
            }
            writer = RunWriter.create(cell_dir(tmp_path, spec), spec.model_dump())
            writer.report({"metric": "mcc", "before": {}, "after": after})
            writer.status("finished")
        return sweep

    return finished


AS_IN_THE_PAPER = {
    "none": (0.85, 0.575), "paper": (0.70, 0.588), "authors": (0.68, 0.58), "repulsion": (0.76, 0.55),
    "all": (0.75, 0.56), "random": (0.78, 0.57), "global": (0.8, 0.5),
}  # fmt: skip


@pytest.mark.slow
def test_the_claims_hold_where_the_numbers_are_the_papers(finished, tmp_path):
    (found,) = reproduce(finished(AS_IN_THE_PAPER), tmp_path)
    assert [claim.verdict for claim in found.claims] == ["holds"] * CLAIMS
    centered = found.claims[1]
    assert centered.paper == "0.85 → 0.7 (BERT-base)"
    assert centered.here.mean == pytest.approx(-0.15)
    assert centered.before == pytest.approx(0.85)
    assert centered.row()["here"] == "0.850 → 0.700 (-0.150)"
    assert found.claims[4].here.mean == pytest.approx(-0.05)
    assert list(found.ablation) == ["none", *CELLS]
    rows = found.ablation_rows()
    assert rows[-1]["regularizer"] == "global"
    assert rows[-1]["change in MCC"].startswith("-0.075 [")


@pytest.mark.slow
def test_the_claims_do_not_hold_where_they_are_turned_round(finished, tmp_path):
    (found,) = reproduce(finished(AS_IN_THE_PAPER | {"paper": (0.9, 0.4), "authors": (0.9, 0.4)}), tmp_path)
    assert [claim.verdict for claim in found.claims] == ["does not hold"] * CLAIMS


@pytest.mark.slow
def test_what_noise_hides_cannot_be_told(finished, tmp_path):
    same = dict.fromkeys(["none", *CELLS], (0.8, 0.5))
    (found,) = reproduce(finished(same, wobble=3.0), tmp_path)
    assert [claim.verdict for claim in found.claims] == ["can't be told"] * CLAIMS


@pytest.mark.slow
def test_a_score_that_changes_less_than_the_baselines_own_noise_has_not_fallen(finished, tmp_path):
    (found,) = reproduce(finished(AS_IN_THE_PAPER | {"paper": (0.7, 0.573)}), tmp_path)
    noise, change = found.noise, found.claims[3].here
    assert -noise < change.low
    assert found.claims[3].verdict == "holds"


@pytest.mark.slow
def test_few_seeds_tell_nothing(finished, tmp_path):
    for seeds in ([0, 1, 2, 3], [4]):
        (found,) = reproduce(finished(AS_IN_THE_PAPER, seeds=seeds), tmp_path)
        assert [claim.verdict for claim in found.claims] == ["can't be told"] * CLAIMS
    assert found.claims[0].row()["95 % interval"] == "–"


@pytest.mark.slow
def test_rivals_that_are_missing_leave_their_claims_open(finished, tmp_path):
    (found,) = reproduce(finished({"none": (0.85, 0.5), "paper": (0.7, 0.5), "all": (0.75, 0.4)}), tmp_path)
    assert [claim.verdict for claim in found.claims] == ["holds"] * 6 + ["can't be told"] * 6
    assert found.claims[-1].row()["here"] == "–"
    left = "; ".join(f"{name} (seeds 0, 1, 2, 3, 4)" for name in ("authors", "repulsion", "random", "global"))
    assert found.notes == (f"Not finished, so not in the tables: {left}.",)


@pytest.mark.slow
def test_a_cell_that_was_stopped_is_named_by_its_seed_and_a_baseline_as_none(finished, tmp_path):
    sweep = finished(AS_IN_THE_PAPER)
    (found,) = reproduce(sweep, tmp_path)
    assert found.notes == ()
    for spec in (sweep.by_name()["random"][3], sweep.by_name()["paper"][1].baseline()):
        load_run(cell_dir(tmp_path, spec)).path.joinpath("status.json").write_text('{"state": "stopped"}')
    (found,) = reproduce(sweep, tmp_path)
    assert found.notes[-1] == "Not finished, so not in the tables: none (seed 1); random (seed 3)."


def test_nothing_finished_is_one_sentence(finished, tmp_path):
    with pytest.raises(IsobarError, match="no finished run"):
        reproduce(finished({}), tmp_path)


@pytest.mark.slow
def test_each_task_is_told_for_itself(finished, tmp_path):
    finished(AS_IN_THE_PAPER)
    finished({name: (a, b + 0.3) for name, (a, b) in AS_IN_THE_PAPER.items()}, task="data/mrpc")
    both = Sweep(grid={"seed": list(SEEDS), "task": ["data/cola", "data/mrpc"]}, cells=CELLS)
    assert unfinished(both, tmp_path) == []
    cola, mrpc = reproduce(both, tmp_path)
    assert (cola.task, mrpc.task) == ("data/cola", "data/mrpc")
    assert mrpc.claims[3].paper == "0.892 → 0.889 (BERT-base)"
    assert mrpc.claims[3].before == pytest.approx(0.875 + fmean(NOISE))


@pytest.mark.slow
@pytest.mark.parametrize(("fall", "verdict"), [(0.01, "can't be told"), (0.06, "does not hold")])
def test_a_certain_fall_that_may_be_within_the_noise_is_left_open(finished, tmp_path, fall, verdict):
    (found,) = reproduce(finished(AS_IN_THE_PAPER | {"paper": (0.7, 0.575 - fall)}, wobble=0.2), tmp_path)
    change = found.claims[3].here
    assert change.direction == -1
    assert (change.high < -found.noise) == (verdict == "does not hold")
    assert found.claims[3].verdict == verdict


def test_whatever_else_a_sweep_varies_is_told_for_itself(tmp_path):
    grid = {"seed": [0, 1], "learning_rate": [1e-4, 2e-4]}
    sweep = Sweep(base={"task": "data/cola"}, grid=grid, cells={"paper": {}})
    for spec in sweep.cells():
        centered = 0.5 if not spec.regularizers else 0.2 if spec.learning_rate == 1e-4 else 0.8
        writer = RunWriter.create(cell_dir(tmp_path, spec), spec.model_dump())
        writer.report({"metric": "mcc", "after": {"mcc": 0.5, "anisotropy_1_centered": centered}})
        writer.status("finished")
    low, high = reproduce(sweep, tmp_path)
    assert (low.name, high.name) == (
        "minilm on data/cola, learning_rate 0.0001", "minilm on data/cola, learning_rate 0.0002",
    )  # fmt: skip
    assert low.claims[1].here.mean == pytest.approx(-0.3)
    assert high.claims[1].here.mean == pytest.approx(0.3)


@pytest.mark.slow
def test_baselines_alone_are_told_of_each_task(finished, tmp_path):
    for task in ("data/cola", "data/mrpc"):
        finished({"none": (0.8, 0.5)}, task=task)
    both = Sweep(grid={"seed": list(SEEDS), "task": ["data/cola", "data/mrpc"]}, cells=CELLS)
    found = reproduce(both, tmp_path)
    assert [list(one.ablation) for one in found] == [["none"], ["none"]]
    assert {claim.verdict for one in found for claim in one.claims} == {"can't be told"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cola", "grammar", "mrpc", "paper"])
def test_the_presets_have_every_rival_and_five_seeds(name):
    assert name in presets()
    sweep = read_preset(name)
    assert len(sweep.grid["seed"]) == 5
    methods = {spec.method for specs in sweep.by_name().values() for spec in specs}
    assert methods == {"features", "all", "random", "longest", "repulsion", "koleo", "istar", "cosine"}
    weights = {spec.regularizers["istar"].weight for spec in sweep.cells() if spec.method == "istar"}
    assert weights == {0.25, 5.0, -0.25, -5.0}
    of_entropy = [
        spec.regularizers["persistent-entropy"] for spec in sweep.cells() if "persistent-entropy" in spec.regularizers
    ]
    assert {of.cohesion for of in of_entropy} == {0.0, -0.05}
    assert {spec.max_grad_norm for spec in sweep.cells()} == {0.0}


def test_the_papers_models_are_trained_as_its_authors_do():
    theirs = preset_settings("authors")
    base = read_preset("paper").base
    of_training = {key: value for key, value in theirs.items() if key not in ("regularizer", "pooling", "layer")}
    assert {key: base[key] for key in of_training} == of_training


def test_a_preset_on_other_models_tasks_and_seeds():
    sweep = adapted(read_preset("cola"), "some/model", ["grammar", "paraphrase"], 2)
    cells = sweep.cells()
    assert {(spec.model, spec.task, spec.seed) for spec in cells} == {
        ("some/model", task, seed) for task in ("grammar", "paraphrase") for seed in (0, 1)
    }
    assert adapted(read_preset("cola"), None, [], None).cells() == read_preset("cola").cells()
    with pytest.raises(IsobarError, match="twice"):
        adapted(read_preset("cola"), None, ["grammar", "grammar"], None)


def test_a_preset_that_is_none_is_one_sentence(tmp_path):
    with pytest.raises(IsobarError, match="Did you mean 'paper'"):
        read_preset("papper")
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump({"cells": {"mine": {}}}))
    with pytest.raises(IsobarError, match="a set 'paper'"):
        read_preset(str(file))


@pytest.mark.parametrize(
    ("sweep", "words"),
    [
        ({"cells": {"paper": {}}, "grid": {"weight": [1, 2]}}, "grid.weight .* cells of their own"),
        ({"cells": {"paper": {}, "large": {"batch_size": 64}}}, "cells.large .* sets batch_size"),
    ],
)
def test_cells_that_would_hide_each_other_are_one_sentence(tmp_path, sweep, words):
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(sweep))
    with pytest.raises(IsobarError, match=words):
        read_preset(str(file))
