"""What may be asked: the fields of OpenAI's completions and chat completions, checked.

An option that the service cannot honour is refused, and so is one that it does not know: a reply
that quietly ignored it would be wrong without a sign of it. (`user` names a person for the caller's
own books and changes no reply; it is taken.)

Source: the OpenAI API reference, "Create completion" and "Create chat completion".
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

_INVALID = "invalid_request_error"


class ProtocolError(Exception):
    """A request that gets an error instead of a reply, in OpenAI's form.

    Args:
        status: Of HTTP.
        message: For a person.
        kind: OpenAI's class of errors.
        param: The field at fault.
        code: For a program.
        retry_after: Seconds after which it may be tried again.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = _INVALID,
        param: str | None = None,
        code: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.retry_after = status, retry_after
        told = {"message": message, "type": kind, "param": param, "code": code}
        self.content = {"error": told}


class StreamOptions(BaseModel):
    """How a reply is streamed."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
    include_usage: bool | None = None
    include_obfuscation: Literal[False] | None = None  # chunks are not padded here


class SharedFields(BaseModel):
    """The fields that both kinds of request have."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
    model: str
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    n: Annotated[int, Field(ge=1)] | None = None
    stop: str | list[str] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    logit_bias: dict[str, Annotated[float, Field(ge=-100, le=100)]] | None = None
    user: str | None = None

    def stops(self) -> list[str]:
        """Return the stop strings.

        Raises:
            ProtocolError: If one is empty, or there are too many.
        """
        given = [self.stop] if isinstance(self.stop, str) else self.stop or []
        if "" in given or len(given) > 16:
            raise ProtocolError(
                400, "stop wants at most 16 strings, none of them empty", param="stop"
            )
        return given

    def biases(self) -> dict[int, float]:
        """Return what is added to the logits of which ids.

        Raises:
            ProtocolError: If a key is no id.
        """
        made = {}
        for key, value in (self.logit_bias or {}).items():
            if not (key.isascii() and key.isdecimal()):
                raise ProtocolError(
                    400, f"logit_bias has the key {key!r:.60}, wants ids", param="logit_bias"
                )
            made[int(key)] = value
        return made


class CompletionFields(SharedFields):
    """A text, or several, or their ids, to be continued."""

    prompt: str | list[str] | list[int] | list[list[int]]
    logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    echo: bool | None = None


class TextPart(BaseModel):
    """A part of a message's content."""

    model_config = ConfigDict(strict=True, extra="forbid")
    type: str
    text: str


class ChatMessage(BaseModel):
    """One message."""

    model_config = ConfigDict(strict=True, extra="forbid")
    role: str
    content: str | list[TextPart]
    name: str | None = None


class ChatFields(SharedFields):
    """A conversation to be answered."""

    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None

    def conversation(self) -> list[dict[str, str]]:
        """Return the messages as a chat template reads them.

        Raises:
            ProtocolError: If a role or a part of a message is not known here.
        """
        made = []
        for i, message in enumerate(self.messages):
            if message.role not in ("system", "developer", "user", "assistant"):
                raise ProtocolError(
                    400,
                    f"messages[{i}].role is {message.role!r:.60}: wants system, user or assistant",
                    param=f"messages[{i}].role",
                )
            content = message.content
            if not isinstance(content, str):
                for part in content:
                    if part.type != "text":
                        raise ProtocolError(
                            400,
                            f"messages[{i}].content has a part of type {part.type!r:.60}: this "
                            "model reads text alone",
                            param=f"messages[{i}].content",
                        )
                content = "".join(part.text for part in content)
            role = "system" if message.role == "developer" else message.role
            named = {} if message.name is None else {"name": message.name}
            made.append({"role": role, "content": content, **named})
        return made


# Fields of the protocol that the service cannot honour, with the values that ask for nothing.
_NOTHING: dict[str, tuple[Any, ...]] = {
    "suffix": (None, ""),
    "best_of": (None, 1),
    "tools": (None, []),
    "tool_choice": (None, "none", "auto"),
    "parallel_tool_calls": (None, True, False),
    "functions": (None, []),
    "function_call": (None, "none", "auto"),
    "response_format": (None, {"type": "text"}),
    "modalities": (None, ["text"]),
    "audio": (None,),
    "prediction": (None,),
    "reasoning_effort": (None,),
    "verbosity": (None,),
    "service_tier": (None, "auto", "default"),
    "store": (None, False),
    "metadata": (None, {}),
    "web_search_options": (None,),
    "prompt_cache_key": (None,),
    "safety_identifier": (None,),
}
# Of several forms that a field may have, pydantic names the first alone.
_WANTS = {
    "prompt": "wants a string, a list of strings, ids, or a list of lists of ids",
    "stop": "wants a string or a list of strings",
}
_Fields = TypeVar("_Fields", bound=SharedFields)


def parse(body: bytes, kind: type[_Fields]) -> _Fields:
    """Read the body of a request.

    Args:
        body: JSON.
        kind: What it should be.

    Returns:
        The fields, all of the right types and within their bounds.

    Raises:
        ProtocolError: 400, naming the field, what it got and what it wants.
    """
    try:
        found = json.loads(body, parse_constant=_no_number, object_pairs_hook=_once)
    except RecursionError:
        raise ProtocolError(400, "the body is nested too deeply", code="invalid_json") from None
    except ValueError as error:  # UnicodeDecodeError is one
        raise ProtocolError(
            400, f"the body is no JSON: {str(error):.200}", code="invalid_json"
        ) from None
    if not isinstance(found, Mapping):
        raise ProtocolError(
            400, f"the body is a {type(found).__name__}, wants an object", code="invalid_json"
        )
    fields = dict(found)
    for name, nothing in _NOTHING.items():
        if name in fields:
            value = fields.pop(name)
            if not any(value == one and type(value) is type(one) for one in nothing):
                raise ProtocolError(
                    400,
                    f"{name}={value!r:.60}: this service cannot do that; leave it out",
                    param=name,
                    code="unsupported_parameter",
                )
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise _told(error) from None
    except (RecursionError, ValueError) as error:
        raise ProtocolError(400, f"the body cannot be read: {str(error):.200}") from None


def _told(error: ValidationError) -> ProtocolError:
    """Say the first thing that is wrong."""
    first = error.errors(include_url=False, include_context=False)[0]
    name = str(first["loc"][0]) if first["loc"] else "body"
    where = "".join(f"[{at}]" if isinstance(at, int) else "" for at in first["loc"][1:2])
    if first["type"] == "extra_forbidden":
        return ProtocolError(400, f"{name} is not known here", param=name, code="unknown_parameter")
    if first["type"] == "missing":
        inner = ".".join(str(at) for at in first["loc"])
        return ProtocolError(
            400, f"{inner} is missing", param=name, code="missing_required_parameter"
        )
    wants = _WANTS.get(name, first["msg"])
    return ProtocolError(
        400, f"{name}{where} got {first['input']!r:.60}: {wants}", param=name, code="invalid_value"
    )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{max(names, key=names.count)!r:.60} is there twice")
    return made


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")
