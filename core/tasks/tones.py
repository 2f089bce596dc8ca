"""The built-in task `tones`: which of Mandarin's four lexical tones does this syllable have?

In a tone language the course of the voice's pitch makes one word another: Mandarin *ma* is 'mother', 'hemp', 'horse' or
'scold' by it. Y. R. Chao (1930) writes a tone as two or three of five levels within the speaker's own range: 55 is high
and level, 35 rises, 214 dips, 51 falls. The same hertz are low for a child and high for a bass, so that only the course
tells a tone, and no single moment of it.

Each sound is synthesized by a source and a filter (G. Fant 1960): pulses of the glottis, whose rate is the pitch, through
resonances that are the vowel. Speaker (register, range, vocal tract), vowel, length, loudness, phase and noise are drawn
anew for each sound and say nothing of the tone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.modalities.media import sound_cell
from core.tasks.media import media_split, media_task

if TYPE_CHECKING:
    import numpy as np

    from core.tasks.task import Task

TRAIN_SIZE = 2000
VALIDATION_SIZE = 400
RATE = 16_000  # Hz, as most models of speech take it

# Chao's levels, 1 to 5, at even steps of the syllable.
TONES = {"level": (5, 5), "rising": (3, 5), "dipping": (2, 1, 4), "falling": (5, 1)}

# The first three formants of five vowels in Hz: men's means of G. E. Peterson and H. L. Barney (1952), i e a o u.
VOWELS = ((270, 2290, 3010), (530, 1840, 2480), (730, 1090, 2440), (570, 840, 2410), (300, 870, 2240))


def make_task(seed: int, train_size: int = TRAIN_SIZE) -> Task:
    """Return the task with `train_size` training and `VALIDATION_SIZE` validation sounds, of all tones equally many."""
    splits = {name: _split(name, size, seed) for name, size in (("train", train_size), ("validation", VALIDATION_SIZE))}
    return media_task("tones", "audio", **splits, label_names=tuple(TONES), source=f"built in, made with seed {seed}")


def _split(name: str, size: int, seed: int):
    import numpy as np

    random = np.random.RandomState([seed, len(name)])
    labels = random.permutation(np.arange(size) % len(TONES))
    contours = list(TONES.values())
    cells = [
        sound_cell(syllable(contours[label], random), RATE, f"tones/{name}/{row:04d}.wav")
        for row, label in enumerate(labels)
    ]
    return media_split("audio", cells, labels)


def syllable(tone: tuple[int, ...], random: np.random.RandomState) -> np.ndarray:
    """Return a syllable of the `tone` (Chao's levels), said by a speaker and in a way that `random` draws, (t,) at `RATE`."""
    import numpy as np

    voiced = pitch(tone, random)
    flow = _glottal_flow(np.cumsum(voiced) / RATE + random.uniform(), open_share=random.uniform(0.5, 0.7))
    sound = np.diff(flow, prepend=0)  # lips radiate the change of what flows through them
    tract = (voiced.mean() / 120) ** 0.2 * random.uniform(0.95, 1.05)  # who speaks higher tends to be smaller
    for formant in VOWELS[random.randint(len(VOWELS))]:
        sound = _resonance(sound, tract * formant * random.uniform(0.95, 1.05))
    fade = np.minimum(1, np.arange(len(sound)) / (0.03 * RATE))
    sound *= fade * fade[::-1]
    before, after = (random.randint(0.06 * RATE) for _ in range(2))
    sound = np.pad(sound, (before, after)) / np.sqrt(np.mean(sound**2))
    sound += random.randn(len(sound)) * 10 ** (-random.uniform(5, 25) / 20)  # 5 to 25 dB below the voice
    return sound / np.abs(sound).max() * 10 ** (-random.uniform(0, 20) / 20)


def pitch(tone: tuple[int, ...], random: np.random.RandomState) -> np.ndarray:
    """Return the pitch in Hz of a syllable of the `tone` at each sample, (t,), from 0.35 to 0.55 seconds long.

    The speaker's middle level is at 110 to 260 Hz, the five levels span 5 to 12 semitones; each level is missed by up to a
    quarter of a step, and pitch sags by up to a step in the course of the syllable, as it does in any speech.
    """
    import numpy as np

    middle, span = np.exp(random.uniform(np.log(110), np.log(260))), random.uniform(5, 12)
    levels = np.array(tone) + random.uniform(-0.25, 0.25, len(tone))
    time = np.linspace(0, 1, int(random.uniform(0.35, 0.55) * RATE))
    # A voice doesn't turn at a point: it holds a level for a moment and glides to the next.
    place = time * (len(levels) - 1)
    glide = place - np.sin(2 * np.pi * place) / (2 * np.pi)
    level = np.interp(glide, np.arange(len(levels)), levels) - random.uniform(0, 1) * time
    return middle * 2 ** ((level - 3) * span / 4 / 12)


def _glottal_flow(cycles: np.ndarray, open_share: float) -> np.ndarray:
    """Return the air's flow at these moments, in cycles: the glottis opens slowly, closes fast and rests (Klatt 1990)."""
    import numpy as np

    opened = cycles % 1 / open_share
    return np.where(opened < 1, opened**2 * (1 - opened), 0)


def _resonance(sound: np.ndarray, formant: float) -> np.ndarray:
    """Return `sound` through a second-order resonator at `formant` Hz, a twelfth as wide, at least 60 Hz (Klatt 1980)."""
    import numpy as np
    from scipy.signal import lfilter

    radius = np.exp(-np.pi * max(60, formant / 12) / RATE)
    feedback = [1, -2 * radius * np.cos(2 * np.pi * formant / RATE), radius**2]
    return lfilter([sum(feedback)], feedback, sound)
