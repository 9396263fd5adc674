"""Chat templates: how a list of messages becomes the one text that a model reads.

A model knows no messages, only ids. Tuned models were trained on texts in which special tokens
stand where a message begins and ends; the template that wrote those texts comes with the
checkpoint, as a program in the language of Jinja, and has to be obeyed to the last blank.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any

import torch

from course_lib.checks import check_methods
from course_lib.extras import needs
from course_lib.files import read_json, read_text
from course_lib.objectives.example import IGNORE, Example
from course_lib.tokenizers import Tokenizer

Conversation = Sequence[Mapping[str, Any]]

_PLAIN = (
    "{% for message in messages %}"
    "{{ message['role'] | capitalize }}: {{ message['content'] }}\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)
_TOKENS = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token")
_LIMIT_BYTES = 2**20
_PRIVATE = range(0xE000, 0xF8FF)  # characters that Unicode leaves to private use


class ChatTemplate:
    """The program that writes a conversation as text.

    It comes from a checkpoint, so it runs in Jinja's sandbox, where it can read what it is given
    and nothing else; with the settings of the `transformers` library, blank for blank.

    Args:
        source: The program.
        variables: Spellings that it may ask for, such as `bos_token`.
        framed: Whether the tokenizer still puts its beginning of a text before what is written.
        stop: Strings at which the reply is over, for a template without tokens of its own.

    Raises:
        TypeError: If `source` is no string.
        ValueError: If it is no Jinja program.
    """

    def __init__(
        self,
        source: str,
        *,
        variables: Mapping[str, str] | None = None,
        framed: bool = False,
        stop: Sequence[str] = (),
    ) -> None:
        if not isinstance(source, str):
            raise TypeError(f"source must be a string, got {type(source).__name__}")
        self.source, self.framed, self.stop = source, framed, tuple(stop)
        self.variables = dict(variables or {})
        self._program = _compile(source)

    @classmethod
    def plain(cls) -> "ChatTemplate":
        """Return a template for models that were trained on no conversation.

        It writes "User: ..." and "Assistant:" as a play is printed, in ordinary characters. A base
        model goes on with such a text; it does not stop by itself, so its stop strings are needed.
        """
        return cls(_PLAIN, framed=True, stop=("\nUser:", "\nSystem:", "\nAssistant:"))

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> "ChatTemplate | None":
        """Read the template of a checkpoint.

        Args:
            folder: With `chat_template.jinja`, or `tokenizer_config.json` that holds one. Of
                several named ones it is the one called "default".

        Returns:
            The template; None if the checkpoint has none.

        Raises:
            ValueError: If a file is damaged, or there are several and none is called "default".
        """
        folder = Path(folder)
        about = folder / "tokenizer_config.json"
        fields = read_json(about) if about.is_file() else {}
        alone = folder / "chat_template.jinja"
        if alone.is_file():
            source: Any = read_text(alone, limit_bytes=_LIMIT_BYTES)
        else:
            source = fields.get("chat_template")
        if isinstance(source, list):
            named = {entry.get("name"): entry.get("template") for entry in source}
            if "default" not in named:
                raise ValueError(f"{about}: chat_template has {list(named)}, wants a 'default'")
            source = named["default"]
        if source is None:
            return None
        spelled = {name: _spelling(fields.get(name)) for name in _TOKENS}
        try:
            return cls(source, variables={k: v for k, v in spelled.items() if v is not None})
        except (TypeError, ValueError) as error:
            raise ValueError(f"{alone if alone.is_file() else about}: {error}") from error

    def render(self, messages: Conversation, *, ask: bool = True, **variables: Any) -> str:
        """Write a conversation as text.

        Args:
            messages: Each with a `role` ("system", "user", "assistant") and a `content`.
            ask: End with the words after which the model's reply begins.
            **variables: Whatever else the template asks for.

        Returns:
            The text, special tokens spelled out.

        Raises:
            TypeError: If a message is no mapping, or its role or content no string.
            ValueError: If there is no message, or the template refuses them: many want user and
                assistant in turn.
        """
        check_messages(messages)
        return self._write(messages, ask, variables)

    def encode(
        self, tokenizer: Tokenizer, messages: Conversation, *, ask: bool = True
    ) -> list[int]:
        """Write a conversation as ids.

        Only the template itself writes special tokens: a spelling such as `<|im_end|>` inside a
        message is ordinary text here, so that nobody ends a message and begins another one in it.
        (`transformers` reads such a spelling as the token.)

        Args:
            tokenizer: The model's.
            messages: As for `render`.
            ask: As for `render`.

        Returns:
            The ids that the model reads.

        Raises:
            TypeError: As `render`.
            ValueError: As `render`, or if the tokenizer cannot read the text.
        """
        check_messages(messages)
        check_methods("encode", "special_frame", tokenizer=tokenizer)
        before = tokenizer.special_frame[0] if self.framed else []
        ids: list[int] = []
        for stretch, allow in self.stretches(tokenizer, messages, ask=ask):
            ids.extend(tokenizer.encode(stretch, allow_special=allow))
        return [*before, *ids]

    def stretches(
        self, tokenizer: Tokenizer, messages: Conversation, *, ask: bool
    ) -> list[tuple[str, bool]]:
        """Write a conversation, cut where a spelling that is a token meets one that is none.

        Args:
            tokenizer: Knows the special tokens.
            messages: As for `render`, checked before.
            ask: As for `render`.

        Returns:
            Stretches of the text in order, and whether special tokens are read in each; one alone
            where no message holds such a spelling, which is nearly always.

        Raises:
            ValueError: As `render`.
        """
        special = tokenizer.special_tokens
        given = [text for message in messages for text in message.values() if isinstance(text, str)]
        if not any(name in text for name in special for text in given):
            return [(self._write(messages, ask, {}), True)]
        # The spellings stand under another name while the template writes, and come back after.
        mark, names = _unused(self.source, *given), sorted(special, key=len, reverse=True)
        hidden = {name: f"{mark}{number}{mark}" for number, name in enumerate(names)}
        any_name = "|".join(map(re.escape, names))

        def hide(value: Any) -> Any:
            return (
                re.sub(any_name, lambda m: hidden[m[0]], value) if isinstance(value, str) else value
            )

        renamed = [{key: hide(value) for key, value in m.items()} for m in messages]
        cut = []
        for stretch in re.split(f"({any_name})", self._write(renamed, ask, {})):
            allow = stretch in special
            for name, other in hidden.items():
                stretch = stretch.replace(other, name)
            if stretch:
                cut.append((stretch, allow))
        return cut

    def _write(self, messages: Conversation, ask: bool, variables: Mapping[str, Any]) -> str:
        from jinja2 import TemplateError

        given = {**self.variables, **variables, "add_generation_prompt": ask}
        try:
            return self._program.render(messages=[dict(m) for m in messages], **given)
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
            raise ValueError(f"messages: the chat template refuses them: {error}") from error


def check_messages(messages: Conversation) -> None:
    """Refuse what is no conversation.

    Args:
        messages: What should be one.

    Raises:
        TypeError: Naming the message that is no mapping, or whose role or content is no string.
        ValueError: If there is no message, or a role is empty.
    """
    if isinstance(messages, str | Mapping) or not isinstance(messages, Sequence):
        raise TypeError(f"messages must be a list of them, got {type(messages).__name__}")
    if not messages:
        raise ValueError("messages must hold at least one message, got none")
    for i, message in enumerate(messages):
        if not isinstance(message, Mapping):
            raise TypeError(f"messages[{i}] must be a mapping, got {type(message).__name__}")
        for name in ("role", "content"):
            if not isinstance(message.get(name), str):
                got = type(message[name]).__name__ if name in message else "none"
                raise TypeError(f"messages[{i}] must have a string as its {name}, got {got}")
        if not message["role"]:
            raise ValueError(f"messages[{i}] has an empty role")


def chat_example(template: ChatTemplate, tokenizer: Tokenizer, messages: Conversation) -> Example:
    """Return what a model reads of a conversation, and what it is to learn: the replies alone.

    The target at place t is the token at t + 1, so the first token of a reply is learned at the
    *last place of the prompt*, and nothing at the reply's own last token. A mask that is laid on
    the tokens instead of the targets is off by one: the model then never learns how a reply
    begins, and learns what follows its end.

    Args:
        template: Writes the text.
        tokenizer: The model's.
        messages: With at least one message of the role "assistant".

    Returns:
        Inputs and targets; the targets are `IGNORE` but where they are of a reply, with the token
        that ends it.

    Raises:
        TypeError: As `ChatTemplate.render`.
        ValueError: As `ChatTemplate.render`; if no message is a reply; or if the template writes
            the messages before a reply otherwise once the reply is there.
    """
    if not isinstance(template, ChatTemplate):
        raise TypeError(f"template must be a ChatTemplate, got {template!r:.60}")
    check_methods("encode", "special_frame", tokenizer=tokenizer)
    check_messages(messages)
    ids: list[int] = tokenizer.special_frame[0] if template.framed else []
    starts, text = [-1] * len(ids), ""
    for stretch, allow in template.stretches(tokenizer, messages, ask=False):
        ids += tokenizer.encode(stretch, allow_special=allow)
        spans = tokenizer.offsets(stretch, allow_special=allow)
        starts += [len(text) + start for start, _ in spans]
        text += stretch
    special = set(tokenizer.special_tokens.values())
    learned = [False] * len(ids)
    for i, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        asked = template.render(messages[:i]) if i else ""
        answered = template.render(messages[: i + 1], ask=False)
        if not (answered.startswith(asked) and text.startswith(answered)):
            raise ValueError(
                f"messages[{i}]: the template writes what is before this reply otherwise once the "
                "reply is there, so its tokens cannot be told apart"
            )
        own = [k for k, start in enumerate(starts) if len(asked) <= start < len(answered)]
        ends = [k for k in own if ids[k] in special]
        for k in own:  # what follows the end token is not written by the model
            learned[k] = not ends or k <= ends[-1]
    if not any(learned):
        raise ValueError("messages has no message of the role 'assistant' to learn from")
    targets = [token if wanted else IGNORE for token, wanted in zip(ids, learned, strict=True)]
    return Example(torch.tensor(ids[:-1]), torch.tensor(targets[1:]))


def _compile(source: str) -> Any:
    """Compile a template as the `transformers` library does."""
    with needs("serve", "a chat template"):
        from jinja2 import TemplateError, TemplateSyntaxError, nodes
        from jinja2.ext import Extension
        from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """The block that marks a reply; what it holds is written as it is."""

        tags = {"generation"}

        def parse(self, parser: Any) -> Any:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return nodes.Scope(body, lineno=line)

    def refuse(message: str) -> None:
        raise TemplateError(message)

    def as_json(value: Any, ensure_ascii: bool = False, **options: Any) -> str:
        return json.dumps(value, ensure_ascii=ensure_ascii, **options)

    made = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, "jinja2.ext.loopcontrols"]
    )
    made.filters["tojson"] = as_json
    made.globals["raise_exception"] = refuse
    made.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    try:
        return made.from_string(source)
    except TemplateSyntaxError as error:
        raise ValueError(f"source is no chat template: line {error.lineno}: {error}") from error


def _spelling(token: object) -> str | None:
    if isinstance(token, Mapping):
        token = token.get("content")
    return token if isinstance(token, str) else None


def _unused(*texts: str) -> str:
    """A character that none of the texts holds."""
    held = set().union(*texts)
    return next(chr(code) for code in _PRIVATE if chr(code) not in held)
