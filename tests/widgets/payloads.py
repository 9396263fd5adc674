"""Exercise payloads of every part type, for the tests of the quiz."""

MESSAGES = {
    "correct": "Correct.",
    "incorrect": "Not yet.",
    "invalid": "Not judged yet.",
    "not_attempted": "Nothing to judge yet.",
}


def payload(name, kind, parts, **more):
    return {
        "schema": 1,
        "id": name,
        "version": 1,
        "chapter": "06_attention",
        "kind": kind,
        "title": "A question",
        "prompt": "<p>Think of <strong>one</strong> head.</p>",
        "parts": parts,
        "hints": ["<p>Look at the rows.</p>", "<p>Each row sums to 1.</p>"],
        "explain": "<p>A row is a share of one.</p>",
        "reveal": "",
        "messages": MESSAGES,
        "starter": None,
        **more,
    }


def option(name, text, correct, feedback):
    return {
        "id": name,
        "text": text,
        "correct": correct,
        "feedback": feedback,
        "misconception": None if correct else f"not-{name}",
    }


def choice(name="c", multiple=False):
    return {
        "id": name,
        "type": "choice",
        "prompt": "What does a row of the map mean?",
        "multiple": multiple,
        "options": [
            option("row", "How one word shares its attention", True, "Rows sum to 1."),
            option("next", "How likely the <em>next</em> word is", False, "That is the softmax."),
            option("query", "Where the query looks", multiple, "The query asks."),
        ],
        "messages": {
            "not_attempted": "Choose one.",
            "chosen": "Not this one:",
            "missed": "This one too:",
        },
    }


def number(name="n", **more):
    return {
        "id": name,
        "type": "number",
        "prompt": "How much memory?",
        "key": 14e9,
        "key_text": "14 GB",
        "tolerance": 0.03,
        "relative": True,
        "units": {"GB": 1e9, "MB": 1e6, "GiB": 2**30, "bytes": 1},
        "unit_required": True,
        "unit_hint": "a number with its unit, for example 3 GB",
        "near": [
            {"value": 28e9, "feedback": "Two bytes, not four.", "misconception": "fp32"},
            {"value": 7e9, "feedback": "One byte is too few.", "misconception": "int8"},
        ],
        "feedback": "Two bytes for each of 7 billion.",
        "messages": {
            "not_attempted": "Type a number.",
            "not_a_number": "This is not a number I can read.",
            "unit_unknown": "I do not know this unit.",
            "unit_missing": "State the unit.",
            "too_small": "Too small.",
            "too_large": "Too large.",
        },
        **more,
    }


def match(name="m"):
    options = [
        {"id": "q", "text": "query"},
        {"id": "k", "text": "key"},
        {"id": "v", "text": "value"},
    ]
    feedback = {"q": "The query asks.", "k": "The key answers.", "v": "The value is passed on."}
    rows = [("ask", "asks", ["q"]), ("offer", "offers", ["k"]), ("pass", "is passed on", ["v"])]
    return {
        "id": name,
        "type": "match",
        "prompt": "Match each role.",
        "options": options,
        "rows": [
            {
                "id": row,
                "text": text,
                "correct": correct,
                "feedback": feedback,
                "misconceptions": {"q": None, "k": "swap", "v": "value-scores"},
            }
            for row, text, correct in rows
        ],
        "messages": {"not_attempted": "Choose for each row.", "blank": "Still blank."},
    }


def order(name="o"):
    lines = [
        ("mix", "mix the values", False, ""),
        ("norm", "normalise the scores", False, ""),
        ("sort", "sort the words", True, "Nothing is sorted."),
        ("score", "score every pair", False, ""),
    ]
    return {
        "id": name,
        "type": "order",
        "prompt": "Put the steps in order.",
        "items": [
            {
                "id": item,
                "text": text,
                "distractor": extra,
                "feedback": feedback,
                "misconception": "sorting" if extra else None,
            }
            for item, text, extra, feedback in lines
        ],
        "before": [
            {"first": "score", "then": "norm", "feedback": "Score first.", "misconception": None},
            {"first": "norm", "then": "mix", "feedback": "Normalise first.", "misconception": None},
        ],
        "feedback": "Score, normalise, mix.",
        "messages": {"not_attempted": "Tick the lines.", "missing": "A line is missing."},
    }


ALL = [
    payload("06.a", "choice", [choice()]),
    payload("06.a2", "choice", [choice(multiple=True)]),
    payload("06.d", "number", [number()]),
    payload("06.a3", "match", [match()]),
    payload("06.a4", "order", [order()]),
    payload(
        "06.b",
        "predict",
        [number("n", units={"": 1, "%": 0.01}, key=0.61, key_text="61 %"), choice("c")],
        reveal="<p>The trained head gives 61 %.</p>",
    ),
]
