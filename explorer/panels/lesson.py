"""The guided mode of Learn: five short steps with a question each, and an answer on demand."""

from collections.abc import Callable
from dataclasses import dataclass, field

import streamlit as st

from explorer.panels import address
from explorer.panels.words import FIVE

EQUAL = "0_0~1_0~2_0~3_0~4_0"
UNEQUAL = "0_0~0.1_0~0.2_0~0.3_0~4_0"
"""Points on a line, as the address has them, whose gaps, and so whose bars, are 1, 1, 1, 1 and 0.1, 0.1, 0.1, 3.7."""

GROUPS = {"cloud": "two clusters", "n": 40, "noise": 0.1, "seed": 0}
EVEN = {"cloud": "ring", "n": 30, "noise": 0.01, "seed": 1}
"""Clouds of the lesson on features, as the page's widgets have them: one with a bar that stands out, one without."""


@dataclass(frozen=True)
class Step:
    """One step: what it says and asks, and how the page is set up for it.

    Attributes:
        setting: values of the page's widgets.
        own: the points that are shown instead of an example, as the address has them.
        acts: whether the regularizer acts.
        choices: clouds to look at, by the words on their buttons: points, as the address has them, or values of widgets.
    """

    title: str
    text: str
    question: str
    answer: str
    setting: dict = field(default_factory=dict)
    own: str = ""
    acts: bool = False
    choices: dict[str, str | dict] = field(default_factory=dict)


STEPS = {
    "1": Step(
        title="From points to bars",
        text="A disc grows around every point; the slider sets its diameter **e**. Points whose discs touch are "
        "joined into a **component**. Each time two components become one, one of them ends. Its **bar** is as long "
        "as e is then.",
        question="Move the slider from left to right and count: how many bars do 5 points have?",
        answer="**4.** Five components at the start, one in the end, and each meeting ends one: *n* points have "
        "*n* − 1 bars. Each bar is an edge of the shortest tree that joins all points, the minimum spanning tree: "
        "click a bar, and its edge lights up.",
        setting={"cloud": "uniform", "n": 5, "noise": 0.0, "seed": 3},
    ),
    "2": Step(
        title="Which bars matter?",
        text="Neighbours meet early, groups that lie apart meet late. Bars that stand out are **features** (solid), the rest "
        "is **noise** (pale). The **threshold** (dashed) is the length of the shortest feature; how it is found stands below "
        "the picture.",
        question="Which bar says that there are two groups? And on a nearly even ring, where no bar stands out, which are "
        "the features?",
        answer="**The longest.** Click it: its edge is the bridge between the groups. While only this bar crosses the "
        "line of the slider, there are exactly two components. The rule always makes a second bar a feature, and "
        "more where more stand out. **On the ring, the five longest,** though they hardly differ from the rest. So it goes "
        f"where no bar stands out: {FIVE}",
        setting=GROUPS,
        choices={"two groups": GROUPS, "an even ring": EVEN},
    ),
    "3": Step(
        title="What of holes?",
        text="Components are not all there is. When edges close around a gap, a **loop** begins; when triangles of "
        "joined points have filled the gap, it ends. Its bar runs from the one scale to the other.",
        question="At which e does the ring become a loop, and at which e is it filled?",
        answer="**Read it off the longest blue bar:** it begins when the last gap in the ring closes, and ends near "
        "1.7, the side of a triangle inside a circle of radius 1 (√3 = 1.73). Click the bar: the thick edge begins "
        "the loop, the thin one ends it.",
        setting={"cloud": "ring", "n": 30, "noise": 0.04, "seed": 0},
    ),
    "4": Step(
        title="One number for all bars",
        text="Let *p* be a bar's share of the length of all bars. **Persistent entropy** is the sum of −*p* ln *p* "
        "over the bars, in nats. It does not change when the whole cloud is scaled.",
        question="Bars of 1, 1, 1, 1 or of 0.1, 0.1, 0.1, 3.7: which have the higher entropy?",
        answer="**The equal ones:** ln 4 = 1.386 nats, and four bars can't have more. The others have 0.349: nearly "
        "all length is in one bar. Entropy is highest exactly when all bars are equal: *iso-bar*.",
        own=EQUAL,
        choices={"1, 1, 1, 1": EQUAL, "0.1, 0.1, 0.1, 3.7": UNEQUAL},
    ),
    "5": Step(
        title="What the regularizer does",
        text="Embeddings of a fine-tuned model often crowd into a narrow cone. The **regularizer** adds minus the "
        "entropy to the loss, so that training raises it. Below it acts alone on the points of such a cone.",
        question="Move the lower slider from step 0 to 60: what happens to the bars, and what to the cone?",
        answer="**Short bars grow, long ones shrink,** until all are about equally long and entropy is near its "
        "maximum. Points that crowd are pushed apart, and those far off drawn in, until each is about as far from its "
        "next neighbour as the others are. The cone itself stays about as narrow: entropy sees how evenly points are "
        "spaced, not where they point. In training the features alone count by default, and the authors' published "
        "code pushes the noise apart as well: try the other choices.\n\n"
        "**What this says about training: less than it seems.** Here every point moves by itself. A model moves all of them "
        "at once by its weights, the task pulls at them too, and each class of a batch is a cloud of its own, in hundreds of "
        "dimensions, where distances are more alike and only a few bars are features. So that these points keep to their "
        "cone does not mean that a model's would, nor that they would leave it: that is to be measured, with and without the "
        "regularizer, over several seeds. On MRPC, with the built-in model, anisotropy within classes fell from 0.595 to "
        "0.383 over five seeds, and whether the accuracy changed can't be told (−0.008 [−0.032, +0.014]).",
        setting={"cloud": "narrow cone", "n": 40, "noise": 0.02, "seed": 0},
        acts=True,
    ),
}


def show(name: str, set_up: Callable[[str], None], show_cloud: Callable[[str | dict], None]) -> None:
    """Draw the step called `name` but for its title.

    Args:
        name: a key of `STEPS`.
        set_up: sets the page up for the step that it is given.
        show_cloud: shows one of the step's choices.
    """
    step = STEPS[name]
    with st.container(border=True, key="lesson-step", gap="small"):
        left, right = st.columns([11, 9], gap="medium")
        with left:
            st.markdown(step.text)
            if step.choices:
                with st.container(horizontal=True, gap="small"):
                    for words, cloud in step.choices.items():
                        st.button(words, key=f"points-{words}", on_click=show_cloud, args=[cloud])
        with right:
            st.markdown(f":material/help: **{step.question}**")
            with st.container(horizontal=True, gap="small", vertical_alignment="center"):
                answered = address.widget(st.toggle, "Answer", key="answer", default=False)
                names = list(STEPS)
                following = names[(names.index(name) + 1) % len(names)]
                st.button(
                    f"Step {following}" if following != names[0] else "Start over",
                    key="following",
                    icon=":material/arrow_forward:" if following != names[0] else ":material/replay:",
                    on_click=set_up,
                    args=[following],
                )
        if answered:
            st.success(step.answer)
