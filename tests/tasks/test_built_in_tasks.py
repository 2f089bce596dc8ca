"""The generated tasks: balanced, repeatable, apart in training and validation, and not to be solved by counting words."""

import re
from collections import Counter
from importlib import import_module
from itertools import combinations

import numpy as np
import pytest

from core.errors import IsobarError
from core.tasks import lexicon, load_task
from core.tasks.generator import generate
from core.tasks.lexicon import SUITS, TRAIN, VALIDATION
from core.tasks.shortcuts import shortcut_accuracy

FUNCTION_WORDS = set(
    re.findall(
        r"\w+",
        """a an one the this that these those each every several many both all no few any ever none not some lot pair dozen two twelve didn t it he she they we you ourselves who
        what when where why which is are was were be been has have had do did does will would can could should might
        must able going ought looks look seems seem to of on in at by for from with near behind beside next and or
        before after while until because although since even though till earlier later than so too as more himself herself themselves""",
    )
)
CLOSED = {"CONNECTIVES", "MODALS", "QUANTITIES"}  # lists of function words
LONGEST = {"grammar": 16, "paraphrase": 32}
TEXTS = tuple(LONGEST)


def _module(name):
    return import_module(f"core.tasks.{name}")


def _lemmas(name) -> dict[str, tuple[str, int]]:
    """Return for every form of every content word of the task the word it is a form of."""
    lemmas = {}
    module = vars(_module(name))
    for key, words in module.items():
        if key.isupper() and isinstance(words, tuple) and hasattr(lexicon, key) and key not in CLOSED:
            for index, word in enumerate(words):
                for form in _forms(word):
                    assert lemmas.setdefault(form, (key, index)) == (key, index), f"{form} is in two lists"
    return lemmas


def _forms(word) -> set[str]:
    if isinstance(word, str):
        return {word}
    if isinstance(word, lexicon.Couple):
        return _forms(word.m) | _forms(word.f)
    forms = {form for field, form in vars(word).items() if field != "particle"}
    # Of "lost to" the content word is the first.
    return {form.split()[0] for form in forms}


def _tokens(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower().replace("'s", ""))


def _word_pairs(rows, lemmas) -> set:
    pairs = set()
    for row in rows:
        found = {lemmas[token] for text in row.texts for token in _tokens(text) if token in lemmas}
        pairs |= {frozenset(pair) for pair in combinations(found, 2)}
    return pairs


@pytest.mark.parametrize("name", TEXTS)
def test_training_and_validation_share_no_pair_of_content_words(name):
    lemmas = _lemmas(name)
    train = _word_pairs(_module(name).examples(TRAIN, 4000, 0), lemmas)
    validation = _word_pairs(_module(name).examples(VALIDATION, 800, 1), lemmas)
    assert len(train) > 2000
    assert len(validation) > 500
    assert not train & validation


@pytest.mark.parametrize("name", TEXTS)
def test_words_in_no_list_are_function_words(name):
    """The rule on pairs means something only if the patterns themselves hold no content words."""
    lemmas = _lemmas(name)
    rows = _module(name).examples(TRAIN, 4000, 0)
    rest = {token for row in rows for text in row.texts for token in _tokens(text)} - lemmas.keys()
    assert rest <= FUNCTION_WORDS, rest - FUNCTION_WORDS


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("split", [TRAIN, VALIDATION])
def test_each_word_occurs_equally_often_with_either_label(name, split):
    rows = _module(name).examples(split, 800, 0)
    for place in range(len(rows[0].texts)):
        counts = [
            Counter(t for row in rows if row.label == label for t in _tokens(row.texts[place])) for label in (0, 1)
        ]
        assert counts[0] == counts[1]


@pytest.mark.parametrize("name", TEXTS)
def test_at_least_8000_different_training_examples_can_be_made(name):
    rows = _module(name).examples(TRAIN, 8000, 0)
    assert len({row.texts for row in rows}) == len(rows) == 8000


def test_a_size_that_can_not_be_made_is_refused():
    def rows_of(pattern, hand):
        return [(("yes",), 1), (("no",), 0)]

    with pytest.raises(IsobarError, match="only 2 different train examples; ask for fewer"):
        generate(rows_of, {"answers": {len: 1}}, TRAIN, 10, 0)


@pytest.mark.parametrize("name", TEXTS)
def test_every_phenomenon_has_its_share(name):
    module = _module(name)
    weights = {phenomenon: sum(patterns.values()) for phenomenon, patterns in module.PATTERNS.items()}
    shares = Counter(row.phenomenon for row in module.examples(VALIDATION, 800, 0))
    for phenomenon, weight in weights.items():
        assert abs(shares[phenomenon] - 800 * weight / sum(weights.values())) < 20


@pytest.mark.slow
@pytest.mark.parametrize("name", TEXTS)
def test_examples_are_short(name):
    from tokenizers import Tokenizer

    from core.models import BUILT_IN as MODELS

    tokenizer = Tokenizer.from_file(str(MODELS["minilm"].path() / "tokenizer.json"))
    tokenizer.no_padding()
    rows = _module(name).examples(TRAIN, 4000, 0) + _module(name).examples(VALIDATION, 800, 0)
    lengths = [len(tokenizer.encode(*row.texts).ids) for row in rows]
    assert max(lengths) <= LONGEST[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", TEXTS)
def test_a_seed_gives_the_same_task_and_another_seed_another(name):
    task = load_task(name)
    assert (len(task.train), len(task.validation)) == (4000, 800)
    assert np.mean(task.train["label"][:]) == np.mean(task.validation["label"][:]) == 0.5
    assert task.has_pairs == (name == "paraphrase")
    assert task.fingerprint == load_task(name, seed=0).fingerprint
    assert task.fingerprint != load_task(name, seed=1).fingerprint
    assert len(load_task(name, train_size=100).train) == 100
    assert len(load_task(name, train_size=5000).train) == 5000


@pytest.mark.parametrize(
    ("name", "fingerprint"),
    [
        ("grammar", "dba1c02cd9b3c44c7753bc40c262a16116713edee35ec912560374eedab9322a"),
        ("paraphrase", "7e3f371bbcad6e157e092e3e4bd6898dde43a4f37805d27d10bc99289ec29f40"),
    ],
)
def test_seed_0_is_the_data_that_was_measured(name, fingerprint):
    """A change here asks for new recorded runs and new numbers in the data cards."""
    assert load_task(name).fingerprint == fingerprint


def test_every_list_has_two_words_of_every_suit_where_patterns_need_them():
    lists = {
        key: words
        for key, words in vars(lexicon).items()
        if key.isupper() and isinstance(words, tuple) and key not in CLOSED
    }
    once = {"ASKS", "TELLS"}  # never drawn twice for one example
    for key, words in lists.items():
        assert len(set(words)) == len(words), key
        assert len(words) >= (SUITS if key in once else 2 * SUITS), key


@pytest.mark.slow
@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("seed", [0, 1])
def test_counting_words_does_not_solve_it(name, seed):
    assert shortcut_accuracy(load_task(name, seed=seed)) < 0.6


def test_counting_words_solves_what_words_give_away(tmp_path):
    """The measure itself: it must be able to find a shortcut where there is one."""
    rows = [f"{'one' if n % 2 else 'two'} of {n},plain,{n % 2}" for n in range(100)]
    path = tmp_path / "easy.csv"
    path.write_text("\n".join(["text,text_pair,label", *rows]))
    assert shortcut_accuracy(load_task(path)) == 1.0
