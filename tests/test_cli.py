import json
import re
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest
import typer

import core.cli as cli_package
from core import load_run
from core.cli import main
from core.geometry.repair import WAYS
from core.runs import RunWriter


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def isobar(monkeypatch, capfd):
    """The command, run in this process: what it prints and how it exits."""

    def run(*words, cwd=None):
        if cwd is not None:
            monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", ["isobar", *map(str, words)])
        monkeypatch.setenv("PYTHONSAFEPATH", "1")  # as the command sets it, for the time of the test
        capfd.readouterr()
        code = 0
        try:
            main()
        except SystemExit as done:
            code = done.code or 0
        out, err = capfd.readouterr()
        return Done(code, out, err)

    return run


@pytest.fixture
def tiny(tiny_model, tiny_task):
    return [
        "--model", tiny_model, "--task", tiny_task, "--max-steps", 4, "--batch-size", 16, "--probe-per-class", 8,
        "--snapshots", 2, "--device", "cpu",
    ]  # fmt: skip


@pytest.mark.slow
def test_each_command_is_where_it_is_said_to_be():
    homes = {
        path.stem
        for path in Path(cli_package.__file__).parent.glob("*.py")
        if "commands = typer.Typer()" in path.read_text()
    }
    assert homes == set(cli_package._HOMES)
    for home, names in cli_package._HOMES.items():
        own = typer.main.get_group(import_module(f"core.cli.{home}").commands).commands
        assert set(own) == set(names)


@pytest.mark.slow
def test_train_prints_a_table_and_the_directory(isobar, tiny, tmp_path):
    done = isobar("train", *tiny, "--runs", tmp_path)
    assert done.returncode == 0, done.stderr
    for word in ("before", "after", "anisotropy", "IsoScore", "entropy", "features", "Run directory:"):
        assert word.lower() in done.stdout.lower(), word
    path = re.search(r"Run directory: (.+)", done.stdout).group(1)
    assert load_run(path).state == "finished"


@pytest.mark.slow
def test_json_is_the_only_thing_on_stdout(isobar, tiny, tmp_path):
    done = isobar("train", *tiny, "--runs", tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found) == {"run", "before", "after"}
    assert {
        "anisotropy_1_within",
        "between_share",
        "nc1",
        "anisotropy_1_centered",
        "anisotropy_1",
        "isoscore",
        "mean_cosine",
        "classes",
    } <= set(found["after"])
    assert load_run(found["run"]).report["after"] == found["after"]


@pytest.mark.slow
def test_a_baseline_and_a_spec_file(isobar, tiny, tmp_path):
    first = isobar("train", *tiny, "--regularizer", "none", "--run-dir", tmp_path / "a", "--json")
    assert first.returncode == 0, first.stderr
    again = isobar("train", "--spec", tmp_path / "a" / "spec.yaml", "--run-dir", tmp_path / "b", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(first.stdout)["after"] == json.loads(again.stdout)["after"]


@pytest.mark.slow
def test_runs_lists_them(isobar, tiny, tmp_path):
    assert "No runs" in isobar("runs", "--runs", tmp_path).stdout
    isobar("train", *tiny, "--runs", tmp_path)
    rows = json.loads(isobar("runs", "--runs", tmp_path, "--json").stdout)
    assert [row["state"] for row in rows] == ["finished"]


@pytest.fixture
def three_runs(tmp_path):
    for name in ("one", "two", "three"):
        with RunWriter(tmp_path / "runs" / name) as writer:
            writer.begin({"model": "m", "task": "t"})
            writer.status("running")
            writer.status("finished")
    return tmp_path / "runs"


def test_runs_are_thrown_away_taken_back_and_removed(isobar, three_runs):
    def left():
        return sorted(
            Path(row["run"]).name for row in json.loads(isobar("runs", "--runs", three_runs, "--json").stdout)
        )

    done = isobar("runs", "rm", "one", three_runs / "two", "--runs", three_runs)
    assert (done.returncode, left()) == (0, ["three"]), done.stderr
    assert "isobar runs restore one" in done.stdout
    assert "2 in the trash" in isobar("runs", "--runs", three_runs, "restore").stdout
    assert isobar("runs", "--runs", three_runs, "restore", "one").returncode == 0
    assert left() == ["one", "three"]
    assert "1 run removed" in isobar("runs", "empty-trash", "--runs", three_runs).stdout
    for words in (["rm", "onee"], ["rm", "one", "nowhere"], ["rm", "."], ["rm", ""], ["restore", "two"]):
        refused = isobar("runs", words[0], "--runs", three_runs, *words[1:])
        assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1), words
    assert "Did you mean 'one'?" in isobar("runs", "rm", "onee", "--runs", three_runs).stderr
    assert left() == ["one", "three"]  # of several of which one is not there none goes


def test_a_run_is_named_and_tagged(isobar, three_runs):
    words = ("runs", "note", "two", "--runs", three_runs)
    assert "has no name" in isobar(*words).stdout
    isobar(*words, "--name", "The best", "--tag", "a", "--tag", "b", "--text", "why")
    assert isobar(*words).stdout == "The best\n#a #b\nwhy\n"
    isobar(*words, "--tag", "")
    assert json.loads(isobar(*words, "--json").stdout) == {"name": "The best", "tags": [], "text": "why"}
    assert "The best" in isobar("runs", "--runs", three_runs).stdout
    rows = json.loads(isobar("runs", "--runs", three_runs, "--json").stdout)
    assert [row["note"]["name"] for row in rows] == ["The best", "", ""]
    assert isobar(*words, "--name", "x" * 81).returncode == 2


@pytest.mark.slow
def test_inspect_puts_models_layers_and_poolings_side_by_side(isobar, tiny_model, tiny_task, tmp_path):
    words = ("inspect", tiny_model, f"{tiny_model}:layer=0,pooling=mean", "--task", tiny_task, "--probe-per-class", 8)
    table = isobar(*words)
    assert table.returncode == 0, table.stderr
    assert "Whose neighbours changed most" in table.stdout
    found = json.loads(isobar(*words, "--json").stdout)
    assert [one["model"] for one in found["inspections"]] == [str(tiny_model), f"{tiny_model}:layer=0,pooling=mean"]
    ((rows,),) = [[pair["differences"] for pair in found["comparisons"]]]
    for name in ("mean_cosine", "effective_rank"):
        one, other = (side[name] for side in found["inspections"])
        assert rows[name]["difference"] == pytest.approx(other - one)
        assert rows[name]["low"] <= rows[name]["difference"] <= rows[name]["high"]
    refused = isobar(*words, "--run-dir", tmp_path / "x")
    assert refused.returncode == 2
    assert "--run-dir takes one model" in refused.stderr


@pytest.mark.slow
def test_inspect_prints_a_table_json_and_a_file(isobar, tiny_model, tiny_task, tmp_path):
    words = ("inspect", tiny_model, "--task", tiny_task, "--probe-per-class", 8)
    table = isobar(*words)
    assert table.returncode == 0, table.stderr
    assert "isotropic" in table.stdout.lower()
    assert "The space of each layer" in table.stdout
    assert "ollapsed" in table.stdout or "examples for a verdict" in table.stdout
    out = tmp_path / "shape.json"
    printed = json.loads(isobar(*words, "--json", "--out", out).stdout)
    assert json.loads(out.read_text()) == printed
    assert len(printed["layers"]) == 3
    assert printed["layers"][-1]["isoscore"] == printed["isoscore"]
    for shape in printed["classes"].values():
        assert len(shape["lengths"]) == shape["points"] - 1
        assert shape["lengths"] == sorted(shape["lengths"], reverse=True)


@pytest.fixture
def clouds(tmp_path):
    """The same embeddings with labels as a file of each kind."""
    import numpy as np
    import pandas as pd
    from safetensors.numpy import save_file

    x = np.random.default_rng(3).standard_normal((40, 5)) + 1
    labels = np.arange(40) % 2
    frame = pd.DataFrame(x, columns=list("abcde")).assign(kind=labels)
    np.save(tmp_path / "x.npy", x)
    frame.to_csv(tmp_path / "x.csv", index=False)
    frame.to_parquet(tmp_path / "x.parquet")
    save_file({"embeddings": x, "kind": labels, "other": x[:, :2].copy()}, tmp_path / "x.safetensors")
    return tmp_path, x, labels


def test_measure_reads_every_kind_of_file(isobar, clouds):
    from core import measure

    folder, x, labels = clouds
    for kind in ("npy", "csv", "parquet", "safetensors"):
        words = () if kind == "npy" else ("--labels", "kind")
        done = isobar("measure", folder / f"x.{kind}", *words, "--json")
        assert done.returncode == 0, done.stderr
        rows = json.loads(done.stdout)
        found = {row["name"]: row["value"] for row in rows if row["of"] in ("", "all")}
        assert found == pytest.approx(measure(x, "main", labels if words else None))
        if words:
            of_class = {row["name"]: row["value"] for row in rows if row["of"] == "1"}
            assert of_class == pytest.approx(measure(x[labels == 1], "main"))
    other = json.loads(isobar("measure", folder / "x.safetensors", "--tensor", "other", "--json").stdout)
    assert {row["name"]: row["value"] for row in other} == pytest.approx(measure(x[:, :2], "main"))


def test_measure_prints_value_interval_reference_definition_and_source(isobar, clouds):
    folder, _, _ = clouds
    done = isobar("measure", folder / "x.npy", "--measures", "isoscore,mean_cosine", "--intervals")
    assert done.returncode == 0, done.stderr
    for word in (
        "isoscore",
        "95 % interval",
        " to ",
        "isotropic Gaussian",
        "How evenly",
        "arXiv:2305.19358",
        "disputed",
    ):
        assert word in done.stdout, word
    row = json.loads(isobar("measure", folder / "x.npy", "--measures", "isoscore", "--intervals", "--json").stdout)[0]
    assert row["low"] < row["value"] < row["high"]
    assert 0 < row["reference"] < 1


def test_measure_says_what_it_measured(isobar, clouds):
    import numpy as np
    import pandas as pd

    folder, x, labels = clouds
    pd.DataFrame(x, columns=list("abcde")).assign(kind=labels, text="a stone").to_csv(folder / "y.csv")
    np.savetxt(folder / "bare.csv", x, delimiter=",")
    assert isobar("measure", folder / "bare.csv").stdout.startswith("40 embeddings, 5 dimensions\n\n| measure |")
    printed = isobar("measure", folder / "y.csv", "--labels", "kind").stdout
    head, index, others, _ = printed.split("\n", 3)
    assert head == "40 embeddings, 5 dimensions, 2 classes"
    assert "'Unnamed: 0'" in index
    assert "'text'" in others
    done = isobar("measure", folder / "y.csv", "--labels", "kind", "--json")
    assert {(row["label"], row["n"], row["d"]) for row in json.loads(done.stdout)} == {
        (None, 40, 5),
        ("0", 20, 5),
        ("1", 20, 5),
    }
    read = "Read: y.csv (csv), columns 'a', 'b', 'c', 'd', 'e', 40 x 5 float64, labels 'kind'; left out: 'Unnamed: 0', 'text'.\n"
    assert done.stderr == f"{index}\n{others}\n{read}"
    assert printed.endswith(f"\n\n{read}")
    assert isobar("measure", folder / "bare.csv", "--json").stderr == "Read: bare.csv (csv), 40 x 5 float64.\n"


def test_measure_says_how_many_rows_repeat_another(isobar, tmp_path):
    import numpy as np

    from core import measure

    x = np.random.default_rng(0).standard_normal((300, 3))
    np.save(tmp_path / "x.npy", np.vstack([x, x[:100], x[:1] + 1e-9]))
    printed = isobar("measure", tmp_path / "x.npy", "--measures", "isoscore,twonn,ph_dimension").stdout
    assert "Of the 401 rows 100 repeat another; twonn and ph_dimension are of the 301 that differ." in printed
    assert "2 of 301 rows are a copy of another but for rounding" in printed
    printed = isobar("measure", tmp_path / "x.npy", "--measures", "isoscore").stdout
    assert "repeat" not in printed  # there they count
    np.save(tmp_path / "x.npy", np.vstack([x, x]))
    (row,) = json.loads(isobar("measure", tmp_path / "x.npy", "--measures", "twonn", "--json").stdout)
    assert row["value"] == measure(x, ["twonn"])["twonn"]


def test_measure_tells_a_class_called_all_from_the_whole(isobar, clouds):
    import pandas as pd

    folder, x, _ = clouds
    pd.DataFrame(x, columns=list("abcde")).assign(kind=["all"] * 10 + ["b"] * 30).to_parquet(folder / "y.parquet")
    lines = isobar("measure", folder / "y.parquet", "--labels", "kind", "--measures", "isoscore", "--intervals").stdout
    firsts = [line.split("|")[1].strip() for line in lines.splitlines() if "isoscore" in line]
    assert firsts == ["all", "class all", "class b"]


def test_main_and_all_stand_in_a_list_of_measures(isobar, clouds):
    from core.geometry import MAIN, MEASURES

    pytest.importorskip("faiss", reason="faiss-cpu, which some of all need, is not installed")
    folder, _, _ = clouds
    bare = [name for name, about in MEASURES.items() if not about.of_labels]
    main = [name for name in MAIN if name in bare]
    for words, names in (("main, twonn", [*main, "twonn"]), ("isoscore,all", ["isoscore", *bare])):
        found = json.loads(isobar("measure", folder / "x.npy", "--measures", words, "--json").stdout)
        assert [row["name"] for row in found] == list(dict.fromkeys(names))
    words = ("measure", folder / "x.csv", "--labels", "kind", "--measures", "all", "--json")
    found = json.loads(isobar(*words).stdout)
    assert [row["name"] for row in found if row["label"] is None] == list(MEASURES)
    assert [row["name"] for row in found if row["label"] == "0"] == bare
    assert all(row["reference"] is not None for row in found if row["name"] in set(MAIN) - set(bare))


def test_measures_that_are_left_out_or_renamed_are_told(isobar, clouds, monkeypatch):
    from core.geometry import report

    folder, _, _ = clouds
    done = isobar("measure", folder / "x.npy", "--measures", "vasicek", "--json")
    assert [row["name"] for row in json.loads(done.stdout)] == ["gaussianity"]
    assert done.stderr == (
        "The measure vasicek is called gaussianity now; the next version forgets the old name.\n"
        "Read: x.npy (NumPy), 40 x 5 float64.\n"
    )
    plain = report.find_spec
    monkeypatch.setattr(report, "find_spec", lambda name: None if name == "faiss" else plain(name))
    printed = isobar("measure", folder / "x.npy", "--measures", "all").stdout
    assert "Left out: patchiness_additive, patchiness_product, lloyd_additive, lloyd_product." in printed
    assert 'pip install "isobar-explorer[published]"' in printed


def test_json_of_measure_tells_undefined_from_infinite(isobar, tmp_path):
    import numpy as np

    np.save(tmp_path / "x.npy", np.eye(60))  # all as far apart, and no neighbour nearer than the next
    done = isobar("measure", tmp_path / "x.npy", "--measures", "ph_dimension,twonn", "--json")
    assert [row["value"] for row in json.loads(done.stdout)] == ["infinity", None]
    assert '"infinity"' in isobar("measure", "--help").stdout


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_of_intervals_is_shown_on_a_terminal_only(isobar, clouds, monkeypatch, terminal):
    from rich.console import Console

    monkeypatch.setattr(Console, "is_terminal", property(lambda console: terminal and console.stderr))
    words = ("measure", clouds[0] / "x.npy", "--measures", "isoscore", "--intervals", "--json")
    done = isobar(*words)
    assert json.loads(done.stdout)[0]["low"] is not None
    assert ("200/200" in done.stderr) == terminal
    assert done.stderr == "Read: x.npy (NumPy), 40 x 5 float64.\n" or terminal


def test_help_of_measure_explains_every_measure(isobar):
    from core.geometry import MEASURES

    text = isobar("measure", "--help").stdout
    for name, about in MEASURES.items():
        assert f"  {name} ({about.label}" in text
        assert f"isotropic {about.isotropic}" in text
        assert not about.unit or f" {about.unit}; isotropic" in text
        assert about.source[:40] in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "words", "said"),
    [
        ("y.npy", [], "Did you mean 'x.npy'"),
        ("x.xlsx", [], "none of .npy"),
        ("x.pt", [], "weights_only=True"),
        ("x.csv", ["--labels", "knd"], "'kind'"),
        ("x.safetensors", ["--tensor", "embedings"], "'embeddings'"),
        ("x.npy", ["--labels", "kind"], "without names"),
        ("x.npy", ["--measures", "isoscor"], "'isoscore'"),
        ("x.npy", ["--measures", "nc1"], "The measure nc1 compares classes and needs the label of each row"),
        ("x.csv", ["--tensor", "kind"], "'kind' of"),
        ("x.npy", ["--measures", "main,isoscor"], "'isoscore'"),
        ("gaps.csv", ["--labels", "kind"], "Of the 40 labels 2 are missing, first in row 3"),
        ("gaps.parquet", ["--labels", "word"], "Of the 40 labels 1 is missing, first in row 6"),
        ("one.npy", [], "only 1"),
        ("nan.npy", [], "NaN or infinity in row 1"),
        ("cube.npy", [], "(2, 2, 2)"),
        ("pickle.npy", [], "can't be read"),
        ("cut.safetensors", [], "can't be read"),
        ("complex.npy", [], "must be real numbers"),
    ],
)
def test_embeddings_that_cannot_be_measured(isobar, clouds, name, words, said):
    import numpy as np
    import pandas as pd

    folder, x, _ = clouds
    gaps = pd.DataFrame(x, columns=list("abcde"))
    gaps.assign(kind=[None if k in (3, 9) else k % 2 for k in range(40)]).to_csv(folder / "gaps.csv", index=False)
    gaps.assign(word=[None if k == 6 else "ab"[k % 2] for k in range(40)]).to_parquet(folder / "gaps.parquet")
    np.save(folder / "one.npy", x[:1])
    np.save(folder / "nan.npy", [[1.0, 2.0], [np.nan, 1.0]])
    np.save(folder / "cube.npy", np.zeros((2, 2, 2)))
    np.save(folder / "pickle.npy", np.array([{}, {}], dtype=object), allow_pickle=True)
    np.save(folder / "complex.npy", x * 1j)
    (folder / "cut.safetensors").write_bytes((folder / "x.safetensors").read_bytes()[:30])
    done = isobar("measure", folder / name, *words)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "--model", "minlm"], "minilm"),
        (["train", "--task", "gramar"], "grammar"),
        (["train", "--task", "glue/cola"], "reached"),
        (["train", "--weight", "-1"], "persistent-entropy.weight is '-1'"),
        (["train", "--regularizer", "koleo(weight=-1)"], "koleo.weight is '-1'"),
        (["train", "--regularizer", "koleo(wieght=1)"], "Did you mean 'weight'"),
        (["train", "--learning-rate", "7"], "learning_rate"),
        (["train", "--max-steps", "-3"], "max_steps"),
        (["train", "--selection", "prominant"], "features"),
        (["train", "--seed", "abc"], "seed"),
        (["train", "--regularizer", "persistent-entropy+cosin"], "'cosine'"),
        (["train", "--resume"], "--run-dir"),
        (["train", "--spec", "nowhere.yaml"], "nowhere.yaml"),
        (["train", "--runs", "/dev/null"], "/dev/null"),
        (["inspect", "./nowhere"], "nowhere"),
        (["inspect", "minilm", "--layer", "40"], "layer"),
        (["inspect", "minilm", "--out", "/no/such/folder/x.json"], "/no/such/folder"),
        (["inspect", "minilm", "--out", "."], "is a folder"),
        (["bench", "everything"], "topology"),
        (["bench", "step", "--out", "/no/such/folder/x.md"], "/no/such/folder"),
        (["bench", "topology", "--task", "grammar"], "takes no --task; training, embedding do"),
        (["bench", "step", "--beside", "."], "takes no --beside; commands, whole-training, app do"),
        (["bench", "app", "--pairs", "2"], "needs --beside"),
        (["bench", "app", "--beside", "."], "no build of Isobar"),
        (["bench", "commands", "--beside", "."], "no build of Isobar"),
        (["tarin"], "tarin"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else None,
)
def test_a_wrong_request_exits_with_2_and_one_sentence(isobar, tmp_path, words, said):
    done = isobar(*words, cwd=tmp_path)
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_an_existing_run_directory_is_refused_untouched(isobar, tiny, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("do not lose me")
    done = isobar("train", *tiny, "--run-dir", tmp_path / "mine")
    assert done.returncode == 2
    assert "exists already" in done.stderr
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_a_port_in_use_is_one_sentence(isobar, tmp_path):
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = isobar("app", "--port", port, "--no-browser", cwd=tmp_path)
    assert done.returncode == 2
    assert str(port) in done.stderr


@pytest.mark.slow
def test_help_loads_neither_torch_nor_transformers():
    heavy = {"torch", "transformers", "datasets", "pandas", "scipy", "streamlit"}
    light = heavy | {"numpy", "rich", "pydantic", "yaml"}  # of `isobar` alone, and of what it starts first
    for module, none_of in (
        ("core.cli", light),
        ("core.cli.app", light),
        ("core.cli.training", heavy | {"numpy", "rich"}),
        ("core.geometry.catalogue", heavy),
    ):
        code = f"import sys, {module}; print({none_of} & set(sys.modules))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "set()", module


def test_the_help_of_repair_says_every_way(isobar):
    said = isobar("repair", "--help").stdout
    assert [way for way in WAYS if f"{way}:" not in " ".join(said.replace("│", " ").split())] == []


@pytest.mark.slow
def test_the_installed_command_keeps_stdout_for_json(tiny, tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS")  # with all threads, as a person's
    command = [sys.executable, "-m", "core.cli", "train", *map(str, tiny), "--runs", str(tmp_path), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout)) == {"run", "before", "after"}


def test_compare_reads_names_directories_and_folders(isobar, tmp_path):
    assets = Path(__file__).parents[1] / "assets"
    for name in ("sample", "sample_baseline"):
        shutil.copytree(assets / name, tmp_path / name)
    ours, theirs = (load_run(tmp_path / name).report["after"] for name in ("sample", "sample_baseline"))
    change = ours["anisotropy_1_within"] - theirs["anisotropy_1_within"]
    done = isobar("compare", tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"features: One seed: anisotropy within classes changed by {change:.3f}" in " ".join(done.stdout.split())
    by_name = isobar("compare", "sample", tmp_path / "sample_baseline", "--runs", tmp_path, "--json")
    assert json.loads(by_name.stdout) == json.loads(isobar("compare", tmp_path, "--json").stdout)
    assert isobar("compare", tmp_path, "--csv", tmp_path / "out.csv").returncode == 0
    assert (tmp_path / "out.csv").read_text().startswith("model,task,group,measure,seeds,mean,")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sampl"], "Did you mean 'sample'"),
        (["empty"], "holds no run"),
        (["sample", "--csv", "nowhere/out.csv"], "no folder"),
    ],
)
def test_a_comparison_that_cannot_be_made_is_one_sentence(isobar, tmp_path, words, said):
    shutil.copytree(Path(__file__).parents[1] / "assets" / "sample", tmp_path / "sample")
    (tmp_path / "empty").mkdir()
    done = isobar("compare", *words, "--runs", tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


@pytest.mark.slow
def test_reproduce_tells_what_the_finished_cells_say(isobar, tmp_path):
    from core.studies.reproduce import read_preset
    from core.studies.sweep import cell_dir

    for spec in read_preset("grammar").cells():
        if spec.method in ("none", "features") and "cohesion" not in spec.regularizer:
            of_none = 0.2 * (spec.method == "none")
            writer = RunWriter.create(cell_dir(tmp_path, spec), spec.model_dump())
            numbers = {
                "mcc": 0.5 + 0.01 * spec.seed,
                "anisotropy_1": 0.6 + of_none,
                "anisotropy_1_centered": 0.4 + of_none,
                "anisotropy_1_within": 0.3 + of_none,
            }
            writer.report({"metric": "mcc", "before": {}, "after": numbers})
            writer.status("finished")
    done = isobar("reproduce", "--runs", tmp_path, "--report-only", "--out", tmp_path / "out.md")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (tmp_path / "out.md").read_text()
    assert (
        "| (a) anisotropy 1 falls | it falls | 0.800 → 0.600 (-0.200) | [-0.200, -0.200] | 0.0625 | 5 | holds |"
        in done.stdout
    )
    (found,) = json.loads(isobar("reproduce", "--runs", tmp_path, "--report-only", "--json").stdout)
    assert [claim["verdict"] for claim in found["claims"]] == ["holds"] * 4 + ["can't be told"] * 8


@pytest.mark.slow
def test_without_the_hub_the_papers_own_runs_are_refused_in_a_sentence(isobar, tmp_path):
    done = isobar("reproduce", "--preset", "paper", "--runs", tmp_path / "runs")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "can't be reached" in done.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_a_sweep_prints_its_table_and_fails_with_its_cells(isobar, tiny_model, tiny_task, tmp_path):
    base = {"model": str(tiny_model), "task": str(tiny_task), "max_steps": 2, "probe_per_class": 8, "snapshots": 2}
    sweep = {"base": {**base, "save_model": False}, "grid": {"layer": [-1, 9]}, "baselines": False}
    (tmp_path / "sweep.yaml").write_text(json.dumps(sweep))
    done = isobar("sweep", tmp_path / "sweep.yaml", "--runs", tmp_path / "runs", "--json")
    assert done.returncode == 1
    assert "1 of 2 cells did not finish" in done.stderr
    assert "no layer 9" in done.stderr
    (row,) = json.loads(done.stdout)
    assert row["seeds"] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--backend", "rya"], "there are: local, ray"),
        (["--out", "nowhere/out.md"], "no folder"),
        ([], "no file or folder"),
    ],
)
def test_a_sweep_that_cannot_run_is_one_sentence(isobar, tmp_path, words, said):
    task = "grammar" if words else "./nothing"
    (tmp_path / "sweep.yaml").write_text(json.dumps({"base": {"task": task}, "grid": {"seed": [0, 1]}}))
    done = isobar("sweep", tmp_path / "sweep.yaml", "--runs", tmp_path / "runs", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


@pytest.mark.slow
def test_doctor_says_what_is_there_and_what_is_wrong(isobar, tmp_path):
    done = isobar("doctor", "--runs", tmp_path, "--json", "--no-self-test")
    assert done.returncode == 0
    found = {row["what"]: row for row in json.loads(done.stdout)}
    assert found["built-in model"]["state"] == "ok"
    assert found["model hub"]["state"] == "absent"  # the tests are offline
    (tmp_path / "file").touch()
    done = isobar("doctor", "--runs", tmp_path / "file", "--json", "--no-self-test")
    assert done.returncode == 1
    assert {row["what"]: row["state"] for row in json.loads(done.stdout)}["folder of runs"] == "wrong"


def test_a_benchmarks_table_says_what_made_it(monkeypatch, tmp_path, capsys):
    from core import benchmarks
    from core.cli import machine

    monkeypatch.setitem(benchmarks.BENCHMARKS, "nothing", lambda task=(): [{"what": "nothing", "ms": 1.0}])
    machine.bench("nothing", task=["grammar", "/home/somebody/texts"], out=tmp_path / "nothing.md", as_json=True)
    assert json.loads(capsys.readouterr().out) == [{"what": "nothing", "ms": 1.0}]
    first, _, head, *_ = (tmp_path / "nothing.md").read_text().splitlines()
    assert first.startswith("Made by `isobar bench nothing --task grammar --task texts` on ")
    assert head == "| what | ms |"
