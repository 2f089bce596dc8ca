"""Turns a checkpoint with pickled weights into one with safetensors; nothing in the files is ever run."""

import json
import pickle
import re
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import save_torch_state_dict
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast
from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

from core import files
from core.errors import IsobarError, nearest

_PICKLED = (".bin", ".pt", ".pth", ".ckpt")
_INDEX = "pytorch_model.bin.index.json"
_OF_A_TRAINER = re.compile(r"(training_args|optimizer|scheduler|scaler|rng_state.*)\.\w+")
_CARRIED = re.compile(
    r"(tokenizer|vocab|merges|special_tokens|added_tokens|sentencepiece|spiece|spm|preprocessor|processor).*"
    r"\.(json|txt|model|bpe)|.*\.(spm|model)"
)
_SPECIAL = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}


@dataclass(frozen=True)
class Converted:
    """What was written: the folder, how many tensors, what was left behind and why (a sentence each)."""

    path: Path
    tensors: int
    notes: tuple[str, ...]


def convert_checkpoint(
    folder: Path | str,
    out: Path | str,
    *,
    weights: str | None = None,
    model_type: str | None = None,
    pieces: str | None = None,
) -> Converted:
    """Write the checkpoint in `folder` as safetensors into the new folder `out`, with its configuration and tokenizer.

    `out` is there once it is whole. Weights are read by ``torch.load(weights_only=True)``, which builds tensors and runs no code; a file that holds
    anything else is refused.

    Args:
        folder: has config.json and pickled weights, such as pytorch_model.bin, in one file or several.
        out: a folder that is not there yet, or is empty.
        weights: the file in `folder` that holds the weights, where there are several.
        model_type: what config.json should say; needed where it does not, as in folders from before 2020.
        pieces: a regular expression whose matches are the tokens, for vocabularies of something else than words: ``.``
            for amino acids. vocab.txt then becomes a tokenizer that looks up each match as it is.

    Raises:
        IsobarError: something is missing, in doubt, or no weights, or `out` can't be written; nothing has been written then.
    """
    folder, out = Path(folder).expanduser(), Path(out).expanduser()
    config = _config(folder, model_type)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise IsobarError(f"The folder {out} exists already; name a new one.")
    tokenizer = None if pieces is None else _tokenizer(folder, pieces)
    tensors, notes = _tensors(_weight_files(folder, weights))

    carried = {} if tokenizer is not None else _carried(folder)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise IsobarError(f"The folder {out} can't be made: {error.strerror}.") from error
    size = sum(tensor.nbytes for tensor in tensors.values())
    with files.whole_output(out, size) as new:
        new.mkdir()
        # Of tied weights one would be written, by the name that sorts first: lm_head's, where the encoder is looked for.
        save_torch_state_dict({name: tensor.clone() for name, tensor in tensors.items()}, new)
        # As transformers writes it: Mamba's bounds are Infinity, which is no JSON, and null would be another bound.
        (new / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        if tokenizer is not None:
            tokenizer.save_pretrained(new)
        for name, content in carried.items():
            (new / name).write_bytes(content)
    if tokenizer is None and not carried:
        notes.append(f"No tokenizer lies in {folder}; the new folder needs one before it can read texts.")
    return Converted(out, len(tensors), tuple(notes))


def _carried(folder: Path) -> dict[str, bytes]:
    """Return the files of the tokenizer or processor in `folder`, by name."""
    try:
        names = [file for file in sorted(folder.iterdir()) if file.is_file() and _CARRIED.fullmatch(file.name)]
        return {file.name: file.read_bytes() for file in names}
    except OSError as error:
        raise IsobarError(f"The folder {folder} can't be read: {error.strerror} ({error.filename}).") from error


def _config(folder: Path, model_type: str | None) -> dict:
    if not folder.is_dir():
        raise IsobarError(f"There is no folder {folder}.")
    file = folder / "config.json"
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise IsobarError(f"The folder {folder} holds no model: config.json is missing.") from error
    except (OSError, ValueError) as error:
        raise IsobarError(f"The file {file} can't be read as JSON ({' '.join(str(error).split())}).") from error
    if not isinstance(config, dict):
        raise IsobarError(f"The file {file} should hold a JSON object.")
    known = config.get("model_type")
    if known and model_type and known != model_type:
        raise IsobarError(f"The file {file} says that its model is of the type {known}, not {model_type}.")
    if not (known or model_type):
        raise IsobarError(
            f"The file {file} does not say its model's type; say it with --type, for instance --type bert."
        )
    if model_type and model_type not in CONFIG_MAPPING_NAMES:
        raise IsobarError(
            f"There is no model type {model_type!r} in transformers.{nearest(model_type, CONFIG_MAPPING_NAMES)}"
        )
    return {**config, "model_type": known or model_type}


def _weight_files(folder: Path, weights: str | None) -> list[Path]:
    if weights is not None:
        if Path(weights).name != weights or not (folder / weights).is_file():
            raise IsobarError(f"The folder {folder} has no file {weights}.")
        return [folder / weights]
    if (folder / _INDEX).exists():
        try:
            names = sorted(set(json.loads((folder / _INDEX).read_text(encoding="utf-8"))["weight_map"].values()))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise IsobarError(f"The file {folder / _INDEX} lists no weights.") from error
        missing = [name for name in names if Path(name).name != name or not (folder / name).is_file()]
        if missing:
            raise IsobarError(
                f"The folder {folder} lacks {len(missing)} of {len(names)} files of weights: {missing[0]}."
            )
        return [folder / name for name in names]
    found = sorted(
        file for file in folder.iterdir() if file.suffix in _PICKLED and not _OF_A_TRAINER.fullmatch(file.name)
    )
    named = [file for file in found if file.name == "pytorch_model.bin"] or found
    if len(named) > 1:
        names = ", ".join(file.name for file in named[:5])
        raise IsobarError(f"The folder {folder} has several files of weights ({names}); name one with --weights.")
    if not named:
        if any(folder.glob("*.safetensors")):
            raise IsobarError(f"The folder {folder} has safetensors weights already; there is nothing to convert.")
        raise IsobarError(f"The folder {folder} has no pickled weights ({', '.join('*' + end for end in _PICKLED)}).")
    return named


def _tensors(paths: list[Path]) -> tuple[dict, list[str]]:
    """Return the tensors of all files by name, and a note on what else they held."""
    import torch

    tensors, others = {}, []
    for file in paths:
        try:
            held = torch.load(file, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            raise IsobarError(
                f"The file {file} holds more than tensors, and reading it could run code; it is refused."
            ) from error
        except (OSError, RuntimeError, EOFError, ValueError, KeyError) as error:
            said = " ".join(str(error).split())[:160].rstrip(".")
            raise IsobarError(f"The file {file} can't be read as weights ({type(error).__name__}: {said}).") from error
        for inside in ("state_dict", "model_state_dict", "model"):  # Lightning's, and what people write by hand
            if isinstance(held, dict) and isinstance(held.get(inside), dict):
                held = held[inside]
        if not isinstance(held, dict):
            raise IsobarError(f"The file {file} holds a {type(held).__name__}, not tensors by name.")
        tensors |= {str(name): value for name, value in held.items() if isinstance(value, torch.Tensor)}
        others += [str(name) for name, value in held.items() if not isinstance(value, torch.Tensor)]
    if not tensors:
        raise IsobarError(f"The file {paths[0]} holds no tensors.")
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    notes = [f"What is no tensor was left behind: {', '.join(others[:3])}{more}."] if others else []
    return tensors, notes


def _tokenizer(folder: Path, pieces: str) -> PreTrainedTokenizerFast:
    """Return a tokenizer whose tokens are the matches of `pieces`, numbered by the line in vocab.txt."""
    file = folder / "vocab.txt"
    if not file.is_file():
        raise IsobarError(f"The folder {folder} has no vocab.txt, which --pieces looks the matches up in.")
    words = file.read_text(encoding="utf-8").splitlines()
    vocabulary = {word: number for number, word in enumerate(words)}
    missing = [word for word in _SPECIAL.values() if word not in vocabulary]
    if missing:
        raise IsobarError(f"The file {file} lacks {', '.join(missing)}, which BERT's inputs are made with.")
    try:
        split = pre_tokenizers.Split(Regex(pieces), behavior="removed", invert=True)
    except Exception as error:  # the library's own kind is Exception
        raise IsobarError(f"--pieces {pieces!r} is no regular expression ({error}).") from error
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=_SPECIAL["unk_token"]))
    tokenizer.normalizer = normalizers.Strip()
    tokenizer.pre_tokenizer = split
    first, last = ((word, vocabulary[word]) for word in (_SPECIAL["cls_token"], _SPECIAL["sep_token"]))
    tokenizer.post_processor = processors.BertProcessing(last, first)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **_SPECIAL)
