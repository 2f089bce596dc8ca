#!/usr/bin/env bash
# safetensors 0.8.0, huggingface_hub as transformers 5.24.0 takes it (with torch 2.13.0 on the CPU); 2026-11-27.
#
# Input: a language model whose word embeddings are its output layer too (GPT-2, BERT), written by `safetensors.torch.save_model`, as people do in
# loops of their own, and by huggingface_hub's `save_torch_state_dict`; then read as a classifier by `from_pretrained`, twice.
# Expected: the encoder's weights are those that were saved.
# What happens: of the two names of one tensor the file keeps the one that sorts first. BERT's is `bert.embeddings...` (before `cls...`), and all is well. GPT-2's is
# `lm_head.weight`, before `transformer.wte.weight`; the file's metadata says that it stands for both, but a classifier has no
# `lm_head`, and `from_pretrained` does not read the metadata: the word embeddings are drawn at random, others each time, and only the log's table of
# missing weights says so. `save_pretrained` writes the right name.
# What helps: read the metadata, or write every name (`tensor.clone()` before saving).
# Guessed beforehand: GPT-2's lost, BERT's kept, by both writers. Not reported yet.
#
# Output seen:
#   type   written by             word embeddings
#   BERT   save_model             as saved
#   BERT   save_torch_state_dict  as saved
#   GPT-2  save_model             random, others each time
#   GPT-2  save_torch_state_dict  random, others each time
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3.11}" -m venv environment
environment/bin/pip install --quiet torch==2.13.0 transformers==5.24.0 safetensors==0.8.0 numpy==2.4.6

cat >finding.py <<'PYTHON'
from pathlib import Path

import torch
from huggingface_hub import save_torch_state_dict
from safetensors.torch import save_model
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    BertForMaskedLM,
    GPT2Config,
    GPT2LMHeadModel,
)

MODELS = {
    "BERT": BertForMaskedLM(
        BertConfig(vocab_size=50, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64)
    ),
    "GPT-2": GPT2LMHeadModel(GPT2Config(vocab_size=50, n_embd=32, n_layer=2, n_head=2)),
}
WRITERS = {
    "save_model": lambda model, folder: save_model(model, str(folder / "model.safetensors")),
    "save_torch_state_dict": lambda model, folder: save_torch_state_dict(model.state_dict(), folder),
}

found = {}
print("type   written by             word embeddings")
for name, model in MODELS.items():
    saved = model.get_input_embeddings().weight
    for writer, write in WRITERS.items():
        folder = Path(f"{name}-{writer}")
        model.config.save_pretrained(folder)
        write(model, folder)
        read = [
            AutoModelForSequenceClassification.from_pretrained(folder).get_input_embeddings().weight for _ in range(2)
        ]
        kept = all(torch.equal(weight, saved) for weight in read)
        found[name, writer] = kept
        print(f"{name:<7}{writer:<23}{'as saved' if kept else 'random, others each time' if not torch.equal(*read) else 'lost'}")

assert all(found["BERT", writer] for writer in WRITERS), "BERT's are lost now"
assert not any(found["GPT-2", writer] for writer in WRITERS), "GPT-2's are found now"
PYTHON
HF_HUB_OFFLINE=1 environment/bin/python -W ignore finding.py 2>log || { tail -5 log; exit 1; }
