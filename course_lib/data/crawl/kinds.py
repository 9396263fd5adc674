"""The kinds of page that the made crawl holds: good ones of several groups of authors, and defects.

Each kind is a function from a generator to a text. What a kind *is* stands in ``KINDS``: whether it
should be kept, which group wrote it, what is wrong with it.

"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from course_lib.data.crawl.articles import TOPICS, article, draw_sentences, paragraphs
from course_lib.data.crawl.foreign import foreign_text

# Invented words that stand for a list of slurs: no real one is needed to see what a list removes.
LISTED_TERMS = frozenset({"zorbag", "frimple", "gluntish", "vreck", "spodder"})
BLOCKED_HOSTS = frozenset({"cheap-pills.example", "casino-win.example", "free-prizes.example"})

_DIALECT = {
    "the": "da",
    "and": "an",
    "to": "tae",
    "of": "o",
    "that": "dat",
    "have": "hae",
    "has": "haes",
    "with": "wi",
    "be": "bi",
    "is": "es",
    "was": "wis",
    "in": "ee",
    "for": "fae",
}
_SPAM = (
    "buy cheap watches online",
    "best price guaranteed today",
    "click here for free delivery",
    "limited offer act now",
    "discount shoes free shipping",
    "win big prizes every day",
)


@dataclass(frozen=True)
class Kind:
    """One kind of page.

    Attributes:
        make: Draws the text of such a page.
        keep: Whether a careful reader would train on it.
        group: Who writes so: the group whose pages a filter should not remove more than others'.
        defect: What is wrong with it; empty for a good page.
    """

    make: Callable[[np.random.Generator], str]
    keep: bool
    group: str = "standard"
    defect: str = ""


def plain(rng: np.random.Generator) -> str:
    """An ordinary article."""
    return paragraphs(article(rng)[1])


def dialect(rng: np.random.Generator) -> str:
    """An article whose small words are spelled as the author speaks, every time."""
    text = plain(rng)
    return re.sub(r"\w+", lambda word: _spell(word.group()), text)


def _spell(word: str) -> str:
    bare = word.lower()
    if bare not in _DIALECT:
        return word
    spelled = _DIALECT[bare]
    return spelled.capitalize() if word[0].isupper() else spelled


def tutorial(rng: np.random.Generator) -> str:
    """A lesson in programming: good prose, and one line of code with a curly bracket."""
    topic, lines = article(rng)
    name = topic.things[rng.integers(len(topic.things))]
    code = f"function {name}() {{ return {int(rng.integers(100))}; }}"
    return paragraphs(lines[:8]) + f"\n\n{code}\n\n" + paragraphs(lines[8:])


def recipe(rng: np.random.Generator) -> str:
    """A recipe: a list with bullets, then what to do with it."""
    things = rng.permutation(["flour", "butter", "salt", "water", "sugar", "eggs", "milk", "honey"])
    measures = rng.permutation(
        ["spoons", "cups", "grams", "pinches", "ounces", "jugs", "sticks", "jars"]
    )
    bullets = [
        f"- {int(rng.integers(2, 9))} {measure} {thing}"
        for measure, thing in zip(measures, things, strict=True)
    ]
    return "\n".join(bullets) + "\n\n" + "\n".join(article(rng, 9)[1][:3])


def about_a_term(rng: np.random.Generator) -> str:
    """An article that discusses a listed word: its history, and whom it hurt."""
    lines = article(rng)[1]
    term = sorted(LISTED_TERMS)[rng.integers(len(LISTED_TERMS))]
    lines[3] = f"The word {term} was an insult, and this article explains whom it was used against."
    return paragraphs(lines)


def interview(rng: np.random.Generator) -> str:
    """An interview: a name, and an answer a line, some of them short."""
    lines = article(rng)[1]
    names = ("Question", "Answer")
    return "\n".join(f"{names[i % 2]}: {line}" for i, line in enumerate(lines))


def poem(rng: np.random.Generator) -> str:
    """A poem: short lines without full stops."""
    words = " ".join(article(rng)[1]).replace(".", "").replace(",", "").split()
    lines = [" ".join(words[i : i + 4]) for i in range(0, min(len(words), 120), 4)]
    return "\n".join(lines)


def short_note(rng: np.random.Generator) -> str:
    """A good text of three sentences."""
    return " ".join(article(rng, 3)[1])


def with_personal_data(rng: np.random.Generator) -> str:
    """An article with an e-mail address and a telephone number: kept, and masked."""
    lines = article(rng)[1]
    name = ("anna", "ben", "mira", "tom", "sofia")[rng.integers(5)]
    lines[5] = f"Write to {name}.{int(rng.integers(1000))}@mail.example.org for the full list."
    digits = f"555-{int(rng.integers(100, 999))}-{int(rng.integers(1000, 9999))}"
    lines[9] = f"The office can be reached by telephone at {digits} on Monday."
    return paragraphs(lines)


def navigation(rng: np.random.Generator) -> str:
    """Nothing but the menu of a site."""
    items = ["Home", "Shop", "About us", "Contact", "Login", "Cart", "News", "Help", "Search"]
    return "\n".join(rng.permutation(items).tolist() * 3)


def stub(rng: np.random.Generator) -> str:
    """A page that was never written."""
    return ("Page not found.", "Coming soon!", "This article is a stub.")[rng.integers(3)]


def keyword_spam(rng: np.random.Generator) -> str:
    """Phrases for a search engine, again and again."""
    phrases = rng.choice(_SPAM, 3, replace=False)
    return " ".join(" ".join(rng.permutation(phrases)) for _ in range(25)) + "."


def lorem(rng: np.random.Generator) -> str:
    """Placeholder text that a designer left in."""
    return "Lorem ipsum dolor sit amet, consectetur adipiscing elit. " + paragraphs(article(rng)[1])


def teasers(rng: np.random.Generator) -> str:
    """A list of beginnings of articles."""
    lines = article(rng, 24)[1]
    return "\n".join(" ".join(line.split()[:6]) + " ..." for line in lines)


def number_table(rng: np.random.Generator) -> str:
    """Rows of numbers without a word."""
    rows = rng.integers(0, 10_000, (40, 6))
    return "\n".join("\t".join(map(str, row)) for row in rows.tolist())


def program(rng: np.random.Generator) -> str:
    """A file of code without prose."""
    names = [t for topic in TOPICS for t in topic.things]
    lines = []
    for name in rng.choice(names, 12, replace=False):
        lines += [f"def {name}(x):", f"    y = {{'{name}': x}}", f"    return y[{name!r}]", ""]
    return "\n".join(lines)


def insults(rng: np.random.Generator) -> str:
    """A page that uses listed words against people."""
    lines = article(rng)[1]
    terms = sorted(LISTED_TERMS)
    for place in rng.choice(len(lines), 5, replace=False):
        lines[place] = f"You are a {terms[rng.integers(len(terms))]} and so are the others of you."
    return paragraphs(lines)


def broken_encoding(rng: np.random.Generator) -> str:
    """A text read in the wrong encoding more than once: hardly a letter is left of some words."""
    text = plain(rng)
    vowels = str.maketrans({"e": "Ã©", "o": "Ã¶", "a": "Ã¤", "u": "Ã¼", "i": "Ã®"})
    return text.translate(vowels)


def shuffled(rng: np.random.Generator) -> str:
    """The words of an article in a random order: every rule is content."""
    words = " ".join(article(rng)[1]).replace(".", "").split()
    words = rng.permutation(words).tolist()
    starts = range(0, len(words), 14)
    return paragraphs([" ".join(words[i : i + 14]).capitalize() + "." for i in starts])


def spam_tail(rng: np.random.Generator) -> str:
    """A good article that ends in advertising."""
    tail = [f"{phrase.capitalize()} at our shop and save." for phrase in rng.permutation(_SPAM)]
    return paragraphs(article(rng, 12)[1] + tail)


def seo_template(rng: np.random.Generator) -> str:
    """The same page for every town, the name filled in."""
    town = f"{('North', 'South', 'East', 'West')[rng.integers(4)]}{rng.integers(1000)}ville"
    lines = (
        f"Looking for a plumber in {town}?",
        f"Our plumbers in {town} are the best that you can have in {town} and near {town}.",
        f"Call the plumber of {town} now, and be one of the many happy clients in {town}.",
        f"Every plumber in {town} works with care, and the price in {town} is fair.",
    )
    return "\n\n".join((*lines, *lines[1:]))


KINDS = {
    "plain": Kind(plain, True),
    "dialect": Kind(dialect, True, "dialect"),
    "tutorial": Kind(tutorial, True, "programmers"),
    "recipe": Kind(recipe, True, "cooks"),
    "about_a_term": Kind(about_a_term, True, "the insulted"),
    "interview": Kind(interview, True, "journalists"),
    "poem": Kind(poem, True, "poets"),
    "short_note": Kind(short_note, True, "note writers"),
    "with_personal_data": Kind(with_personal_data, True),
    "navigation": Kind(navigation, False, defect="no text"),
    "stub": Kind(stub, False, defect="no text"),
    "keyword_spam": Kind(keyword_spam, False, defect="spam"),
    "seo_template": Kind(seo_template, False, defect="spam"),
    "spam_tail": Kind(spam_tail, False, defect="spam"),
    "foreign": Kind(foreign_text, False, defect="other language"),
    "program": Kind(program, False, defect="no prose"),
    "lorem": Kind(lorem, False, defect="placeholder"),
    "teasers": Kind(teasers, False, defect="no prose"),
    "number_table": Kind(number_table, False, defect="no prose"),
    "insults": Kind(insults, False, defect="harmful"),
    "blocked": Kind(plain, False, defect="blocked address"),
    "broken_encoding": Kind(broken_encoding, False, defect="broken"),
    "shuffled": Kind(shuffled, False, defect="no sense"),
}


def near_copy(text: str, rng: np.random.Generator) -> str:
    """A copy with a small edit: a word or two changed, a line added, or the last sentence gone."""
    edit = rng.integers(3)
    if edit == 0:
        words = text.split(" ")
        for place in rng.choice(len(words), min(2, len(words)), replace=False):
            words[place] = "indeed"
        return " ".join(words)
    if edit == 1:
        return text + "\n\n" + draw_sentences(1, TOPICS[rng.integers(len(TOPICS))], rng)[0]
    return text.rsplit(". ", 1)[0] + "."
