"""Chapter 16, code: cutting spans out of a text."""

from __future__ import annotations

from typing import Any

from course_lib.exercises.author.spec import Code, Spec, Wrong
from course_lib.exercises.chapters.ch16_span import CHAPTER, SECTION
from course_lib.exercises.code.draw import Draw
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.laws import Case, Property, equals_reference


def span_corrupt(tokens: list[str], spans: list[tuple[int, int]]) -> tuple[list[str], list[str]]:
    """Return what the encoder reads and what the decoder says."""
    source: list[str] = []
    target: list[str] = []
    place = 0
    for number, (start, stop) in enumerate(spans):
        mark = f"<{number}>"
        source += tokens[place:start]
        source.append(mark)
        target.append(mark)
        target += tokens[start:stop]
        place = stop
    source += tokens[place:]
    target.append(f"<{len(spans)}>")
    return source, target


def _token_by_token(tokens: list[str], spans: list[tuple[int, int]]) -> tuple[list[str], list[str]]:
    starts = {start: f"<{n}>" for n, (start, _) in enumerate(spans)}
    cut = {i for start, stop in spans for i in range(start, stop)}
    source, target = [], []
    for i, token in enumerate(tokens):
        if i in starts:
            source.append(starts[i])
            target.append(starts[i])
        (target if i in cut else source).append(token)
    return source, [*target, f"<{len(spans)}>"]


def _from_the_back(tokens: list[str], spans: list[tuple[int, int]]) -> tuple[list[str], list[str]]:
    source = list(tokens)
    target = [f"<{len(spans)}>"]
    for number in range(len(spans) - 1, -1, -1):
        start, stop = spans[number]
        target = [f"<{number}>", *source[start:stop], *target]
        source[start:stop] = [f"<{number}>"]
    return source, target


def _one_a_token(tokens: list[str], spans: list[tuple[int, int]]) -> tuple[list[str], list[str]]:
    cut = {i for start, stop in spans for i in range(start, stop)}
    source, target, number = [], [], 0
    for i, token in enumerate(tokens):
        if i in cut:
            source.append(f"<{number}>")
            target += [f"<{number}>", token]
            number += 1
        else:
            source.append(token)
    return source, [*target, f"<{number}>"]


def _by_value(tokens: list[str], spans: list[tuple[int, int]]) -> tuple[list[str], list[str]]:
    starts = {start: f"<{n}>" for n, (start, _) in enumerate(spans)}
    gone = {token for start, stop in spans for token in tokens[start:stop]}
    source = []
    for i, token in enumerate(tokens):
        if i in starts:
            source.append(starts[i])
        if token not in gone:
            source.append(token)
    return source, span_corrupt(tokens, spans)[1]


def _places_move(tokens: list[str], spans: list[tuple[int, int]]) -> tuple[list[str], list[str]]:
    source = list(tokens)
    target: list[str] = []
    for number, (start, stop) in enumerate(spans):
        target += [f"<{number}>", *source[start:stop]]
        source[start:stop] = [f"<{number}>"]
    return source, [*target, f"<{len(spans)}>"]


def _counted_down(tokens: list[str], spans: list[tuple[int, int]]) -> tuple[list[str], list[str]]:
    n = len(spans)
    names = {f"<{i}>": f"<{n - i}>" for i in range(n + 1)}
    source, target = span_corrupt(tokens, spans)
    return [names.get(one, one) for one in source], [names.get(one, one) for one in target]


def _swapped(tokens: list[str], spans: list[tuple[int, int]]) -> tuple[list[str], list[str]]:
    source, target = span_corrupt(tokens, spans)
    return target, source


def _joined(tokens: list[str], spans: list[tuple[int, int]]) -> tuple[Any, Any]:
    source, target = span_corrupt(tokens, spans)
    return " ".join(source), " ".join(target)


def _counts_from_one(
    tokens: list[str], spans: list[tuple[int, int]]
) -> tuple[list[str], list[str]]:
    n = len(spans)
    names = {f"<{i}>": f"<{i + 1}>" for i in range(n + 1)}
    source, target = span_corrupt(tokens, spans)
    return [names.get(one, one) for one in source], [names.get(one, one) for one in target]


def _closed_only_before_text(
    tokens: list[str], spans: list[tuple[int, int]]
) -> tuple[list[str], list[str]]:
    source, target = span_corrupt(tokens, spans)
    return source, target[:-1] if spans and spans[-1][1] == len(tokens) else target


def _whole_text(tokens: list[str], spans: list[tuple[int, int]]) -> tuple[list[str], list[str]]:
    return span_corrupt(tokens, spans)[0], list(tokens)


def spans_case(draw: Draw) -> dict[str, Any]:
    """Draw a text with repeated words, and spans with a token or more between them."""
    tokens: list[str] = []
    spans: list[tuple[int, int]] = []
    for number in range(draw.size(0, 4) + 1):
        least = 1 if 0 < number else 0
        tokens += [draw.pick(["to", "the", "sea", "."]) for _ in range(draw.integer(least, 3))]
        if number:
            length = draw.integer(1, 3)
            spans.append((len(tokens), len(tokens) + length))
            tokens += [draw.pick(["to", "the", "sea", "."]) for _ in range(length)]
    tokens += [draw.pick(["to", "the", "sea", "."]) for _ in range(draw.integer(0, 2))]
    return {"tokens": tokens, "spans": spans}


def _rebuilds(case: Case) -> str | None:
    source, target = (list(part) for part in case.got)
    known = {f"<{n}>" for n in range(len(case["tokens"]) + 1)}
    spans: dict[str, list[str]] = {}
    for one in target:
        if one in known:
            mark = one
            spans[mark] = []
        elif not spans:
            return f"The target should begin with a sentinel; yours begins with {one!r}"
        else:
            spans[mark].append(one)
    whole = [token for one in source for token in spans.get(one, [] if one in known else [one])]
    if whole != list(case["tokens"]):
        return f"The target put back into the source should give the text; yours gives {whole}"
    return None


CODE = Code(
    reference=span_corrupt,
    starters=[
        (
            "three parts blank",
            '''
            def span_corrupt(tokens, spans):
                """Return what the encoder reads and what the decoder says."""
                source, target = [], []
                place = 0
                for number, (start, stop) in enumerate(spans):
                    mark = f"<{number}>"
                    source += ...
                    source.append(mark)
                    target.append(mark)
                    target += ...
                    place = stop
                source += tokens[place:]
                target.append(...)
                return source, target
            ''',
        ),
        (
            "blank",
            '''
            def span_corrupt(tokens, spans):
                """Return what the encoder reads and what the decoder says."""
                return ...
            ''',
        ),
    ],
    also_correct=[_token_by_token, _from_the_back],
    wrong={
        "one-sentinel-a-token": Wrong(
            _one_a_token,
            "You put a sentinel for each cut token. One stands for a whole span, so the source "
            "gets shorter and the model has to find out how many tokens are missing.",
        ),
        "reused-sentinel": Wrong(
            edit(span_corrupt, ('f"<{number}>"', '"<0>"')),
            "You use the same sentinel for every span. Then nothing says which span of the target "
            "belongs where. Count: `<0>`, `<1>`, `<2>`.",
        ),
        "span-left-in": Wrong(
            edit(span_corrupt, ("place = stop", "place = start")),
            "The cut tokens still stand in your source, so the answer can be read off. After a "
            "span, go on at its `stop`.",
        ),
        "no-closing-sentinel": Wrong(
            edit(span_corrupt, ('target.append(f"<{len(spans)}>")', "pass")),
            "Your target ends with the last span. One sentinel more closes it: without it a model "
            "is never told where the last span is over.",
        ),
        "sentinels-in-the-source-only": Wrong(
            edit(span_corrupt, ("target.append(mark)", "pass")),
            "Your target holds the spans without their sentinels. Nobody can tell where one ends "
            "and the next begins. Put each span behind its own sentinel.",
        ),
        "counted-down": Wrong(
            _counted_down,
            "Your sentinels count down. The first span gets `<0>`. (It is T5's *ids* that go "
            "down: `<extra_id_0>` has the highest.)",
        ),
        "counts-from-one": Wrong(
            _counts_from_one,
            "Your sentinels begin with `<1>`. Places and sentinels count from 0: the first span "
            "gets `<0>`.",
        ),
        "end-lost": Wrong(
            edit(span_corrupt, ("source += tokens[place:]", "pass")),
            "The tokens behind the last span are missing from your source. After the loop, copy "
            "the rest of the text.",
        ),
        "closed-only-before-text": Wrong(
            _closed_only_before_text,
            "You leave the closing sentinel out where the text ends with a span. Here it always "
            "stands at the end of the target.",
        ),
        "cut-by-value": Wrong(
            _by_value,
            "You remove every token that equals a cut one, wherever it stands. The same word may "
            "stand outside the spans: cut by place.",
        ),
        "places-move": Wrong(
            _places_move,
            "You cut in a list that gets shorter, so the places of later spans no longer fit. Go "
            "from the last span to the first, or build new lists.",
        ),
        "stop-included": Wrong(
            edit(
                span_corrupt,
                ("tokens[start:stop]", "tokens[start : stop + 1]"),
                ("place = stop", "place = stop + 1"),
            ),
            "You cut one token too many: a span goes from `start` up to, and not including, "
            "`stop`.",
        ),
        "source-and-target-swapped": Wrong(
            _swapped,
            "You return the target first. The encoder's side comes first, then the decoder's.",
        ),
        "returns-text": Wrong(
            _joined,
            "You return strings. Return two lists of tokens.",
        ),
        "whole-text-as-target": Wrong(
            _whole_text,
            "Your target is the whole text. That is BART's denoising. T5's decoder says only what "
            "was cut, behind the sentinels.",
        ),
    },
    generate=spans_case,
    properties=[equals_reference(0.0)],
    diagnose=[Property("the target put back into the source gives the text", _rebuilds)],
)

EXERCISES = [
    Spec(
        id="16.c",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="code",
        title="Cutting spans",
        prompt="""
        Write `span_corrupt(tokens, spans)` for a list of words and a list of spans `(start, stop)`,
        with `stop` not included. The spans are in order, and between two of them stands at least
        one token. Return two lists: the source, with `<0>`, `<1>`, ... in place of the spans, and
        the target: each sentinel followed by its span, and one sentinel more at the end.
        """,
        code=CODE,
        hints=[
            "Keep the place up to which you have copied. Before each span, copy up to its start.",
            "The target of a text without spans is `['<0>']`.",
            "The closing sentinel has the number `len(spans)`.",
        ],
        explain="""
        Source and target together hold each token of the text exactly once, and the sentinels say
        how the two fit. That is the test of any such objective: put the target back in, and the
        text is there again.
        """,
    ),
]
