"""Chapter 17, the lecture's table: what each objective shows, asks, needs and is good for."""

from __future__ import annotations

from course_lib.exercises.author.spec import Match, Row, Spec
from course_lib.exercises.chapters.ch17_summary import CHAPTER, SECTION

MASKED, CAUSAL, SPANS = "masked language modelling", "causal language modelling", "span corruption"

# What may a place see?
BOTH = "all tokens that are shown, on both sides"
LEFT = "the tokens up to it"
TWO = "the whole source, and what has been said so far"

# Which positions carry loss?
CHOSEN = "the chosen ones, about 15 % of the text"
EVERY = "every one that has a next token"
SAID = "those of the target: sentinels and cut tokens"

# Which family?
ENCODER, DECODER, PAIR = "encoder-only", "decoder-only", "encoder-decoder"

# Good at?
LABELS = "sentiment analysis, named entity recognition, word classification"
WRITING = "text generation, and what emerges with size"
TEXT_TO_TEXT = "translation, text summarization, question answering"

EXERCISES = [
    Spec(
        id="17.a",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="match",
        title="The summary table",
        prompt="Fill in the table of the three objectives, column by column, before the page does.",
        parts=[
            Match(
                id="sees",
                prompt="What may the model look at when it is asked for a token?",
                options=[BOTH, LEFT, TWO],
                rows=[
                    Row(
                        MASKED,
                        [BOTH],
                        {
                            BOTH: "Attention is open to both sides; what must not be seen is "
                            "hidden in the input.",
                            LEFT: "Then the words behind a gap could not help to fill it, and they "
                            "do.",
                            TWO: "There is no second text here: the model reads one, with gaps.",
                        },
                        {LEFT: "mlm-is-causal", TWO: "mlm-has-a-source"},
                    ),
                    Row(
                        CAUSAL,
                        [LEFT],
                        {
                            BOTH: "Then the next token would stand in plain sight, and copying "
                            "would be enough.",
                            LEFT: "A causal mask closes what comes later. Nothing has to be taken "
                            "out of the text.",
                            TWO: "There is no source: the text is its own beginning.",
                        },
                        {BOTH: "clm-sees-both", TWO: "clm-has-a-source"},
                    ),
                    Row(
                        SPANS,
                        [TWO],
                        {
                            BOTH: "That is the encoder's side. The decoder must not see what it "
                            "is still to say.",
                            LEFT: "That is the decoder alone. It looks at the whole source as "
                            "well.",
                            TWO: "Open attention in the encoder, a causal mask in the decoder, "
                            "and cross-attention between the two.",
                        },
                        {BOTH: "spans-without-decoder", LEFT: "spans-without-encoder"},
                    ),
                ],
            ),
            Match(
                id="loss",
                prompt="Which positions carry loss?",
                options=[CHOSEN, EVERY, SAID],
                rows=[
                    Row(
                        MASKED,
                        [CHOSEN],
                        {
                            CHOSEN: "Hidden, exchanged or kept: whoever is chosen is asked for, "
                            "and nobody else.",
                            EVERY: "The model sees most tokens. To be paid for repeating them "
                            "teaches nothing.",
                            SAID: "There is no target of its own length here. The answers stand "
                            "at the places of the text.",
                        },
                        {EVERY: "mlm-learns-from-all", SAID: "mlm-says-spans"},
                    ),
                    Row(
                        CAUSAL,
                        [EVERY],
                        {
                            CHOSEN: "Nothing is chosen here. One row is as many questions as it "
                            "has next tokens.",
                            EVERY: "All places are asked at once, which makes this the cheapest "
                            "objective a target.",
                            SAID: "No text is cut, so there are no sentinels. Each token is the "
                            "target of the place before it.",
                        },
                        {CHOSEN: "clm-chooses", SAID: "clm-says-spans"},
                    ),
                    Row(
                        SPANS,
                        [SAID],
                        {
                            CHOSEN: "The cut tokens are about that many. But the decoder says the "
                            "sentinels too, and all of its places count.",
                            EVERY: "The encoder's tokens carry no loss. Only the decoder speaks.",
                            SAID: "All that the decoder says counts, and it says about a fifth of "
                            "the text.",
                        },
                        {CHOSEN: "sentinels-forgotten", EVERY: "source-carries-loss"},
                    ),
                ],
            ),
            Match(
                id="family",
                prompt="Which family is trained by it?",
                options=[ENCODER, DECODER, PAIR],
                rows=[
                    Row(
                        MASKED,
                        [ENCODER],
                        {
                            ENCODER: "BERT and RoBERTa.",
                            DECODER: "A decoder's causal mask hides the right side already, and "
                            "the gaps would only cost it text.",
                            PAIR: "Nothing has to be written: one stack reads and answers in "
                            "place.",
                        },
                        {DECODER: "mlm-for-decoders", PAIR: "mlm-for-pairs"},
                    ),
                    Row(
                        CAUSAL,
                        [DECODER],
                        {
                            ENCODER: "An encoder sees the next token, so the question would "
                            "answer itself.",
                            DECODER: "GPT and BLOOM.",
                            PAIR: "It could be done without a source, and the encoder would learn "
                            "nothing.",
                        },
                        {ENCODER: "clm-for-encoders", PAIR: "clm-for-pairs"},
                    ),
                    Row(
                        SPANS,
                        [PAIR],
                        {
                            ENCODER: "A span of unknown length cannot be said at the one place of "
                            "its sentinel.",
                            DECODER: "It can be made to fit, source first. The lecture's models "
                            "have a stack for each side.",
                            PAIR: "T5; BART with its own noise. One side reads, the other one "
                            "says.",
                        },
                        {ENCODER: "spans-for-encoders", DECODER: "spans-for-decoders"},
                    ),
                ],
            ),
            Match(
                id="good-at",
                prompt="What is it good at, in the lecture's words?",
                options=[LABELS, WRITING, TEXT_TO_TEXT],
                rows=[
                    Row(
                        MASKED,
                        [LABELS],
                        {
                            LABELS: "A vector for each token that knows both sides: made for "
                            "labels of texts and words.",
                            WRITING: "An encoder fills gaps. It has no loop that goes on writing.",
                            TEXT_TO_TEXT: "Translations and summaries have to be written, and an "
                            "encoder writes none.",
                        },
                        {WRITING: "encoder-writes", TEXT_TO_TEXT: "encoder-translates"},
                    ),
                    Row(
                        CAUSAL,
                        [WRITING],
                        {
                            LABELS: "It can be put to that with a head, and the page measures "
                            "how well. The lecture names what it does by itself.",
                            WRITING: "Training and use are the same question: what comes next?",
                            TEXT_TO_TEXT: "It can be asked by a prompt. The lecture gives these "
                            "to models that read a whole source first.",
                        },
                        {LABELS: "decoder-labels-first", TEXT_TO_TEXT: "decoder-translates-first"},
                    ),
                    Row(
                        SPANS,
                        [TEXT_TO_TEXT],
                        {
                            LABELS: "For a label no text has to be written; one stack is enough.",
                            WRITING: "It writes, but always about a source that it has read.",
                            TEXT_TO_TEXT: "One text is read and another one is written: a stack "
                            "for each.",
                        },
                        {LABELS: "pair-for-labels", WRITING: "pair-without-source"},
                    ),
                ],
            ),
        ],
        hints=[
            "Begin with what a place may see. The rest follows from it.",
            "A question may not be answered in what the model can see.",
        ],
        explain="""
        The three do not differ in name only. What a place may see decides what can be asked of it,
        what is asked decides how much a text teaches, and what a model was asked is what it is good
        at first.
        """,
    ),
]
