"""What a run is: one pydantic model that is form, YAML file, command-line flags and record."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from core.errors import IsobarError, nearest
from core.regularizers.settings import SETTINGS
from core.runs.settings import method

REGULARIZERS = tuple(SETTINGS)
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


class _Subject(BaseModel):
    """What is trained, on what, with which regularizers."""

    model: str = Field("minilm", description="Built-in name, local folder or Hub id.")
    task: str = Field("grammar", description="Built-in name, local folder or file, or Hub id such as glue/cola.")
    regularizer: str = Field(
        "persistent-entropy",
        description="The term added to the task loss, or several joined by '+'; 'none' is the baseline.",
    )


class RunSpec(*reversed(SETTINGS.values()), _Subject):  # pydantic takes the fields of the last base first
    """Everything that decides the outcome of a run.

    Each field says its reason; the runs behind the numbers are recorded in assets/sweeps. The regularizers' own fields
    come from :data:`core.regularizers.settings.SETTINGS`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pooling: Pooling = Field(
        "auto",
        description="How a text's token states become its embedding; auto is what the model's own classifier reads (BERT's cls, a decoder's last), head the input of its last linear layer.",
    )
    layer: int = Field(-1, description="Whose hidden states; -1 is the last layer, 0 the input embeddings.")

    learning_rate: Annotated[float, Field(gt=0, le=0.1)] = Field(
        2e-4, description="Peak rate of AdamW, higher than for larger encoders: short runs of a small one need it."
    )
    batch_size: Annotated[int, Field(ge=2, le=4096)] = Field(
        32, description="Texts a step; a class needs a handful in the batch to have a barcode."
    )
    epochs: Annotated[float, Field(gt=0, le=1000)] = Field(
        1.5,
        description="Passes over the training data; the built-in tasks are learnt by then, in under two minutes on two cores.",
    )
    max_steps: Annotated[int, Field(ge=0)] = Field(0, description="Stop after so many steps; 0 goes by epochs.")
    max_length: Annotated[int, Field(ge=4, le=8192)] = Field(
        128, description="Word pieces a text is cut to; batches are padded to their own longest."
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

    text_column: str | None = Field(None, description="Column of the text; guessed if not given.")
    text_pair_column: str | None = Field(None, description="Column of the second text; guessed if not given.")
    label_column: str | None = Field(
        None,
        description="Column of the label; guessed if not given. 'none' inspects the texts of a file as one cloud.",
    )

    probe_per_class: Annotated[int, Field(ge=4, le=10_000)] = Field(
        200, description="Validation texts a class that are embedded before, during and after."
    )
    snapshots: Annotated[int, Field(ge=2, le=500)] = Field(
        5, description="How often the probe set is embedded, start and end included."
    )
    evaluations: Annotated[int, Field(ge=1, le=500)] = Field(2, description="How often the validation set is scored.")
    log_every: Annotated[int, Field(ge=1)] = Field(5, description="Steps between two lines of events.jsonl.")
    precision: Precision = Field("fp32", description="Arithmetic of the model; the barcode is always at least float32.")
    lora: str = Field(
        "",
        description="Train low-rank adapters instead of all weights, such as r=8 or r=8,alpha=16,dropout=0.05; empty trains all.",
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

    @field_validator("lora")
    @classmethod
    def _lora_is_legible(cls, given: str) -> str:
        Lora.parse(given)
        return given

    @field_validator("regularizer")
    @classmethod
    def _names_in_order(cls, value: str) -> str:
        names = value.split("+")
        if value != "none" and not (set(names) <= set(REGULARIZERS) and len(set(names)) == len(names)):
            raise ValueError(f"'none' or one or more of {', '.join(REGULARIZERS)}, each once, joined by '+'")
        return "none" if value == "none" else "+".join(name for name in REGULARIZERS if name in names)

    @classmethod
    def parse(cls, values: Mapping, where: str = "the settings") -> "RunSpec":
        """Return the spec with these `values`; what is not given keeps its default.

        Raises:
            IsobarError: one sentence for the first value that is unknown, of the wrong kind or out of range.
        """
        known = set(cls.model_fields)
        for key in values:
            if key not in known:
                raise IsobarError(f"{where} have no {key!r}.{nearest(str(key), known)}")
        try:
            return cls(**values)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0])
            message = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
            choices = cls.choices(name)
            unknown = [part for part in str(first["input"]).split("+") if part not in choices]
            hint = nearest(unknown[0], choices) if choices and unknown else ""
            raise IsobarError(f"{name} is {first['input']!r}, but should be {message} (in {where}).{hint}") from error

    @classmethod
    def choices(cls, field: str) -> tuple[str, ...]:
        """Return the values that `field` is limited to, or none where it isn't; of the regularizer, the names it is made of."""
        if field == "regularizer":
            return (*REGULARIZERS, "none")
        annotation = cls.model_fields[field].annotation
        return tuple(getattr(annotation, "__args__", ())) if getattr(annotation, "__origin__", None) is Literal else ()

    @classmethod
    def from_yaml(cls, path: Path | str) -> "RunSpec":
        """Return the spec in a YAML file; a run directory's spec.yaml is one (its ``record`` is left aside).

        Raises:
            IsobarError: the file is missing, is no YAML, or holds a wrong value.
        """
        values = read_yaml(path, "spec file", "'name: value' lines, as `isobar train --help` names them")
        return cls.parse({k: v for k, v in values.items() if k != "record"}, where=f"the settings in {path}")

    def to_yaml(self) -> str:
        """Return the settings as YAML, in the order of the form."""
        return yaml.safe_dump(self.model_dump(), sort_keys=False, allow_unicode=True)

    @classmethod
    def defaults(cls) -> dict:
        """Return every setting's default."""
        return {name: field.default for name, field in cls.model_fields.items()}

    @property
    def regularizers(self) -> tuple[str, ...]:
        """The names of the regularizers, in the order of REGULARIZERS; empty for a baseline."""
        return () if self.regularizer == "none" else tuple(self.regularizer.split("+"))

    @property
    def method(self) -> str:
        """A word for each regularizer, joined by ``+``: the selection for persistent entropy, else its name."""
        return method(self.model_dump(include={"regularizer", "selection"}))

    def run_name(self, now: datetime | None = None) -> str:
        """Return the run directory's name: when, model, task, method, seed."""
        stamp = (now or datetime.now()).strftime("%Y-%m-%dT%H-%M-%S")
        return f"{stamp}_{slug(self.model)}_{slug(self.task)}_{self.method}_s{self.seed}"

    def free_dir(self, runs_dir: Path | str) -> Path:
        """Return a run directory in `runs_dir` named after this spec that does not exist yet."""
        path, count = Path(runs_dir) / self.run_name(), 2
        while path.exists():
            path, count = path.with_name(f"{self.run_name()}-{count}"), count + 1
        return path

    def baseline(self) -> "RunSpec":
        """Return the same run without the regularizer."""
        return self.model_copy(update={"regularizer": "none"})


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
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise IsobarError(f"The {what} {path} can't be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise IsobarError(f"The {what} {path} is no YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(values, dict):
        raise IsobarError(f"The {what} {path} should hold {content}.")
    return values
