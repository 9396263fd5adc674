"""Chapter 06, ideas: query, key and value; true of heads."""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Match, Option, Row, Spec
from course_lib.exercises.chapters.ch06_attention import CHAPTER

ASKS = "what this word looks for in others"
FOUND = "what this word can be found by"
PASSED = "what this word passes on once it is found"
POSITION = "where this word stands in the sentence"

EXERCISES = [
    Spec(
        id="06.a",
        version=1,
        chapter=CHAPTER,
        section="Self-attention",
        kind="match",
        title="Query, key and value",
        prompt="Self-attention computes three vectors for every word. Give each one its job.",
        parts=[
            Match(
                id="roles",
                prompt="Which job has which vector?",
                options=[ASKS, FOUND, PASSED, POSITION],
                rows=[
                    Row(
                        "query",
                        [ASKS],
                        {
                            ASKS: "A query is compared with every key: it asks.",
                            FOUND: "That is the key. The query belongs to the word that looks, "
                            "the key to the word that is looked at.",
                            PASSED: "That is the value. The query only decides how much is taken, "
                            "not what.",
                            POSITION: "Positions come in earlier, with the embedding or by turning "
                            "queries and keys.",
                        },
                        {FOUND: "query-is-key", PASSED: "query-is-value", POSITION: "qkv-position"},
                    ),
                    Row(
                        "key",
                        [FOUND],
                        {
                            ASKS: "That is the query. If the two were interchangeable, relevance "
                            "would have no direction.",
                            FOUND: "A key is what queries are compared with: it answers the "
                            "question *do I fit?*",
                            PASSED: "That is the value. A key decides whether a word is found; it "
                            "is not what is passed on.",
                            POSITION: "A key may carry position, but its job is to be found by a "
                            "query.",
                        },
                        {ASKS: "query-is-key", PASSED: "key-is-value", POSITION: "qkv-position"},
                    ),
                    Row(
                        "value",
                        [PASSED],
                        {
                            ASKS: "The value asks nothing. It is mixed after all weights are "
                            "decided.",
                            FOUND: "Values do not decide relevance: change every value, and every "
                            "weight stays the same.",
                            PASSED: "The result is a mixture of values, by the weights that "
                            "queries and keys gave.",
                            POSITION: "The value is the content that is mixed; position is "
                            "handled elsewhere.",
                        },
                        {
                            ASKS: "value-decides",
                            FOUND: "value-decides",
                            POSITION: "qkv-position",
                        },
                    ),
                ],
            ),
            Choice(
                id="inputs",
                prompt="Where do the three come from in *self*-attention?",
                options=[
                    Option(
                        "all from the same word vectors, by three learned matrices",
                        True,
                        "One input, three views of it. That is what *self* says; in "
                        "cross-attention keys and values come from another sequence.",
                    ),
                    Option(
                        "they are three different inputs of the layer",
                        False,
                        "A drawing with three arrows suggests it. In self-attention the three "
                        "arrows start at the same vectors; three learned matrices make them "
                        "different.",
                        "three-inputs",
                    ),
                    Option(
                        "they are three copies of the word vector, without any weights",
                        False,
                        "Copies would make every score symmetric, and of words of one length each "
                        "would fit itself best. Learned matrices let a word look for something "
                        "unlike itself.",
                        "three-copies",
                    ),
                    Option(
                        "the query from the text, key and value from a stored dictionary",
                        False,
                        "The names come from looking things up, but nothing is stored: keys and "
                        "values are computed anew from the words of this very text.",
                        "stored-dictionary",
                    ),
                ],
            ),
        ],
        hints=[
            "Think of a library: a request, the label of a book, the text of the book.",
            "Which of the three could you change without changing any weight?",
        ],
        explain="""
        Query and key decide *how much*, the value decides *what*. All three are computed from the
        same word vectors, each by its own learned matrix.
        """,
    ),
    Spec(
        id="06.e",
        version=1,
        chapter=CHAPTER,
        section="Multiple heads",
        kind="choice",
        title="True of heads",
        prompt="A layer of width D has H heads, each of width D / H.",
        parts=[
            Choice(
                multiple=True,
                prompt="Which statements hold?",
                options=[
                    Option(
                        "Every head sees all the words that the mask allows.",
                        True,
                        "Heads share the width among them, not the words. Each computes its own "
                        "full table of weights.",
                    ),
                    Option(
                        "The heads' results are put side by side, and one matrix mixes them.",
                        True,
                        "The output matrix lets a later layer use what different heads found, "
                        "together.",
                    ),
                    Option(
                        "No head needs another head's result of the same layer.",
                        True,
                        "They are computed at the same time, which is why they fit in one batched "
                        "product.",
                    ),
                    Option(
                        "At the same width, more heads mean more parameters.",
                        False,
                        "More heads cut the same width into thinner slices. The four matrices "
                        "stay D × D, whatever H is.",
                        "heads-add-parameters",
                    ),
                    Option(
                        "Each head looks at its own part of the sentence.",
                        False,
                        "It is the *width* that is shared out, not the sentence. Any head may look "
                        "at any allowed word.",
                        "heads-split-words",
                    ),
                    Option(
                        "Each head learns one clean job that can be named.",
                        False,
                        "A few heads can be named, most mix several patterns, and several heads "
                        "may do the same. Nothing in training asks for clean jobs.",
                        "one-clean-job",
                    ),
                ],
            )
        ],
        hints=["What is divided by H: the words, the width, or the matrices?"],
        explain="""
        Heads divide the width. They see the same words, work independently, cost no extra
        parameters, and are free to overlap in what they do.
        """,
    ),
]
