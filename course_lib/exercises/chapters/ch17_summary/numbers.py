"""Chapter 17, numbers: how much one text asks under each objective."""

from __future__ import annotations

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.author.units import counts
from course_lib.exercises.chapters.ch17_summary import CHAPTER, SECTION

TOKENS, RATE, MEAN_SPAN, HIDDEN = 600, 0.15, 3, 0.8


def _cut() -> float:
    return float(round(TOKENS * RATE))


def _spans() -> float:
    return float(round(_cut() / MEAN_SPAN))


def _said() -> float:
    return _cut() + _spans() + 1


EXERCISES = [
    Spec(
        id="17.d",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="One text, three counts",
        prompt=f"""
        A text of {TOKENS} ordinary tokens is read once under each objective: masked language
        modelling with BERT's 15 %, of which 80 % are hidden; causal language modelling; span
        corruption of 15 % in spans of 3 tokens on average, with a closing sentinel and without
        end-of-text tokens.
        """,
        parts=[
            Number(
                id="masked",
                prompt="How many positions carry loss in masked language modelling?",
                key=_cut,
                tolerance=0.5,
                relative=False,
                near=[
                    Near(
                        lambda: _cut() * HIDDEN,
                        "Those are the hidden ones. Exchanged and kept tokens were chosen, too, "
                        "and are asked for.",
                        "only-masks-count",
                    ),
                    Near(
                        lambda: float(TOKENS),
                        "Most tokens are plainly shown; asking for them would teach copying. Only "
                        "chosen ones count.",
                        "mlm-learns-from-all",
                    ),
                ],
                low=0.0,
                high=700.0,
                units=counts("positions", "position", "tokens"),
                unit_hint="positions",
                key_format="{:,.0f}",
                feedback="15 % of 600.",
                too_small="All chosen tokens count, however they are shown.",
                too_large="Only chosen tokens count.",
            ),
            Number(
                id="causal",
                prompt="And in causal language modelling?",
                key=lambda: float(TOKENS - 1),
                tolerance=0.4,
                relative=False,
                near=[
                    Near(
                        lambda: float(TOKENS),
                        "Nearly: the last token has no next one, so it is asked nothing.",
                        "last-has-a-next",
                    ),
                    Near(
                        _cut,
                        "Nothing is chosen here. Every token but the first is a target.",
                        "clm-chooses",
                    ),
                ],
                low=0.0,
                high=700.0,
                units=counts("positions", "position", "tokens"),
                unit_hint="positions",
                key_format="{:,.0f}",
                feedback="Every token but the first is asked for, at the place before it.",
                too_small="Every place that has a next token is asked for it.",
                too_large="There are no more targets than tokens.",
            ),
            Number(
                id="spans",
                prompt="And in span corruption?",
                key=_said,
                tolerance=0.4,
                relative=False,
                near=[
                    Near(
                        _cut,
                        "Those are the cut tokens. The decoder says a sentinel before each span, "
                        "and one at the end.",
                        "sentinels-forgotten",
                    ),
                    Near(
                        lambda: _cut() + _spans(),
                        "Nearly: one sentinel more closes the target.",
                        "not-closed",
                    ),
                    Near(
                        lambda: float(TOKENS),
                        "That is denoising, where the decoder says the whole text. Here it says "
                        "what was cut.",
                        "says-the-whole-text",
                    ),
                    Near(
                        lambda: TOKENS - _cut() + _spans(),
                        "That is the length of the source. The encoder's side carries no loss.",
                        "source-carries-loss",
                    ),
                    Near(
                        lambda: 2 * _cut() + 1,
                        "That is a sentinel for each token. One stands for a span of three.",
                        "one-sentinel-a-token",
                    ),
                ],
                low=0.0,
                high=700.0,
                units=counts("positions", "position", "tokens"),
                unit_hint="positions",
                key_format="{:,.0f}",
                feedback="90 cut tokens, 30 sentinels before their spans, and one to close.",
                too_small="Sentinels are said, too, and all that is said counts.",
                too_large="Only what was cut is said, and a sentinel for each span.",
            ),
        ],
        hints=["What is cut from 600 tokens at 15 %, and how many spans of 3 is that?"],
        explain="""
        The same text asks 90, 599 and 121 questions. Equal tokens are not equal questions: the
        causal model is asked about as often as the text is long, and sees the least for each.
        """,
    ),
]
