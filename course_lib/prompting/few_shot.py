"""Few-shot prompts: instruction, examples and query, within a number of tokens.

Chapter: 10_prompt_engineering
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from course_lib.checks import check_lists, check_mappings, check_methods, check_text, check_whole
from course_lib.prompting.template import Template


@runtime_checkable
class Encodes(Protocol):
    """Anything that turns text into ids, such as a `Tokenizer`."""

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text."""


class Prompt(NamedTuple):
    """A prompt, as text and as the ids a model reads.

    Attributes:
        text: What the model is given.
        tokens: The same as ids.
        n_examples: Examples in it: 0 is zero-shot, 1 one-shot, more few-shot.
        n_dropped: Examples that were asked for and did not fit.
    """

    text: str
    tokens: list[int]
    n_examples: int
    n_dropped: int


def few_shot_prompt(
    template: Template,
    query: Mapping[str, str],
    *,
    tokenizer: Encodes,
    budget_tokens: int,
    examples: Sequence[Mapping[str, str]] = (),
    n_examples: int | None = None,
    instruction: str = "",
    separator: str = "\n\n",
    allow_query_among_examples: bool = False,
) -> Prompt:
    """Write instruction, examples and query, dropping the oldest examples until they fit.

    Only examples are dropped: a prompt without its instruction or its query would be answered all
    the same, and nobody would notice. The whole text is tokenized at each try, because the tokens
    of a joined text are not the sum of the tokens of its parts.

    Args:
        template: How an example and the query are written.
        query: The fields of the query, without its answer.
        tokenizer: Counts the tokens.
        budget_tokens: The most tokens the prompt may have: the model's context less what the
            completion needs.
        examples: Fields of the examples, answers included, the oldest first.
        n_examples: Use the last so many of the examples; None uses all.
        instruction: What to do, in words; stands first.
        separator: Stands between the parts.
        allow_query_among_examples: Accept an example with the fields of the query. Refused by
            default: it holds the query's answer, and a test made of such prompts tests nothing.

    Returns:
        The prompt, and how many examples it has.

    Raises:
        TypeError: If a field is no string, or an argument of another wrong type.
        ValueError: If fields do not fit the template, there are fewer examples than `n_examples`,
            the query is among the examples, or it does not fit even without any.

    Source: Brown et al. 2020, section 2 (the names, and the form of the prompt).
    """
    if not isinstance(template, Template):
        raise TypeError(f"template must be a Template, got {template!r:.60}")
    check_methods("encode", tokenizer=tokenizer)
    check_mappings(query=query)
    check_lists(examples=examples)
    check_mappings(**{f"examples[{place}]": one for place, one in enumerate(examples)})
    [budget_tokens] = check_whole(budget_tokens=budget_tokens)
    [n_examples] = check_whole(None, n_examples=n_examples)
    check_text(instruction=instruction, separator=separator)
    if budget_tokens < 1:
        raise ValueError(f"budget_tokens must be at least 1, got {budget_tokens}")
    n_wanted = len(examples) if n_examples is None else n_examples
    if not 0 <= n_wanted <= len(examples):
        raise ValueError(f"n_examples must be from 0 to {len(examples)}, got {n_wanted}")
    asked = template.ask(query)
    chosen = list(examples)[len(examples) - n_wanted :]
    if query and not allow_query_among_examples:  # without fields nothing can leak
        for index, example in enumerate(chosen):
            if all(example.get(name) == value for name, value in query.items()):
                raise ValueError(
                    f"examples[{len(examples) - n_wanted + index}] is the query itself, {query}: "
                    "its answer would stand in the prompt"
                )
    shown = [template.full(example) for example in chosen]
    for n_dropped in range(n_wanted + 1):
        parts = [*([instruction] if instruction else []), *shown[n_dropped:], asked]
        text = separator.join(parts)
        tokens = tokenizer.encode(text)
        if len(tokens) <= budget_tokens:
            return Prompt(text, tokens, n_wanted - n_dropped, n_dropped)
    raise ValueError(
        f"budget_tokens is {budget_tokens}, but instruction and query alone take {len(tokens)}"
    )
