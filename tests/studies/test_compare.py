import itertools
import json
from statistics import fmean

import numpy as np
import pytest
import yaml
from scipy import stats

from core import IsobarError
from core.runs import RunWriter
from core.studies.compare import Difference, bootstrap_interval, compare, paired, sign_flip_p

PLAIN = {0: 0.80, 1: 0.85, 2: 0.90, 3: 0.82, 4: 0.88}
LOWER = {0: 0.70, 1: 0.72, 2: 0.80, 3: 0.69, 4: 0.77}


@pytest.fixture
def write(tmp_path):
    """Writes a run directory with these numbers after training, and returns it."""

    def write(
        centered, *, mcc=0.5, state="finished", data="abc", name=None, report=None, started="1", record=None, **settings
    ):
        spec = {
            "model": "minilm", "task": "cola", "regularizer": "persistent-entropy", "weight": 1.0,
            "selection": "features", "batch_size": 32, "seed": 0, "log_every": 5, **settings,
        }  # fmt: skip
        number = len(list(tmp_path.iterdir()))
        writer = RunWriter.create(tmp_path / (name or f"run{number:02d}"), {})
        # As format 1 had it: with flat names, and the record in the same file.
        of_format_1 = {**spec, "record": {"task": {"fingerprint": data}, **(record or {})}}
        (writer.path / "spec.yaml").write_text(yaml.safe_dump(of_format_1))
        after = {
            "anisotropy_1": centered / 2, "anisotropy_1_centered": centered / 4, "anisotropy_1_within": centered,
            "between_share": 0.5, "nc1": 2.0, "isoscore": 0.1, "classes": {}, "mcc": mcc,
        }  # fmt: skip
        writer.report({"metric": "mcc", "before": {}, "after": after} if report is None else report)
        writer.status(state, started=started)
        return writer.path

    return write


@pytest.fixture
def five(write):
    plain = [write(value, seed=seed, regularizer="none", weight=3.0) for seed, value in PLAIN.items()]
    return plain + [write(value, seed=seed) for seed, value in LOWER.items()]


def test_differences_are_paired_by_seed(five):
    baseline, group = compare(five[::-1]).groups
    assert (baseline.method, group.method, group.baseline) == ("none", "features", "none")
    change = group.differences["anisotropy_1_within"]
    by_hand = [LOWER[seed] - PLAIN[seed] for seed in range(5)]
    assert change.seeds == (0, 1, 2, 3, 4)
    assert change.values == pytest.approx(by_hand)
    assert change.mean == pytest.approx(fmean(by_hand))
    assert min(by_hand) - 1e-12 <= change.low < change.mean < change.high <= max(by_hand) + 1e-12
    assert change.p == 2 / 2**5
    assert group.means["anisotropy_1_within"].mean == pytest.approx(fmean(LOWER.values()))
    first = ["mcc", "anisotropy_1_within", "between_share", "nc1", "anisotropy_1_centered", "anisotropy_1", "isoscore"]
    assert list(group.means) == first


def test_a_regularizer_that_could_hardly_act_is_told_in_the_verdict(write):
    idle = "In a batch of 32 examples 77 classes have 0.42 each."
    _, group = compare([write(0.8, regularizer="none"), write(0.8, record={"idle": idle})]).groups
    assert group.verdict.endswith(f" {idle}")
    _, group = compare([write(0.8, regularizer="none", seed=5), write(0.7, seed=5)]).groups
    assert group.idle == ""


def test_pooling_auto_is_what_it_came_to(write):
    """Runs recorded when cls was the default stand beside those that chose it."""
    recorded = [write(0.8, regularizer="none", pooling="cls"), write(0.6, seed=1, pooling="cls")]
    chosen = write(0.7, pooling="auto", record={"pooling": "cls"})
    _, group = compare([*recorded, chosen]).groups
    assert group.differences["anisotropy_1_within"].values == pytest.approx([-0.1])
    other = write(0.5, seed=2, pooling="auto", record={"pooling": "mean"})
    assert len(compare([*recorded, chosen, other]).groups) == 3


def test_the_verdict_is_one_plain_sentence(five):
    baseline, group = compare(five).groups
    change = group.differences["anisotropy_1_within"]
    assert group.verdict == (
        f"Over 5 seeds, anisotropy within classes fell by 0.114 [{-change.high:.3f}, {-change.low:.3f}]; "
        "MCC stayed the same."
    )
    assert baseline.verdict.startswith("The baseline, 5 seeds: anisotropy within classes 0.850 [")


def test_a_change_whose_interval_holds_zero_neither_fell_nor_rose(write):
    runs = [write(0.8, seed=seed, regularizer="none", mcc=0.5) for seed in range(3)]
    runs += [write(0.8, seed=seed, mcc=0.5 + off) for seed, off in enumerate((-0.02, 0.01, -0.002))]
    group = compare(runs).groups[1]
    assert group.verdict == (
        "Over 3 seeds, anisotropy within classes stayed the same; MCC changed by -0.004 [-0.020, 0.010]; "
        "3 seeds are too few to tell."
    )
    assert group.differences["mcc"].direction == 0


@pytest.mark.parametrize(("count", "direction"), [(2, 0), (4, 0), (5, -1)])
def test_fewer_than_five_seeds_tell_no_direction(five, count, direction):
    group = compare([*five[:count], *five[5 : 5 + count]]).groups[1]
    assert group.differences["anisotropy_1_within"].high < 0
    assert group.differences["anisotropy_1_within"].direction == direction
    assert ("fell by" in group.verdict) == (direction == -1)
    assert ("too few to tell" in group.verdict) == (direction == 0)


def test_one_seed_cannot_tell(write):
    group = compare([write(0.8, regularizer="none"), write(0.7, mcc=0.4)]).groups[1]
    assert "One seed: " in group.verdict
    assert "changed by -0.100" in group.verdict
    assert "can't tell" in group.verdict
    change = group.differences["mcc"]
    assert (change.low, change.high, change.p, change.direction) == (None, None, None, 0)


def test_rivals_share_one_baseline_and_can_be_compared_with_each_other(write, five):
    runs = five + [write(value - 0.05, seed=seed, selection="all") for seed, value in PLAIN.items()]
    runs += [write(value - 0.05, seed=seed, selection="all", weight=2.0) for seed, value in PLAIN.items()]
    groups = {group.name: group for group in compare(runs).groups}
    assert list(groups) == ["none", "features", "all, weight 1.0", "all, weight 2.0"]
    assert groups["none"].settings == {"persistent-entropy.weight": None}
    assert groups["features"].settings == {"persistent-entropy.weight": 1.0}
    between = paired(groups["features"], groups["all, weight 1.0"])["anisotropy_1_within"]
    assert between.mean == pytest.approx(fmean(LOWER.values()) - fmean(PLAIN.values()) + 0.05)


def test_groups_stand_in_the_order_of_what_varies(write):
    weights = (3.0, 10.0, 0.1, 30.0, 1)
    runs = [write(0.5, weight=weight, selection=s) for weight in weights for s in ("features", "all")]
    groups = compare([*runs, write(0.8, regularizer="none")]).groups
    assert [group.method for group in groups] == ["none", *["features"] * 5, *["all"] * 5]
    assert [group.settings["persistent-entropy.weight"] for group in groups[1:6]] == sorted(weights)


def test_a_setting_counts_where_its_regularizer_is_used(write):
    runs = [write(0.8, regularizer="none", istar_weight=9.0), write(0.7, istar_weight=2.0), write(0.7, seed=1)]
    runs += [write(0.6, regularizer="istar", istar_weight=sign, weight=3.0) for sign in (-1.0, 1.0)]
    runs += [write(0.6, regularizer="persistent-entropy+istar", istar_weight=1.0)]
    groups = compare(runs).groups
    assert [group.name for group in groups] == [
        "none", "features", "istar, weight -1.0", "istar, weight 1.0", "features+istar",
    ]  # fmt: skip
    assert [group.settings for group in groups] == [{"istar.weight": w} for w in (None, None, -1.0, 1.0, 1.0)]


def test_each_experiment_has_its_own_baseline(write):
    runs = [
        write(0.1 * (k + 1), batch_size=size, regularizer=regularizer, task=task)
        for k, (size, task, regularizer) in enumerate(
            itertools.product((8, 32), ("data/cola", "data/mrpc"), ("none", "persistent-entropy"))
        )
    ]
    groups = compare(runs).groups
    assert [group.task for group in groups] == ["data/cola"] * 4 + ["data/mrpc"] * 4
    for group in groups:
        if group.method != "none":
            assert group.differences["anisotropy_1_within"].mean == pytest.approx(0.1)
            assert group.baseline == group.name.replace("features", "none")
    assert groups[0].name == "none, cola, batch_size 8"


def test_nothing_is_left_out_in_silence(write, five):
    runs = [
        *five,
        write(0.1, seed=7, name="lonely"),
        write(0.1, seed=8, name="elsewhere", data="other"), write(0.1, seed=8, name="there", regularizer="none"),
        write(0.1, seed=0, name="underway", state="stopped"),
        write(0.1, seed=0, name="cut", report={"metric": "mcc"}),
        write(LOWER[0], seed=0, name="again", started="2"),
        write(0.3, selection="all", batch_size=8, name="other-size"),
    ]  # fmt: skip
    found = compare(runs)
    notes = "\n".join(found.notes)
    for words in (
        "lonely is left out of the differences: there is no baseline of seed 7",
        "elsewhere is left out of the differences: its baseline there was trained and probed on other data",
        "underway is left out, since it is stopped and not finished",
        "cut is left out, since its report",
        f"{five[5].name} is left out, since again is a later run of the same settings and seed",
    ):
        assert words in notes, words
    assert len(found.notes) == 5
    group, alone = (next(group for group in found.groups if group.name == name) for name in ("features", "all"))
    assert alone.verdict == "There is no baseline to compare it with: the nearest, none, has batch_size 32, not 8."
    assert group.differences["mcc"].seeds == (0, 1, 2, 3, 4)
    assert group.runs[0] == "again"
    assert set(group.runs) == {0, 1, 2, 3, 4, 7, 8}


def test_runs_that_cannot_be_compared_are_an_error_that_says_why(write):
    with pytest.raises(IsobarError, match=r"no finished run to compare.*it is failed"):
        compare([write(0.1, state="failed")])
    with pytest.raises(IsobarError, match="no finished run"):
        compare([])
    with pytest.raises(IsobarError, match=r"different tasks \(cola, mrpc\)"):
        compare([write(0.1, regularizer="none"), write(0.1, task="mrpc")])


def test_a_setting_that_came_later_does_not_split_a_group(write, five):
    late = [write(LOWER[0], seed=9, lora="r=8"), write(PLAIN[0], seed=9, regularizer="none", lora="r=8")]
    assert len(compare(five + late).groups) == 4
    assert [len(group.runs) for group in compare(five + late, defaults={"lora": "r=8"}).groups] == [6, 6]


def test_measures_that_are_undefined_in_one_run_are_of_the_others(write):
    runs = [write(0.8, seed=seed, regularizer="none") for seed in range(3)]
    runs += [write(0.7, seed=0), write(0.7, seed=1), write(float("nan"), seed=2)]
    group = compare(runs).groups[1]
    assert group.means["anisotropy_1_centered"].seeds == (0, 1)
    assert group.means["mcc"].seeds == (0, 1, 2)
    assert group.differences["anisotropy_1_within"].seeds == (0, 1)


def test_the_comparison_is_json_and_rows_of_equal_keys(five):
    found = compare(five)
    again = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert again["groups"][1]["differences"]["mcc"]["mean"] == 0
    rows = found.rows()
    assert len(rows) == 2 * 7
    assert len({tuple(row) for row in rows}) == 1
    assert next(r for r in rows[7:] if r["measure"] == "anisotropy_1_within")["difference"] == pytest.approx(
        fmean(LOWER.values()) - fmean(PLAIN.values())
    )


@pytest.mark.slow
@pytest.mark.parametrize("n", [3, 5, 8, 20])
def test_the_interval_is_as_wide_as_students(n):
    """Of normal values the expanded percentile interval and Student's t agree, where the plain one is too narrow."""
    rng = np.random.default_rng(n)
    ratios, narrow = [], []
    for _ in range(30):
        values = rng.normal(size=n)
        low, high = bootstrap_interval(tuple(values.tolist()))
        t = stats.t.interval(0.95, n - 1, values.mean(), stats.sem(values))
        usual = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=999, rng=rng).confidence_interval
        ratios.append((high - low) / (t[1] - t[0]))
        narrow.append((usual.high - usual.low) / (high - low))
        assert values.min() - 1e-9 < low < values.mean() < high < values.max() + 1e-9
    assert np.mean(ratios) > (0.35 if n == 3 else 0.65 if n == 5 else 0.85)
    assert np.mean(ratios) < 1.1
    assert np.mean(narrow) < 1 or n == 3  # whose resampled means are so few that both span them


def test_two_to_four_values_are_spanned():
    for n in (2, 3, 4):
        values = tuple(np.random.default_rng(n).normal(size=n).tolist())
        assert bootstrap_interval(values) == (pytest.approx(min(values)), pytest.approx(max(values)))


def test_degenerate_intervals():
    assert bootstrap_interval((0.5,)) == (None, None)
    assert bootstrap_interval((0.5, 0.5, 0.5)) == (0.5, 0.5)


@pytest.mark.parametrize("n", [2, 5, 9])
def test_the_sign_flip_test_counts_all_signs(n):
    values = np.random.default_rng(n).normal(0.4, 1.0, size=n)
    signs = np.array(list(itertools.product((-1, 1), repeat=n)))
    by_hand = (np.abs(signs @ values) >= abs(values.sum()) - 1e-12).mean()
    assert sign_flip_p(tuple(values.tolist())) == pytest.approx(by_hand)


def test_many_differences_are_flipped_by_a_seeded_draw():
    values = tuple(np.random.default_rng(0).normal(0.5, 1.0, size=24).tolist())
    assert sign_flip_p(values) == sign_flip_p.__wrapped__(values)
    assert sign_flip_p(values) == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=0.02)


def test_degenerate_sign_flips():
    assert sign_flip_p((0.3,)) is None
    assert sign_flip_p((0.0, 0.0, 0.0)) == 1
    assert sign_flip_p((0.1,) * 5) == 2 / 32


def test_five_seeds_that_do_not_agree_tell_no_direction(write):
    """Four that fall a lot and one that rises a little: the interval leaves out 0, the signs say one in eight."""
    runs = [write(0.8, seed=seed, regularizer="none") for seed in range(5)]
    runs += [write(0.8 + change, seed=seed) for seed, change in enumerate((-0.3, -0.3, -0.25, -0.2, 0.005))]
    group = compare(runs).groups[1]
    assert "which the sign-flip test (p 0.125) can't tell from chance; MCC" in group.verdict
    change = group.differences["anisotropy_1_within"]
    assert change.high < 0
    assert change.p == 0.125
    assert change.direction == 0


@pytest.mark.slow
def test_chance_alone_seldom_tells_a_direction():
    """Without an effect, at most 1 in 16 of five skewed differences has a direction; their intervals say one in five."""
    rng = np.random.default_rng(0)
    told = outside = 0
    for values in rng.choice([-1, 1], (200, 5)) * rng.lognormal(sigma=2, size=(200, 5)):
        found = Difference.of(dict(enumerate(values.tolist())))
        outside += not found.low <= 0 <= found.high
        told += found.direction != 0
    assert told <= 200 / 16 + 2 * (200 / 16) ** 0.5
    assert told <= outside


def test_a_measure_of_fewer_seeds_says_of_how_many(write):
    runs = [write(0.8, seed=seed, regularizer="none", mcc=0.5) for seed in range(6)]
    runs += [write(0.7 + 0.01 * s, seed=s, mcc=0.6 + 0.01 * s if s < 2 else float("nan")) for s in range(6)]
    verdict = compare(runs).groups[1].verdict
    assert verdict.startswith("Over 6 seeds, anisotropy within classes fell by")
    assert "MCC changed by 0.105 [0.100, 0.110] (of 2 seeds)." in verdict


def test_an_effect_too_small_for_three_decimals_is_not_told_as_none(write):
    runs = [write(0.8, seed=seed, regularizer="none") for seed in range(5)]
    runs += [write(0.8 + 1e-5 * (2 + seed), seed=seed) for seed in range(5)]
    assert "rose by 4.0e-05 [2.2e-05, 5.8e-05];" in compare(runs).groups[1].verdict


def test_a_seed_that_is_none_is_a_note(write, five):
    found = compare([*five, write(0.5, seed=None, name="odd")])
    assert "odd is left out, since its seed is None and no whole number." in found.notes


def test_a_setting_of_another_kind_is_no_default(write, five):
    found = compare([*five, write(0.5, seed=7, layer="last", weights=["noise(0.1)"], name="odd")])
    assert "odd is left out, since layer, weights in its settings can't be read." in found.notes
