"""After each step: what is missing, in words that say what to do about it.

A check reads the numbers of a step and returns what it found. Most of what it finds is worth a
look; what makes the later steps meaningless stops the run.

Chapter: 20_capstone
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from course_lib.capstone.settings import CONTEXT_TOKENS
from course_lib.capstone.texts import MIN_CHARACTERS, RUN_WORDS

MIN_HELD_OUT_TOKENS = 1_000
USEFUL_PASSES = 4
TOKENS_PER_PARAMETER = 20


@dataclass(frozen=True)
class Finding:
    """Something that a check found.

    Attributes:
        check: Its name, in a few words.
        told: What was found, and what to do.
        stops: Whether the steps after it would be for nothing.
    """

    check: str
    told: str
    stops: bool = False

    def __str__(self) -> str:
        return f"{'stop' if self.stops else 'look'}: {self.check}: {self.told}"


def check_curated(result: Mapping[str, Any]) -> list[Finding]:
    """Ask whether enough text is left, in one language, each of it once.

    Args:
        result: Of the step `curate`.
    """
    found = []
    dropped: Mapping[str, int] = result["words dropped"]
    if result["characters"] < MIN_CHARACTERS:
        worst = max(dropped, key=lambda name: dropped[name])
        told = (
            f"{result['characters']:,} characters are left, at least {MIN_CHARACTERS:,} are "
            "wanted. Add files"
        )
        if dropped[worst]:
            told += f", or leave out the filter {worst}, which took {dropped[worst]:,} words"
        found.append(Finding("too little text", told, stops=True))
    copies = sum(dropped.get(name, 0) for name in ("exact", "near", "paragraphs"))
    share = copies / max(1, result["words read"])
    if share > 0.1:
        told = f"{share:.0%} of the words stood there before and were left out"
        found.append(Finding("duplicates", told))
    if result["skipped"]:
        causes = ", ".join(f"{n} {cause}" for cause, n in result["skipped"].items())
        found.append(Finding("not read", f"{causes} (report.md in the folder curated)"))
    spoken = {code: share for code, share in result["languages"].items() if share >= 0.05}
    if len(spoken) > 1:
        told = ", ".join(f"{code} {share:.0%}" for code, share in spoken.items())
        main = next(iter(spoken))
        told += f". A small model learns one better: --language {main} keeps that one"
        found.append(Finding("several languages", told))
    return found


def check_split(result: Mapping[str, Any]) -> list[Finding]:
    """Ask whether what is measured on was kept apart from what is learned.

    Args:
        result: Of the step `split`.
    """
    found = []
    if result["cut"]:
        told = (
            f"{result['cut']} of {result['documents']} documents are so long that they were cut; "
            "parts of one may be learned and measured, which flatters the model a little. More "
            "and shorter files would show how it does on a new one"
        )
        found.append(Finding("few documents", told))
    if result["shared"] > 0:
        told = (
            f"{result['shared']:.1%} of the held-out words stood in the training text, in runs "
            f"of {RUN_WORDS} words or whole paragraphs, and were taken out"
        )
        found.append(Finding("test text in training text", told))
    if result["shared"] > 0.5 or not result["held-out characters"]:
        told = "more than half of the held-out text was also learned. Look for copies"
        found.append(Finding("nothing to measure on", told, stops=True))
    return found


def check_tokenizer(result: Mapping[str, Any]) -> list[Finding]:
    """Ask whether vocabulary and text fit each other, and whether there is enough of both parts.

    Args:
        result: Of the step `tokenizer`.
    """
    found = []
    if result["tokens"] < result["vocab_size"]:
        told = f"{result['tokens']:,} tokens of text for {result['vocab_size']:,} kinds of token"
        found.append(Finding("too large a vocabulary", told, stops=True))
    if result["vocab_size"] < result["asked"]:
        told = f"the text has no more than {result['vocab_size']:,}, {result['asked']:,} were asked"
        found.append(Finding("small vocabulary", told))
    if result["held-out tokens"] < MIN_HELD_OUT_TOKENS:
        told = (
            f"{result['held-out tokens']:,} tokens are held out, {MIN_HELD_OUT_TOKENS:,} would "
            "give a steady number. Add text, or raise --held-out"
        )
        none = result["held-out tokens"] <= CONTEXT_TOKENS  # not one row
        found.append(Finding("little to measure on", told, stops=none))
    ratio = result["held-out bytes a token"] / result["bytes a token"]
    if ratio < 0.85:
        told = (
            f"{result['held-out bytes a token']:.2f} bytes a token where the training text has "
            f"{result['bytes a token']:.2f}: its words are others"
        )
        found.append(Finding("held-out text of another kind", told))
    return found


def check_budget(n_parameters: int, n_tokens: int, passes: float) -> list[Finding]:
    """Ask whether there is text enough for a model, before it is trained.

    Args:
        n_parameters: Of the model.
        n_tokens: Of the training text, each counted once.
        passes: How often each is read.

    Source: Hoffmann et al. 2022 (20 tokens a parameter); Muennighoff et al. 2023, "Scaling
    Data-Constrained Language Models" (up to 4 passes are worth nearly as much as new text).
    """
    found = []
    read = n_tokens * passes
    wanted = TOKENS_PER_PARAMETER * n_parameters
    if read < wanted:
        told = (
            f"{n_parameters:,} parameters would want {wanted:,} tokens, these are {n_tokens:,} "
            f"read {passes:g} times: {read / n_parameters:.1f} for each. More text will help more "
            "than a larger model"
        )
        found.append(Finding("little text for this size", told))
    if passes > USEFUL_PASSES:
        told = (
            f"each token is read {passes:g} times; beyond {USEFUL_PASSES} another pass is worth "
            "less than new text"
        )
        found.append(Finding("many passes", told))
    return found


def check_pretrained(result: Mapping[str, Any]) -> list[Finding]:
    """Ask whether the held-out loss fell, and whether it was still falling at the end.

    Args:
        result: Of the step `pretrain`.
    """
    found = check_budget(result["parameters"], result["tokens"], result["passes"])
    (_, first), *later = result["evaluations"]
    last = later[-1][1]
    if not last < 0.95 * first:
        told = (
            f"from {first:.2f} to {last:.2f} nats a token on held-out text. Look at metrics.jsonl, "
            "and at --lr"
        )
        found.append(Finding("loss that did not fall", told, stops=True))
    step, best = min(later, key=lambda pair: pair[1])
    if last > 1.01 * best:
        told = (
            f"held out it was {best:.2f} after {step} updates and is {last:.2f} now, while the "
            "training text is learned by heart. Ask for fewer --passes, or add text"
        )
        found.append(Finding("loss that rose again", told))
    return found


def check_tuned(result: Mapping[str, Any]) -> list[Finding]:
    """Ask whether the small use was learned, and what was forgotten for it.

    Args:
        result: Of the step `tune`.
    """
    if not result["pairs"] or not result["held-out pairs"]:
        told = (
            "no sentences of 8 to 40 words that end in a full stop on both sides of the split: "
            "the model is the pre-trained one, and knows no conversation"
        )
        return [Finding("nothing to tune on", told)]
    found = []
    before, after = result["reply loss"]
    if not after < before:
        told = f"the loss of held-out replies went from {before:.2f} to {after:.2f}. Look at "
        found.append(Finding("use that was not learned", told + "--tune-lr and --tune-steps"))
    before, after = result["text loss"]
    if after > 1.1 * before:
        told = (
            f"the loss on held-out text went from {before:.2f} to {after:.2f}: ask for fewer "
            "--tune-steps, or a smaller --tune-lr"
        )
        found.append(Finding("forgotten text", told))
    if result["ends"] < 0.5:
        told = f"{result['ends']:.0%} of the replies end by themselves: try more --tune-steps"
        found.append(Finding("replies that do not end", told))
    return found


def check_evaluated(result: Mapping[str, Any]) -> list[Finding]:
    """Ask whether the model beats what needs no model.

    Args:
        result: Of the step `evaluate`.
    """
    bits: Mapping[str, float] = result["bits a byte"]
    tables = {name: value for name, value in bits.items() if name.endswith("gram")}
    best = min(tables, key=lambda name: tables[name])
    if bits["pre-trained"] >= tables[best]:
        told = (
            f"a {best} table, counted in a second, needs {tables[best]:.2f} bits a byte, the model "
            f"{bits['pre-trained']:.2f}. Train longer, or on more text"
        )
        return [Finding("no better than counting", told)]
    return []


def check_handed_over(result: Mapping[str, Any]) -> list[Finding]:
    """Ask whether another engine disagrees.

    Args:
        result: Of the step `handover`.
    """
    return [
        Finding(f"{engine} differs", told, stops=True)
        for engine, (state, told) in result["engines"].items()
        if state == "differs"
    ]
