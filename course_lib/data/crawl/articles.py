"""Articles of the made crawl: sentences from templates, no template twice on a page.

A page that drew its templates with replacement would fail the repetition rules by itself, and a
filter would be blamed for the generator.

"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Topic:
    """What a page is about: words that fit together, so that one tells something of the next."""

    name: str
    things: tuple[str, ...]
    people: tuple[str, ...]
    places: tuple[str, ...]
    acts: tuple[tuple[str, str], ...]  # present, past
    qualities: tuple[str, ...]


TOPICS = (
    Topic(
        "river",
        ("boat", "bridge", "ferry", "flood", "harbour", "canal", "net", "current"),
        ("fisherman", "pilot", "engineer", "miller"),
        ("delta", "northern bank", "old port", "upper valley"),
        (
            ("cross", "crossed"),
            ("measure", "measured"),
            ("repair", "repaired"),
            ("follow", "followed"),
        ),
        ("wide", "muddy", "quiet", "shallow", "dangerous"),
    ),
    Topic(
        "bread",
        ("loaf", "oven", "flour", "crust", "dough", "yeast", "recipe", "table"),
        ("baker", "farmer", "customer", "grandmother"),
        ("village bakery", "kitchen", "town market", "mill"),
        (("bake", "baked"), ("taste", "tasted"), ("weigh", "weighed"), ("share", "shared")),
        ("warm", "sour", "dark", "fresh", "heavy"),
    ),
    Topic(
        "clock",
        ("spring", "wheel", "pendulum", "dial", "tower", "screw", "bell", "hand"),
        ("watchmaker", "apprentice", "astronomer", "mayor"),
        ("workshop", "railway station", "church tower", "museum"),
        (("adjust", "adjusted"), ("wind", "wound"), ("draw", "drew"), ("compare", "compared")),
        ("exact", "slow", "golden", "fragile", "loud"),
    ),
    Topic(
        "forest",
        ("oak", "path", "fox", "mushroom", "storm", "nest", "clearing", "stream"),
        ("ranger", "botanist", "hiker", "hunter"),
        ("eastern slope", "nature reserve", "edge of the wood", "deep valley"),
        (
            ("count", "counted"),
            ("protect", "protected"),
            ("plant", "planted"),
            ("describe", "described"),
        ),
        ("ancient", "dense", "green", "rare", "damp"),
    ),
    Topic(
        "music",
        ("violin", "song", "string", "concert", "choir", "score", "rhythm", "drum"),
        ("composer", "singer", "teacher", "violinist"),
        ("concert hall", "school", "small theatre", "radio studio"),
        (("play", "played"), ("record", "recorded"), ("tune", "tuned"), ("practise", "practised")),
        ("bright", "gentle", "famous", "sad", "lively"),
    ),
    Topic(
        "city",
        ("tram", "square", "library", "street", "tunnel", "garden", "map", "roof"),
        ("architect", "driver", "neighbour", "planner"),
        ("old centre", "western district", "new quarter", "town hall"),
        (("design", "designed"), ("visit", "visited"), ("close", "closed"), ("rebuild", "rebuilt")),
        ("crowded", "modern", "narrow", "historic", "noisy"),
    ),
    Topic(
        "weather",
        ("wind", "cloud", "forecast", "thermometer", "frost", "rainfall", "season", "drought"),
        ("meteorologist", "sailor", "gardener", "observer"),
        ("mountain station", "coast", "southern plain", "island"),
        (
            ("predict", "predicted"),
            ("note", "noted"),
            ("survive", "survived"),
            ("explain", "explained"),
        ),
        ("cold", "sudden", "mild", "severe", "dry"),
    ),
    Topic(
        "medicine",
        ("vaccine", "patient", "fever", "clinic", "trial", "tablet", "dose", "diagnosis"),
        ("doctor", "nurse", "researcher", "pharmacist"),
        ("hospital", "laboratory", "rural clinic", "university"),
        (
            ("treat", "treated"),
            ("examine", "examined"),
            ("test", "tested"),
            ("prevent", "prevented"),
        ),
        ("safe", "painful", "common", "careful", "effective"),
    ),
)

# {t} a thing, {p} a person, {w} a place, {a} an act, {d} the act done, {q} a quality, {n} a number
TEMPLATES = (
    "The {p} {d} the {q} {t} near the {w} before the winter began.",
    "In the {w} there is a {q} {t} that every {p} knows.",
    "Many people have asked why the {t} is so {q}, and the {p} has an answer.",
    "It takes about {n} days to {a} a {t} with the tools of that time.",
    "When the {p} returned to the {w}, the {t} was no longer {q}.",
    "The first {t} was found by a {p} who had come from the {w}.",
    "To {a} the {t} you need patience, and the {p} has plenty of it.",
    "The {q} {t} and the {t2} were kept together in the {w}.",
    "A report of the {w} says that {n} of the {t} lists were {q}.",
    "Nobody could {a} the {t} until the {p} showed how to do it.",
    "With a {q} {t} in hand, the {p} {d} the {t2} within {n} hours.",
    "Children who live near the {w} learn early that the {t} can be {q}.",
    "The {p} believes that the {t} will be {q} again in {n} years.",
    "Of all the things in the {w}, the {t} is the one that visitors remember.",
    "She {d} the {t} twice, and the second time it was {q}.",
    "He had to {a} the {t2} because the {t} was too {q}.",
    "There are {n} kinds of {t}, and the {p} can name most of them.",
    "What makes a {t} {q} is a question that the {p} likes to discuss.",
    "The {w} was built so that the {p} could {a} the {t} in peace.",
    "After {n} attempts the {p} finally {d} the {t}.",
    "Some say that the {t} of the {w} is more {q} than any other.",
    "Before you {a} the {t2}, look at the {t} and ask whether it is {q}.",
    "The letter that the {p} wrote about the {t} is kept in the {w}.",
    "If the {t} is {q}, the {p} waits until the {t2} can be used.",
    "A {q} {t} costs more, but it serves the {p} for {n} years.",
    "They {d} the {t} by night, when the {w} was empty.",
    "The history of the {t} begins in the {w} with a {q} mistake.",
    "Every spring the {p} comes to the {w} to {a} the {t}.",
    "The {t2} depends on the {t}, as the {p} explains to each visitor.",
    "One {p} told us that a {q} {t} is worth {n} ordinary ones.",
    "The {t} was sold to a {p} from the {w} for a small sum.",
    "Most of the {t2} comes from the {w}, where it is always {q}.",
    "It was the {q} {t} that made the {w} known in the whole country.",
    "You can still see the {t} that the {p} {d} in the year of the storm.",
    "Without the {t2} the {p} would not have {d} anything at all.",
    "The {w} has a {t} with {n} parts, and each of them is {q}.",
    "A good {p} does not {a} a {t} that is already {q}.",
    "The story of the {t} has been told by {n} people, and each tells it in another way.",
    "To the surprise of the {p}, the {t} from the {w} stayed {q}.",
    "Let us look at how the {p} of today would {a} such a {t}.",
)


def fill_template(template: str, topic: Topic, rng: np.random.Generator) -> str:
    """Fill a template with words of a topic.

    Args:
        template: A sentence with places in curly brackets.
        topic: Where the words come from.
        rng: Draws them.

    Returns:
        The sentence.
    """
    t, t2 = rng.choice(len(topic.things), 2, replace=False)
    act = topic.acts[rng.integers(len(topic.acts))]
    return template.format(
        t=topic.things[t],
        t2=topic.things[t2],
        p=topic.people[rng.integers(len(topic.people))],
        w=topic.places[rng.integers(len(topic.places))],
        a=act[0],
        d=act[1],
        q=topic.qualities[rng.integers(len(topic.qualities))],
        n=int(rng.integers(2, 60)),
    )


def draw_sentences(n: int, topic: Topic, rng: np.random.Generator) -> list[str]:
    """Draw sentences of one topic, each from another template.

    Args:
        n: How many; at most the number of templates.
        topic: Where the words come from.
        rng: Draws templates and words.

    Returns:
        The sentences.

    Raises:
        ValueError: If ``n`` is more than there are templates.
    """
    if not 0 <= n <= len(TEMPLATES):
        raise ValueError(f"n must be 0 to {len(TEMPLATES)}, got {n}")
    chosen = rng.choice(len(TEMPLATES), n, replace=False)
    return [fill_template(TEMPLATES[index], topic, rng) for index in chosen]


def paragraphs(lines: list[str], per_paragraph: int = 4) -> str:
    """Join sentences to paragraphs of some sentences, a blank line between them."""
    starts = range(0, len(lines), per_paragraph)
    return "\n\n".join(" ".join(lines[start : start + per_paragraph]) for start in starts)


def article(rng: np.random.Generator, n_sentences: int | None = None) -> tuple[Topic, list[str]]:
    """Draw an article: a topic, and 14 to 24 sentences about it.

    Args:
        rng: Draws everything.
        n_sentences: How many sentences instead.

    Returns:
        The topic and the sentences.
    """
    topic = TOPICS[rng.integers(len(TOPICS))]
    n = int(rng.integers(14, 25)) if n_sentences is None else n_sentences
    return topic, draw_sentences(n, topic, rng)
