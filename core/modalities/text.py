"""Texts, and pairs of texts: tokenized all at once, padded to the longest of a batch."""

from __future__ import annotations

import inspect
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import IsobarError
from core.modalities.base import Collate, Cut, Modality, Rows, numbered

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from datasets import Dataset
    from pyarrow import ChunkedArray
    from transformers import PreTrainedModel
    from transformers import PreTrainedTokenizerBase as Tokenizer

_OF_A_TOKENIZER = re.compile(
    r"(tokenizer|vocab|merges|sentencepiece|spiece|spm|bpe|dict|tekken|entity_vocab|byte_maps).*|.*\.model"
)
_UNKNOWN = 0.9  # of the pieces: emoji and names are unknown to many, and a foreign language or alphabet nearly whole
_LONGEST = 8_192  # tokens of a text, as RunSpec.max_length has it


class Text(Modality):
    """Texts, or pairs of texts."""

    name = "text"
    one, many = "text", "texts"
    columns = ("text", "text_pair")
    auto = "AutoModelForSequenceClassification"
    mapping = "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES"
    usual = ("bert", "roberta", "modernbert", "deberta-v2", "gpt2", "llama")
    refused = {  # noqa: RUF012  (nobody changes it)
        "layoutlmv2": "reads pictures of pages beside their words",
        "tapas": "reads tables, and texts only beside one",
    }

    def check(self, name: str, config) -> None:
        """Raise an IsobarError where texts of usual length can't be given, or the model doesn't say its language."""
        kind = config.model_type
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

    def load_processor(self, name: str, source, config, **options) -> Tokenizer:
        """Return the tokenizer.

        Raises:
            IsobarError: there is none, which transformers makes up for with one of no words; or it wants more than texts:
                LayoutLMv3's wants boxes, MarkupLM's paths.
        """
        from transformers import AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(source, **options)
        except Exception as error:  # each says it in its own way
            if isinstance(source, Path) and not any(_OF_A_TOKENIZER.fullmatch(file.name) for file in source.iterdir()):
                raise IsobarError(_no_tokenizer(name)) from error
            if isinstance(error, OSError | ValueError | KeyError | RuntimeError | ImportError):
                raise
            raise IsobarError(_unread(name, error)) from error
        if tokenizer.vocab_files_names and len(_words(tokenizer)) < 2:
            raise IsobarError(_no_tokenizer(name, *tokenizer.vocab_files_names.values()))
        try:
            tokenizer(["a text"], truncation=True, max_length=8)
        except Exception as error:
            raise IsobarError(_unread(name, error)) from error
        return tokenizer

    def fit(self, processor: Tokenizer, model: PreTrainedModel) -> None:
        """Let the tokenizer give what the model takes and no more, and agree on the padding token."""
        names = [name for name in processor.model_input_names if name != "token_type_ids"]
        # Some tokenizers (FNet's, ALBERT's, XLNet's) leave out what their models were trained with, others (those
        # without a class of their own) give segments to models that have none.
        names += ["attention_mask"] * ("attention_mask" not in names)
        processor.model_input_names = [*names, *["token_type_ids"] * takes_segments(model)]
        if model.config.model_type == "xlnet":  # its head reads the last position, whatever stands there
            processor.padding_side = "left"
        if (positions := most_positions(model)) is not None:
            processor.model_max_length = min(processor.model_max_length, positions)
        if processor.pad_token is None:  # decoders come without one
            processor.pad_token = _padding(processor, model.config.get_text_config())
        for config in (model.config, model.config.get_text_config()):
            # A decoder's head looks for the last token that is not this one.
            if getattr(config, "pad_token_id", None) is None or is_decoder(model.config):
                config.pad_token_id = processor.pad_token_id

    def encode(self, data: Dataset, processor: Tokenizer, config, cut: Cut) -> Rows:
        """Return `data` (columns text, maybe text_pair, label) as token ids with ``labels``, cut to so many pieces."""
        import datasets
        import numpy as np
        import pyarrow.compute as pc
        from datasets.fingerprint import generate_random_fingerprint

        datasets.disable_progress_bars()  # a run tells its progress itself
        limit = min(cut.tokens, processor.model_max_length)

        def pieces(batch):
            pair = batch.get("text_pair")
            return {**processor(batch["text"], pair, truncation=True, max_length=limit), "labels": batch["label"]}

        rows = data.map(
            pieces,
            batched=True,
            remove_columns=data.column_names,
            keep_in_memory=True,
            load_from_cache_file=False,
            new_fingerprint=generate_random_fingerprint(),  # nothing is cached; a name for it would pickle the tokenizer
        )
        ids = rows.data.column("input_ids")
        pieces = _known_pieces(ids, processor, config)
        costs = np.array(pc.list_value_length(ids), dtype=np.int64)
        share = np.ones(len(costs))
        at_limit = np.flatnonzero(costs >= limit)  # those that were cut are among them
        for start in range(0, len(at_limit), 1_000):
            some = at_limit[start : start + 1_000]
            whole = processor(*(data.select(some)[name][:] for name in self.told(data)), verbose=False)["input_ids"]
            share[some] = np.minimum(1, costs[some] / [len(ids) for ids in whole])
        cut_to = f"{limit} word pieces ({'max_length' if limit == cut.tokens else 'the most that the model takes'})"
        return Rows(rows, costs, numbered(_inputs(rows)), share, cut_to, pieces)

    def collator(self, processor: Tokenizer, config) -> Collate:
        """Return what pads rows to the longest of a batch."""
        from transformers import DataCollatorWithPadding

        return DataCollatorWithPadding(processor, pad_to_multiple_of=whole_length(config))

    def told(self, data: Dataset) -> dict[str, list]:
        """Return the texts themselves."""
        return {name: data[name][:] for name in self.columns if name in data.column_names}


def _inputs(rows: Dataset) -> Iterator[tuple[bytes, ...]]:
    """Yield what the model takes of each row, as bytes."""
    names = [name for name in rows.column_names if name != "labels"]
    return zip(*([ids.tobytes() for ids in rows.data.column(name).to_numpy()] for name in names), strict=True)


def _padding(tokenizer: Tokenizer, config) -> str | None:
    """Return the token to pad with where the tokenizer has none: the one that the model's head takes for it, or the end token.

    Padding is masked, so that any would serve but one that the tokenizer itself ends texts with: the head, which looks for the last
    token that is no padding, would pass over it.
    """
    taken = getattr(config, "pad_token_id", None)
    if taken is not None and 0 <= taken < len(tokenizer):
        return tokenizer.convert_ids_to_tokens(taken)
    usual = [token for token in (tokenizer.eos_token, tokenizer.unk_token) if token is not None]
    put = tokenizer.convert_ids_to_tokens(tokenizer("")["input_ids"])
    free = [token for token in (*usual, *tokenizer.all_special_tokens) if token not in put]
    return next(iter((*free, *usual)), None)


def _words(tokenizer: Tokenizer) -> set[str]:
    """Return what the tokenizer knows besides special tokens."""
    return set(tokenizer.get_vocab()) - set(tokenizer.all_special_tokens) - set(tokenizer.get_added_vocab())


def _no_tokenizer(name: str, *files: str) -> str:
    wanted = " or ".join(dict.fromkeys(("tokenizer.json", *files)))
    return f"The model {name!r} has no tokenizer: {wanted} is missing, so that no word would be known; copy it from where the model is from."


def _unread(name: str, error: Exception) -> str:
    said = " ".join(str(error).split())[:160].rstrip(".")
    return f"The tokenizer of the model {name!r} can't read texts alone ({type(error).__name__}: {said})."


def _known_pieces(ids: ChunkedArray, tokenizer: Tokenizer, config) -> np.ndarray:
    """Return (n, 2) how many pieces of each text are unknown to the tokenizer, and how many there are besides special tokens.

    Raises:
        IsobarError: nearly all that the texts consist of is unknown to it, or left out by it.
    """
    import numpy as np
    import pyarrow.compute as pc

    flat = pc.list_flatten(ids).to_numpy().astype(np.int64)
    text = np.repeat(np.arange(len(ids)), pc.list_value_length(ids).to_numpy())
    is_unknown = flat == tokenizer.unk_token_id if tokenizer.unk_token_id is not None else np.zeros(len(flat), bool)
    is_piece = is_unknown | ~np.isin(flat, tokenizer.all_special_ids)
    found = np.stack([np.bincount(text[which], minlength=len(ids)) for which in (is_unknown, is_piece)], axis=1)
    unknown, made = found.sum(0).tolist()
    if unknown > _UNKNOWN * made or (len(ids) and not made):
        share = f"{unknown:,} of their {made:,} pieces are" if unknown else "all that they hold is"
        raise IsobarError(
            f"The tokenizer of the model ({config.model_type}) does not know these texts: {share} unknown to it. "
            "Is it the model's own, and the model one of this language?"
        )
    ends = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.cls_token_id, tokenizer.sep_token_id)
    if tokenizer.unk_token_id in ends:  # GPT-2's stands for both: which it is can't be told
        found[:, 0] = 0
    return found


def is_decoder(config) -> bool:
    """Return whether each token has seen none of those behind it, so that the first knows nothing of the text."""
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    )

    kind = config.model_type
    # XLNet generates too, but by permutations: when it classifies, each token sees all.
    return kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and kind not in (*MODEL_FOR_MASKED_LM_MAPPING_NAMES, "xlnet")


def most_positions(model: PreTrainedModel) -> int | None:
    """Return how many tokens of a text the model takes at most, or None where it has no limit.

    RoBERTa and its kin number tokens from behind the padding token's number on, so that of 514 positions 512 are left.
    """
    config = model.config.get_text_config()
    numbers = (getattr(config, name, None) for name in ("max_position_embeddings", "max_seq_len"))
    most = next((number for number in numbers if number), 0)
    if most < 1:  # XLNet says -1: it has no limit
        return None
    before = (
        module.padding_idx + 1
        for name, module in model.named_modules()
        if name.endswith("embeddings.position_embeddings") and getattr(module, "padding_idx", None) is not None
    )
    return most - next(before, 0)


def takes_segments(model: PreTrainedModel) -> bool:
    """Return whether the model tells the first text of a pair from the second by ``token_type_ids``.

    Others that take them have one segment, or (GPT-2, XLM) add the embedding of the token with that number.
    """
    config = model.config.get_text_config()
    several = (getattr(config, "type_vocab_size", None) or 0) > 1 or config.model_type in ("funnel", "xlnet")
    return several and "token_type_ids" in inspect.signature(model.forward).parameters


def whole_length(config) -> int | None:
    """Return the number whose multiples a batch's length must be, or None where any length will do.

    CANINE makes molecules of so many characters; Funnel halves the length by each block, and fails where nothing is left; Reformer attends by chunks, and while it trains, the axes of its
    positions must be filled.
    """
    if config.model_type == "canine":
        return config.downsampling_rate
    if config.model_type == "funnel":
        return 2 ** len(config.block_sizes)
    if config.model_type == "reformer":
        axes = math.prod(config.axial_pos_shape) if config.axial_pos_embds else 1
        return math.lcm(axes, *(getattr(config, f"{kind}_attn_chunk_length") or 1 for kind in set(config.attn_layers)))
    return None
