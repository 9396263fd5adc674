"""Chapter 08, ideas: the bridge between the halves; the lines of a block."""

from __future__ import annotations

import numpy as np

from course_lib.exercises.author.spec import Before, Choice, Line, Match, Option, Order, Row, Spec
from course_lib.exercises.chapters.ch08_architecture import CHAPTER, SECTION

STREAM = "from the decoder's stream, after its self-attention"
MEMORY = "from the vectors that leave the encoder"
WORDS = "from the embeddings of the input words"


def table_shape(written: int, read: int) -> tuple[int, ...]:
    """Compute the shape of one head's scores between written and read tokens."""
    return (np.ones((written, 3)) @ np.ones((read, 3)).T).shape


def _memory_row(name: str, both: str) -> Row:
    return Row(
        name,
        [MEMORY],
        {
            STREAM: f"Then the decoder would look at itself again. {both}",
            MEMORY: f"{both} They are made from the encoder's last vectors, by matrices of the "
            "decoder's layer.",
            WORDS: "The embeddings know nothing of their neighbours. The decoder reads what the "
            "encoder made of them.",
        },
        {STREAM: "all-from-decoder", WORDS: "reads-embeddings"},
    )


def _rule(first: str, then: str, feedback: str, belief: str) -> Before:
    return Before(first, then, feedback, belief)


EXERCISES = [
    Spec(
        id="08.a",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="match",
        title="The bridge between the halves",
        prompt="""
        The decoder's second attention, over the encoder's output. The input has 7 tokens; 9 are in
        the decoder.
        """,
        parts=[
            Match(
                id="origin",
                prompt="What is each made from?",
                options=[STREAM, MEMORY, WORDS],
                rows=[
                    Row(
                        "queries",
                        [STREAM],
                        {
                            STREAM: "The token being written asks, knowing what has been written "
                            "before it.",
                            MEMORY: "Turned around: then the input would ask, and each input word "
                            "would get a result. The decoder needs one for each of its tokens.",
                            WORDS: "Input words do not ask here. The token being written does.",
                        },
                        {MEMORY: "query-from-encoder", WORDS: "query-from-encoder"},
                    ),
                    _memory_row("keys", "Keys are what is looked at: the input."),
                    _memory_row("values", "Values are what is fetched: content of the input."),
                ],
            ),
            Choice(
                id="table",
                prompt="Which shape has one head's table of weights?",
                options=[
                    Option(
                        "9 × 7",
                        lambda: table_shape(9, 7) == (9, 7),
                        "A row for each token that asks, a column for each token looked at.",
                    ),
                    Option(
                        "7 × 9",
                        lambda: table_shape(9, 7) == (7, 9),
                        "Rows are the ones that ask, and those are the decoder's 9.",
                        "query-from-encoder",
                    ),
                    Option(
                        "9 × 9",
                        False,
                        "That is the decoder's self-attention. Here it looks at the 7 input "
                        "tokens.",
                        "all-from-decoder",
                    ),
                    Option(
                        "16 × 16",
                        False,
                        "The two texts are not joined. Only the decoder asks, and here it looks "
                        "at the input alone.",
                        "one-text",
                    ),
                ],
            ),
            Choice(
                id="once",
                prompt="The decoder writes 9 tokens, one at a time. What need a layer compute "
                "only once for the sentence?",
                options=[
                    Option(
                        "the keys and values of the bridge",
                        True,
                        "The encoder's vectors stay the same while the decoder writes, and so do "
                        "keys and values made from them.",
                    ),
                    Option(
                        "the queries of the bridge",
                        False,
                        "Every new token brings a new query.",
                        "queries-are-fixed",
                    ),
                    Option(
                        "its table of weights",
                        False,
                        "Every new token adds a row, since it asks something of its own.",
                        "weights-are-fixed",
                    ),
                    Option(
                        "nothing: the encoder runs again for every token",
                        False,
                        "It could, and would come to the same vectors: the input has not changed.",
                        "encoder-runs-again",
                    ),
                ],
            ),
        ],
        hints=["Who needs something, and where does it stand?"],
        explain="""
        Who asks gives the queries, what is looked at gives keys and values. That is the only
        difference between self-attention and the bridge.
        """,
    ),
    Spec(
        id="08.b",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="order",
        title="The lines of a block",
        prompt="""
        Put together a block with the norm first. It takes the stream `x`. Three lines do not
        belong.
        """,
        parts=[
            Order(
                prompt="Choose the eight lines that belong, and put them in order. Some orders are "
                "equally right.",
                lines=[
                    Line("worked", "`worked = feed_forward(h2)`"),
                    Line("query", "`q = query(h1)`"),
                    Line(
                        "post",
                        "`y = norm_1(x + dropout(fetched))`",
                        True,
                        "That line normalises after adding: the original order of 2017, where the "
                        "way around passes through every norm. Here the norm comes first.",
                        "norm-placement-free",
                    ),
                    Line("return", "`return y + dropout(worked)`"),
                    Line("keyvalue", "`k, v = key(h1), value(h1)`"),
                    Line("norm2", "`h2 = norm_2(y)`"),
                    Line(
                        "normed",
                        "`y = h1 + dropout(fetched)`",
                        True,
                        "That adds to the normalised vector, so the stream itself ends here. The "
                        "way around starts before the norm: add to `x`.",
                        "residual-from-norm",
                    ),
                    Line("fetched", "`fetched = output(attention(q, k, v))`"),
                    Line(
                        "dropped",
                        "`y = dropout(x + fetched)`",
                        True,
                        "That drops parts of the stream itself, in every layer again. Dropout acts "
                        "on what a part adds, not on the way around.",
                        "dropout-on-the-stream",
                    ),
                    Line("add", "`y = x + dropout(fetched)`"),
                    Line("norm1", "`h1 = norm_1(x)`"),
                ],
                before=[
                    _rule(
                        "norm1",
                        "query",
                        "The query is made from `h1`, which does not exist yet. The norm comes "
                        "first.",
                        "norm-placement-free",
                    ),
                    _rule(
                        "norm1",
                        "keyvalue",
                        "Key and value are made from `h1`, which does not exist yet. The norm "
                        "comes first.",
                        "norm-placement-free",
                    ),
                    _rule(
                        "query",
                        "fetched",
                        "Attention needs `q` before it can compare anything.",
                        "attention-before-query",
                    ),
                    _rule(
                        "keyvalue",
                        "fetched",
                        "Attention needs `k` and `v` before it can fetch anything.",
                        "attention-before-keys",
                    ),
                    _rule(
                        "fetched",
                        "add",
                        "`fetched` is added here, so attention must have run.",
                        "add-before-attention",
                    ),
                    _rule(
                        "add",
                        "norm2",
                        "The second norm takes `y`, the stream *with* what attention added.",
                        "parts-in-parallel",
                    ),
                    _rule(
                        "norm2",
                        "worked",
                        "The feed-forward network works on `h2`: its norm comes first.",
                        "norm-placement-free",
                    ),
                    _rule(
                        "worked",
                        "return",
                        "What the feed-forward network made is added at the very end.",
                        "return-before-feed-forward",
                    ),
                ],
                feedback="Norm, fetch, add; norm, combine, add. `q` may stand before or after "
                "`k, v`.",
            )
        ],
        hints=[
            "Each line needs names that earlier lines have made.",
            "The stream is never replaced and never dropped: something is added to it, twice.",
        ],
        explain="""
        Each half reads the stream through a norm, works, and adds its result to the stream, which
        itself goes through nothing.
        """,
    ),
]
