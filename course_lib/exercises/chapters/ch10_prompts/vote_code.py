"""Chapter 10, code: the vote of several sampled answers."""

from __future__ import annotations

from collections import Counter
from typing import Any

from course_lib.exercises.author.spec import Code, Spec, Wrong
from course_lib.exercises.chapters.ch10_prompts import CHAPTER, SECTION
from course_lib.exercises.code.draw import Draw
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.laws import equals_reference

_STEPS = ("N NE", "one and two", "12 + 3", "so far so good")
_ANSWERS = ("SW", "sw", "15", "not quite", "E", "5")


def majority(completions: list[str], mark: str) -> str:
    """Return the answer that stands most often behind a completion's last mark."""
    answers = [text.split(mark)[-1].strip() for text in completions if mark in text]
    if not answers:
        return ""
    return max(answers, key=answers.count)


def _with_counter(completions: list[str], mark: str) -> str:
    votes = Counter(text.rsplit(mark, 1)[1].strip() for text in completions if mark in text)
    return votes.most_common(1)[0][0] if votes else ""


def _with_loops(completions: list[str], mark: str) -> str:
    votes: dict[str, int] = {}
    for text in completions:
        at = text.rfind(mark)
        if at == -1:
            continue
        answer = text[at + len(mark) :].strip()
        votes[answer] = votes.get(answer, 0) + 1
    best, most = "", 0
    for answer, count in votes.items():
        if count > most:
            best, most = answer, count
    return best


def _texts_vote(completions: list[str], mark: str) -> str:
    texts = [text for text in completions if mark in text]
    return max(texts, key=texts.count).split(mark)[-1].strip() if texts else ""


def _half_needed(completions: list[str], mark: str) -> str:
    answers = [text.split(mark)[-1].strip() for text in completions if mark in text]
    best = max(answers, key=answers.count, default="")
    return best if 2 * answers.count(best) > len(answers) else ""


def _longest_run(completions: list[str], mark: str) -> str:
    answers = [text.split(mark)[-1].strip() for text in completions if mark in text]
    best, most, run = "", 0, 0
    for at, answer in enumerate(answers):
        run = run + 1 if at and answers[at - 1] == answer else 1
        if run > most:
            best, most = answer, run
    return best


def vote_case(draw: Draw) -> dict[str, Any]:
    """Draw completions, some with two marks, some with none; answers that are often the same."""
    mark = draw.pick(["->", "=", "answer:"])
    pool = [draw.pick(_ANSWERS) for _ in range(draw.integer(1, 3))]
    completions: list[str] = []
    for _ in range(draw.size(1, 7)):
        answer, kind = draw.pick(pool), draw.integer(0, 6)
        text = f"{draw.pick(_STEPS)} {mark} {answer}"
        if kind == 1:  # a result on the way, which is no answer yet
            text = f"{draw.pick(_STEPS)} {mark} {draw.pick(_ANSWERS)} {text}"
        elif kind == 2:  # cut before its end
            text = draw.pick([draw.pick(_STEPS), answer])
        elif kind == 3:
            text += " "
        elif kind > 4 and completions:  # the same text once more
            text = completions[-1]
        completions.append(text)
    if draw.integer(0, 4) == 4:  # the most frequent answer never twice in a row
        left = list(_ANSWERS)
        often, twice, once = (left.pop(draw.integer(0, len(left) - 1)) for _ in range(3))
        order = (often, twice, twice, often, once, often)
        completions = [f"{draw.pick(_STEPS)} {mark} {answer}" for answer in order]
    return {"completions": completions, "mark": mark}


VOTE_WRONG = {
    "texts-vote": Wrong(
        _texts_vote,
        "You count whole completions. Two that come to the same answer by different steps are two "
        "votes for it: take the answers out first.",
    ),
    "first-mark": Wrong(
        edit(majority, ("split(mark)[-1]", "split(mark)[1]")),
        "You take what follows the *first* mark. Results on the way may be marked too; the answer "
        "stands behind the last one.",
    ),
    "cut-votes": Wrong(
        edit(majority, (" for text in completions if mark in text", " for text in completions")),
        "A completion without the mark was cut before its answer. You let its last words vote: "
        "leave it out.",
    ),
    "last-of-equals": Wrong(
        edit(majority, ("max(answers, key", "max(answers[::-1], key")),
        "Among answers with equally many votes you return one that came later. Return the one that "
        "was given first.",
    ),
    "alphabet-of-equals": Wrong(
        edit(majority, ("max(answers, key", "max(sorted(answers), key")),
        "Among answers with equally many votes you return the first of the alphabet. Return the "
        "one that was given first.",
    ),
    "last-word": Wrong(
        edit(majority, (".strip()", ".split()[-1]")),
        "You keep the last word only. An answer may have several: it is all that follows the mark.",
    ),
    "not-stripped": Wrong(
        edit(majority, (".strip()", "")),
        "You keep the blanks around an answer. They make two answers of one: strip them.",
    ),
    "letters": Wrong(
        edit(majority, (".strip()", ".strip().lower()")),
        "You make small letters of the answers. Here `SW` and `sw` are two answers; whether they "
        "mean the same is not for the vote to say.",
    ),
    "no-vote": Wrong(
        edit(majority, ("return max(answers, key=answers.count)", "return answers[0]")),
        "You return the first answer. Count them: the most frequent one wins.",
    ),
    "longest-run": Wrong(
        _longest_run,
        "You count only answers that follow one another. Votes for an answer count wherever they "
        "stand.",
    ),
    "rarest": Wrong(
        edit(majority, ("return max(", "return min(")),
        "You return the rarest answer. The most frequent one wins.",
    ),
    "several-needed": Wrong(
        _half_needed,
        "You ask for more than half of the votes. The most frequent answer wins, also with fewer.",
    ),
}  # fmt: skip

_VOTE = '''
def majority(completions, mark):
    """The most frequent answer of completions, a list of texts; else ""."""
    # what follows the last mark, of each text that has one
    answers = ...
    if not answers:
        return ""
    return ...
'''

EXERCISES = [
    Spec(
        id="10.e",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="code",
        title="A majority of answers",
        prompt="""
        Write `majority(completions, mark)`. A completion is a text with steps and, behind its last
        `mark`, its answer, without the blanks around it. A completion without the mark was cut and
        has no vote. Return the answer with the most votes; among equals the one that was given
        first; `""` if there is no answer at all.
        """,
        code=Code(
            reference=majority,
            starters=[("answers and choice blank", _VOTE)],
            also_correct=[_with_counter, _with_loops],
            wrong=VOTE_WRONG,
            generate=vote_case,
            properties=[equals_reference()],
            cases=60,
        ),
        hints=[
            "`text.split(mark)[-1]` is what follows the last mark.",
            "`max(answers, key=answers.count)` gives the first of those that are most frequent.",
        ],
        explain="""
        The vote is about answers, not about texts: different ways to one answer support it. What it
        cannot do is find an answer that most of the ways miss.
        """,
    ),
]
