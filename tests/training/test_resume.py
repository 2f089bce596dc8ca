"""A run that is cut short and resumed ends, bit for bit, where it would have ended otherwise."""

import json
import os
import pickle
import shutil

import pytest
import torch

from core import IsobarError, load_run, train
from core.errors import RunFailedError
from core.runs import checkpoints
from tests.faults.tiny import differences, result, spec_in

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Sums in one order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    return spec_in(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def whole(spec, tmp_path_factory):
    return result(train(spec, tmp_path_factory.mktemp("whole") / "run"))


def stopped_at(step, spec, path, resume=False, phase="training"):
    def ask(now, done, total):
        if now == phase and (step is None or done == step):
            load_run(path).request_stop()

    run = train(spec, path, progress=ask, resume=resume)
    assert run.state == "stopped"
    return run


@pytest.fixture(scope="module")
def kept(spec, tmp_path_factory):
    """A run that was stopped after step 4, with the checkpoint of step 3 beside that one."""
    path = tmp_path_factory.mktemp("kept") / "run"
    stopped_at(3, spec, path)
    third = shutil.copytree(path / "checkpoint-3", path.parent / "checkpoint-3")
    stopped_at(4, spec, path, resume=True)
    shutil.copytree(third, path / "checkpoint-3")
    return path


@pytest.fixture
def broken(kept, tmp_path):
    return shutil.copytree(kept, tmp_path / "run")


@pytest.mark.parametrize("step", [1, 3, 4, 6])  # at 3 and 6 evaluations and snapshots are due
def test_stopped_at_any_step(spec, whole, tmp_path, step):
    stopped_at(step, spec, tmp_path / "run")
    assert differences(result(train(spec, tmp_path / "run", resume=True)), whole) == []


def test_stopped_while_it_is_scored_and_again_before_its_first_step(spec, whole, tmp_path):
    """The second stop finds the generators of a new process, which are not those of the run."""
    path = tmp_path / "run"
    stopped_at(3, spec, path)
    stopped_at(None, spec, path, resume=True, phase="scoring")
    assert [p.name for p in checkpoints.all_of(path)] == ["checkpoint-3"]
    assert differences(result(train(spec, path, resume=True)), whole) == []


@pytest.mark.parametrize(
    "options",
    [{"batch_size": 8, "accumulation": 2, "accumulated_cloud": True}, {"lora": "r=4,dropout=0.1"}, {"schedule": "cosine", "epochs": 1.5, "max_steps": 0}],
    ids=str,
)  # fmt: skip
def test_with_other_options(spec, tmp_path, options):
    spec = spec.model_copy(update={**options, "snapshots": 2, "evaluations": 1})
    whole = train(spec, tmp_path / "whole")
    stopped_at(4, spec, tmp_path / "run")
    assert differences(result(train(spec, tmp_path / "run", resume=True)), result(whole)) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "optimizer.pt").unlink(),
        lambda folder: (folder / "trainer_state.json").write_text('{"epoch": 1'),
        lambda folder: (folder / checkpoints.COMPLETE).unlink(),
    ],
    ids=["optimizer gone", "state cut", "no marker"],
)
def test_a_checkpoint_that_is_not_whole_is_left_out_for_the_one_before(spec, whole, broken, damage):
    damage(broken / "checkpoint-4")
    assert load_run(broken).checkpoint.name == "checkpoint-3"
    run = train(spec, broken, resume=True)
    assert differences(result(run), whole) == []
    assert "checkpoint-4 is not whole; the run goes on from checkpoint-3." in [row["text"] for row in run.rows("note")]


def test_without_a_whole_checkpoint_it_begins_anew(spec, whole, broken):
    for checkpoint in checkpoints.all_of(broken):
        (checkpoint / "optimizer.pt").unlink()
    run = train(spec, broken, resume=True)
    assert differences(result(run), whole) == []
    said = [row["text"] for row in run.rows("note")]
    assert "checkpoint-4 and checkpoint-3 are not whole; the run begins anew." in said
    assert len(said) == len(set(said))


def test_checkpoints_come_by_time_too(spec, tmp_path, monkeypatch):
    kept = []
    monkeypatch.setattr(
        checkpoints, "seal", lambda folder, real=checkpoints.seal: (real(folder), kept.append(folder.name))
    )
    train(spec.model_copy(update={"checkpoint_minutes": 1e-9, "save_model": False}), tmp_path / "run")
    assert kept == [f"checkpoint-{step}" for step in range(1, 6)]
    kept.clear()
    train(spec.model_copy(update={"checkpoint_minutes": 0, "save_model": False}), tmp_path / "other")
    assert kept == ["checkpoint-3"]


class Marker:
    """What is unpickled of it makes a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (os.system, (f"touch '{self.path}'",))


@pytest.mark.parametrize("write", [torch.save, lambda obj, path: path.write_bytes(pickle.dumps(obj))], ids=["torch", "pickle"])  # fmt: skip
@pytest.mark.parametrize("name", ["rng_state.pth", "optimizer.pt", "scheduler.pt", "*"])
def test_nothing_in_a_checkpoint_is_unpickled(spec, broken, tmp_path, name, write):
    checkpoint = broken / "checkpoint-4"
    everywhere = ["rng_state.pth", "optimizer.pt", "scheduler.pt", "scaler.pt", "training_args.bin", "pytorch_model.bin", "optimizer.bin", "adapter_model.bin"]  # fmt: skip
    for target in everywhere if name == "*" else [name]:
        write(Marker(tmp_path / "ran"), checkpoint / target)
    checkpoints.seal(checkpoint)
    with pytest.raises(RunFailedError, match=r"weights_only|Weights only"):
        train(spec, broken, resume=True)
    assert not (tmp_path / "ran").exists()
    pickle.loads(pickle.dumps(Marker(tmp_path / "ran")))  # as it would be found, had it run
    assert (tmp_path / "ran").exists()


def test_an_index_in_a_checkpoint_that_names_pickles_is_refused(spec, broken, tmp_path):
    checkpoint = broken / "checkpoint-4"
    (checkpoint / "model.safetensors").unlink()
    torch.save(Marker(tmp_path / "ran"), checkpoint / "evil.bin")
    (checkpoint / "model.safetensors.index.json").write_text('{"weight_map": {"a": "evil.bin"}}')
    checkpoints.seal(checkpoint)
    with pytest.raises(RunFailedError, match=r"names evil\.bin, which is no safetensors file"):
        train(spec, broken, resume=True)
    assert not (tmp_path / "ran").exists()


def test_a_loss_that_is_no_number_names_step_loss_and_last_snapshot(spec, tmp_path, monkeypatch):
    from core.training.terms import Terms

    def value(self, clouds, real=Terms.value, calls=[0]):  # noqa: B006
        calls[0] += 1
        return real(self, clouds) * (float("nan") if calls[0] == 5 else 1.0)

    monkeypatch.setattr(Terms, "value", value)
    with pytest.raises(RunFailedError, match=r"The task loss is nan at step 6; the hidden states of layer 0 \(of 0 to 2\) hold NaN or infinity, first in row 0 \(class '1'\), of the probe set\. The last good snapshot is of step 3\. A lower learning_rate or"):  # fmt: skip
        train(spec, tmp_path / "run")
    run = load_run(tmp_path / "run")
    assert run.state == "failed"
    assert run.checkpoint.name == "checkpoint-3"
    assert run.steps == [0, 3]


def test_a_layer_that_overflows_is_named_with_the_class(spec, tmp_path, monkeypatch):
    from core.training.recorder import RunRecorder

    begin = RunRecorder.on_step_begin

    def poisoned(self, args, state, control, model=None, **more):
        begin(self, args, state, control, model=model, **more)
        if state.global_step == 4:  # once five steps begin
            with torch.no_grad():
                model.bert.encoder.layer[1].output.dense.weight[0, 0] = float("inf")

    monkeypatch.setattr(RunRecorder, "on_step_begin", poisoned)
    with pytest.raises(
        RunFailedError,
        match=r"The task loss is nan at step 5; the hidden states of layer 2 \(of 0 to 2\) hold NaN or infinity, first in row \d+ "
        r"\(class '[01]'\), of the probe set\. The last good snapshot is of step 3\. A lower",
    ):
        train(spec, tmp_path / "run")


def test_a_regularizer_that_is_no_number_names_the_class(spec, tmp_path, monkeypatch):
    from core.regularizers import PersistentEntropyLoss
    from core.training.terms import Terms

    def timed(self, name, states, labels, real=Terms._timed):
        term = real(self, name, states, labels)
        if name == "persistent-entropy":
            self.log.regularizers[name][-1] = float("nan") * term.detach()
        return term

    monkeypatch.setattr(Terms, "_timed", timed)
    seen = {"0": {"entropy": 1.0, "bars": 3}, "1": {"entropy": float("nan"), "bars": 3}}
    monkeypatch.setattr(PersistentEntropyLoss, "read_stats", lambda self: {"skipped": 0, "classes": seen})
    told = r"The value of the regularizer persistent-entropy is nan at step 1 \(in the last batch of the class '1'\)\. The last good snapshot is of step 0"
    with pytest.raises(RunFailedError, match=told):
        train(spec, tmp_path / "run")


@pytest.mark.parametrize(("rate", "told"), [(0.1, True), (0.03, False)])
def test_a_model_that_collapses_at_a_high_rate_is_told(spec, tmp_path, rate, told):
    settings = {"learning_rate": rate, "regularizer": "none", "max_steps": 20, "warmup": 0, "save_model": False}
    run = train(spec.model_copy(update=settings), tmp_path / "run")
    assert len(set(run.after.predictions)) == (1 if told else 2)
    assert any("gives every example of the probe set the class" in row["text"] for row in run.rows("note")) == told


def test_a_full_disk_in_a_checkpoint_is_one_sentence_and_gives_the_space_back(spec, tmp_path, monkeypatch):
    from core import files

    def full(*args, **options):
        raise RuntimeError("PytorchStreamWriter failed writing file data/3: file write failed")

    monkeypatch.setattr(torch, "save", full)
    monkeypatch.setattr(files, "_refusal", lambda folder, size: OSError(28, "No space left on device"))
    with pytest.raises(RunFailedError, match=r"The disk that holds .* is full; free some space"):
        train(spec, tmp_path / "run")
    assert "is full" in load_run(tmp_path / "run").status["error"]
    assert checkpoints.all_of(tmp_path / "run") == []
    monkeypatch.undo()
    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(RunFailedError, match="file write failed"):
        train(spec, tmp_path / "run", resume=True)


def test_a_directory_killed_before_its_spec_can_be_begun(spec, tmp_path):
    path = tmp_path / "run"
    (path / "snapshots").mkdir(parents=True)
    (path / ".lock").touch()
    (path / ".spec.yaml.4242.part").write_text("mod")
    with pytest.raises(IsobarError, match="holds no run to resume"):
        train(spec, path, resume=True)
    run = train(spec.model_copy(update={"max_steps": 2, "snapshots": 2, "save_model": False}), path)
    assert run.state == "finished"
    assert not list(path.rglob("*.part"))
    assert json.loads((path / "status.json").read_text())["birth"]


def test_a_run_does_not_go_on_with_other_data_than_it_began_with(tmp_path):
    spec = spec_in(tmp_path)
    stopped_at(3, spec, tmp_path / "run")
    probe = (tmp_path / "run" / "probe.parquet").read_bytes()
    record = (tmp_path / "run" / "record.yaml").read_bytes()
    (file,) = [path for path in (tmp_path / "colours").rglob("*") if path.is_file() and "train" in path.name] or [
        next(path for path in (tmp_path / "colours").rglob("*") if path.is_file())
    ]
    held = file.read_bytes()
    file.write_bytes(held.replace(b"red", b"ruby"))
    assert file.read_bytes() != held
    with pytest.raises(IsobarError, match="began with other data"):
        train(spec, tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "probe.parquet").read_bytes() == probe
    assert (tmp_path / "run" / "record.yaml").read_bytes() == record
    file.write_bytes(held)
    assert train(spec, tmp_path / "run", resume=True).state == "finished"


def test_a_stop_in_the_first_portrait_is_no_reason_to_take_it_again(tmp_path, monkeypatch):
    from core.training import recorder
    from core.training.probe import Probe

    taken, portray = [], Probe.portray

    def counted(self, model, on_batch=None, on_states=None):
        taken.append(0)

        def told(done, total):
            taken[-1] += 1
            if on_batch is not None:
                on_batch(done, total)

        return portray(self, model, told, on_states)

    monkeypatch.setattr(Probe, "portray", counted)
    monkeypatch.setattr(recorder, "_PORTRAIT_ON_STOP_SECONDS", 1e-9)
    spec = spec_in(tmp_path, probe_per_class=100)
    texts = [f"the {colour} stone {k},{int(colour == 'red')}" for k in range(100) for colour in ("red", "blue")]
    (tmp_path / "colours" / "validation.csv").write_text("\n".join(["sentence,label", *texts]))
    stopped_at(None, spec, tmp_path / "run", phase="embedding")
    assert taken == [1, 1]  # of four batches; the second is cut off at its first
