"""Chapter 13, ideas: what makes it self-supervised; what a filter can and cannot see."""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch13_curation import CHAPTER, SECTION

EXERCISES = [
    Spec(
        id="13.a",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="What self-supervised means",
        prompt="Pre-training is called a *self-supervised* step.",
        parts=[
            Choice(
                prompt="What makes it that?",
                options=[
                    Option(
                        "The targets are made from the text itself.",
                        True,
                        "A part of the text is hidden or comes later, and the model has to say "
                        "what it is. There is a target and a loss, and nobody wrote the target.",
                    ),
                    Option(
                        "There is no target, so there is no loss.",
                        False,
                        "There is a loss at every place that is predicted. Without one, no weight "
                        "would move.",
                        "no-labels-no-target",
                    ),
                    Option(
                        "People check a sample of the answers.",
                        False,
                        "That would be supervision by people. Here not one answer is written or "
                        "checked by hand.",
                        "people-label",
                    ),
                    Option(
                        "The model is rewarded when its text is good.",
                        False,
                        "That is reinforcement learning, a later step. In pre-training each place "
                        "has one right answer, the token of the text.",
                        "reinforcement",
                    ),
                ],
            )
        ],
        hints=["Where does the right answer of one place stand?"],
        explain="""
        Self-supervised learning is supervised learning whose targets cost nothing. That is why it
        can use more text than anyone could label, and why choosing the text takes the place of
        labelling it.
        """,
    ),
    Spec(
        id="13.e",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="What a filter sees",
        prompt="Think of the filters of this page and of the pages they met.",
        parts=[
            Choice(
                prompt="Which statements hold? Choose every one that does.",
                multiple=True,
                options=[
                    Option(
                        "A good page can be dropped for the way its author spells small words.",
                        True,
                        "The rule on stop words looks for eight spellings. Whoever writes in a "
                        "dialect has other ones, and the page goes.",
                    ),
                    Option(
                        "A page of real words in a random order passes every rule on lengths, "
                        "marks and repeats.",
                        True,
                        "All that these rules count is still there. Only something that looks at "
                        "which word follows which can tell.",
                    ),
                    Option(
                        "A list of insults removes only pages that insult.",
                        False,
                        "It removes the page that explains an insult as surely as the page that "
                        "uses it: the list sees words, not what is done with them.",
                        "a-list-sees-intent",
                    ),
                    Option(
                        "A stricter limit always improves the training text.",
                        False,
                        "A stricter limit drops more bad pages and more good ones, and whole "
                        "groups of authors with them. What is left must also be enough to train "
                        "on.",
                        "stricter-is-better",
                    ),
                    Option(
                        "A limit means the same whatever is counted as a word.",
                        False,
                        "Count each mark of punctuation as a word, and the share of words with a "
                        "letter falls below its limit on every recipe of this page. It does on "
                        "none otherwise.",
                        "limits-without-units",
                    ),
                ],
            )
        ],
        hints=["Look at the last column of the table, the group that lost most."],
        explain="A filter measures something simple that mostly goes along with quality.",
    ),
]
