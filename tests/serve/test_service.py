"""The service, asked by the official client and by hand."""

import http.client
import json
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai
import pytest
import torch

from course_lib.generation import frequency_penalty, generate, temperature, top_p
from course_lib.prompting.chat import ChatTemplate
from course_lib.serve import app
from tests.serve.conftest import Service, serving

ASK = {"model": "tiny", "prompt": "the model", "max_tokens": 4}
SAY = [{"role": "user", "content": "hello"}]


def post(
    service: Service, body: Any, path: str = "/v1/completions", **headers: str
) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Send a body, an object or raw bytes, and return status, reply and headers."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    link = http.client.HTTPConnection(service.url.removeprefix("http://"), timeout=120)
    try:
        link.request("POST", path, raw, {"Content-Type": "application/json", **headers})
        got = link.getresponse()
        return got.status, json.loads(got.read()), {k.lower(): v for k, v in got.getheaders()}
    finally:
        link.close()


def get(service: Service, path: str) -> tuple[int, str]:
    link = http.client.HTTPConnection(service.url.removeprefix("http://"), timeout=120)
    try:
        link.request("GET", path)
        got = link.getresponse()
        return got.status, got.read().decode()
    finally:
        link.close()


def alone(service: Service, ids: list[int], n: int, **how: Any) -> str:
    """The text that `generate` writes, in a batch of one."""
    ends = sorted(service.served.ends)
    made = generate(service.served.model, torch.tensor([ids]), max_new_tokens=n, eos_id=ends, **how)
    written = made.tokens[0, : int(made.lengths[0])].tolist()
    kept = written[:-1] if written[-1] in ends else written
    words = service.served.tokenizer
    return words.decode([*ids, *kept])[len(words.decode(ids)) :]


@pytest.fixture
def slow(service: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    """The service, writing slowly."""
    slow_down(service, monkeypatch)
    return service


def slow_down(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    step = service.engine.batch.step

    def slowly(tokens: list[int]) -> torch.Tensor:
        time.sleep(0.05)
        return step(tokens)

    monkeypatch.setattr(service.engine.batch, "step", slowly)


def until(what: Any, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def test_the_client_lists_the_model(service: Service) -> None:
    client = service.client()
    assert [model.id for model in client.models.list()] == ["tiny"]
    assert client.models.retrieve("tiny").id == "tiny"
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("other")
    assert caught.value.code == "model_not_found"


def test_a_greedy_completion_is_that_of_generate(service: Service) -> None:
    for prompt in ("the model", "né 日本 🙂", " next"):
        made = service.client().completions.create(
            model="tiny", prompt=prompt, max_tokens=9, temperature=0
        )
        ids = service.served.tokenizer.encode(prompt)
        assert made.choices[0].text == alone(service, ids, 9)
        assert made.usage is not None and made.usage.prompt_tokens == len(ids)
        assert made.choices[0].finish_reason in ("stop", "length")


def test_a_draw_is_that_of_generate_with_the_same_seed(service: Service) -> None:
    asked = dict(model="tiny", prompt="the model", max_tokens=9, temperature=0.8, top_p=0.9)
    made = service.client().completions.create(**asked, seed=7, n=2, frequency_penalty=0.5)
    ids = service.served.tokenizer.encode("the model")
    for number, choice in enumerate(made.choices):
        chain = [frequency_penalty(0.5), temperature(0.8), top_p(0.9)]
        draw = torch.Generator().manual_seed(7 + number)
        wanted = alone(service, ids, 9, processors=chain, sample=True, generator=draw)
        assert choice.index == number and choice.text == wanted
    without = [service.client().completions.create(**asked).choices[0].text for _ in range(24)]
    assert len(set(without)) > 1, "without a seed, each draw is another"


def test_a_conversation_goes_through_the_template(service: Service) -> None:
    assert service.served.folder is not None
    template = ChatTemplate.load(service.served.folder)
    assert template is not None
    ids = template.encode(service.served.tokenizer, SAY)
    made = service.client().chat.completions.create(
        model="tiny", messages=SAY, max_completion_tokens=7, temperature=0
    )
    assert made.choices[0].message.content == alone(service, ids, 7)
    assert made.usage is not None and made.usage.prompt_tokens == len(ids)
    parts = [{"role": "user", "content": [{"type": "text", "text": "he"}]}]
    parts[0]["content"].append({"type": "text", "text": "llo"})  # type: ignore[attr-defined]
    again = service.client().chat.completions.create(
        model="tiny", messages=parts, max_tokens=7, temperature=0
    )
    assert again.choices[0].message.content == made.choices[0].message.content


@pytest.mark.parametrize("chat", [False, True])
def test_a_stream_joins_to_the_whole(service: Service, chat: bool) -> None:
    client = service.client()
    asked: dict[str, Any] = dict(model="tiny", max_tokens=20, seed=3, n=2, temperature=1.5)
    asked["stream_options"] = {"include_usage": True}
    if chat:
        asked |= {"messages": SAY}
        events = list(client.chat.completions.create(**asked, stream=True))
        del asked["stream_options"]
        whole = client.chat.completions.create(**asked)
        texts = [choice.message.content for choice in whole.choices]
        pieces = [(c.index, c.delta.content or "") for e in events for c in e.choices]
    else:
        asked |= {"prompt": "the model"}
        events = list(client.completions.create(**asked, stream=True))
        del asked["stream_options"]
        whole = client.completions.create(**asked)
        texts = [choice.text for choice in whole.choices]
        pieces = [(c.index, c.text) for e in events for c in e.choices]
    for index, text in enumerate(texts):
        assert "".join(piece for at, piece in pieces if at == index) == text
    reasons = [c.finish_reason for e in events for c in e.choices if c.finish_reason]
    assert sorted(reasons) == sorted(choice.finish_reason for choice in whole.choices)
    assert events[-1].usage == whole.usage
    assert len({event.id for event in events}) == 1


def test_a_stop_string_ends_a_reply_and_is_not_part_of_it(service: Service) -> None:
    client = service.client()
    asked: dict[str, Any] = dict(model="tiny", prompt="and so", max_tokens=40, seed=5)
    free = client.completions.create(**asked, logit_bias={"2": -100}).choices[0].text
    string = free[6:9]
    wanted = free[: free.index(string)]
    stopped = client.completions.create(**asked, logit_bias={"2": -100}, stop=string)
    assert stopped.choices[0].text == wanted and stopped.choices[0].finish_reason == "stop"
    events = client.completions.create(**asked, logit_bias={"2": -100}, stop=[string], stream=True)
    assert "".join(event.choices[0].text for event in events) == wanted


def test_log_probabilities_are_those_of_the_model(service: Service) -> None:
    made = service.client().completions.create(
        model="tiny", prompt="the model", max_tokens=5, temperature=0, logprobs=3
    )
    ids = service.served.tokenizer.encode("the model")
    wanted = generate(
        service.served.model,
        torch.tensor([ids]),
        max_new_tokens=5,
        eos_id=sorted(service.served.ends),
    )
    told = made.choices[0].logprobs
    assert told is not None and told.token_logprobs is not None and told.top_logprobs is not None
    n = int(wanted.lengths[0])
    assert told.token_logprobs == pytest.approx(wanted.log_probs[0, :n].tolist(), abs=1e-5)
    for own, best in zip(told.token_logprobs, told.top_logprobs, strict=True):
        assert max(best.values()) == pytest.approx(own)  # greedy: the chosen one is the best
    chat = service.client().chat.completions.create(
        model="tiny", messages=SAY, max_tokens=3, logprobs=True, top_logprobs=2, seed=1
    )
    assert chat.choices[0].logprobs is not None
    for one in chat.choices[0].logprobs.content or []:
        assert len(one.top_logprobs) == 2 and one.bytes is not None
        assert bytes(one.bytes).decode(errors="replace") == one.token


def test_several_prompts_ids_and_an_echo(service: Service) -> None:
    client, words = service.client(), service.served.tokenizer
    texts = ["the model", "and the next"]
    asked: dict[str, Any] = dict(model="tiny", max_tokens=4, temperature=0)
    made = client.completions.create(**asked, prompt=texts)
    wanted = [alone(service, words.encode(text), 4) for text in texts]
    assert [choice.text for choice in made.choices] == wanted
    by_ids = client.completions.create(**asked, prompt=[words.encode(text) for text in texts])
    assert [choice.text for choice in by_ids.choices] == wanted
    echoed = client.completions.create(**asked, prompt=texts[0], echo=True)
    assert echoed.choices[0].text == texts[0] + wanted[0]


def test_a_bias_forbids_and_forces(service: Service) -> None:
    token = service.served.tokenizer.encode("x")[0]
    made = service.client().completions.create(
        model="tiny", prompt="the", max_tokens=3, temperature=0, logit_bias={str(token): 100}
    )
    assert made.choices[0].text == "xxx"


@pytest.mark.slow
def test_two_hundred_requests_of_eight_clients_are_neither_lost_nor_mixed(service: Service) -> None:
    words = service.served.tokenizer
    prompts = [f"hello {number} the next" for number in range(200)]

    def work(client_number: int) -> dict[int, str]:
        client, own = service.client(max_retries=0), {}
        for number in range(client_number, 200, 8):
            made = client.completions.create(
                model="tiny", prompt=prompts[number], max_tokens=6, seed=number, temperature=0.7
            )
            own[number] = made.choices[0].text
        return own

    with ThreadPoolExecutor(8) as pool:
        got = {k: text for own in pool.map(work, range(8)) for k, text in own.items()}
    assert sorted(got) == list(range(200))
    for number in range(0, 200, 5):
        draw = torch.Generator().manual_seed(number)
        how = dict(processors=[temperature(0.7)], sample=True, generator=draw)
        assert got[number] == alone(service, words.encode(prompts[number]), 6, **how), number
    counts = service.engine.counts
    assert counts.rows_in_steps / counts.steps > 1.5, "they were written together"


BAD: list[tuple[str, Any, int, str | None, str]] = [
    ("no JSON", b"{", 400, None, "JSON"),
    ("nothing", b"", 400, None, "JSON"),
    ("no UTF-8", b"\xff\xfe", 400, None, "JSON"),
    ("a list", b"[1]", 400, None, "object"),
    ("deep", b"[" * 200_000, 400, None, "nested"),
    ("NaN", b'{"model": "tiny", "prompt": "a", "temperature": NaN}', 400, None, "NaN"),
    ("twice", b'{"model": "tiny", "prompt": "a", "prompt": "b"}', 400, None, "twice"),
    ("no prompt", {"model": "tiny"}, 400, "prompt", "missing"),
    ("no model", {"prompt": "a"}, 400, "model", "missing"),
    ("other model", {**ASK, "model": "gpt-5"}, 404, "model", "gpt-5"),
    ("a number", {**ASK, "prompt": 3}, 400, "prompt", "3"),
    ("empty", {**ASK, "prompt": ""}, 400, "prompt", "empty"),
    ("no prompts", {**ASK, "prompt": []}, 400, "prompt", "empty"),
    ("one empty", {**ASK, "prompt": ["a", ""]}, 400, "prompt", "empty"),
    ("no ids", {**ASK, "prompt": [[]]}, 400, "prompt", "empty"),
    ("a bad id", {**ASK, "prompt": [1, 10**6]}, 400, "prompt", "1000000"),
    ("a negative id", {**ASK, "prompt": [-1]}, 400, "prompt", "-1"),
    ("half a pair", {**ASK, "prompt": "a\ud800"}, 400, "prompt", "surrogate"),
    ("long", {**ASK, "prompt": "hello 7 " * 60}, 400, "prompt", "96"),
    ("very long", {**ASK, "prompt": "x" * 400_000}, 400, "prompt", "400000"),
    ("long together", {**ASK, "max_tokens": 95}, 400, "max_tokens", "96"),
    ("longer than all", {**ASK, "max_tokens": 10**9}, 400, "max_tokens", "96"),
    ("no tokens", {**ASK, "max_tokens": 0}, 400, "max_tokens", "0"),
    ("tokens as text", {**ASK, "max_tokens": "4"}, 400, "max_tokens", "'4'"),
    ("half a token", {**ASK, "max_tokens": 1.5}, 400, "max_tokens", "1.5"),
    ("cold", {**ASK, "temperature": -1}, 400, "temperature", "-1"),
    ("hot", {**ASK, "temperature": 3}, 400, "temperature", "3"),
    ("endless", b'{"model": "tiny", "prompt": "a", "temperature": 1e999}', 400, "temperature", ""),
    ("true", {**ASK, "temperature": True}, 400, "temperature", "True"),
    ("top_p", {**ASK, "top_p": 1.1}, 400, "top_p", "1.1"),
    ("no n", {**ASK, "n": 0}, 400, "n", "0"),
    ("many", {**ASK, "n": 1000}, 400, "n", "1000"),
    ("seed", {**ASK, "seed": "x"}, 400, "seed", "'x'"),
    ("large seed", {**ASK, "seed": 2**70}, 400, "seed", ""),
    ("empty stop", {**ASK, "stop": ["a", ""]}, 400, "stop", "empty"),
    ("many stops", {**ASK, "stop": ["a"] * 17}, 400, "stop", "16"),
    ("stop", {**ASK, "stop": 3}, 400, "stop", "3"),
    ("penalty", {**ASK, "presence_penalty": 5}, 400, "presence_penalty", "5"),
    ("bias", {**ASK, "logit_bias": {"x": 1}}, 400, "logit_bias", "'x'"),
    ("far bias", {**ASK, "logit_bias": {"99999": 1}}, 400, "logit_bias", "99999"),
    ("strong bias", {**ASK, "logit_bias": {"1": 101}}, 400, "logit_bias", "101"),
    ("unknown", {**ASK, "top_k": 3}, 400, "top_k", "top_k"),
    ("suffix", {**ASK, "suffix": "x"}, 400, "suffix", "cannot"),
    ("best_of", {**ASK, "best_of": 3}, 400, "best_of", "cannot"),
    ("echo", {**ASK, "echo": True, "logprobs": 1}, 400, "echo", "scores no prompts"),
    ("options", {**ASK, "stream_options": {}}, 400, "stream_options", "stream"),
    (
        "padding",
        {**ASK, "stream": True, "stream_options": {"include_obfuscation": True}},
        400,
        "stream_options",
        "True",
    ),
    ("logprobs", {**ASK, "logprobs": 21}, 400, "logprobs", "21"),
]


@pytest.mark.parametrize(
    ("body", "status", "param", "names"), [row[1:] for row in BAD], ids=[row[0] for row in BAD]
)
def test_a_bad_request_gets_an_error_in_the_protocols_form(
    service: Service, body: Any, status: int, param: str | None, names: str
) -> None:
    got, content, _ = post(service, body)
    assert got == status, content
    assert sorted(content["error"]) == ["code", "message", "param", "type"]
    assert content["error"]["param"] == param and names in content["error"]["message"]
    until(lambda: service.engine.idle)


BAD_CHATS: list[tuple[str, Any, str, str]] = [
    ("none", [], "messages", ""),
    ("a text", "hello", "messages", "hello"),
    ("a role", [{"role": "wizard", "content": "x"}], "messages[0].role", "wizard"),
    ("no content", [{"role": "user"}], "messages", "missing"),
    ("null", [{"role": "user", "content": None}], "messages", "None"),
    ("an image", [{"role": "user", "content": [{"type": "image_url"}]}], "messages", ""),
    ("more", [{"role": "user", "content": "x", "weight": 1}], "messages", ""),
]


@pytest.mark.parametrize(
    ("messages", "param", "names"),
    [row[1:] for row in BAD_CHATS],
    ids=[row[0] for row in BAD_CHATS],
)
def test_what_is_no_conversation_is_refused(
    service: Service, messages: Any, param: str, names: str
) -> None:
    asked = {"model": "tiny", "messages": messages}
    status, content, _ = post(service, asked, "/v1/chat/completions")
    assert status == 400 and content["error"]["param"] == param
    assert names in content["error"]["message"]


@pytest.mark.parametrize(
    "more",
    [
        {"tools": [{"type": "function"}]},
        {"response_format": {"type": "json_object"}},
        {"top_logprobs": 2},
        {"max_tokens": 3, "max_completion_tokens": 3},
    ],
)
def test_what_the_service_cannot_do_is_refused(service: Service, more: dict[str, Any]) -> None:
    asked = {"model": "tiny", "messages": SAY, **more}
    status, content, _ = post(service, asked, "/v1/chat/completions")
    assert status == 400 and content["error"]["param"] in more


def test_what_asks_for_nothing_is_accepted(service: Service) -> None:
    nothing = {"suffix": None, "best_of": 1, "echo": False, "n": 1, "stream": False, "user": "me"}
    status, content, _ = post(service, {**ASK, **nothing, "stop": None, "logit_bias": {}})
    assert status == 200, content


def test_a_request_of_a_megabyte_gets_a_413(service: Service) -> None:
    body = json.dumps({**ASK, "prompt": "x" * 2**20}).encode()
    status, content, headers = post(service, body)
    assert status == 413 and content["error"]["code"] == "body_too_large"
    assert headers["connection"] == "close"
    status, _, _ = post(service, ASK)
    assert status == 200


def test_an_unknown_route_or_method_gets_an_error_in_the_same_form(service: Service) -> None:
    status, content, _ = post(service, {}, "/v1/embeddings")
    assert status == 404 and "/v1/embeddings" in content["error"]["message"]
    status, text = get(service, "/v1/completions")
    assert status == 405 and json.loads(text)["error"]["code"] == "method_not_allowed"


def test_half_a_body_gets_a_408_and_the_service_goes_on(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "BODY_SECONDS", 0.3)
    host, port = service.url.removeprefix("http://").split(":")
    head = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=60) as link:
        link.sendall(head + b'{"model": ')
        told = b"".join(iter(lambda: link.recv(4096), b""))  # until the service closes it
        assert told.startswith(b"HTTP/1.1 408") and b"body_incomplete" in told
    with socket.create_connection((host, int(port)), timeout=60) as link:
        link.sendall(head + b'{"model": ')  # and leaves
    with socket.create_connection((host, int(port)), timeout=60) as link:
        link.sendall(b"nonsense\r\n\r\n")
        assert link.recv(4096).startswith(b"HTTP/1.1 400")
    assert post(service, ASK)[0] == 200


def begin(service: Service, **more: Any) -> http.client.HTTPConnection:
    """Begin a stream of many tokens, and wait until it is being written."""
    link = http.client.HTTPConnection(service.url.removeprefix("http://"), timeout=120)
    never = {str(end): -100 for end in service.served.ends}  # it ends at its limit alone
    body = json.dumps({**ASK, "max_tokens": 80, "stream": True, "logit_bias": never, **more})
    link.request("POST", "/v1/completions", body, {"Content-Type": "application/json"})
    return link


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_frees_its_room(slow: Service, stream: bool) -> None:
    link = begin(slow, stream=stream)
    until(lambda: slow.engine.counts.tokens and slow.engine.rows)
    (row,) = slow.engine.rows
    if stream:
        response = link.getresponse()
        assert response.readline().startswith(b"data:")
        response.close()
    link.close()
    until(lambda: row.left.is_set())
    at = slow.engine.counts.steps
    until(lambda: slow.engine.idle)
    assert slow.engine.counts.steps - at <= 1
    assert len(row.written) < 80


def test_over_the_limit_a_request_gets_a_429(
    small: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_down(small, monkeypatch)
    first = begin(small)
    until(lambda: small.engine.rows)
    second = begin(small, max_tokens=2)
    until(lambda: small.engine.waiting)
    status, content, headers = post(small, ASK)
    assert status == 429 and content["error"]["code"] == "rate_limit_exceeded"
    assert int(headers["retry-after"]) >= 1
    with pytest.raises(openai.RateLimitError):
        small.client(max_retries=0).completions.create(**ASK)  # type: ignore[call-overload]
    first.close()  # its room goes to the one that waits
    assert second.getresponse().read().endswith(b"data: [DONE]\n\n")
    second.close()
    assert post(small, ASK)[0] == 200


def test_a_stop_finishes_what_runs_and_takes_nothing_new(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_services: Iterator[Service] = serving(checkpoint, max_rows=1, max_waiting=2)
    service = next(open_services)
    slow_down(service, monkeypatch)
    link, waits = begin(service, max_tokens=20), begin(service, max_tokens=2)
    until(lambda: service.engine.rows and service.engine.waiting)
    service.server.begin_end()
    status, content, headers = post(service, ASK)
    assert status == 503 and content["error"]["code"] == "service_unavailable"
    assert "retry-after" in headers
    assert get(service, "/health")[0] == 503
    for one in (link, waits):
        assert one.getresponse().read().endswith(b"data: [DONE]\n\n")
        one.close()
    open_services.close()  # waits for the end of the server
    with pytest.raises(ConnectionRefusedError):
        post(service, ASK)


def test_a_stop_at_once_tells_a_stream_that_it_is_not_whole(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_services: Iterator[Service] = serving(checkpoint, max_rows=1, max_waiting=2)
    service = next(open_services)
    slow_down(service, monkeypatch)
    service.server.grace_seconds = 0.0
    link = begin(service)
    response = link.getresponse()
    assert response.readline().startswith(b"data:")
    service.server.begin_end()
    rest = response.read()
    assert b"[DONE]" not in rest and b"generation_failed" in rest
    link.close()
    open_services.close()


def test_an_error_of_the_model_is_told_and_the_service_goes_on(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(service.engine.batch, "step", lambda tokens: 1 / 0)
        status, content, _ = post(service, {**ASK, "logit_bias": {"2": -100}})
        assert status == 500 and "ZeroDivisionError" in content["error"]["message"]
    with monkeypatch.context() as patch:
        join = service.engine.batch.join
        patch.setattr(service.engine.batch, "join", lambda *a: join(*a) * torch.nan)
        status, content, _ = post(service, ASK)
        assert status == 500 and "NaN" in content["error"]["message"]
    assert post(service, ASK)[0] == 200 and service.engine.idle


def test_a_checkpoint_that_vanishes_is_reported_and_missed_by_nobody(
    checkpoint: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "tiny"
    shutil.copytree(checkpoint, folder)
    open_services: Iterator[Service] = serving(folder)
    service = next(open_services)
    assert "there" in get(service, "/health")[1]
    shutil.rmtree(folder)
    status, text = get(service, "/health")
    assert status == 200 and "gone" in text
    assert post(service, ASK)[0] == 200
    open_services.close()


def test_the_numbers_add_up(service: Service) -> None:
    name = 'course_requests_total{route="/v1/completions",status="200"}'

    def numbers() -> dict[str, float]:
        lines = get(service, "/metrics")[1].splitlines()
        return {
            found[1]: float(found[2])
            for line in lines
            if (found := re.fullmatch(r"([a-z_]+(?:{.*})?) ([0-9.e+-]+)", line))
        }

    before = numbers()
    status, content, _ = post(service, ASK)
    after = numbers()
    written = content["usage"]["completion_tokens"]
    kind = 'course_tokens_total{kind="completion"}'
    assert after[kind] - before[kind] == written
    assert after[name] - before.get(name, 0) == 1
    first = "course_first_token_seconds_count"
    assert after[first] - before[first] == 1
    assert after["course_rows_running"] == after["course_rows_waiting"] == 0


def test_many_rows_of_one_request_wait_for_their_turn(service: Service) -> None:
    made = service.client().completions.create(**ASK, n=9, seed=0)  # type: ignore[call-overload]
    assert [choice.index for choice in made.choices] == list(range(9))
    assert len({choice.text for choice in made.choices}) > 1


def test_requests_come_from_many_threads_at_once(small: Service) -> None:
    """Whoever is refused is told so; nobody hangs and nobody is lost."""
    got: list[int] = []
    threads = [threading.Thread(target=lambda: got.append(post(small, ASK)[0])) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 12 and set(got) <= {200, 429} and 200 in got
    until(lambda: small.engine.idle)
