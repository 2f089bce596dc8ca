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
    NO_OBJECT,
    PEOPLE,
    SAME_ATTITUDE,
    SAME_DEED,
    SAME_NOUN,
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


def _same_noun(hand: Hand) -> Crossing:
    who, one = hand.draw(PEOPLE), hand.draw(SAME_NOUN)
    two = hand.alternative(SAME_NOUN)
    return tuple((f"the {who.s} saw the {noun.a}", f"the {who.s} saw the {noun.b}") for noun in (one, two))


def _same_deed(hand: Hand) -> Crossing:
    who, thing, one = hand.draw(PEOPLE), hand.draw(THINGS), hand.draw(SAME_DEED)
    two = hand.alternative(SAME_DEED)
    return tuple(
        (f"the {who.s} {deed.a} the {thing.s}", f"the {thing.s} was what the {who.s} {deed.b}") for deed in (one, two)
    )


def _same_quality(hand: Hand) -> Crossing:
    who, verb, one = hand.draw(PEOPLE), hand.draw(NO_OBJECT), hand.draw(SAME_QUALITY)
    two = hand.alternative(SAME_QUALITY)
    return tuple(
        (f"the {who.s} who {verb.past} was {word.a}", f"the {word.b} {who.s} {verb.past}") for word in (one, two)
    )


def _same_attitude(hand: Hand) -> Crossing:
    who, other, verb, one = hand.draw(PEOPLE), hand.draw(PEOPLE), hand.draw(SOCIAL), hand.draw(SAME_ATTITUDE)
    two = hand.alternative(SAME_ATTITUDE)
    return tuple(
        (f"the {who.s} {word.a} to {verb.base} the {other.s}", f"the {who.s} {word.b} to {verb.base} the {other.s}")
        for word in (one, two)
    )


PATTERNS = {
    "alternation": (_passive, _cleft_of_subject, _cleft_of_object, _dative),
    "converse": (_converse_deal, _converse_deed, _comparison),
    "order of events": (_sequence, _fronting),
    "synonyms": (_same_noun, _same_deed, _same_quality, _same_attitude),
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
