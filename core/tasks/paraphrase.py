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
    CONVERSE_DEALS,
    CONVERSE_DEEDS,
    GIVES,
    MODALS,
    NO_OBJECT,
    PEOPLE,
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


def _passive(hand: Hand) -> Crossing:
    one, two, verb = hand.draw(PEOPLE), hand.draw(PEOPLE), hand.draw(SOCIAL)
    return _swap(one.s, two.s, f"the {{a}} {verb.past} the {{b}}", f"the {{b}} was {verb.en} by the {{a}}")


def _cleft_of_subject(hand: Hand) -> Crossing:
    one, two, verb = hand.draw(PEOPLE), hand.draw(PEOPLE), hand.draw(SOCIAL)
    return _swap(one.s, two.s, f"the {{a}} {verb.past} the {{b}}", f"it was the {{a}} who {verb.past} the {{b}}")


def _cleft_of_object(hand: Hand) -> Crossing:
    one, two, verb = hand.draw(PEOPLE), hand.draw(PEOPLE), hand.draw(SOCIAL)
    return _swap(one.s, two.s, f"the {{a}} {verb.past} the {{b}}", f"it was the {{b}} that the {{a}} {verb.past}")


def _dative(hand: Hand) -> Crossing:
    one, two, verb, thing = hand.draw(PEOPLE), hand.draw(PEOPLE), hand.draw(GIVES), hand.draw(THINGS)
    return _swap(
        one.s,
        two.s,
        f"the {{a}} {verb.past} the {{b}} the {thing.s}",
        f"the {{a}} {verb.past} the {thing.s} to the {{b}}",
    )


def _converse_deal(hand: Hand) -> Crossing:
    one, two, deal, thing = hand.draw(PEOPLE), hand.draw(PEOPLE), hand.draw(CONVERSE_DEALS), hand.draw(THINGS)
    return _swap(
        one.s,
        two.s,
        f"the {{a}} {deal.a} the {thing.s} to the {{b}}",
        f"the {{b}} {deal.b} the {thing.s} from the {{a}}",
    )


def _converse_deed(hand: Hand) -> Crossing:
    one, two, deed = hand.draw(PEOPLE), hand.draw(PEOPLE), hand.draw(CONVERSE_DEEDS)
    return _swap(one.s, two.s, f"the {{a}} {deed.a} the {{b}}", f"the {{b}} {deed.b} the {{a}}")


def _comparison(hand: Hand) -> Crossing:
    one, two, than = hand.draw(PEOPLE), hand.draw(PEOPLE), hand.draw(COMPARISONS)
    return _swap(one.s, two.s, f"the {{a}} was {than.a} than the {{b}}", f"the {{b}} was {than.b} than the {{a}}")


def _sequence(hand: Hand) -> Crossing:
    one, two, first, second = hand.draw(PEOPLE), hand.draw(PEOPLE), hand.draw(NO_OBJECT), hand.draw(NO_OBJECT)
    return _swap(
        f"the {one.s} {first.past}",
        f"the {two.s} {second.past}",
        "{a} before {b}",
        hand.pick(("{b} after {a}", "after {a}, {b}")),
    )


def _fronting(hand: Hand) -> Crossing:
    one, two, first, second = hand.draw(PEOPLE), hand.draw(PEOPLE), hand.draw(NO_OBJECT), hand.draw(NO_OBJECT)
    word = hand.pick(("because", "although", "while", "until"))
    return _swap(
        f"the {one.s} {first.past}", f"the {two.s} {second.past}", f"{{a}} {word} {{b}}", f"{word} {{b}}, {{a}}"
    )


def _same_deed(hand: Hand) -> Crossing:
    who, thing, one = hand.draw(PEOPLE), hand.draw(THINGS), hand.draw(SAME_DEED)
    two = hand.draw(SAME_DEED)
    return tuple((f"the {who.s} {deed.a} the {thing.s}", f"the {who.s} {deed.b} the {thing.s}") for deed in (one, two))


def _same_quality(hand: Hand) -> Crossing:
    who, verb, one = hand.draw(PEOPLE), hand.draw(NO_OBJECT), hand.draw(SAME_QUALITY)
    two = hand.draw(SAME_QUALITY)
    return tuple(
        (f"the {who.s} who {verb.past} was {word.a}", f"the {word.b} {who.s} {verb.past}") for word in (one, two)
    )


# Near misses: one small word, said or left out, is the difference.


def _negation(hand: Hand) -> Crossing:
    one, two, verb = hand.draw(PEOPLE), hand.draw(PEOPLE), hand.draw(SOCIAL)
    return (
        (f"the {one.s} {verb.past} the {two.s}", f"the {two.s} was {verb.en} by the {one.s}"),
        (f"the {one.s} did not {verb.base} the {two.s}", f"the {two.s} was not {verb.en} by the {one.s}"),
    )


def _tense(hand: Hand) -> Crossing:
    one, two, verb = hand.draw(PEOPLE), hand.draw(PEOPLE), hand.draw(SOCIAL)
    return (
        (f"the {one.s} {verb.past} the {two.s}", f"the {two.s} was {verb.en} by the {one.s}"),
        (f"the {one.s} will {verb.base} the {two.s}", f"the {two.s} will be {verb.en} by the {one.s}"),
    )


def _number(hand: Hand) -> Crossing:
    one, two, verb = hand.draw(PEOPLE), hand.draw(PEOPLE), hand.draw(SOCIAL)
    return (
        (f"the {one.s} {verb.past} the {two.s}", f"the {two.s} was {verb.en} by the {one.s}"),
        (f"the {one.s} {verb.past} the {two.p}", f"the {two.p} were {verb.en} by the {one.s}"),
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


PATTERNS = {
    "alternation": {_passive: 6, _cleft_of_object: 2, _cleft_of_subject: 1, _dative: 1},
    "converse": {_comparison: 4, _converse_deal: 4, _converse_deed: 1},
    "order of events": {_sequence: 6, _fronting: 1},
    "small words": {_negation: 4, _tense: 4, _number: 4, _quantifier: 3, _modality: 4},
    "synonyms": {_same_deed: 1, _same_quality: 1},
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
