"""Chapter 19, numbers: tokens, tokens for a parameter, and GPU-hours of BloombergGPT."""

from __future__ import annotations

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.author.units import counts
from course_lib.exercises.chapters.ch19_domain import CHAPTER, SECTION

LENGTH, FIRST, ALL_STEPS = 2_048, 7_200, 139_200
SMALL_BATCH, BATCH = 1_024, 2_048
PARAMETERS, CORPUS = 50.56e9, 708.9e9
GPUS, DAYS, BUDGET_HOURS = 512, 53, 1.3e6


def _tokens() -> float:
    return float((FIRST * SMALL_BATCH + (ALL_STEPS - FIRST) * BATCH) * LENGTH)


def _hours() -> float:
    return float(GPUS * DAYS * 24)


EXERCISES = [
    Spec(
        id="19.d",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="What the run read, and what it took",
        prompt="""
        BloombergGPT has 50.56 billion parameters. Its batch was 1,024 sequences for the first
        7,200 steps and 2,048 from then on, to step 139,200. A sequence has 2,048 tokens. The data
        table has 708.9 billion tokens. The run took about 53 days on 512 GPUs, of a budget of 1.3
        million GPU-hours.
        """,
        parts=[
            Number(
                id="tokens",
                prompt="How many tokens were read in training?",
                key=_tokens,
                tolerance=0.01,
                near=[
                    Near(
                        lambda: float(ALL_STEPS * BATCH * LENGTH),
                        "The first 7,200 steps had half the batch. You counted them in full.",
                        "warm-up-forgotten",
                    ),
                    Near(
                        lambda: CORPUS,
                        "That is the corpus. The run ended before it was read once.",
                        "corpus-is-read",
                    ),
                    Near(
                        lambda: float((ALL_STEPS - FIRST) * BATCH * LENGTH),
                        "The first 7,200 steps are left out. Their batches were smaller, and they "
                        "count.",
                        "first-steps-left-out",
                    ),
                    Near(
                        lambda: _tokens() / LENGTH,
                        "Those are sequences. Each has 2,048 tokens.",
                        "sequences",
                    ),
                    Near(
                        lambda: float((FIRST * SMALL_BATCH + ALL_STEPS * BATCH) * LENGTH),
                        "Step 139,200 is where it ended, counted from the start: 132,000 steps had "
                        "the large batch.",
                        "steps-after-the-first",
                    ),
                ],
                units=counts("tokens", "token"),
                low=0.0,
                high=1e14,
                unit_hint="a number of tokens, such as 300 billion",
                key_format="{:,.0f}",
                feedback="(7,200 · 1,024 + 132,000 · 2,048) · 2,048.",
                too_small="Steps times sequences times tokens, in two parts.",
                too_large="Steps times sequences times tokens, in two parts.",
            ),
            Number(
                id="ratio",
                prompt="How many tokens were read for each parameter?",
                key=lambda: _tokens() / PARAMETERS,
                tolerance=0.03,
                near=[
                    Near(
                        lambda: CORPUS / PARAMETERS,
                        "That is the whole corpus over the parameters. Take what was read.",
                        "corpus-is-read",
                    ),
                    Near(
                        lambda: 20.0,
                        "20 is the rule of thumb from Chinchilla. It asks for a trillion tokens; "
                        "there were fewer.",
                        "rule-for-fact",
                    ),
                    Near(
                        lambda: PARAMETERS / _tokens(),
                        "That is parameters for each token. Turn it over.",
                        "turned-over",
                    ),
                ],
                units=counts("tokens", "tokens for each parameter", "tokens per parameter"),
                low=0.0,
                high=1e6,
                unit_hint="a number, such as 15",
                key_format="{:,.1f}",
                feedback="569 billion over 50.56 billion.",
                too_small="Tokens over parameters.",
                too_large="Tokens over parameters.",
            ),
            Number(
                id="hours",
                prompt="How many GPU-hours are 53 days on 512 GPUs?",
                key=_hours,
                tolerance=0.01,
                near=[
                    Near(
                        lambda: BUDGET_HOURS,
                        "That is the whole budget, trials and other runs included. This run took "
                        "half of it.",
                        "budget-is-the-run",
                    ),
                    Near(
                        lambda: float(DAYS * 24),
                        "Those are the hours of the run. Each GPU worked for all of them.",
                        "one-gpu",
                    ),
                    Near(
                        lambda: float(GPUS * DAYS),
                        "Those are GPU-days. A day has 24 hours.",
                        "days",
                    ),
                ],
                units=counts("GPU-hours", "GPU hours", "gpu-hours", "hours", "h"),
                low=0.0,
                high=1e9,
                unit_hint="a number of GPU-hours",
                key_format="{:,.0f}",
                feedback="512 GPUs times 53 days times 24 hours.",
                too_small="GPUs times days times hours of a day.",
                too_large="GPUs times days times hours of a day.",
            ),
        ],
        hints=[
            "The batch changed at step 7,200: make two sums.",
            "Corpus and budget are what was there. What was used is less.",
        ],
        explain="""
        569 billion tokens are four fifths of the corpus, and 11.2 for each parameter. The rule of
        20 would have asked for a trillion, more than the corpus has; the run ended with a fifth of
        it unread.
        """,
    ),
]
