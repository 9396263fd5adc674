"""Chapter 02, warm-up: warm-up: an entry of the map; warm-up: better than the bigram."""

from __future__ import annotations

import numpy as np

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch02_simplified import CHAPTER, SECTION

EXERCISES = [
    Spec(
        id="02.r1",
        version=2,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: an entry of the map",
        prompt="""
        The model that the first page trains writes from left to right. It has read "The keys of the
        object".
        """,
        parts=[
            Choice(
                prompt="Which weight does *keys* give to *object*?",
                options=[
                    Option(
                        "0",
                        lambda: bool(np.tri(5)[1, 4] == 0),
                        "*object* stands after *keys*. A model that writes from left to right may "
                        "not look at words that are still to come.",
                    ),
                    Option(
                        "the same weight that *object* gives to *keys*",
                        False,
                        "The map is not symmetric. Who looks and who is looked at are two "
                        "different things.",
                        "attention-symmetric",
                    ),
                    Option(
                        "a high one, since both are nouns",
                        False,
                        "Whatever *keys* might want to know of it, *object* is still to come, and "
                        "*keys* cannot look ahead.",
                        "looks-ahead",
                    ),
                    Option(
                        "a fifth, an even share of its row",
                        False,
                        "The row does add up to 1, but it is shared out among what stands up to "
                        "*keys*. Nothing is left for later words.",
                        "rest-of-the-row",
                    ),
                ],
            )
        ],
        hints=["Which part of the maps on the first page was empty?"],
        explain="The upper right half of the map is empty: no word sees a later one.",
    ),
    Spec(
        id="02.r2",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: better than the bigram",
        prompt="On the first page a transformer predicted held-out text better than a bigram did.",
        parts=[
            Choice(
                prompt="What did it use that the bigram does not have?",
                options=[
                    Option(
                        "words further back than the last one",
                        True,
                        "A bigram knows the last token only. Cut to that, the transformer was the "
                        "worse of the two.",
                    ),
                    Option(
                        "how frequent each word is",
                        False,
                        "The bigram counts that too, and even the unigram does.",
                        "frequency-is-context",
                    ),
                    Option(
                        "marks that say which words matter",
                        False,
                        "Nobody marked anything. Relevance is learned because it makes better "
                        "predictions.",
                        "relevance-is-labelled",
                    ),
                    Option(
                        "the held-out text itself",
                        False,
                        "Then the comparison would be worth nothing. No paragraph stood in both "
                        "halves.",
                        "trained-on-the-test",
                    ),
                ],
            )
        ],
        hints=["How many words does a bigram look at?"],
        explain="Attention reaches past the last word, and that is where its lead came from.",
    ),
]
