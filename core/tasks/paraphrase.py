"""The built-in task `paraphrase`: do two English sentences say the same (1) or not (0)?

Every set is a crossing: two different statements, each said in two ways, give two pairs that agree and two that don't.
Each first sentence occurs once with either label, and so does each second sentence; neither a sentence alone nor the
words that the two share say anything about the label. `core.tasks.lexicon` keeps the word pairs of training and
validation apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.tasks.generator import Pattern, Row, generate, make_built_in
from core.tasks.lexicon import (
    COMPARISONS,
    CONNECTIVES,
    CONVERSE_DEALS,
    CONVERSE_DEEDS,
    COUPLES,
    GIVES,
    MODALS,
    NO_OBJECT,
    PEOPLE,
    QUANTITIES,
    SAME_DEED,
    SAME_QUALITY,
    SOCIAL,
    THINGS,
    TRAIN,
    VALIDATION,
    Hand,
)

if TYPE_CHECKING:
    from core.tasks.task import Task

TRAIN_SIZE = 4000
VALIDATION_SIZE = 800

# Each way to say one statement, then each way to say the other: (x1, y1), (x2, y2).
Crossing = tuple[tuple[str, str], tuple[str, str]]


def _swap(one: str, two: str, first: str, second: str) -> Crossing:
    """Return the crossing of two frames over {a} and {b} with the two roles taken either way."""
    return tuple((first.format(a=a, b=b), second.format(a=a, b=b)) for a, b in ((one, two), (two, one)))


def _two_people(hand: Hand) -> tuple[str, str]:
    """Return a man and a woman: with two sexes the roles are told apart from fewer examples than with any two nouns."""
    return hand.draw(COUPLES).m.s, hand.draw(COUPLES).f.s


# Alternations: the same roles in another construction, against the exchanged roles.


def _voice_and_cleft(hand: Hand) -> Crossing:
    (one, two), verb = _two_people(hand), hand.draw(SOCIAL)
    start = hand.pick((f"it was the {one}", f"the {one} was the one"))
    return (
        (f"the {one} {verb.past} the {two}", f"{start} who {verb.past} the {two}"),
        (f"the {one} was {verb.en} by the {two}", f"{start} the {two} {verb.past}"),
    )


def _passive(hand: Hand) -> Crossing:
    (one, two), verb = _two_people(hand), hand.draw(SOCIAL)
    return _swap(one, two, f"the {{a}} {verb.past} the {{b}}", f"the {{b}} was {verb.en} by the {{a}}")


def _cleft(hand: Hand) -> Crossing:
    (one, two), verb = _two_people(hand), hand.draw(SOCIAL)
    cleft = hand.pick((f"it was the {{a}} who {verb.past} the {{b}}", f"it was the {{b}} that the {{a}} {verb.past}"))
    return _swap(one, two, f"the {{a}} {verb.past} the {{b}}", cleft)


def _dative(hand: Hand) -> Crossing:
    (one, two), verb, thing = _two_people(hand), hand.draw(GIVES), hand.draw(THINGS)
    return _swap(
        one,
        two,
        f"the {{a}} {verb.past} the {{b}} the {thing.s}",
        f"the {{a}} {verb.past} the {thing.s} to the {{b}}",
    )


# Converses: another word for the same, with the roles exchanged.


def _converse_deal(hand: Hand) -> Crossing:
    (one, two), deal, thing = _two_people(hand), hand.draw(CONVERSE_DEALS), hand.draw(THINGS)
    return _swap(
        one,
        two,
        f"the {{a}} {deal.a} the {thing.s} to the {{b}}",
        f"the {{b}} {deal.b} the {thing.s} from the {{a}}",
    )


def _converse_deed(hand: Hand) -> Crossing:
    (one, two), deed = _two_people(hand), hand.draw(CONVERSE_DEEDS)
    return _swap(one, two, f"the {{a}} {deed.a} the {{b}}", f"the {{b}} {deed.b} the {{a}}")


def _comparison(hand: Hand) -> Crossing:
    (one, two), than = _two_people(hand), hand.draw(COMPARISONS)
    return _swap(one, two, f"the {{a}} was {than.a} than the {{b}}", f"the {{b}} was {than.b} than the {{a}}")


# How two events are connected.


def _connective(hand: Hand) -> Crossing:
    one, two, first, second = hand.draw(PEOPLE), hand.draw(PEOPLE), hand.draw(NO_OBJECT), hand.draw(NO_OBJECT)
    word = hand.pick(CONNECTIVES)
    other = hand.pick([w for w in CONNECTIVES if w != word])
    return tuple(
        tuple(f"the {one.s} {first.past} {way} the {two.s} {second.past}" for way in (w.a, w.b)) for w in (word, other)
    )


def _sequence(hand: Hand) -> Crossing:
    (one, two), first, second = _two_people(hand), hand.draw(NO_OBJECT), hand.draw(NO_OBJECT)
    return _swap(f"the {one} {first.past}", f"the {two} {second.past}", "{a} before {b}", "{b} after {a}")


# Synonyms, against a word that means something else.


def _same_deed(hand: Hand) -> Crossing:
    who, thing, one, two = hand.draw(PEOPLE), hand.draw(THINGS), hand.draw(SAME_DEED), hand.draw(SAME_DEED)
    return tuple((f"the {who.s} {deed.a} the {thing.s}", f"the {who.s} {deed.b} the {thing.s}") for deed in (one, two))


def _same_quality(hand: Hand) -> Crossing:
    who, verb, one, two = hand.draw(PEOPLE), hand.draw(NO_OBJECT), hand.draw(SAME_QUALITY), hand.draw(SAME_QUALITY)
    return tuple(
        (f"the {who.s} who {verb.past} was {word.a}", f"the {word.b} {who.s} {verb.past}") for word in (one, two)
    )


# Near misses: one small word, said or left out, is the difference.


def _negation(hand: Hand) -> Crossing:
    one, two, verb = hand.draw(PEOPLE), hand.draw(PEOPLE), hand.draw(SOCIAL)
    return (
        (f"the {one.s} {verb.past} the {two.s}", f"the {two.s} was {verb.en} by the {one.s}"),
        # Not the same word in both, or whether it is missing from one would already be the answer.
        (f"the {one.s} didn't {verb.base} the {two.s}", f"the {two.s} was not {verb.en} by the {one.s}"),
    )


def _tense(hand: Hand) -> Crossing:
    one, two, verb = hand.draw(PEOPLE), hand.draw(PEOPLE), hand.draw(SOCIAL)
    return (
        (f"the {one.s} {verb.past} the {two.s}", f"the {two.s} was {verb.en} by the {one.s}"),
        (f"the {one.s} will {verb.base} the {two.s}", f"the {two.s} is going to be {verb.en} by the {one.s}"),
    )


def _quantity(hand: Hand) -> Crossing:
    one, two, verb, amount = hand.draw(PEOPLE), hand.draw(PEOPLE), hand.draw(SOCIAL), hand.pick(QUANTITIES)
    other = hand.pick([q for q in QUANTITIES if q != amount])
    return tuple(
        (f"the {one.s} {verb.past} {q.a} {two.p}", f"{q.b} {two.p} were {verb.en} by the {one.s}")
        for q in (amount, other)
    )


def _quantifier(hand: Hand) -> Crossing:
    one, two, verb = hand.draw(PEOPLE), hand.draw(PEOPLE), hand.draw(SOCIAL)
    return (
        (f"every {one.s} {verb.past} the {two.s}", f"the {two.s} was {verb.en} by all the {one.p}"),
        (f"no {one.s} {verb.past} the {two.s}", f"the {two.s} was {verb.en} by none of the {one.p}"),
    )


def _modality(hand: Hand) -> Crossing:
    one, two, verb, modal = hand.draw(PEOPLE), hand.draw(PEOPLE), hand.draw(SOCIAL), hand.pick(MODALS)
    other = hand.pick([m for m in MODALS if m != modal])
    return tuple(
        (f"the {one.s} {m.a} {verb.base} the {two.s}", f"the {one.s} {m.b} {verb.base} the {two.s}")
        for m in (modal, other)
    )


# Each pattern with its share in percent. The shares were set so that a short fine-tuning of a small encoder learns
# most of the task and not all of it: who does what to whom takes it many more examples than a changed small word.
PATTERNS = {
    "alternation": {_voice_and_cleft: 6, _passive: 4, _cleft: 2, _dative: 2},
    "converse": {_converse_deal: 2, _comparison: 1, _converse_deed: 1},
    "connection": {_connective: 14, _sequence: 2},
    "small words": {_negation: 15, _tense: 15, _quantifier: 12, _modality: 12, _quantity: 8},
    "synonyms": {_same_deed: 2, _same_quality: 2},
}


def examples(split: str, size: int, seed: int) -> list[Row]:
    """Return `size` distinct pairs of sentences of `split` (``train`` or ``validation``), half of them paraphrases."""
    return generate(_rows, PATTERNS, split, size, seed)


def _rows(pattern: Pattern, hand: Hand) -> list[tuple[tuple[str, ...], int]]:
    statements = pattern(hand)
    return [
        ((_sentence(x), _sentence(y)), int(i == j))
        for i, (x, _) in enumerate(statements)
        for j, (_, y) in enumerate(statements)
    ]


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:] + "."


def make_task(seed: int, train_size: int = TRAIN_SIZE) -> Task:
    """Return the task with `train_size` training and `VALIDATION_SIZE` validation pairs."""
    return make_built_in(
        "paraphrase",
        examples(TRAIN, train_size, seed),
        examples(VALIDATION, VALIDATION_SIZE, seed),
        ("different", "same"),
        f"built in, generated with seed {seed}",
    )
