#!/usr/bin/env bash
# gensim 4.4.0 (with NumPy 2.4.6, SciPy 1.17.1); 2026-11-27.
#
# Input: four vectors of three numbers, for "the", "New York", "cat" and "dog", or with "New York" last; written by
# KeyedVectors.save_word2vec_format, as text and binary, and read by load_word2vec_format of the same version.
# Expected: the same words and vectors; or that words with a space are refused when they are written.
# What happens: all files are written without a message. The text is not read again (ValueError). In binary a word ends at its
# first space, and what follows it ("York ") is taken as the first numbers, so that the vector of "New" has a 3e26 in it; the
# numbers that are left over stand before the next word. With "New York" last nothing follows, and there is no error or warning:
# a mean, a largest direction, a nearest neighbour by dot product is then of that number alone. With it in the middle the next word
# can't be decoded; with unicode_errors="ignore", which answers to that error advise, it is read in silence too, and the next word
# is called '">cat'.
# What helps: replace spaces in words before writing ("New_York"), or keep the vectors as .npy or .safetensors and the words as
# a list beside them. In text, as GloVe's published vectors have such words too, split each line from the right.
# Guessed beforehand: that the text is refused on reading, and that the binary form is shifted from there on or ends too early.
# Not guessed: that the last word alone is wrong in silence, and that the file is right again one word later.
#
# Output seen:
#   joined by _, text               the New_York cat dog   largest number 1.3
#   joined by _, binary             the New_York cat dog   largest number 1.3
#   in the middle, text             ValueError
#   in the middle, binary           UnicodeDecodeError
#   in the middle, binary, ignore   the New ">cat dog      largest number 2.9e+26
#   last, text                      ValueError
#   last, binary                    the cat dog New        largest number 2.9e+26
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3.11}" -m venv environment
environment/bin/pip install --quiet gensim==4.4.0 numpy==2.4.6 scipy==1.17.1

cat >finding.py <<'PYTHON'
import numpy as np
from gensim.models import KeyedVectors

vectors = np.random.default_rng(0).standard_normal((4, 3)).astype("f4")


def again(words, **options):
    """The words, and the largest of all numbers, after they were written and read; or the error."""
    kept = KeyedVectors(3)
    kept.add_vectors(words, vectors)
    kept.save_word2vec_format("words", binary=options.get("binary", False))
    try:
        found = KeyedVectors.load_word2vec_format("words", **options)
    except Exception as error:
        return type(error).__name__, None
    return " ".join(found.index_to_key), float(np.abs(found.vectors).max())


middle, last, joined = "the,New York,cat,dog".split(","), "the,cat,dog,New York".split(","), "the,New_York,cat,dog".split(",")
seen = {
    "joined by _, text": again(joined),
    "joined by _, binary": again(joined, binary=True),
    "in the middle, text": again(middle),
    "in the middle, binary": again(middle, binary=True),
    "in the middle, binary, ignore": again(middle, binary=True, unicode_errors="ignore"),
    "last, text": again(last),
    "last, binary": again(last, binary=True),
}
for name, (words, largest) in seen.items():
    print(f"{name:30}  {words:21}", "" if largest is None else f" largest number {largest:.2g}")

changed = "this has changed: "
true = float(np.abs(vectors).max())
for form in ("text", "binary"):
    assert seen[f"joined by _, {form}"] == ("the New_York cat dog", true), changed + form
for where in ("in the middle", "last"):
    assert seen[f"{where}, text"] == ("ValueError", None), changed + where
assert seen["in the middle, binary"] == ("UnicodeDecodeError", None), changed + "binary"
words, largest = seen["in the middle, binary, ignore"]
assert words == 'the New ">cat dog' and largest > 1e26, changed + "ignore"
words, largest = seen["last, binary"]
assert words == "the cat dog New" and largest > 1e26, changed + "last"
print("as described")
PYTHON
environment/bin/python -I finding.py
