"""Chapter 10, code: a few-shot prompt that fits, and that does not hold its own answer."""

from __future__ import annotations

from typing import Any

from course_lib.exercises.author.spec import Code, Spec, Wrong
from course_lib.exercises.chapters.ch10_prompts import CHAPTER, SECTION
from course_lib.exercises.code.draw import Draw
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.laws import Case, Property, equals_reference

_INPUTS = ("red", "red door", "a red door", "lamp", "the very small green lamp", "a big old boat")
_ANSWERS = ("dax", "wug", "not quite fep", "red door")


def build_prompt(examples: list[tuple[str, str]], query: str, k: int, budget: int) -> str:
    """The last k usable examples, or those that fit, and the query."""
    usable = [(text, answer) for text, answer in examples if text != query]
    first = max(0, len(usable) - k)
    while True:
        lines = [f"{text} -> {answer}" for text, answer in usable[first:]]
        prompt = "\n".join([*lines, f"{query} ->"])
        if len(prompt.split()) <= budget or first == len(usable):
            return prompt
        first += 1


def _from_the_query(examples: list[tuple[str, str]], query: str, k: int, budget: int) -> str:
    prompt = f"{query} ->"
    used = 0
    for text, answer in reversed(examples):
        if text == query:
            continue
        longer = f"{text} -> {answer}\n{prompt}"
        if used == k or len(longer.split()) > budget:
            break
        prompt, used = longer, used + 1
    return prompt


def _with_counts(examples: list[tuple[str, str]], query: str, k: int, budget: int) -> str:
    lines = []
    for text, answer in examples:
        if text != query:
            lines.append(text + " -> " + answer)
    kept: list[str] = []
    room = budget - len(query.split()) - 1
    while lines and len(kept) < k:
        line = lines.pop()
        room -= len(line.split())
        if room < 0:
            break
        kept.insert(0, line)
    kept.append(query + " ->")
    return "\n".join(kept)


def _drops_newest(examples: list[tuple[str, str]], query: str, k: int, budget: int) -> str:
    usable = [pair for pair in examples if pair[0] != query]
    usable = usable[max(0, len(usable) - k) :]
    while True:
        lines = [f"{text} -> {answer}" for text, answer in usable]
        prompt = "\n".join([*lines, f"{query} ->"])
        if len(prompt.split()) <= budget or not usable:
            return prompt
        usable = usable[:-1]


def _drops_query(examples: list[tuple[str, str]], query: str, k: int, budget: int) -> str:
    usable = [pair for pair in examples if pair[0] != query]
    lines = [f"{text} -> {answer}" for text, answer in usable[max(0, len(usable) - k) :]]
    lines.append(f"{query} ->")
    while len(" ".join(lines).split()) > budget:
        lines.pop()
    return "\n".join(lines)


def _skips_long_ones(examples: list[tuple[str, str]], query: str, k: int, budget: int) -> str:
    usable = [pair for pair in examples if pair[0] != query]
    kept: list[str] = []
    room = budget - len(query.split()) - 1
    for text, answer in reversed(usable[max(0, len(usable) - k) :]):
        line = f"{text} -> {answer}"
        if len(line.split()) <= room:
            kept.insert(0, line)
            room -= len(line.split())
    return "\n".join([*kept, f"{query} ->"])


def prompt_case(draw: Draw) -> dict[str, Any]:
    """Draw examples, a query that may be among them, and a budget that holds the query."""
    family = draw.integer(0, 6)
    n = draw.size(2, 6) if family in (1, 5) else draw.size(0, 6)
    examples = [(draw.pick(_INPUTS), draw.pick(_ANSWERS)) for _ in range(n)]
    query = draw.pick(["a new lamp", "red door", "door", "lamp"])
    k = draw.pick([2, 1, 3, 9])
    budget = len(query.split()) + 1 + draw.pick([60, 60, 12, 8, 5, 0])
    if family == 1:  # zero-shot though examples are there
        k, budget = 0, 60
    elif family == 2 and n:  # the query's answer is among the examples
        query = draw.pick(examples)[0]
        budget += len(query.split())
    elif family == 3:  # a budget that is met exactly, or missed by one or two
        k = draw.pick([3, 9])
        usable = [f"{text} -> {answer}" for text, answer in examples if text != query]
        whole = len(query.split()) + 1 + len(" ".join(usable[-draw.integer(1, 3) :]).split())
        budget = max(len(query.split()) + 1, whole - draw.integer(0, 2))
    elif family == 4:  # a long example between two short ones
        query = "a new lamp"
        examples += [("red", "dax"), (_INPUTS[4], "dax"), ("lamp", "wug")]
        k, budget = draw.pick([3, 9]), len(query.split()) + 1 + 3 + draw.pick([3, 4, 6])
    elif family == 6:  # parts, other letters and answers that are the query
        query, k, budget = "lamp", 9, 60
        examples += [(_INPUTS[4], "dax"), ("lamp post", "fep"), ("Lamp", "wug"), ("red", "lamp")]
    return {"examples": examples, "query": query, "k": k, "budget": budget}


def _lines(case: Case) -> list[str]:
    return str(case.got).split("\n")


def _ends_in_the_query(case: Case) -> str | None:
    last, wanted = _lines(case)[-1], f"{case['query']} ->"
    return None if last == wanted else f"The last line is {last!r}, not {wanted!r}"


def _at_most_k(case: Case) -> str | None:
    n = len(_lines(case)) - 1
    return None if n <= case["k"] else f"There are {n} lines before the query; k is {case['k']}"


def _fits(case: Case) -> str | None:
    n = len(str(case.got).split())
    return None if n <= case["budget"] else f"It has {n} tokens; the budget is {case['budget']}"


def _no_answer(case: Case) -> str | None:
    leak = [line for line in _lines(case)[:-1] if line.startswith(f"{case['query']} ->")]
    return f"The line {leak[0]!r} gives the answer away" if leak else None


_USABLE = "[(text, answer) for text, answer in examples if text != query]"
WRONG = {
    "leak": Wrong(
        edit(build_prompt, (_USABLE, "[(text, answer) for text, answer in examples]")),
        "The query itself may be among the examples, and then its answer stands in the prompt. "
        "Leave out every example whose input is the query.",
    ),
    "k-plus-one": Wrong(
        edit(build_prompt, ("len(usable) - k)", "len(usable) - k - 1)")),
        "You take k + 1 examples. The last k begin at index `len(usable) - k`.",
    ),
    "minus-zero": Wrong(
        edit(build_prompt, ("max(0, len(usable) - k)", "len(usable[: -k]) if k else 0")),
        "With k = 0 you give all examples: in Python `-0` is 0, so `examples[-0:]` is the whole "
        "list. Count the start from the front instead.",
    ),
    "first-k": Wrong(
        edit(
            build_prompt,
            ("    first = max(0, len(usable) - k)\n", "    usable = usable[:k]\n    first = 0\n"),
        ),
        "You take the first k examples. Asked are the last k, the newest ones.",
    ),
    "drops-newest": Wrong(
        _drops_newest,
        "When the prompt is too long you drop the newest example. Drop the oldest: the newest ones "
        "stand closest to the query.",
    ),
    "drops-query": Wrong(
        _drops_query,
        "When the prompt is too long you cut from its end, and that is the query. The model would "
        "complete something that nobody asked.",
    ),
    "skips-long-ones": Wrong(
        _skips_long_ones,
        "You leave out an example that does not fit and go on with older ones. Stop there: the "
        "examples of the prompt must be the newest ones, without a gap.",
    ),
    "characters": Wrong(
        edit(build_prompt, ("len(prompt.split())", "len(prompt)")),
        "You count characters. A budget is in tokens; here a token is a piece between blanks, so "
        "count `len(prompt.split())`.",
    ),
    "query-not-counted": Wrong(
        edit(build_prompt, ("len(prompt.split())", 'len(" ".join(lines).split())')),
        "You count the examples only. The query takes tokens too, and the model reads all of them.",
    ),
    "one-too-strict": Wrong(
        edit(build_prompt, ("<= budget", "< budget")),
        "A prompt of exactly `budget` tokens fits. Compare with `<=`.",
    ),
    "budget-ignored": Wrong(
        edit(build_prompt, ("len(prompt.split()) <= budget", "True")),
        "The budget has no effect. While the prompt is too long, drop its oldest example.",
    ),
    "one-too-lax": Wrong(
        edit(build_prompt, ("<= budget", "<= budget + 1")),
        "Your prompt may be one token over the budget. Count the whole prompt, the query and its "
        "arrow included, and compare with `budget` itself.",
    ),
    "leak-by-letters": Wrong(
        edit(build_prompt, ("if text != query", "if text.lower() != query.lower()")),
        "You take capital and small letters for the same. Only an example whose input is the query "
        "itself, letter by letter, holds its answer.",
    ),
    "leak-by-answer": Wrong(
        edit(build_prompt, ("if text != query", "if query not in (text, answer)")),
        "You also leave out examples whose *answer* is the query. They give nothing away: compare "
        "the query with the inputs.",
    ),
    "leak-by-part": Wrong(
        edit(build_prompt, ("if text != query]", "if query not in text]")),
        "You leave out every example that *contains* the query. Only an example whose input is the "
        "query itself holds its answer: compare with `!=`.",
    ),
    "leak-by-beginning": Wrong(
        edit(build_prompt, ("if text != query]", "if not text.startswith(query)]")),
        "You leave out every example that *begins* like the query. Only an example whose input is "
        "the query itself holds its answer: compare with `!=`.",
    ),
    "reversed": Wrong(
        edit(build_prompt, ("usable[first:]]", "usable[first:][::-1]]")),
        "The examples come newest first. Keep the order in which they were given.",
    ),
    "query-without-arrow": Wrong(
        edit(build_prompt, ('f"{query} ->"', "query")),
        "The query lacks its arrow. Write it exactly like an example, up to where the answer "
        "belongs; that is what the model goes on from.",
    ),
    "blank-at-the-end": Wrong(
        edit(build_prompt, ('f"{query} ->"', 'f"{query} -> "')),
        "Your prompt ends in a blank. Most tokenizers glue the blank to the word after it, so the "
        "model would have to begin in a way it never saw.",
    ),
}

_DEF = '''
def build_prompt(examples, query, k, budget):
    """The last k usable examples, or those that fit, and the query."""
'''
_LEAK = """    # leak: no example whose input is the query
    usable = [(text, answer) for text, answer in examples if text != query]
"""
_LOOP = """    # choose: where do the last k begin?
    first = {first}
    while True:
        # write: one line an example, then the query
        lines = [f"{{text}} -> {{answer}}" for text, answer in usable[first:]]
        prompt = "\\n".join([*lines, f"{{query}} ->"])
        # fit: drop the oldest while there are too many tokens
        n_tokens = ...
        if n_tokens <= budget or first == len(usable):
            return prompt
        first += 1
"""

EXERCISES = [
    Spec(
        id="10.c",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="code",
        title="A few-shot prompt that fits",
        prompt="""
        Write `build_prompt(examples, query, k, budget)`. An example is a pair of texts and becomes
        the line `input -> answer`. The last line is the query, `query ->`, for the model to go on
        from. Lines are joined by newlines.

        - Leave out every example whose input is the query: it would give the answer away.
        - Of the others use the last k, in their order; fewer if there are fewer.
        - While the prompt has more than `budget` tokens, drop its oldest example. Here a token is a
          piece between blanks: `len(prompt.split())`. The query alone always fits.
        """,
        code=Code(
            reference=build_prompt,
            starters=[
                (
                    "budget blank",
                    _DEF + _LEAK + _LOOP.format(first="max(0, len(usable) - k)"),
                ),
                (
                    "leak, choice and budget blank",
                    _DEF
                    + "    # leak: no example whose input is the query\n    usable = ...\n"
                    + _LOOP.format(first="..."),
                ),
                ("only the docstring", _DEF + "    ...\n"),
            ],
            also_correct=[_from_the_query, _with_counts],
            wrong=WRONG,
            generate=prompt_case,
            properties=[equals_reference()],
            diagnose=[
                Property("the query comes last", _ends_in_the_query),
                Property("the query's answer is not in the prompt", _no_answer),
                Property("there are at most k examples", _at_most_k),
                Property("the prompt fits the budget", _fits),
            ],
            cases=80,
        ),
        hints=[
            "First remove the leaks, then count from the end: the last k begin at "
            "`max(0, len(usable) - k)`.",
            "Write the whole prompt, count its tokens, and move the start if it is too long.",
        ],
        explain="""
        Instruction and query are never cut, only examples are, the oldest first. A leak is the
        dearer mistake of the two: a prompt that is too long raises an error, one that holds its
        own answer raises your accuracy. `few_shot_prompt` refuses the leak, because examples chosen
        by hand should not have one; where they are drawn anew for each query, leaving it out is
        right.
        """,
    ),
]
