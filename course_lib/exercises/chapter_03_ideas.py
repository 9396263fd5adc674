"""Chapter 03, ideas, warm-up and numbers: what a token is, and how many there are."""

from __future__ import annotations

from course_lib.data.corpora import pydoc_topics, split
from course_lib.exercises.spec import Choice, Near, Number, Option, Spec
from course_lib.tokenizers import ByteLevelBPE

CHAPTER = "03_tokenizer"
SECTION = "Tokenizer"
WORDS = "unbelievable unbelievably"
ESSAY_WORDS = 1500


def shown_tokenizer() -> ByteLevelBPE:
    """Train the tokenizer that the page shows, in a quarter of a second."""
    return ByteLevelBPE.train(split(pydoc_topics())[0], 4096)


def tokens_per_word() -> float:
    """Measure the rate of the shown tokenizer on texts that it has not seen."""
    text = "\n".join(split(pydoc_topics())[1])
    return len(shown_tokenizer().encode(text)) / len(text.split())


def _pieces(text: str) -> list[str]:
    tokenizer = shown_tokenizer()
    return [tokenizer.tokens[i].decode() for i in tokenizer.encode(text)]


def _reveal() -> str:
    pieces = _pieces(WORDS)
    shown = " ".join(f"`{piece.replace(' ', '␣')}`" for piece in pieces)
    return (
        f"{len(pieces)} tokens: {shown}. Each word was cut by the pieces its letters happen to "
        "hold, in the order in which the merges were learned. The two words mean nearly the same, "
        "and their ends have no token in common."
    )


EXERCISES = [
    Spec(
        id="03.r1",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: what the map had rows for",
        prompt="Look back to the relevance maps of the first page.",
        parts=[
            Choice(
                prompt="A text of 9 tokens goes through a head. How large is the map?",
                options=[
                    Option(
                        "9 rows and 9 columns",
                        True,
                        "One row for each token that looks, one column for each token that is "
                        "looked at. How many tokens a text has is what this page is about.",
                    ),
                    Option(
                        "one row and one column for each word of the vocabulary",
                        False,
                        "A map is about this text: the tokens that stand in it, each at its "
                        "place. The vocabulary matters when the next token is predicted.",
                        "map-over-vocabulary",
                    ),
                    Option(
                        "9 rows, and as many columns as the model is wide",
                        False,
                        "The width is the size of a token's vector. A map compares tokens with "
                        "tokens, so both of its sides are tokens.",
                        "map-is-vectors",
                    ),
                ],
            )
        ],
        hints=["What does a row stand for, and what a column?"],
        explain="Everything a model does is done per token, so the cut into tokens sets the cost.",
    ),
    Spec(
        id="03.r2",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: what a model predicts",
        prompt="The model of the first page was given a beginning and went on writing.",
        parts=[
            Choice(
                prompt="What does it put out at each step?",
                options=[
                    Option(
                        "one score for every token of its vocabulary",
                        True,
                        "Each step is a choice among all tokens there are. So the vocabulary is a "
                        "list fixed before training, and everything the model can ever write is "
                        "made of it.",
                    ),
                    Option(
                        "one letter",
                        False,
                        "It could, if its tokens were letters. Its tokens are longer, and it "
                        "scores all of them at each step.",
                        "tokens-are-letters",
                    ),
                    Option(
                        "a whole sentence at once",
                        False,
                        "A text is written one token at a time, each step reading all tokens "
                        "before it.",
                        "whole-sentence",
                    ),
                ],
            )
        ],
        hints=["What is drawn from at each step?"],
        explain="The vocabulary is the model's alphabet, for reading and for writing.",
    ),
    Spec(
        id="03.a",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="What holds for tokens",
        prompt="Think of the byte-level tokenizer of this page.",
        parts=[
            Choice(
                prompt="Which statements hold? Choose every one that does.",
                multiple=True,
                options=[
                    Option(
                        "`the` and ` the`, with a space in front, are two different tokens.",
                        True,
                        "The space belongs to the word after it, so a word at the beginning of a "
                        "text is another token than the same word inside.",
                    ),
                    Option(
                        "Every text can be encoded, also one in a script the tokenizer has never "
                        "seen.",
                        True,
                        "All 256 bytes are tokens and every text is bytes. An unseen script only "
                        "costs more tokens, several for each character.",
                    ),
                    Option(
                        "A token is a word.",
                        False,
                        "Frequent words are one token, rare words are several, and a token can be "
                        "a space, a sign or part of a character.",
                        "tokens-are-words",
                    ),
                    Option(
                        "A token is a character.",
                        False,
                        "Characters are where it begins. After the first merges most tokens hold "
                        "several characters; some hold less than one.",
                        "tokens-are-characters",
                    ),
                    Option(
                        "Token 1000 stands for the same piece of text in every model.",
                        False,
                        "An id is a place in one tokenizer's list. Another corpus, another list. "
                        "A model read with the wrong tokenizer sees nonsense.",
                        "ids-are-universal",
                    ),
                ],
            )
        ],
        hints=[
            "What did the tokenizer do with a character that it had not seen in training?",
            "Where did the spaces go when a sentence was cut?",
        ],
        explain="""
        A token is whatever the training of the tokenizer made one: a frequent string of bytes. The
        list is fixed before the model is trained and belongs to it ever after.
        """,
    ),
    Spec(
        id="03.b",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="predict",
        title="Two words that look alike",
        prompt=f"""
        The tokenizer of this page, with 4,096 tokens learned from the Python documentation, reads
        `{WORDS}`. Neither word is in those texts.
        """,
        parts=[
            Number(
                prompt="How many tokens in all?",
                key=lambda: len(_pieces(WORDS)),
                tolerance=0.0,
                near=[
                    Near(
                        lambda: 2,
                        "That would be one token for each word. A word gets a token of its own "
                        "only if it was frequent when the merges were learned.",
                        "tokens-are-words",
                    ),
                    Near(
                        lambda: len(WORDS),
                        "You counted characters. Merges join most of them into longer pieces.",
                        "tokens-are-characters",
                    ),
                    Near(
                        lambda: len(_pieces(WORDS.split()[0])),
                        "That is the first word alone.",
                        "one-word",
                    ),
                    Near(
                        lambda: len(_pieces(WORDS)) + 1,
                        "One too many: the space is no token of its own here, it begins the "
                        "second word's first token.",
                        "space-is-a-token",
                    ),
                ],
                units={"": 1.0, "tokens": 1.0},
                unit_hint="a whole number",
                key_format="{:,.0f}",
                feedback="Exactly so many, for this tokenizer; another one would cut elsewhere.",
                too_small="More: rare words fall into short pieces, none longer than what merged.",
                too_large="Fewer: `un`, `be` and `able` are frequent enough to be pieces.",
            )
        ],
        reveal=_reveal,
        hints=["Which parts of these words would be frequent in documentation?"],
        explain="""
        The cut follows frequency, not meaning. That is why spelling tasks are hard for models: they
        do not see letters, and two forms of a word can look unrelated to them.
        """,
    ),
    Spec(
        id="03.d",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="Tokens in an essay",
        prompt=f"""
        An essay has {ESSAY_WORDS:,} words. Use the rate of tokens to words that this page prints
        for texts the tokenizer has not seen.
        """,
        parts=[
            Number(
                prompt="About how many tokens is the essay?",
                key=lambda: ESSAY_WORDS * tokens_per_word(),
                tolerance=0.1,
                near=[
                    Near(
                        lambda: ESSAY_WORDS,
                        "That is the number of words. Most texts have more tokens than words: "
                        "signs are tokens too, and rare words are several.",
                        "tokens-are-words",
                    ),
                    Near(
                        lambda: ESSAY_WORDS / tokens_per_word(),
                        "You divided by the rate. It says how many tokens there are for a word, "
                        "so multiply.",
                        "inverted-ratio",
                    ),
                    Near(
                        lambda: ESSAY_WORDS * 5.7,
                        "That is about the number of letters. A token holds several.",
                        "tokens-are-characters",
                    ),
                ],
                units={"": 1.0, "tokens": 1.0},
                unit_hint="a whole number",
                key_format="{:,.0f}",
                feedback="The words times the tokens for a word.",
            )
        ],
        hints=["How many tokens are there for one word?", "Multiply."],
        explain="""
        The rate depends on the tokenizer and on the text: prose in the language of the training
        texts is cheap, code, numbers and other languages cost more. Prices and context lengths are
        counted in tokens.
        """,
    ),
]
