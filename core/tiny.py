"""Tiny things of every kind, to try what is true of the large ones: random checkpoints of a type, and tasks to train them on."""

import inspect
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import transformers
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedConfig, PreTrainedTokenizerBase, PreTrainedTokenizerFast
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING_NAMES

from core.modalities import MODALITIES
from core.modalities.media import image_cell, sound_cell

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_WORDS = ("the", "red", "blue", "very", "stone", "river", "cloud", "near", "old", "mill", "behind", "hill")
_VOCABULARY = 64
_SIDE = 32  # pixels of an image: the convolutional ones halve it five times
_RATE = 8_000  # Hz of a sound
_BANDS = 16  # of a spectrogram


def _each(value, names: str) -> dict:
    return dict.fromkeys(names.split(), value)


# One size for all, under the names that architectures have for it.
_TEXT_SIZES = {
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
_SIGNAL_SIZES = {
    **_each(32, "hidden_size d_latents d_model n_embd projection_dim vocab_size decoder_hidden_size"),
    **_each(2, "num_hidden_layers n_layer num_self_attends_per_block encoder_layers decoder_layers"),
    **_each(
        4,
        "num_attention_heads n_head num_latents num_self_attention_heads num_cross_attention_heads "
        "encoder_attention_heads decoder_attention_heads window_size num_conv_pos_embedding_groups",
    ),
    **_each(64, "intermediate_size n_inner encoder_ffn_dim decoder_ffn_dim classifier_proj_size"),
    "image_size": _SIDE,
    "num_mel_bins": _BANDS,
    "num_conv_pos_embeddings": 16,
    "conv_dim": [32] * 7,
    "tdnn_dim": [32] * 5,
    "xvector_output_dim": 32,
    "decoder_start_token_id": 1,
}
_SIZES = {"text": _TEXT_SIZES, "image": _SIGNAL_SIZES, "audio": _SIGNAL_SIZES}
# Those that halve an image from stage to stage list each stage's size.
_STAGES = {"hidden_sizes": [8, 16, 16, 32], "depths": [1, 1, 1, 1]}
_WINDOWS = {"embed_dim": 8, "depths": [1, 1], "num_heads": [1, 2], "patch_size": 4}
# What some need besides: their sizes depend on one another, or their layers are listed.
_BESIDES = {
    "text": {
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
        **_each({"decoder_start_token_id": 0}, "t5 mt5 umt5"),
        "xmod": {"default_language": "en_XX"},
        "zamba": {"num_hidden_layers": 4, "layer_types": ["mamba", "hybrid"] * 2},
        "zamba2": {"layers_block_type": ["mamba", "hybrid"]},
    },
    "image": {
        **_each({"patch_size": 8}, "beit data2vec-vision deit dinov2 dinov2_with_registers ijepa vit vit_msn"),
        **_each({"patch_size": 8}, "clip_vision_model metaclip_2_vision_model siglip_vision_model"),
        "poolformer": _STAGES,
        **_each({**_STAGES, "num_stages": 4}, "convnext convnextv2"),
        "resnet": {**_STAGES, "embedding_size": 8},
        **_each({**_STAGES, "num_attention_heads": [1, 2, 2, 4], "num_encoder_blocks": 4}, "pvt pvt_v2 segformer"),
        **_each(_WINDOWS, "swin swinv2 donut-swin"),
        "bit": {**_STAGES, "embedding_size": 8, "num_groups": 4},
        "cvt": {"embed_dim": [8, 8, 16], "num_heads": [1, 1, 2], "depth": [1, 2, 3]},
        "dinat": {"embed_dim": 8, "depths": [1, 1], "num_heads": [1, 2], "dilations": [[1], [1]], "kernel_size": 3},
        "efficientnet": {"width_coefficient": 0.25, "depth_coefficient": 0.25, "hidden_dim": 320},
        "focalnet": {
            "embed_dim": 8, "depths": [1, 1], "focal_levels": [1, 1], "focal_windows": [3, 3], "hidden_sizes": [8, 16],
        },
        "hgnet_v2": {
            **_STAGES, "embedding_size": 8, "stem_channels": [3, 8, 8], "stage_in_channels": [8, 16, 16, 32],
            "stage_mid_channels": [8] * 4, "stage_out_channels": [16, 16, 32, 32], "stage_num_blocks": [1] * 4,
            "stage_numb_of_layers": [1] * 4,
        },
        "hiera": {
            "embed_dim": 8, "depths": [1, 1], "num_heads": [1, 2], "image_size": [_SIDE] * 2, "num_query_pool": 1,
            "masked_unit_size": [2, 2], "masked_unit_attention": [True, False],
        },
        "imagegpt": {"vocab_size": 17, "n_positions": 64},
        "levit": {"hidden_sizes": [16, 32, 32], "num_attention_heads": [2, 2, 2], "depths": [1, 1, 1], "key_dim": [4, 4, 4]},
        **_each({"depth_multiplier": 0.25}, "mobilenet_v1 mobilenet_v2"),
        "mobilevit": {"hidden_sizes": [16, 16, 16], "neck_hidden_sizes": [4, 8, 8, 16, 16, 16, 32]},
        "mobilevitv2": {"base_attn_unit_dims": [16, 16, 16], "n_attn_blocks": [1, 1, 1], "width_multiplier": 0.25},
        "regnet": {**_STAGES, "embedding_size": 8, "groups_width": 8},
        "siglip2_vision_model": {"patch_size": 4, "num_patches": 64},
        "swiftformer": {"depths": [1] * 4, "embed_dims": [8, 16, 16, 32]},
        "textnet": {"hidden_sizes": [8, 8, 16, 16, 32], "stem_out_channels": 8},
    },
    "audio": {
        "audio-spectrogram-transformer": {"max_length": 64, "patch_size": 8, "frequency_stride": 8, "time_stride": 8},
        **_each({"conv_dim": [16] * 13}, "sew sew-d"),
        "wav2vec2-bert": {"feature_projection_input_dim": 2 * _BANDS},
        "whisper": {"max_source_positions": 50},
    },
}  # fmt: skip


def tiny_config(kind: str, modality: str = "text", like: type[PreTrainedConfig] | None = None, **besides):
    """Return the smallest configuration of a classifier of this type; `besides` are settings of its own."""
    of_kind = like or CONFIG_MAPPING[kind]
    own = {**_BESIDES[modality].get(kind, {}), **besides}
    taken = set(getattr(of_kind, "__dataclass_fields__", None) or inspect.signature(of_kind.__init__).parameters)
    taken |= {alias for alias, name in of_kind.attribute_map.items() if name not in own}
    sizes = {name: size for name, size in _SIZES[modality].items() if name in taken}
    if of_kind.sub_configs:
        parts = {name: type(getattr(of_kind(), name)) for name in of_kind.sub_configs}
        sizes |= {
            name: tiny_config(part.model_type, modality, part).to_dict()
            for name, part in parts.items()
            if issubclass(part, PreTrainedConfig)
        }
    return of_kind(**{**sizes, **own})


def tiny_checkpoint(kind: str, folder: Path, modality: str = "text", **besides) -> Path:
    """Write a random checkpoint of this type, with what turns examples into its input, into `folder`; return that.

    Of a type that can't be made here, since it needs a package that is not installed, it is the configuration and an
    empty file of weights: enough to be refused.
    """
    config = tiny_config(kind, modality, **besides)
    config.architectures = []
    auto = getattr(transformers, MODALITIES[modality].auto)
    torch.manual_seed(0)
    try:
        if kind in MODALITIES[modality].refused:
            raise ImportError
        auto.from_config(config).save_pretrained(folder)
        _PROCESSORS[modality](kind).save_pretrained(folder)
    except ImportError:
        config.save_pretrained(folder)
        (folder / "model.safetensors").touch()
    return folder


def tiny_tokenizer(kind: str) -> PreTrainedTokenizerBase:
    """Return a tokenizer of a dozen words, or the type's own where that needs no vocabulary."""
    own = {"canine": transformers.CanineTokenizer, "perceiver": transformers.PerceiverTokenizer}.get(kind)
    if own is not None:
        return own(model_max_length=64)
    if kind in ("qwen2", "qwen3_5"):  # transformers reads their folders by this class alone, which knows byte pairs
        letters = (*_SPECIAL, "Ġ", *"abcdefghijklmnopqrstuvwxyz")
        known = {letter: number for number, letter in enumerate(letters)}
        return transformers.Qwen2Tokenizer(
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


def tiny_image_processor(kind: str):
    """Return the type's own image processor, for images of 32 x 32."""
    own = getattr(transformers, (IMAGE_PROCESSOR_MAPPING_NAMES.get(kind) or {}).get("pil", "ViTImageProcessorPil"))
    if kind == "imagegpt":  # each pixel is the number of the colour that is nearest
        colours = np.linspace(-1, 1, 16).repeat(3).reshape(16, 3).tolist()
        return own(size={"height": 8, "width": 8}, clusters=colours)
    if kind == "siglip2":
        return own(patch_size=4, max_num_patches=64)
    side = 2 * _SIDE if kind == "mobilevitv2" else _SIDE  # which cuts the last stage's places into patches
    square = {"height": side, "width": side}
    size = {"shortest_edge": side} if "shortest_edge" in (own.size or {}) else square
    return own(size=size, **({"crop_size": square} if getattr(own, "crop_size", None) else {}))


def tiny_feature_extractor(kind: str):
    """Return the type's own feature extractor."""
    if kind == "audio-spectrogram-transformer":
        return transformers.ASTFeatureExtractor(num_mel_bins=_BANDS, max_length=64)
    if kind == "wav2vec2-bert":
        return transformers.SeamlessM4TFeatureExtractor(feature_size=_BANDS, num_mel_bins=_BANDS)
    if kind == "whisper":
        return transformers.WhisperFeatureExtractor(feature_size=_BANDS, chunk_length=1)
    return transformers.Wav2Vec2FeatureExtractor(return_attention_mask=True)


_PROCESSORS: dict[str, Callable] = {
    "text": tiny_tokenizer,
    "image": tiny_image_processor,
    "audio": tiny_feature_extractor,
}


def tiny_task(folder: Path, modality: str = "text") -> Path:
    """Write 16 examples of two classes to train on, and 16 to validate with, into `folder`, as a task; return that."""
    folder.mkdir(parents=True, exist_ok=True)
    _TASKS[modality](folder)
    return folder


def _texts(folder: Path) -> None:
    texts = [["the", *["very"] * (n % 3), colour, *_WORDS[4 : 5 + n]] for n in range(8) for colour in ("red", "blue")]
    lines = ["text,label", *(f"{' '.join(words)},{int('red' in words)}" for words in texts)]
    for split in ("train", "validation"):
        (folder / f"{split}.csv").write_text("\n".join(lines), encoding="utf-8")


def _images(folder: Path) -> None:
    """Dark and bright noise, of several sizes."""

    def image(number: int, bright: int, draw: np.random.RandomState) -> dict:
        pixels = draw.randint(0, 100, (24 + number, 36 - number, 3)) + 100 * bright
        return image_cell(Image.fromarray(pixels.astype(np.uint8)), f"{number}.png")

    _folders(folder, ("dark", "bright"), image)


def _sounds(folder: Path) -> None:
    """Low and high tones in noise, of a third to two thirds of a second."""

    def sound(number: int, high: int, draw: np.random.RandomState) -> dict:
        time = np.arange(round(_RATE * (0.3 + 0.05 * number))) / _RATE
        tone = np.sin(2 * np.pi * (300 + 300 * high + 10 * number) * time)
        return sound_cell(0.3 * tone + 0.02 * draw.standard_normal(len(time)), _RATE, f"{number}.wav")

    _folders(folder, ("low", "high"), sound)


def _folders(folder: Path, classes: tuple[str, str], make: Callable[[int, int, np.random.RandomState], dict]) -> None:
    draw = np.random.RandomState(0)
    for split in ("train", "validation"):
        for label, name in enumerate(classes):
            (folder / split / name).mkdir(parents=True, exist_ok=True)
            for number in range(8):
                cell = make(number, label, draw)
                (folder / split / name / cell["path"]).write_bytes(cell["bytes"])


_TASKS: dict[str, Callable[[Path], None]] = {"text": _texts, "image": _images, "audio": _sounds}
