"""The built-in task `grammar`: is this English sentence acceptable (1) or not (0)?

Sentences are made in sets by patterns, one or more for each of six phenomena. In every set the acceptable and the
unacceptable sentences are minimal pairs and, taken together, hold the same words equally often: counting words says
nothing about the label. `core.tasks.lexicon` keeps the word pairs of training and validation apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.tasks.generator import Pattern, Row, generate, make_built_in
from core.tasks.lexicon import (
    ADJECTIVES,
    ADVERBS,
    ASKS,
    COUPLES,
    ENJOYS_ING,
    EVENTS,
    FEARS,
    FRIGHTENS,
    NO_OBJECT,
    PEOPLE,
    QUALITIES,
    SAYS,
    SELECTS,
    SOCIAL,
    TAKES_OBJECT,
    TELLS,
    THINGS,
    TRAIN,
    VALIDATION,
    WANTS_TO,
    Hand,
)

if TYPE_CHECKING:
    from core.tasks.task import Task

TRAIN_SIZE = 4000
VALIDATION_SIZE = 800

Sentences = tuple[list[str], list[str]]  # acceptable, unacceptable


# Agreement: a verb goes with the head of its subject, not with the noun next to it.


def _agreement_of_determiner(hand: Hand) -> Sentences:
    who, verb, thing = hand.draw(PEOPLE), hand.draw(TAKES_OBJECT), hand.draw(THINGS)
    forms = hand.pick((("this", "these"), ("that", "those"), ("one", "many"), ("every", "several"), ("each", "both")))
    return _two_by_two(lambda n, v: f"the {who.s} {verb.past} {v} {n}", (thing.s,), (thing.p,), forms)


def _agreement_with_demonstrative(hand: Hand) -> Sentences:
    thing, quality = hand.draw(THINGS), hand.draw(QUALITIES)
    one, many = hand.pick((("this", "these"), ("that", "those"), ("each", "many"), ("every", "several")))
    forms = hand.pick((("is", "are"), ("was", "were"), ("looks", "look"), ("seems", "seem")))
    return _two_by_two(lambda n, v: f"{n} {v} {quality}", (f"{one} {thing.s}",), (f"{many} {thing.p}",), forms)


def _agreement_with_pronoun(hand: Hand) -> Sentences:
    verb, adverb = hand.draw(NO_OBJECT), hand.draw(ADVERBS)
    one, many = hand.pick(("he", "she", "it")), hand.pick(("we", "they", "you"))
    return _two_by_two(lambda n, v: f"{n} {adverb} {v}", (one,), (many,), (verb.s, verb.base))


def _agreement_next_to_be(hand: Hand) -> Sentences:
    thing, quality = hand.draw(THINGS), hand.draw(QUALITIES)
    forms = hand.pick((("is", "are"), ("was", "were"), ("looks", "look"), ("seems", "seem"), ("has been", "have been")))
    return _two_by_two(lambda n, v: f"the {n} {v} {quality}", (thing.s,), (thing.p,), forms)


def _agreement_next_to_verb(hand: Hand) -> Sentences:
    who, verb = hand.draw(PEOPLE), hand.draw(NO_OBJECT)
    return _two_by_two(lambda n, v: f"the {n} {v}", (who.s,), (who.p,), (verb.s, verb.base))


def _agreement_over_preposition(hand: Hand) -> Sentences:
    head, near = hand.draw(PEOPLE), hand.draw(PEOPLE)
    where = hand.pick(("near", "behind", "beside", "with", "next to"))
    verb = hand.draw(NO_OBJECT)
    return _two_by_two(
        lambda a, b, v: f"the {a} {where} the {b} {v}", (head.s, near.p), (head.p, near.s), (verb.s, verb.base)
    )


def _agreement_over_clause(hand: Hand) -> Sentences:
    head, inner, social, verb = hand.draw(PEOPLE), hand.draw(PEOPLE), hand.draw(SOCIAL), hand.draw(NO_OBJECT)
    return _two_by_two(
        lambda a, b, v: f"the {a} who the {b} {v}",
        (head.s, f"{inner.p} {social.base}"),
        (head.p, f"{inner.s} {social.s}"),
        (verb.s, verb.base),
    )


def _agreement_in_question(hand: Hand) -> Sentences:
    head, near, adjective = hand.draw(PEOPLE), hand.draw(PEOPLE), hand.draw(ADJECTIVES)
    where = hand.pick(("near", "behind", "beside", "with"))
    forms = hand.pick((("is", "are"), ("was", "were")))
    return _two_by_two(
        lambda a, b, v: f"{v} the {a} {where} the {b} {adjective}?", (head.s, near.p), (head.p, near.s), forms
    )


# Binding: a reflexive agrees with the subject of its own clause.


def _binding_over_clause(hand: Hand) -> Sentences:
    head, inner = hand.draw(COUPLES), hand.draw(PEOPLE)
    likes, verb = hand.draw(SOCIAL), hand.draw(SOCIAL)
    who, self = hand.pick(((head.m, "himself"), (head.f, "herself")))
    return _two_by_two(
        lambda a, b, v: f"the {a} who the {b} {verb.past} {v}",
        (who.s, f"{inner.p} {likes.base}"),
        (who.p, f"{inner.s} {likes.s}"),
        (self, "themselves"),
    )


def _binding_of_pronoun(hand: Hand) -> Sentences:
    verb, when, other = hand.draw(SOCIAL), hand.draw(NO_OBJECT), hand.draw(PEOPLE)
    pairs = (("he", "himself"), ("she", "herself"), ("they", "themselves"), ("we", "ourselves"))
    one = hand.pick(pairs)
    two = hand.pick([pair for pair in pairs if pair != one])
    word = hand.pick(("before", "after", "when"))
    return _two_by_two(
        lambda n, v: f"{n} {verb.past} {v} {word} the {other.s} {when.past}", one[:1], two[:1], (one[1], two[1])
    )


def _binding_gender(hand: Hand) -> Sentences:
    who, verb = hand.draw(COUPLES), hand.draw(SOCIAL)
    return _two_by_two(lambda n, v: f"the {n} {verb.past} {v}", (who.m.s,), (who.f.s,), ("himself", "herself"))


def _binding_number(hand: Hand) -> Sentences:
    who, verb = hand.draw(COUPLES), hand.draw(SOCIAL)
    one, self = hand.pick(((who.m, "himself"), (who.f, "herself")))
    return _two_by_two(lambda n, v: f"the {n} {verb.past} {v}", (one.s,), (one.p,), (self, "themselves"))


def _binding_possessor(hand: Hand) -> Sentences:
    owner, head, verb = hand.draw(COUPLES), hand.draw(COUPLES), hand.draw(SOCIAL)
    return _two_by_two(
        lambda a, b, v: f"the {a}'s {b} {verb.past} {v}",
        (owner.f.s, head.m.s),
        (owner.m.s, head.f.s),
        ("himself", "herself"),
    )


def _binding_locality(hand: Hand) -> Sentences:
    outer, inner, says, verb = hand.draw(COUPLES), hand.draw(COUPLES), hand.draw(SAYS), hand.draw(SOCIAL)
    return _two_by_two(
        lambda a, b, v: f"the {a} {says.past} that the {b} {verb.past} {v}",
        (outer.f.s, inner.m.s),
        (outer.m.s, inner.f.s),
        ("himself", "herself"),
    )


# Word order.


def _order_adverb(hand: Hand) -> Sentences:
    who, verb, thing, adverb = hand.draw(PEOPLE), hand.draw(TAKES_OBJECT), hand.draw(THINGS), hand.draw(ADVERBS)
    return [f"the {who.s} {adverb} {verb.past} the {thing.s}"], [f"the {who.s} {verb.past} {adverb} the {thing.s}"]


def _order_adjective(hand: Hand) -> Sentences:
    who, verb, thing, adjective = hand.draw(PEOPLE), hand.draw(TAKES_OBJECT), hand.draw(THINGS), hand.draw(QUALITIES)
    return (
        [f"the {who.s} {verb.past} the {adjective} {thing.s}"],
        [f"the {who.s} {verb.past} the {thing.s} {adjective}"],
    )


def _order_embedded_question(hand: Hand) -> Sentences:
    who, other, verb = hand.draw(PEOPLE), hand.draw(PEOPLE), hand.draw(NO_OBJECT)
    word, be = hand.pick(("why", "where", "when")), hand.pick(("is", "was"))
    asks = hand.draw(ASKS)
    return (
        [f"the {who.s} {asks.past} {word} the {other.s} {be} {verb.ing}"],
        [f"the {who.s} {asks.past} {word} {be} the {other.s} {verb.ing}"],
    )


def _order_question(hand: Hand) -> Sentences:
    who, verb, social, other = hand.draw(PEOPLE), hand.draw(NO_OBJECT), hand.draw(SOCIAL), hand.draw(PEOPLE)
    word, be = hand.pick(("why", "where", "when")), hand.pick(("is", "was"))
    return (
        [f"{word} {be} the {who.s} who the {other.p} {social.base} {verb.ing}?"],
        [f"{word} the {who.s} who the {other.p} {social.base} {be} {verb.ing}?"],
    )


def _order_quantifier(hand: Hand) -> Sentences:
    who, verb, thing = hand.draw(PEOPLE), hand.draw(TAKES_OBJECT), hand.draw(THINGS)
    word = hand.pick(("all", "both"))
    return [f"{word} the {who.p} {verb.past} the {thing.s}"], [f"the {word} {who.p} {verb.past} the {thing.s}"]


def _order_degree(hand: Hand) -> Sentences:
    who, other, adjective = hand.draw(PEOPLE), hand.draw(PEOPLE), hand.draw(ADJECTIVES)
    word = hand.pick(("so", "too"))
    if other.s[0] in "aeiou":  # "so old a actor"
        return [], []
    return (
        [f"the {who.s} is {word} {adjective} a {other.s}"],
        [f"the {who.s} is a {word} {adjective} {other.s}"],
    )


# Selection: a verb chooses its subject, its objects and the form of its clause.


def _selection_transitivity(hand: Hand) -> Sentences:
    who, thing, takes, lacks = (
        hand.draw(PEOPLE),
        hand.draw(THINGS),
        hand.draw(TAKES_OBJECT),
        hand.alternative(NO_OBJECT),
    )
    return (
        [f"the {who.s} {takes.past} the {thing.s}", f"the {who.s} {lacks.past}"],
        [f"the {who.s} {lacks.past} the {thing.s}", f"the {who.s} {takes.past}"],
    )


def _selection_psych(hand: Hand) -> Sentences:
    who, what, cause, feel = hand.draw(PEOPLE), hand.draw(EVENTS), hand.draw(FRIGHTENS), hand.alternative(FEARS)
    return (
        [f"the {what.s} {cause.past} the {who.s}", f"the {who.s} {feel.past} the {what.s}"],
        [f"the {who.s} {cause.past} the {what.s}", f"the {what.s} {feel.past} the {who.s}"],
    )


def _selection_infinitive(hand: Hand) -> Sentences:
    who, verb, other = hand.draw(PEOPLE), hand.draw(SOCIAL), hand.draw(PEOPLE)
    wants, enjoys = hand.draw(WANTS_TO), hand.alternative(ENJOYS_ING)
    return (
        [
            f"the {who.s} {wants.past} to {verb.base} the {other.s}",
            f"the {who.s} {enjoys.past} {verb.ing} the {other.s}",
        ],
        [
            f"the {who.s} {enjoys.past} to {verb.base} the {other.s}",
            f"the {who.s} {wants.past} {verb.ing} the {other.s}",
        ],
    )


def _selection_addressee(hand: Hand) -> Sentences:
    who, other, adjective = hand.draw(PEOPLE), hand.draw(PEOPLE), hand.draw(ADJECTIVES)
    tells, says = hand.draw(TELLS), hand.alternative(SAYS)
    third, end = hand.pick(("he", "she")), f"was {adjective}"
    return (
        [f"the {who.s} {tells.past} the {other.s} that {third} {end}", f"the {who.s} {says.past} that {third} {end}"],
        [f"the {who.s} {says.past} the {other.s} that {third} {end}", f"the {who.s} {tells.past} that {third} {end}"],
    )


def _selection_preposition(hand: Hand) -> Sentences:
    who, other, one, two = hand.draw(PEOPLE), hand.draw(PEOPLE), hand.draw(SELECTS), hand.alternative(SELECTS)
    if one.particle == two.particle:
        return [], []
    return (
        [f"the {who.s} {v.past} {v.particle} the {other.s}" for v in (one, two)],
        [f"the {who.s} {v.past} {w.particle} the {other.s}" for v, w in ((one, two), (two, one))],
    )


def _selection_animacy(hand: Hand) -> Sentences:
    who, verb, thing = hand.draw(PEOPLE), hand.draw(TAKES_OBJECT), hand.draw(THINGS)
    number = hand.pick(("s", "p"))
    first, second = getattr(who, number), getattr(thing, number)
    return [f"the {first} {verb.past} the {second}"], [f"the {second} {verb.past} the {first}"]


# Islands: a question word can't come from inside an adjunct, a relative clause or one half of a coordination.


def _island_adjunct(hand: Hand) -> Sentences:
    who, other, one, two = hand.draw(PEOPLE), hand.draw(PEOPLE), hand.draw(SOCIAL), hand.draw(SOCIAL)
    when, third = hand.pick(("before", "after", "while", "because")), hand.pick(("he", "she"))
    return (
        [f"who did the {who.s} {one.base} {when} {third} {two.past} the {other.s}?"],
        [f"who did the {who.s} {one.base} the {other.s} {when} {third} {two.past}?"],
    )


def _island_relative(hand: Hand) -> Sentences:
    who, other, one, two = hand.draw(PEOPLE), hand.draw(PEOPLE), hand.draw(SOCIAL), hand.draw(SOCIAL)
    helper = hand.pick(("will", "did", "should"))
    return (
        [f"who {helper} the {who.s} that {one.past} the {other.s} {two.base}?"],
        [f"who {helper} the {who.s} that {one.past} {two.base} the {other.s}?"],
    )


def _island_adjunct_by_verb(hand: Hand) -> Sentences:
    who, other, takes, lacks = hand.draw(PEOPLE), hand.draw(PEOPLE), hand.draw(TAKES_OBJECT), hand.draw(NO_OBJECT)
    when, helper = hand.pick(("before", "after", "while", "because")), hand.pick(("will", "should"))
    return (
        [f"what {helper} the {who.s} {takes.base} {when} the {other.p} {lacks.base}?"],
        [f"what {helper} the {who.s} {lacks.base} {when} the {other.p} {takes.base}?"],
    )


def _island_coordination(hand: Hand) -> Sentences:
    who, other = hand.draw(PEOPLE), hand.draw(PEOPLE)
    takes, lacks = hand.draw(TAKES_OBJECT), hand.alternative(NO_OBJECT)
    takes_too, lacks_too = hand.draw(TAKES_OBJECT), hand.alternative(NO_OBJECT)
    joint, when = hand.pick(("and", "or")), hand.pick(("when", "why", "where"))
    helper = hand.pick(("will", "did", "should"))
    return (
        [
            f"what {helper} the {who.s} {takes.base} {joint} the {other.s} {takes_too.base}?",
            f"{when} {helper} the {who.s} {lacks.base} {joint} the {other.s} {lacks_too.base}?",
        ],
        [
            f"what {helper} the {who.s} {takes.base} {joint} the {other.s} {lacks_too.base}?",
            f"{when} {helper} the {who.s} {lacks.base} {joint} the {other.s} {takes_too.base}?",
        ],
    )


# Polarity: "any" and "ever" need a negation, or a question, that reaches them.


def _polarity_scope(hand: Hand) -> Sentences:
    head, inner, social, verb = hand.draw(PEOPLE), hand.draw(PEOPLE), hand.draw(SOCIAL), hand.draw(NO_OBJECT)
    return (
        [f"no {head.s} that the {inner.s} {social.past} has ever {verb.en}"],
        [f"the {head.s} that no {inner.s} {social.past} has ever {verb.en}"],
    )


def _polarity_few(hand: Hand) -> Sentences:
    head, inner, social, verb = hand.draw(PEOPLE), hand.draw(PEOPLE), hand.draw(SOCIAL), hand.draw(NO_OBJECT)
    return (
        [f"few {head.p} who {social.past} many {inner.p} have ever {verb.en}"],
        [f"many {head.p} who {social.past} few {inner.p} have ever {verb.en}"],
    )


def _polarity_any(hand: Hand) -> Sentences:
    who, verb, thing = hand.draw(PEOPLE), hand.draw(TAKES_OBJECT), hand.draw(THINGS)
    helper = hand.pick(("do", "did"))
    return (
        [f"the {who.p} {helper} not {verb.base} any {thing.p}"],
        [f"any {who.p} {helper} not {verb.base} the {thing.p}"],
    )


def _polarity_question(hand: Hand) -> Sentences:
    who, verb, thing = hand.draw(PEOPLE), hand.draw(TAKES_OBJECT), hand.draw(THINGS)
    return (
        [f"has the {who.s} ever {verb.en} the {thing.s}?"],
        [f"the {who.s} has ever {verb.en} the {thing.s}?"],
    )


def _polarity_clause(hand: Hand) -> Sentences:
    who, one, two = hand.draw(PEOPLE), hand.draw(NO_OBJECT), hand.draw(NO_OBJECT)
    return (
        [f"the {who.p} who have {one.en} have not ever {two.en}"],
        [f"the {who.p} who have not {one.en} have ever {two.en}"],
    )


def _two_by_two(build, one: tuple, other: tuple, forms: tuple[str, str]) -> Sentences:
    """Return the set in which `one` goes with the first of `forms` and `other` with the second."""
    first, second = forms
    return [build(*one, first), build(*other, second)], [build(*one, second), build(*other, first)]


# Each pattern with its share in percent. The shares were set so that a short fine-tuning of a small encoder learns
# most of the task and not all of it. What is hard is mostly a form that must agree across other words; the easy
# patterns of a phenomenon, where a pronoun or "these" stands next to it, let the model find the rule at all.
PATTERNS = {
    "agreement": {
        _agreement_with_demonstrative: 5,
        _agreement_with_pronoun: 4,
        _agreement_next_to_be: 3,
        _agreement_next_to_verb: 2,
        _agreement_of_determiner: 1,
        _agreement_over_preposition: 2,
        _agreement_over_clause: 1,
        _agreement_in_question: 2,
    },
    "binding": {
        _binding_of_pronoun: 7,
        _binding_gender: 4,
        _binding_number: 4,
        _binding_possessor: 2,
        _binding_locality: 2,
        _binding_over_clause: 1,
    },
    "word order": {
        _order_adverb: 3,
        _order_adjective: 3,
        _order_quantifier: 3,
        _order_degree: 3,
        _order_embedded_question: 2,
        _order_question: 1,
    },
    "selection": {
        _selection_animacy: 5,
        _selection_transitivity: 4,
        _selection_infinitive: 2,
        _selection_preposition: 1,
        _selection_addressee: 1,
        _selection_psych: 2,
    },
    "islands": {
        _island_adjunct: 6,
        _island_relative: 6,
        _island_adjunct_by_verb: 2,
        _island_coordination: 1,
    },
    "polarity": {
        _polarity_any: 3,
        _polarity_question: 3,
        _polarity_scope: 3,
        _polarity_few: 3,
        _polarity_clause: 3,
    },
}


def examples(split: str, size: int, seed: int) -> list[Row]:
    """Return `size` distinct sentences of `split` (``train`` or ``validation``), half of them acceptable."""
    return generate(_rows, PATTERNS, split, size, seed)


def _rows(pattern: Pattern, hand: Hand) -> list[tuple[tuple[str, ...], int]]:
    good, bad = pattern(hand)
    return [((_sentence(text),), 1) for text in good] + [((_sentence(text),), 0) for text in bad]


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:] + ("" if words.endswith("?") else ".")


def make_task(seed: int, train_size: int = TRAIN_SIZE) -> Task:
    """Return the task with `train_size` training and `VALIDATION_SIZE` validation sentences."""
    return make_built_in(
        "grammar",
        examples(TRAIN, train_size, seed),
        examples(VALIDATION, VALIDATION_SIZE, seed),
        ("unacceptable", "acceptable"),
        f"built in, generated with seed {seed}",
    )
