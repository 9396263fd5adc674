"""Exercises of every part type as the library writes them, for the tests of the quiz."""

from course_lib.exercises.author.payload import build_payload
from course_lib.exercises.author.spec import (
    Before,
    Choice,
    Line,
    Match,
    Near,
    Number,
    Option,
    Order,
    Row,
    Spec,
)
from course_lib.exercises.catalog import find
from course_lib.exercises.process.page import page_payload


def payload(name, kind, parts, **more):
    text = {
        "title": "A question",
        "prompt": "Think of **one** head.",
        "hints": ["Look at the rows.", "Each row sums to 1."],
        "explain": "A row is a share of one.",
        **more,
    }
    return build_payload(
        Spec(
            id=name,
            version=1,
            chapter="06_attention",
            section="Self-attention",
            kind=kind,
            parts=parts,
            **text,
        )
    )


def part(one):
    """The JSON form of one part."""
    return payload("06.a", "choice", [one])["parts"][0]


def choice(name="c", multiple=False):
    return Choice(
        [
            Option("How one word shares its attention", True, "Rows sum to 1."),
            Option("How likely the *next* word is.", False, "That is the softmax.", "next"),
            Option("Where the query looks", multiple, "The query asks.", "query"),
        ],
        prompt="What does a row of the map mean?",
        multiple=multiple,
        shuffle=False,
        id=name,
    )


def number(name="n", **more):
    given = {
        "key": lambda: 14e9,
        "prompt": "How much memory?",
        "tolerance": 0.03,
        "units": {"bytes": 1.0, "GB": 1e9, "MB": 1e6, "GiB": 2.0**30},
        "unit_hint": "a number with its unit, for example 3 GB",
        "near": [
            Near(lambda: 28e9, "Two bytes, not four.", "fp32"),
            Near(lambda: 7e9, "One byte is too few.", "int8"),
        ],
        "feedback": "Two bytes for each of 7 billion.",
        "key_format": "{:,.0f}",
    }
    return Number(**{**given, **more}, id=name)


def share(name="n"):
    return number(
        name, key=lambda: 61.0, units={"%": 1.0, "": 1.0}, unit_hint="a percentage", near=[]
    )


def match(name="m"):
    feedback = {
        "query": "The query asks.",
        "key": "The key answers.",
        "value": "The value is passed on.",
    }
    swaps = {"key": "swap", "value": "value-scores"}
    rows = [("asks", "query"), ("offers", "key"), ("is passed on", "value")]
    return Match(
        [Row(text, [right], feedback, swaps) for text, right in rows],
        ["query", "key", "value"],
        prompt="Match each role.",
        id=name,
    )


def order(name="o"):
    return Order(
        [
            Line("mix", "mix the values"),
            Line("norm", "normalise the scores"),
            Line("sort", "sort the words", True, "Nothing is sorted.", "sorting"),
            Line("score", "score every pair"),
        ],
        [Before("score", "norm", "Score first."), Before("norm", "mix", "Normalise first.")],
        "Score, normalise, mix.",
        prompt="Put the steps in order.",
        id=name,
    )


ALL = [
    payload("06.a", "choice", [choice()]),
    payload("06.a2", "choice", [choice(multiple=True)]),
    payload("06.d", "number", [number()]),
    payload("06.a3", "match", [match()]),
    payload("06.a4", "order", [order()]),
    payload("06.b", "predict", [share(), choice()], reveal="The trained head gives 61 %."),
]
CODE = page_payload(find("06.c"))
