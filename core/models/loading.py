"""Loads a classifier and its tokenizer from a built-in name, a local folder or a Hub id; safetensors weights only."""

import inspect
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import transformers
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import AutoConfig, PreTrainedModel
from transformers.utils import SAFE_WEIGHTS_INDEX_NAME, SAFE_WEIGHTS_NAME, logging

from core.errors import IsobarError, nearest
from core.hub import hub_reachable
from core.modalities import MODALITIES, Collate, Cut, Modality, Rows
from core.models import adapters
from core.models.builtin import BUILT_IN
from core.models.sentence import Sentence, sentence_of, transformer_of
from core.models.weights import Weighed, with_weights

# What transformers raises where a file of a checkpoint holds something else than it should.
_OF_FILES = (
    OSError, ValueError, LookupError, RuntimeError, ImportError, TypeError, AttributeError, ArithmeticError, MemoryError,
    SafetensorError, StrictDataclassError,
)  # fmt: skip
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
_NOT_REACHED = "ConnectionError|ConnectError|Timeout|Max retries|OfflineModeIsEnabled|LocalEntryNotFound|couldn't connect|cannot send"


@dataclass(frozen=True)
class LoadedModel:
    """A classifier, and what makes its input of examples.

    Attributes:
        model: the classifier.
        processor: a tokenizer, an image processor or a feature extractor.
        modality: what it reads.
        source: where it is from.
        made_anew: names of the weights that did not come with the checkpoint, or not in the size that is needed.
        outputs: the checkpoint's own names of the classes that its head tells apart, in order; empty where it tells of none.
        sentence: the embedding that a sentence-transformers checkpoint declares.
        notes: what a person might not expect of how it was read, a sentence each.
    """

    model: PreTrainedModel
    processor: Any
    modality: Modality
    source: str
    made_anew: frozenset[str]
    outputs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    sentence: Sentence | None = None

    @property
    def trained_head(self) -> bool:
        """Whether all weights came with the checkpoint; else predictions mean nothing before training."""
        return not self.made_anew

    @property
    def untrained(self) -> bool:
        """Whether no weight came with the model: it is to be trained from scratch."""
        return {name for name, _ in self.model.named_parameters()} <= self.made_anew

    def encode(self, data, cut: Cut) -> Rows:
        """Return the examples in `data`, a split of a task, as rows that the model takes."""
        return self.modality.encode(data, self.processor, self.model.config, cut)

    def collator(self) -> Collate:
        """Return what makes a batch of such rows."""
        return self.modality.collator(self.processor, self.model.config)


def load_model(name: str, num_labels: int, modality: str = "text") -> LoadedModel:
    """Load `name` as transformers' classifier of examples of this `modality`, with `num_labels` outputs, in float32.

    The head is made anew where the checkpoint has none that fits, and all weights of a built-in model that has none, seeded by
    torch's generator.

    Raises:
        IsobarError: no such model or modality, one that reads other examples, no safetensors weights, no tokenizer or other
            processor, or the Hub can't be reached.
    """
    if modality not in MODALITIES:
        raise IsobarError(
            f"The task's examples are of the modality {modality}, which no model can be given yet; those of "
            f"{', '.join(MODALITIES)} can."
        )
    if (adapter := _adapter_of(name)) is not None:
        return _with_adapter(adapter, num_labels, modality)
    whole, kind = _source(name), MODALITIES[modality]
    source = transformer_of(whole) if isinstance(whole, Path) else whole
    # What was downloaded before still loads without a network.
    options = {"trust_remote_code": False, "local_files_only": isinstance(source, Path) or not hub_reachable()}
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        config = AutoConfig.from_pretrained(source, **options)
        outputs = tuple(str(name) for _, name in sorted((config.id2label or {}).items()))
        config.num_labels = num_labels
        config.problem_type = None if num_labels == 1 else "single_label_classification"  # not that of a former task
        _check_type(name, config, kind)
        config.architectures = _trainable(config)
        processor = kind.load_processor(name, source, config, **options)
        classifier = getattr(transformers, kind.auto)
        if name in BUILT_IN and not BUILT_IN[name].trained:
            model = classifier.from_config(config, dtype="float32").eval()  # as from_pretrained leaves it
            weighed = Weighed(model, frozenset(model.state_dict()))
        else:
            weighed = with_weights(classifier, name, source, config, **options)
    except _OF_FILES as error:
        raise IsobarError(_why(name, error)) from error

    kind.fit(processor, weighed.model)
    sentence = sentence_of(whole, **options) if kind.name == "text" else None
    origin = name if name in BUILT_IN else str(source)
    named = _told(outputs, weighed.made_anew, num_labels)
    return LoadedModel(weighed.model, processor, kind, origin, weighed.made_anew, named, weighed.notes, sentence)


def _told(outputs: tuple[str, ...], made_anew: frozenset[str], num_labels: int) -> tuple[str, ...]:
    """Return the names of the outputs that a config gives, where they are of a head that came with the checkpoint."""
    unnamed = tuple(f"LABEL_{number}" for number in range(max(num_labels, len(outputs))))  # as transformers has them
    if made_anew:
        return outputs if outputs != unnamed[: len(outputs)] else ()
    return outputs if len(outputs) == num_labels else unnamed[:num_labels]


def _adapter_of(name: str) -> Path | None:
    """Return the folder of peft's that `name` stands for: an adapter, and no model."""
    folder = Path(name).expanduser()
    if name in BUILT_IN or not (folder / adapters.CONFIG).is_file() or any(folder.glob("model*.safetensors*")):
        return None
    return folder


def _with_adapter(folder: Path, num_labels: int, modality: str) -> LoadedModel:
    """Return the base of the adapter in `folder` with the adapter merged into its weights, and a head if it brings one."""
    base = adapters.base_of(folder, BUILT_IN)
    loaded = load_model(base, num_labels, modality)
    model, brought = adapters.with_merged(loaded.model, folder)
    processor = loaded.processor
    if loaded.modality.name == "text" and any((folder / name).exists() for name in ("tokenizer.json", "vocab.txt")):
        processor = loaded.modality.load_processor(str(folder), folder, model.config, local_files_only=True)
        loaded.modality.fit(processor, model)
    note = (
        f"The adapter in {folder} was merged into its base, {base}: what is read, or trained on, is the merged model."
    )
    if adapters.is_idle(folder):
        note += " It changes nothing there: its second matrices are zero, as before an adapter is trained."
    return replace(
        loaded,
        model=model,
        processor=processor,
        source=str(folder),
        made_anew=loaded.made_anew - brought,
        notes=(*loaded.notes, note),
        sentence=sentence_of(folder) or loaded.sentence,
    )


def _check_type(name: str, config, wanted: Modality) -> None:
    """Raise an IsobarError where transformers has no classifier of such examples for this type of model, or it can't be used."""
    kind = config.model_type
    if kind in wanted.refused:
        raise IsobarError(f"The model {name!r} ({kind}) {wanted.refused[kind]}; choose one that reads {wanted.many}.")
    if kind not in wanted.types():
        others = [other.many for other in MODALITIES.values() if kind in other.types()]
        reads = (
            f" reads {' or '.join(others)}, and no {wanted.many}"
            if others
            else f" has no classifier of {wanted.many} in transformers"
        )
        usual = ", ".join(wanted.usual)
        built_in = [name for name, model in BUILT_IN.items() if model.modality == wanted.name]
        own = f"{' or '.join(built_in)}, which is built in, and " if built_in else ""
        raise IsobarError(f"The model {name!r} ({kind}){reads}; those that do are {own}of types such as {usual}.")
    wanted.check(name, config)


def _trainable(config) -> list[str]:
    """Return those of the classes that a checkpoint says it is of whose forward pass takes labels.

    DeiT's and LeViT's with a teacher take none, and have two heads; transformers' next choice has one, made anew.
    """
    named = [getattr(transformers, name, None) for name in config.architectures or ()]
    return [of.__name__ for of in named if of is not None and "labels" in inspect.signature(of.forward).parameters]


def _source(name: str) -> Path | str:
    """Return the folder, or the Hub id, that `name` stands for."""
    if name in BUILT_IN:
        return BUILT_IN[name].path()
    folder = Path(name).expanduser()
    if folder.is_dir():
        folder = _model_of_run(folder)
        check_folder(transformer_of(folder))
        return folder
    looks_like_path = name.startswith((".", "/", "~")) or name.count("/") > 1 or "\\" in name
    if looks_like_path or folder.exists() or not _HUB_ID.fullmatch(name):
        raise IsobarError(
            f"There is no model {name!r}: it is neither built in ({', '.join(BUILT_IN)}), nor a folder, nor a Hub id "
            f"such as google-bert/bert-base-uncased.{nearest(name, BUILT_IN)}"
        )
    return name


def _model_of_run(folder: Path) -> Path:
    """Return the model of a run's directory, and any other folder as it is."""
    is_run = not (folder / "config.json").exists() and (folder / "model" / "config.json").exists()
    return folder / "model" if is_run else folder


def check_folder(folder: Path) -> None:
    """Raise an IsobarError where `folder` has no config, or no weights as safetensors: others are not opened."""
    if not (folder / "config.json").exists():
        steps = [path for path in folder.glob("checkpoint-*") if path.name.partition("-")[2].isdigit()]
        if steps:
            last = max(steps, key=lambda path: int(path.name.partition("-")[2]))
            raise IsobarError(
                f"The folder {folder} holds checkpoints of a training and no model; its last one is {last}."
            )
        raise IsobarError(f"The folder {folder} holds no model: config.json is missing.")
    if (folder / SAFE_WEIGHTS_NAME).exists():
        return
    if (folder / SAFE_WEIGHTS_INDEX_NAME).exists():
        return _check_shards(folder)
    if others := sorted(path.name for path in folder.glob("*.safetensors")):
        raise IsobarError(
            f"The folder {folder} has no {SAFE_WEIGHTS_NAME}; if {others[0]} holds its weights, give it that name."
        )
    pickled = sorted(p.name for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt") for p in folder.glob(pattern))
    if pickled:
        raise IsobarError(
            f"The folder {folder} has only pickled weights ({pickled[0]}), which can run code when opened; "
            f"`isobar convert {folder} NEW_FOLDER` writes them as safetensors and runs nothing."
        )
    raise IsobarError(f"The folder {folder} has no weights: model.safetensors is missing.")


def _check_shards(folder: Path) -> None:
    """Raise an IsobarError where the index of weights in several files names others than safetensors, or one that isn't there."""
    index = folder / SAFE_WEIGHTS_INDEX_NAME
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise IsobarError(f"The file {index} lists no weights.") from error
    if pickled := [name for name in names if not str(name).endswith(".safetensors")]:
        raise IsobarError(
            f"The file {index} names {pickled[0]}, which is no safetensors file and could run code when opened; nothing of it is read."
        )
    if missing := [name for name in names if Path(name).name != name or not (folder / name).exists()]:
        raise IsobarError(
            f"The folder {folder} lacks {len(missing)} of its {len(names)} files of weights: {missing[0]}."
        )


def _why(name: str, error: Exception) -> str:
    """Return one sentence for what transformers said of loading `name`."""
    chain, link = [], error
    while link is not None and len(chain) < 8:
        chain.append(f"{type(link).__name__}: {link}")
        link = link.__cause__ or link.__context__
    text = " ".join(chain)
    built_in = f"The built-in models need no network: {', '.join(BUILT_IN)}.{nearest(name, BUILT_IN)}"
    is_folder = Path(name).expanduser().is_dir()
    if not is_folder and re.search(_NOT_REACHED, text, re.IGNORECASE):
        return f"The model {name!r} is not on this machine and the model hub can't be reached. {built_in}"
    if not is_folder and re.search("RepositoryNotFound|not a valid model identifier|404|401|gated", text):
        return f"The model hub has no model {name!r} (or it needs a login). {built_in}"
    if re.search("safetensors", text) and not is_folder:
        return f"The model {name!r} has no safetensors weights; only those are loaded, since pickled ones can run code."
    if "trust_remote_code" in text or "custom code" in text:
        return f"The model {name!r} needs code of its own to be run, which is never done here; choose a model that transformers knows."
    first = " ".join(str(error).split())[:240].rstrip(".")
    return f"The model {name!r} can't be loaded ({type(error).__name__}: {first})."
