"""The words of the built-in tasks, and the rule that keeps training and validation apart.

Every content word is dealt one of `SUITS` suits, by its place in its list. All content words of a training example
have different suits; all content words of a validation example have the same one. So no two content words that occur
together in a training example occur together in a validation example, whatever the seed: each *word* can be learned in
training, no *pair* of words can. Words count by their dictionary form (``nurse`` and ``nurses`` are one word; so are
the two of a couple such as ``king`` and ``queen``). Articles, pronouns, auxiliaries, prepositions, conjunctions,
reflexives, quantifiers and question words belong to no suit; they are spelt out in the tasks' patterns.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

# A training example has at most this many content words.
SUITS = 5
TRAIN, VALIDATION = "train", "validation"


@dataclass(frozen=True)
class Noun:
    """A noun: `s` singular, `p` plural."""

    s: str
    p: str


@dataclass(frozen=True)
class Couple:
    """Two nouns that differ in gender only: masculine `m` and feminine `f`."""

    m: Noun
    f: Noun


@dataclass(frozen=True)
class Synonyms:
    """Two ways, `a` and `b`, to say the same; of two converses, the same with the roles exchanged."""

    a: str
    b: str


@dataclass(frozen=True)
class Verb:
    """A verb: base form, third person `s`, `past`, past participle `en`, `ing` form, and a `particle` it selects."""

    base: str
    s: str
    past: str
    en: str
    ing: str
    particle: str = ""


def _noun(word: str) -> Noun:
    singular, _, plural = word.partition("/")
    if plural:
        return Noun(singular, plural)
    if singular.endswith(("s", "x", "ch", "sh")):
        return Noun(singular, singular + "es")
    if singular.endswith("y") and singular[-2] not in "aeiou":
        return Noun(singular, singular[:-1] + "ies")
    return Noun(singular, singular + "s")


def _couple(words: str) -> Couple:
    masculine, feminine = words.split("+")
    return Couple(_noun(masculine), _noun(feminine))


def _verb(entry: str) -> Verb:
    """Return the verb of ``base``, ``base/past`` or ``base/past/participle``, with an optional ``+particle``."""
    entry, _, particle = entry.partition("+")
    base, *irregular = entry.split("/")
    ends_in_y = base.endswith("y") and base[-2] not in "aeiou"
    stem = base + base[-1] if base in _DOUBLES else base
    if ends_in_y:
        third, regular = base[:-1] + "ies", base[:-1] + "ied"
    else:
        third = base + ("es" if base.endswith(("s", "x", "ch", "sh", "o")) else "s")
        regular = stem + ("d" if base.endswith("e") else "ed")
    past = irregular[0] if irregular else regular
    participle = irregular[-1] if irregular else regular
    drops_e = base.endswith("e") and not base.endswith("ee")
    return Verb(base, third, past, participle, (base[:-1] if drops_e else stem) + "ing", particle)


# These double their last letter before -ed and -ing.
_DOUBLES = ("admit", "forget", "prefer", "regret", "upset", "nod", "grin", "hug", "grab", "plan", "wrap")


def _synonyms(entry: str) -> Synonyms:
    return Synonyms(*entry.replace("_", " ").split("="))


def _list(make, words: str) -> tuple:
    return tuple(make(word) for word in words.split())


PEOPLE = _list(
    _noun,
    "pilot nurse doctor teacher lawyer farmer singer writer painter driver soldier sailor student judge guard cook "
    "baker dancer player worker tourist neighbor stranger guest visitor artist actor author editor reporter banker "
    "dentist butcher gardener hunter miner officer captain poet priest scholar scientist musician mechanic engineer "
    "manager boxer swimmer runner rider president mayor senator tailor clerk secretary librarian detective "
    "thief/thieves merchant builder carpenter",
)
COUPLES = _list(
    _couple,
    "man/men+woman/women boy+girl king+queen father+mother uncle+aunt brother+sister husband+wife/wives son+daughter "
    "prince+princess monk+nun lord+lady duke+duchess nephew+niece grandfather+grandmother groom+bride waiter+waitress "
    "emperor+empress grandson+granddaughter policeman/policemen+policewoman/policewomen wizard+witch",
)
THINGS = _list(
    _noun,
    "letter book box picture lamp chair table bottle basket map ticket knife/knives cup plate hat coat shirt jacket "
    "blanket carpet mirror clock camera radio guitar violin drum toy kite boat wagon bicycle tractor ladder rope "
    "hammer shovel key coin ring necklace flag poster statue vase pillow candle pencil notebook newspaper magazine "
    "umbrella suitcase helmet sword cake pie sandwich",
)
# A person does it to a thing; the thing can't be left out, nor take the person's part.
TAKES_OBJECT = _list(
    _verb,
    "buy/bought find/found repair borrow fix discover purchase obtain invent collect own examine grab acquire inspect "
    "fetch seize select retrieve wrap demand request recognize polish handle",
)
# Each has a subject and nothing else.
NO_OBJECT = _list(
    _verb,
    "sleep/slept laugh smile arrive cry cough fall/fell/fallen disappear exist blush kneel/knelt giggle vanish gasp nod "
    "tremble shiver appear hesitate emerge travel struggle weep/wept stumble sigh grin flinch frown faint",
)
# A person does it to a person.
SOCIAL = _list(
    _verb,
    "admire visit praise blame greet thank insult trust envy respect hire hug kiss tease mock rescue defend protect "
    "criticize watch invite follow push help support describe encourage punish betray reward observe",
)
# The cause is the subject, who feels it the object ...
FRIGHTENS = _list(
    _verb,
    "frighten amuse please annoy bore scare shock surprise worry upset/upset disgust delight alarm bother confuse "
    "puzzle excite impress disappoint terrify fascinate",
)
# ... and the other way round.
FEARS = _list(
    _verb,
    "fear hate like love notice remember forget/forgot/forgotten prefer appreciate regret "
    "understand/understood recall dread tolerate detest despise",
)
EVENTS = _list(
    _noun,
    "storm noise story film song speech war game trial accident concert lecture play dance race fire "
    "flood explosion movie ceremony silence darkness",
)
WANTS_TO = _list(
    _verb,
    "want hope decide refuse agree plan promise manage wish offer fail "
    "swear/swore/sworn threaten tend volunteer prepare aspire vow",
)
ENJOYS_ING = _list(
    _verb,
    "enjoy avoid finish keep/kept admit deny mind miss resist dislike consider recommend risk discuss imagine",
)
SAYS = _list(
    _verb,
    "say/said think/thought claim insist argue complain suspect assume conclude pretend explain declare reply suggest "
    "speculate",
)
ASKS = _list(_verb, "ask wonder know/knew/known inquire debate")
TELLS = _list(_verb, "tell/told convince remind inform assure persuade notify alert reassure")
# In rows of one particle, so that every suit has verbs of several.
SELECTS = _list(
    _verb,
    "rely+on depend+on count+on focus+on spy+on stare+at glance+at glare+at aim+at peer+at listen+to object+to "
    "respond+to react+to belong+to approve+of disapprove+of dispose+of believe+in succumb+to",
)
ADJECTIVES = _list(
    str,
    "old young tall angry happy sad hungry clever rich poor famous strong nervous proud tired lonely brave polite "
    "honest busy calm friendly lazy careful gentle cruel foolish wise serious patient curious jealous popular "
    "healthy",
)
QUALITIES = _list(
    str,
    "new dirty clean heavy expensive cheap beautiful ugly broken wet dry small large dark bright strange dusty "
    "empty lovely fragile useless useful red blue green yellow white black",
)
ADVERBS = _list(str, "often always usually sometimes quickly slowly quietly suddenly secretly frequently")


# Only `paraphrase` uses what follows.

GIVES = _list(
    _verb, "offer show mail throw/threw/thrown toss bring/brought read/read promise serve loan grant feed/fed"
)
# "The pilot sold the lamp to the nurse": "The nurse bought the lamp from the pilot".
CONVERSE_DEALS = _list(
    _synonyms,
    "sold=bought lent=borrowed gave=received handed=took sent=got awarded=won supplied=obtained passed=accepted "
    "rented=leased transferred=acquired",
)
# "The pilot led the nurse": "The nurse obeyed the pilot".
CONVERSE_DEEDS = _list(
    _synonyms,
    "led=obeyed frightened=feared taught=learned_from defeated=lost_to chased=fled_from employed=worked_for "
    "delighted=adored preceded=came_after disgusted=loathed outlived=died_before",
)
COMPARISONS = _list(
    _synonyms,
    "taller=shorter older=younger richer=poorer stronger=weaker faster=slower heavier=lighter happier=sadder "
    "louder=quieter thinner=fatter braver=meeker",
)
SAME_DEED = _list(
    _synonyms,
    "purchased=procured fixed=repaired destroyed=demolished found=discovered cleaned=washed built=constructed "
    "hid=concealed stole=swiped selected=chose damaged=harmed finished=completed examined=inspected "
    "desired=wanted hated=despised carried=hauled",
)
SAME_QUALITY = _list(
    _synonyms,
    "angry=furious happy=glad rich=wealthy sad=unhappy clever=smart brave=courageous tired=exhausted ill=sick "
    "afraid=scared famous=renowned strange=odd quiet=silent beautiful=pretty stupid=foolish polite=courteous",
)
# Function words, so of no suit.
MODALS = _list(_synonyms, "must=has_to can=is_able_to will=is_going_to should=ought_to")
QUANTITIES = _list(
    _synonyms,
    "two=a_pair_of twelve=a_dozen many=a_lot_of some=a_few all_the=every_one_of_the none_of_the=not_one_of_the",
)
CONNECTIVES = _list(_synonyms, "because=since although=even_though until=till before=earlier_than after=later_than")


class Hand:
    """Content words for one set of examples, drawn by the rule of the split."""

    def __init__(self, random: Random, split: str):
        self._random = random
        suits = sorted(range(SUITS), key=lambda _: random.random())
        self._suits = suits if split == TRAIN else suits[:1] * SUITS
        self._drawn: list = []
        self._turn = -1

    def draw(self, words: tuple):
        """Return a word of `words` that isn't in this hand yet, of the next suit."""
        self._turn += 1
        return self._take(words)

    def alternative(self, words: tuple):
        """Return a word of `words` that takes turns with the word drawn last: no example may hold both."""
        return self._take(words)

    def _take(self, words: tuple):
        free = [word for word in words[self._suits[self._turn] :: SUITS] if word not in self._drawn]
        word = self.pick(free)
        self._drawn.append(word)
        return word

    def pick(self, options):
        """Return one of `options`, which belong to no suit."""
        # Of Random's methods only random() is promised to give the same numbers under every Python.
        return options[int(self._random.random() * len(options))]
