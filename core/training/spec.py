"""What a run is: one pydantic model that is form, YAML file, command-line flags and record."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationError,
    field_validator,
    model_validator,
)

from core import yaml_text
from core.errors import IsobarError, nearest
from core.models.changes import KINDS, Change
from core.regularizers.chosen import Regularizers, sentence
from core.regularizers.registry import REGULARIZERS
from core.runs import migrations
from core.runs.settings import OUTSIDE, method

Pooling = Literal["auto", "cls", "mean", "last", "head"]
Schedule = Literal["linear", "cosine", "constant"]
Decayed = Literal["matrices", "linear"]
Precision = Literal["fp32", "bf16", "fp16"]
Device = Literal["auto", "cpu", "cuda", "mps"]


class Lora(BaseModel):
    """Low-rank adapters beside every linear layer (E. J. Hu et al., arXiv 2106.09685)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    r: Annotated[int, Field(ge=1, le=1024)]
    alpha: Annotated[float, Field(gt=0)] | None = None
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0

    @classmethod
    def parse(cls, text: str) -> "Lora | None":
        """Return what ``r=8,alpha=16,dropout=0.05`` says, or None for an empty text; alpha is 2 r if not given.

        Raises:
            ValueError: it can't be read.
        """
        if not text.strip():
            return None
        pairs = dict(part.partition("=")[::2] for part in text.replace(" ", "").split(","))
        try:
            return cls(**pairs)
        except ValidationError as error:
            raise ValueError("such as r=8 or r=8,alpha=16,dropout=0.05") from error


_WHOLE = ("regularizer", "regularizers")


class RunSpec(BaseModel):
    """Everything that decides the outcome of a run.

    Each field says its reason; the runs behind the numbers are recorded in assets/sweeps. Besides the fields it takes
    ``regularizer``, the same as ``regularizers``; single settings of these, as ``koleo.weight``; and for one version more
    the flat names that these had before (:mod:`core.runs.migrations`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field("minilm", description="Built-in name, local folder or Hub id.")
    task: str = Field(
        "grammar",
        description="Built-in name, local folder (tables, or images or sounds in one folder per class) or file, or Hub id such as glue/cola.",
    )
    regularizers: Annotated[Regularizers, PlainValidator(Regularizers.parse), PlainSerializer(Regularizers.dump)] = (
        Field(
            Regularizers.parse("persistent-entropy"),
            description="The term added to the task loss with its settings, such as 'koleo(weight=0.1)', or several joined by '+'; 'none' is the baseline.",
        )
    )
    weights: str = Field(
        "",
        description=f"What is done to the loaded weights first, by the seed: {', '.join(f'{name}({kind.amount[0]})' if kind.amount else name for name, kind in KINDS.items())}; empty leaves them.",
    )
    pooling: Pooling = Field(
        "auto",
        description="How the states of an example become its embedding; auto is what the model's own classifier reads (BERT's cls, a decoder's last) or, where a sentence-transformers checkpoint is inspected, its own embedding; head is the input of its last linear layer.",
    )
    layer: int = Field(-1, description="Whose hidden states; -1 is the last layer, 0 the input embeddings.")

    learning_rate: Annotated[float, Field(gt=0, le=0.1)] = Field(
        2e-4, description="Peak rate of AdamW, higher than for larger encoders: short runs of a small one need it."
    )
    batch_size: Annotated[int, Field(ge=2, le=4096)] = Field(
        32, description="Examples a step; a class needs a handful in the batch to have a barcode."
    )
    epochs: Annotated[float, Field(gt=0, le=1000)] = Field(
        1.5,
        description="Passes over the training data; the built-in tasks are learnt by then, in a few minutes on two cores.",
    )
    max_steps: Annotated[int, Field(ge=0)] = Field(0, description="Stop after so many steps; 0 goes by epochs.")
    max_length: Annotated[int, Field(ge=4, le=8192)] = Field(
        128, description="Word pieces a text is cut to; batches are padded to their own longest."
    )
    max_seconds: Annotated[float, Field(gt=0, le=600)] = Field(
        10.0, description="Seconds that a sound is cut to; batches are padded to their own longest."
    )
    warmup: Annotated[float, Field(ge=0, lt=1)] = Field(0.1, description="Share of the steps with a rising rate.")
    schedule: Schedule = Field(
        "linear", description="How the rate goes on after the warm-up: down in a line or a cosine, or constant."
    )
    weight_decay: Annotated[float, Field(ge=0, le=1)] = Field(0.01, description="BERT's own value.")
    decayed: Decayed = Field(
        "matrices",
        description="Which weights decay: all but biases and norms (the Trainer's), or those of linear layers alone, embeddings left out.",
    )
    max_grad_norm: Annotated[float, Field(ge=0)] = Field(
        1.0,
        description="Longer gradients are cut to this norm, task loss and regularizer together, which weakens both; 1 is the Trainer's default, 0 cuts none.",
    )
    accumulation: Annotated[int, Field(ge=1, le=1024)] = Field(1, description="Batches summed into one step.")
    accumulated_cloud: bool = Field(
        False,
        description="With accumulation: the regularizers see all batches of a step as one, and are added once. Each batch is run twice, so that no more than one is in memory.",
    )
    train_size: Annotated[int, Field(ge=0)] = Field(
        0, description="Use a stratified part of the training data; 0 uses all."
    )
    validation_size: Annotated[int, Field(ge=0)] = Field(
        10_000,
        description="Score at most so many validation examples, a stratified part that is the same with every seed: that many tell an accuracy to half a percent. 0 scores all.",
    )

    text_column: str | None = Field(
        None,
        description="Column of the text, or of the image or the sound (its file's bytes, or the name of the file); guessed if not given.",
    )
    text_pair_column: str | None = Field(None, description="Column of the second text; guessed if not given.")
    label_column: str | None = Field(
        None,
        description="Column of the label; guessed if not given. 'none' inspects the examples of a file as one cloud.",
    )

    probe_per_class: Annotated[int, Field(ge=4, le=10_000)] = Field(
        200, description="Validation examples a class that are embedded before, during and after."
    )
    snapshots: Annotated[int, Field(ge=2, le=500)] = Field(
        5, description="How often the probe set is embedded, start and end included."
    )
    evaluations: Annotated[int, Field(ge=1, le=500)] = Field(2, description="How often the validation set is scored.")
    checkpoint_minutes: Annotated[float, Field(ge=0, le=10_000)] = Field(
        5.0,
        description="Minutes after which a run keeps a checkpoint, besides those at evaluations; a run that is killed loses no more. 0 keeps those at evaluations alone.",
    )
    log_every: Annotated[int, Field(ge=1)] = Field(5, description="Steps between two lines of events.jsonl.")
    precision: Precision = Field(
        "fp32", description="Arithmetic of the model; the barcode is always at least float32. fp16 needs a GPU."
    )
    lora: str = Field(
        "",
        description="Train low-rank adapters instead of all weights, such as r=8 or r=8,alpha=16,dropout=0.05; empty trains all. The head, and layers that the checkpoint has no weights for, are trained in full.",
    )
    gradient_checkpointing: bool = Field(
        False, description="Compute activations again in the backward pass: less memory, a third more time."
    )
    padding_free: bool = Field(
        True,
        description="Train without computing padding where the model gives the same states; only dropout draws other numbers.",
    )
    device: Device = Field("auto", description="auto takes cuda, then mps, then cpu.")
    report_to: str = Field(
        "none", description="Where transformers' Trainer also reports: none, tensorboard, wandb, ..."
    )
    save_model: bool = Field(True, description="Keep the trained model in model/; sweeps leave it out for space.")
    seed: Annotated[int, Field(ge=0, lt=2**31)] = Field(0, description="Of data order, head, dropout and probe set.")

    @field_validator("weights")
    @classmethod
    def _weights_are_legible(cls, given: str) -> str:
        try:
            return str(Change.parse(given) or "")
        except IsobarError as error:
            raise ValueError(f"a change of weights, and it is none: {str(error).rstrip('.')}") from error

    @field_validator("lora")
    @classmethod
    def _lora_is_legible(cls, given: str) -> str:
        Lora.parse(given)
        return given.strip()

    @model_validator(mode="before")
    @classmethod
    def _regularizers_in_one_form(cls, values: object) -> object:
        return in_one_form(values) if isinstance(values, Mapping) else values

    @classmethod
    def parse(cls, values: Mapping, where: str = "the settings") -> "RunSpec":
        """Return the spec with these `values`; what is not given keeps its default.

        Raises:
            IsobarError: one sentence for the first value that is unknown, of the wrong kind or out of range.
        """
        for key in values:
            if not is_setting(key):
                if key in REGULARIZERS:  # a heading of its own, as under `regularizer`
                    raise IsobarError(
                        f"{where} have no {key!r}; it stands under regularizer, such as 'regularizer: {key}', and one of its "
                        f"settings as '{key}.weight: 0.1'."
                    )
                known = [*cls.model_fields, "regularizer", *migrations.FLAT_NAMES]
                raise IsobarError(f"{where} have no {key!r}.{nearest(str(key), known)}")
        try:
            return cls(**in_one_form(values, where))
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0])
            raise IsobarError(sentence(first, name, cls.choices(name), where)) from error

    def model_copy(self, *, update: Mapping | None = None, deep: bool = False) -> "RunSpec":
        """Return the spec with `update` in place of its own settings; these are checked, which pydantic's own does not do.

        Raises:
            IsobarError: one is unknown, of the wrong kind or out of range.
        """
        return self.parse(overlaid(self.model_dump(), update)) if update else self

    @classmethod
    def choices(cls, field: str) -> tuple[str, ...]:
        """Return the values that `field` is limited to, or none where it isn't."""
        annotation = cls.model_fields[field].annotation
        return tuple(getattr(annotation, "__args__", ())) if getattr(annotation, "__origin__", None) is Literal else ()

    @classmethod
    def from_yaml(cls, path: Path | str) -> "RunSpec":
        """Return the spec in a YAML file; a run directory's spec.yaml is one, of any format up to this version's.

        Raises:
            IsobarError: the file is missing, is no YAML, holds a wrong value, or is of a later version's format.
        """
        values = read_yaml(path, "spec file", "'name: value' lines, as `isobar train --help` names them")
        return cls.of_file(values, f"the settings in {path}")

    @classmethod
    def of_file(cls, values: Mapping, where: str) -> "RunSpec":
        """Return the spec of what a YAML file holds.

        Raises:
            IsobarError: a value is wrong, or the file is a run's, of a later version's format or trained outside.
        """
        if refused := migrations.refusal(values, f"What {where.removeprefix('the settings in ')} holds"):
            raise IsobarError(refused)
        if values.get(OUTSIDE):
            raise IsobarError(
                f"{where[:1].upper()}{where[1:]} are of a run that was trained outside, by somebody's own Trainer; it can't be "
                "run again or resumed here, where its model and data are not known."
            )
        return cls.parse(migrations.settings_now(values) if migrations.is_settings_of_a_run(values) else values, where)

    def to_yaml(self) -> str:
        """Return the settings as YAML, in the order of the form."""
        return yaml.safe_dump(self.model_dump(), sort_keys=False, allow_unicode=True)

    @classmethod
    def defaults(cls) -> dict:
        """Return every setting's default but that of the regularizers, which say what a run is."""
        return {name: field.default for name, field in cls.model_fields.items() if name != "regularizers"}

    @property
    def regularizer(self) -> str:
        """The regularizers as a text, such as ``koleo(weight=0.3)``; ``none`` for a baseline."""
        return str(self.regularizers)

    @property
    def method(self) -> str:
        """A word for each regularizer, joined by ``+``: the selection for persistent entropy, else its name."""
        return method({"regularizers": self.regularizers.dump()})

    def run_name(self, now: datetime | None = None) -> str:
        """Return the run directory's name: when, model, task, method, seed."""
        return run_name(self.model, self.task, self.method, self.seed, now)

    def baseline(self) -> "RunSpec":
        """Return the same run without regularizers."""
        return self.model_copy(update={"regularizers": {}})


def is_setting(key: object) -> bool:
    """Whether `key` names what can be set of a run: a field, ``regularizer``, ``koleo.weight``, or an older flat name."""
    return key in RunSpec.model_fields or is_of_regularizers(key)


def is_of_regularizers(key: object) -> bool:
    """Whether `key` names the regularizers of a run or a setting of one of them."""
    return key in _WHOLE or key in migrations.FLAT_NAMES or _is_dotted(key)


def overlaid(*layers: Mapping) -> dict:
    """Return settings of which later ones win over earlier ones; who names the regularizers, names all that is set of them."""
    found: dict = {}
    for layer in layers:
        if any(key in layer for key in _WHOLE):
            found = {key: value for key, value in found.items() if key not in _WHOLE and not _is_dotted(key)}
        found.update(layer)
    return found


def in_one_form(values: Mapping, where: str = "the settings") -> dict:
    """Return `values` with all that they say of regularizers under ``regularizers``.

    Single settings, as ``koleo.weight``, are put into the regularizers that are named, or into the default. A flat name of
    before is taken as well, and told, also where it has no effect since its regularizer is not among them.

    Raises:
        IsobarError: a regularizer or a setting is unknown, a value wrong, a setting of a regularizer that is not there.
    """
    if all(key not in values for key in _WHOLE):
        whole = RunSpec.model_fields["regularizers"].default
    elif all(key in values for key in _WHOLE):
        raise IsobarError(f"regularizer and regularizers both stand in {where}; one of them would not count.")
    else:
        whole = Regularizers.parse(next(values[key] for key in _WHOLE if key in values), where)
    names = [key for key in values if key in migrations.FLAT_NAMES]
    single = {key: value for key, value in values.items() if _is_dotted(key)}
    for key in single:
        if (name := key.partition(".")[0]) not in whole:
            raise IsobarError(
                f"{key} is set in {where}, but the regularizer is {whole}; name {name} under regularizer."
            )
    used = {name: migrations.dotted(name) for name in names if migrations.dotted(name).partition(".")[0] in whole}
    if used:
        migrations.tell_of_flat_names(tuple(used))
    if unused := tuple(name for name in names if name not in used):
        migrations.tell_of_no_effect(unused)
    single = {**{now: values[name] for name, now in used.items()}, **single}
    found = {key: value for key, value in values.items() if key not in (*_WHOLE, *names, *single)}
    return {**found, "regularizers": Regularizers.parse(_with(whole, single), where) if single else whole}


def _with(whole: Regularizers, single: Mapping) -> dict[str, dict]:
    settings = whole.dump()
    for key, value in single.items():
        name, _, setting = key.partition(".")
        settings[name][setting] = value
    return settings


def _is_dotted(key: object) -> bool:
    name, dot, _ = str(key).partition(".")
    return bool(dot) and name in REGULARIZERS


def run_name(model: str, task: str, method: str, seed: int, now: datetime | None = None) -> str:
    """Return a run directory's name: when, model, task, method, seed."""
    stamp = (now or datetime.now()).strftime("%Y-%m-%dT%H-%M-%S")
    return f"{stamp}_{slug(model)}_{slug(task)}_{method}_s{seed}"


def slug(name: str) -> str:
    """Return `name` as a part of a file name: the last part of a path or Hub id, in safe characters."""
    last = [part for part in name.replace("\\", "/").split("/") if part][-1:] or ["unnamed"]
    return "".join(c if c.isalnum() or c in ".-" else "-" for c in last[0].lower())[:40]


def read_yaml(path: Path | str, what: str, content: str) -> dict:
    """Return the dictionary in a YAML file; `what` and `content` tell a person what it is and should hold.

    Raises:
        IsobarError: the file is missing, is no YAML, or holds something else.
    """
    try:
        values = yaml_text.parsed(Path(path).read_bytes())
    except OSError as error:
        raise IsobarError(f"The {what} {path} can't be read: {error.strerror}.") from error
    except ValueError as error:
        raise IsobarError(f"The {what} {path} can't be read as YAML: {error}.") from error
    if not isinstance(values, dict):
        raise IsobarError(f"The {what} {path} should hold {content}.")
    return values
