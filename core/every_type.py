"""Whether every type of text classifier that transformers knows works here: each tried as a tiny random checkpoint.

`isobar doctor --models` writes what is found as a table.
"""

import inspect
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    AutoModelForSequenceClassification,
    CanineTokenizer,
    PerceiverTokenizer,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    Qwen2Tokenizer,
)
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES
from transformers.utils import logging

from core.errors import IsobarError, RunFailedError
from core.modalities import MODALITIES
from core.training.fit import train
from core.training.inspection import inspect_checkpoint
from core.training.spec import RunSpec

TYPES = tuple(MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES)
WORKS, REFUSAL, FAULT = "works", "refused", "fault"
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_WORDS = ("the", "red", "blue", "very", "stone", "river", "cloud", "near", "old", "mill", "behind", "hill")
_VOCABULARY = 64


def _each(value, names: str) -> dict:
    return dict.fromkeys(names.split(), value)


# One size for all, under the names that architectures have for it.
_SIZES = {
    **_each(
        32,
        "hidden_size d_model n_embd dim emb_dim embedding_size d_latents word_embed_proj_dim q_lora_rank kv_lora_rank "
        "shared_expert_intermediate_size moe_intermediate_size entity_emb_size projection_dim out_hidden_size",
    ),
    **_each(
        2,
        "num_hidden_layers n_layer n_layers num_layers encoder_layers decoder_layers num_decoder_layers depth "
        "num_experts_per_tok num_self_attends_per_block full_attention_interval",
    ),
    **_each(
        4,
        "num_attention_heads n_head n_heads num_heads encoder_attention_heads decoder_attention_heads num_latents "
        "num_key_value_heads num_experts num_local_experts n_routed_experts linear_num_key_heads linear_num_value_heads "
        "num_self_attention_heads num_cross_attention_heads patch_size",
    ),
    **_each(
        8,
        "head_dim d_kv qk_rope_head_dim qk_nope_head_dim v_head_dim linear_key_head_dim linear_value_head_dim "
        "mamba_d_head entity_vocab_size image_size",
    ),
    **_each(
        64,
        "intermediate_size ffn_dim d_ff d_inner encoder_ffn_dim decoder_ffn_dim hidden_dim n_inner ffn_hidden_size dff "
        "max_position_embeddings n_positions max_seq_len n_ctx",
    ),
    "vocab_size": _VOCABULARY,
    "pad_token_id": 0,
    **_each(2, "cls_token_id bos_token_id"),
    **_each(3, "sep_token_id eos_token_id decoder_start_token_id"),
    "mask_token_id": 4,
}
# What some need besides: their sizes depend on one another, or their layers are listed.
_BESIDES = {
    "canine": {"num_hash_buckets": 256},
    "axk1": {"n_group": 2, "topk_group": 1},
    "cohere_compass_text": {"rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 10_000.0}}},
    **_each({"layer_types": ["linear_attention", "full_attention"]}, "qwen3_5_text qwen3_next"),
    "funnel": {"block_sizes": [1, 1, 1], "d_head": 8},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "gptj": {"rotary_dim": 4},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1, "expert_layer_period": 2, "expert_layer_offset": 1},
    "layoutlmv3": {"coordinate_size": 4, "shape_size": 8},
    "lilt": {"hidden_size": 48},
    "longformer": {"attention_window": 8},
    "perceiver": {"vocab_size": 262},
    "reformer": {
        "axial_pos_embds_dim": [8, 24], "axial_pos_shape": [8, 8], "attention_head_size": 8, "attn_layers": ["local", "lsh"],
        "num_hashes": 1, "local_attn_chunk_length": 4, "lsh_attn_chunk_length": 4, "feed_forward_size": 32, "is_decoder": False,
    },
    "t5": {"decoder_start_token_id": 0},
    "mt5": {"decoder_start_token_id": 0},
    "umt5": {"decoder_start_token_id": 0},
    "xmod": {"default_language": "en_XX"},
    "zamba": {"num_hidden_layers": 4, "layer_types": ["mamba", "hybrid"] * 2},
    "zamba2": {"layers_block_type": ["mamba", "hybrid"]},
}  # fmt: skip


def tiny_config(kind: str, like: type[PreTrainedConfig] | None = None, **besides) -> PreTrainedConfig:
    """Return the smallest configuration of this type of model; `besides` are settings of its own."""
    of_kind = like or CONFIG_MAPPING[kind]
    taken = set(getattr(of_kind, "__dataclass_fields__", None) or inspect.signature(of_kind.__init__).parameters)
    taken |= set(of_kind.attribute_map)
    sizes = {name: size for name, size in _SIZES.items() if name in taken}
    if of_kind.sub_configs:
        parts = {name: type(getattr(of_kind(), name)) for name in of_kind.sub_configs}
        sizes |= {
            name: tiny_config(part.model_type, part).to_dict()
            for name, part in parts.items()
            if issubclass(part, PreTrainedConfig)
        }
    return of_kind(**{**sizes, **_BESIDES.get(kind, {}), **besides})


def tiny_tokenizer(kind: str) -> PreTrainedTokenizerBase:
    """Return a tokenizer of a dozen words, or the type's own where that needs no vocabulary."""
    own = {"canine": CanineTokenizer, "perceiver": PerceiverTokenizer}.get(kind)
    if own is not None:
        return own(model_max_length=64)
    if kind in ("qwen2", "qwen3_5"):  # transformers reads their folders by this class alone, which knows byte pairs
        letters = (*_SPECIAL, "Ġ", *"abcdefghijklmnopqrstuvwxyz")
        known = {letter: number for number, letter in enumerate(letters)}
        return Qwen2Tokenizer(
            vocab=known, merges=[], unk_token="[UNK]", pad_token="[PAD]", eos_token="[SEP]", model_max_length=64
        )
    known = {word: number for number, word in enumerate((*_SPECIAL, *_WORDS))}
    fast = Tokenizer(models.WordLevel(known, unk_token="[UNK]"))
    fast.pre_tokenizer = pre_tokenizers.Whitespace()
    fast.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]", "model_max_length": 64}
    ends = {"cls_token": "[CLS]", "bos_token": "[CLS]", "sep_token": "[SEP]", "eos_token": "[SEP]"}
    return PreTrainedTokenizerFast(tokenizer_object=fast, **names, **ends)


def tiny_checkpoint(kind: str, folder: Path, **besides) -> Path:
    """Write a random checkpoint of this type with its tokenizer into `folder`, and return that."""
    config = tiny_config(kind, **besides)
    if kind in MODALITIES["text"].refused:  # only its configuration is ever read
        config.save_pretrained(folder)
        (folder / "model.safetensors").touch()
        return folder
    torch.manual_seed(0)
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    tiny_tokenizer(kind).save_pretrained(folder)
    return folder


def tiny_task(folder: Path) -> Path:
    """Write train.csv and validation.csv into `folder`: texts of two classes and of several lengths; return that."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = [["the", *["very"] * (n % 3), colour, *_WORDS[4 : 5 + n]] for n in range(8) for colour in ("red", "blue")]
    lines = ["text,label", *(f"{' '.join(words)},{int('red' in words)}" for words in texts)]
    for split in ("train", "validation"):
        (folder / f"{split}.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder


def try_type(kind: str, folder: Path) -> dict[str, str]:
    """Return what a checkpoint of this type, made in `folder`, is like: its states, the pooling auto chose, the verdict and why.

    It is inspected, and trained for three steps with the regularizer. The verdict is "works" if all numbers are finite
    and the regularizer has a value, "refused" if a sentence says why not, and else "fault", which should not be.
    """
    row = {"type": kind, "states": "", "pooling": "", "verdict": WORKS, "why": ""}
    try:
        model = tiny_checkpoint(kind, folder / "model")
        task = tiny_task(folder / "task")
        spec = RunSpec(
            model=str(model), task=str(task), batch_size=8, max_steps=3, probe_per_class=8, snapshots=2, evaluations=1,
            log_every=1, device="cpu", save_model=False,
        )  # fmt: skip
        found = inspect_checkpoint(spec.model, spec.task, spec=spec)
        row |= {"states": found.record["states"], "pooling": found.record["pooling"]}
        run = train(spec, folder / "run")
        if why := _fault(found.embeddings, run.rows("step")):
            row |= {"verdict": FAULT, "why": why}
    except RunFailedError as error:
        row |= {"verdict": FAULT, "why": str(error)}
    except IsobarError as refusal:
        row |= {"verdict": REFUSAL, "why": str(refusal).replace(str(folder / "model"), "…")}
    except Exception as error:  # what this is for: to find those
        row |= {"verdict": FAULT, "why": f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"}
    return row


def _fault(embeddings: np.ndarray, steps: list[dict]) -> str:
    terms = [row["regularizer"] for row in steps]
    if not np.isfinite(embeddings).all():
        return "embeddings that are not finite"
    if len(terms) != 3 or not all(term is not None and np.isfinite(term) and term for term in terms):
        return f"the regularizer's values are {terms}"
    return ""


def try_types(
    types: Sequence[str] = TYPES, progress: Callable[[str, int, int], None] | None = None
) -> list[dict[str, str]]:
    """Return :func:`try_type` of each of `types`; `progress` is called with (phase, done, in all)."""
    rows = []
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    for number, kind in enumerate(types, start=1):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(try_type(kind, Path(folder)))
        if progress is not None:
            progress("trying", number, len(types))
    return rows


def heading(rows: Sequence[dict[str, str]]) -> str:
    """Return what stands above the table of `rows`."""
    works = sum(row["verdict"] == WORKS for row in rows)
    return (
        "# Which models can be read\n\n"
        f"{works} of {len(rows)} types of text classifiers of transformers {transformers.__version__}, each tried as a tiny random "
        "checkpoint: inspected, and trained for three steps with the regularizer. Pooling is what `auto` chose: what the "
        "architecture's own classifier reads. Made by `isobar doctor --models --out docs/models.md`.\n\n"
    )
