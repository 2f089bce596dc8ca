"""Loads a classifier and its tokenizer from a built-in name, a local folder or a Hub id; safetensors weights only."""

import inspect
import re
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer, PreTrainedModel
from transformers import PreTrainedTokenizerBase as Tokenizer
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES
from transformers.utils import logging

from core.errors import IsobarError, nearest
from core.hub import hub_reachable
from core.models.builtin import BUILT_IN
from core.models.states import is_decoder, whole_length

REFUSED = {
    "layoutlmv2": "reads pictures of pages beside their words",
    "tapas": "reads tables, and texts only beside one",
}
"""The types of classifiers that can't read texts alone, and why."""

_LONGEST = 8_192  # tokens of a text, as RunSpec.max_length has it
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
_NOT_REACHED = "ConnectionError|ConnectError|Timeout|Max retries|OfflineModeIsEnabled|LocalEntryNotFound|couldn't connect|cannot send"


@dataclass(frozen=True)
class LoadedModel:
    """A classifier, its tokenizer, and whether its classification head came with the checkpoint.

    `trained_head` is False where the head was made anew (a base model, or another number of labels): its predictions
    mean nothing before training.
    """

    model: PreTrainedModel
    tokenizer: Tokenizer
    trained_head: bool
    source: str


def load_model(name: str, num_labels: int) -> LoadedModel:
    """Load `name` as an ``AutoModelForSequenceClassification`` with `num_labels` outputs, in float32.

    The head is made anew where the checkpoint has none that fits, seeded by torch's generator.

    Raises:
        IsobarError: no such model, no safetensors weights, no tokenizer, or the Hub can't be reached.
    """
    source = _source(name)
    # What was downloaded before still loads without a network.
    options = {"trust_remote_code": False, "local_files_only": isinstance(source, Path) or not hub_reachable()}
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        config = AutoConfig.from_pretrained(source, num_labels=num_labels, **options)
        _check_type(name, config)
        tokenizer = AutoTokenizer.from_pretrained(source, **options)
        _check_tokenizer(name, tokenizer)
        model, info = AutoModelForSequenceClassification.from_pretrained(
            source,
            config=config,
            use_safetensors=True,
            ignore_mismatched_sizes=True,
            dtype="float32",
            output_loading_info=True,
            **options,
        )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        raise IsobarError(_why(name, error)) from error

    _fit(tokenizer, model)
    made_anew = set(info["missing_keys"]) | {m[0] if isinstance(m, tuple) else m for m in info["mismatched_keys"]}
    return LoadedModel(model, tokenizer, trained_head=not made_anew, source=name if name in BUILT_IN else str(source))


def _check_type(name: str, config) -> None:
    kind = config.model_type
    if kind in REFUSED:
        raise IsobarError(f"The model {name!r} ({kind}) {REFUSED[kind]}; choose one that reads texts.")
    if kind not in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES:
        raise IsobarError(
            f"The model {name!r} is of the type {kind}, of which transformers has no classifier of texts."
        )
    if (whole_length(config) or 0) > _LONGEST:
        raise IsobarError(
            f"The model {name!r} ({kind}) takes texts of {whole_length(config):,} tokens and no shorter ones; "
            f"{_LONGEST:,} are the most that are read."
        )
    if kind == "xmod" and config.default_language is None:
        raise IsobarError(
            f"The model {name!r} has an adapter for each language and doesn't say which to take; "
            f"set default_language in its config.json to one of {', '.join(config.languages[:8])}."
        )


def _check_tokenizer(name: str, tokenizer: Tokenizer) -> None:
    """Raise an IsobarError where the tokenizer wants more than texts: LayoutLMv3's wants boxes, MarkupLM's paths."""
    try:
        tokenizer(["a text"], truncation=True, max_length=8)
    except Exception as error:  # each says it in its own way
        said = " ".join(str(error).split())[:160].rstrip(".")
        raise IsobarError(
            f"The tokenizer of the model {name!r} can't read texts alone ({type(error).__name__}: {said})."
        ) from error


def _fit(tokenizer: Tokenizer, model: PreTrainedModel) -> None:
    """Let the tokenizer give what the model takes, and agree on the padding token."""
    names = [name for name in tokenizer.model_input_names if name != "token_type_ids"]
    # Some tokenizers (FNet's, ALBERT's, XLNet's) leave out what their models were trained with, others (those without a
    # class of their own) give segments to models that have none.
    names += ["attention_mask"] * ("attention_mask" not in names)
    tokenizer.model_input_names = [*names, *["token_type_ids"] * takes_segments(model)]
    if model.config.model_type == "xlnet":  # its head reads the last position, whatever stands there
        tokenizer.padding_side = "left"
    if tokenizer.pad_token is None:  # decoders come without one; padding is masked, so any token serves
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    for config in (model.config, model.config.get_text_config()):
        # A decoder's head looks for the last token that is not this one.
        if getattr(config, "pad_token_id", None) is None or is_decoder(model.config):
            config.pad_token_id = tokenizer.pad_token_id


def takes_segments(model: PreTrainedModel) -> bool:
    """Return whether the model tells the first text of a pair from the second by ``token_type_ids``.

    Others that take them have one segment, or (GPT-2, XLM) add the embedding of the token with that number.
    """
    config = model.config.get_text_config()
    several = (getattr(config, "type_vocab_size", None) or 0) > 1 or config.model_type in ("funnel", "xlnet")
    return several and "token_type_ids" in inspect.signature(model.forward).parameters


def _source(name: str) -> Path | str:
    """Return the folder, or the Hub id, that `name` stands for."""
    if name in BUILT_IN:
        return BUILT_IN[name].path()
    folder = Path(name).expanduser()
    if folder.is_dir():
        _check_folder(folder)
        return folder
    looks_like_path = name.startswith((".", "/", "~")) or name.count("/") > 1 or "\\" in name
    if looks_like_path or folder.exists() or not _HUB_ID.fullmatch(name):
        raise IsobarError(
            f"There is no model {name!r}: it is neither built in ({', '.join(BUILT_IN)}), nor a folder, nor a Hub id "
            f"such as google-bert/bert-base-uncased.{nearest(name, BUILT_IN)}"
        )
    return name


def _check_folder(folder: Path) -> None:
    if not (folder / "config.json").exists():
        if (folder / "model" / "config.json").exists():
            raise IsobarError(f"The folder {folder} is a run; its model is {folder / 'model'}.")
        raise IsobarError(f"The folder {folder} holds no model: config.json is missing.")
    if any(folder.glob("*.safetensors")):
        return
    pickled = sorted(p.name for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt") for p in folder.glob(pattern))
    if pickled:
        raise IsobarError(
            f"The folder {folder} has only pickled weights ({pickled[0]}), which can run code when opened; "
            f"`isobar convert {folder} NEW_FOLDER` writes them as safetensors and runs nothing."
        )
    raise IsobarError(f"The folder {folder} has no weights: model.safetensors is missing.")


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
