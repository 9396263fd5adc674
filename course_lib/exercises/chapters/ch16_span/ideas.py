"""Chapter 16, ideas: what the denoisers of UL2 train; what BART's noises leave to see."""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Match, Option, Row, Spec
from course_lib.exercises.chapters.ch16_span import CHAPTER, SECTION

SHORT = "15 % cut, in spans of 3 on average"
END = "one span: the last quarter"
MUCH = "half of it cut, or spans of 64"

EXERCISES = [
    Spec(
        id="16.a",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="match",
        title="Three denoisers, one function",
        prompt="UL2 trains one model with three kinds of denoisers. Each is a setting of the same "
        "function.",
        parts=[
            Match(
                id="settings",
                prompt="Which setting trains what?",
                options=[SHORT, END, MUCH],
                rows=[
                    Row(
                        "R, regular: fill a small gap from both sides",
                        [SHORT],
                        {
                            SHORT: "Short gaps with much text around them: knowledge of words and "
                            "facts.",
                            END: "At the end of a text there is no other side to look at.",
                            MUCH: "That is no small gap: half the text, or a whole paragraph, is "
                            "missing.",
                        },
                        {END: "regular-is-sequential", MUCH: "regular-is-extreme"},
                    ),
                    Row(
                        "S, sequential: go on with a text",
                        [END],
                        {
                            SHORT: "Text stands on both sides of such gaps. Going on means that "
                            "nothing follows.",
                            END: "The beginning is read, the rest is said: a language model with a "
                            "source.",
                            MUCH: "Much is missing there, but in places between which text "
                            "stands. Here nothing follows the gap.",
                        },
                        {SHORT: "sequential-is-regular", MUCH: "sequential-is-extreme"},
                    ),
                    Row(
                        "X, extreme: write a long passage from little",
                        [MUCH],
                        {
                            SHORT: "Three tokens are no long passage.",
                            END: "Three quarters of the text are read there, and a quarter is "
                            "said.",
                            MUCH: "Much is said from little, or one very long span: long "
                            "coherent text.",
                        },
                        {SHORT: "extreme-is-regular", END: "extreme-is-sequential"},
                    ),
                ],
            )
        ],
        hints=["Ask of each: how much is read, and does text stand on both sides of the gap?"],
        explain="""
        A token before the source tells the model which of the three is asked for, and later which
        skill to use. It is put in after the cutting, so it is never cut itself.
        """,
    ),
    Spec(
        id="16.e",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="What the noise leaves to see",
        prompt="BART spoils a text in five ways, and the decoder says the whole text.",
        parts=[
            Choice(
                prompt="Which statements hold? Choose every one that does.",
                multiple=True,
                options=[
                    Option(
                        "From a masked text one can see how many tokens are hidden; from an "
                        "infilled one not.",
                        True,
                        "Masking puts one mask for a token. Infilling puts one for a span of any "
                        "length, even of none.",
                    ),
                    Option(
                        "A deleted token leaves no mark, so the model has to find the place, too.",
                        True,
                        "Nothing shows where something is missing, or that anything is.",
                    ),
                    Option(
                        "In T5's span corruption and in BART's infilling the decoder says the "
                        "same.",
                        False,
                        "T5's says the spans behind their sentinels. BART's says the whole text, "
                        "the part that was never hidden included.",
                        "same-target",
                    ),
                    Option(
                        "Rotation loses tokens at the end of the text.",
                        False,
                        "All tokens stay. The text begins at another one, and what stood before "
                        "follows at the end.",
                        "rotation-loses",
                    ),
                    Option(
                        "A span of length 0 changes nothing.",
                        False,
                        "It puts a mask in where nothing is missing. So the model cannot count on "
                        "a mask hiding something.",
                        "empty-span-is-nothing",
                    ),
                ],
            )
        ],
        hints=["Count the tokens before and after each kind of noise."],
        explain="""
        The large BART used infilling after a permutation of sentences: one tells the model to find
        out how much is missing, the other in what order things were said.
        """,
    ),
]
