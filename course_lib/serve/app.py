"""The routes: what OpenAI's client asks for, health, numbers, and a page for a person."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from importlib.resources import files
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from course_lib.serve.engine import Busy, Draining, Failed, ServedRow, ServingEngine, Written
from course_lib.serve.metrics import ServiceMetrics
from course_lib.serve.protocol import ChatFields, CompletionFields, ProtocolError, parse
from course_lib.serve.replies import ReplyForm
from course_lib.serve.served import ServedModel

MAX_BODY_BYTES = 2**19
MOST_READ_BYTES = 2**24
BODY_SECONDS = 15.0
RETRY_SECONDS = 1
_DEFAULT_TOKENS = 16  # of a completion that does not say
_OUT = "server_error"

Told = tuple[int, Written | Failed]  # which row, and what it tells


class RunningRequest:
    """The rows of one request, and what they tell, brought from the engine's thread to this one."""

    def __init__(self, n_rows: int) -> None:
        self.told: asyncio.Queue[Told] = asyncio.Queue()
        self.n_open = n_rows
        self.rows: list[ServedRow] = []
        loop = asyncio.get_running_loop()

        def sink(index: int) -> Callable[[Written | Failed], None]:
            def send(one: Written | Failed) -> None:
                with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens
                    loop.call_soon_threadsafe(self.told.put_nowait, (index, one))

            return send

        self.sinks = [sink(index) for index in range(n_rows)]

    async def each(self) -> AsyncIterator[tuple[int, Written]]:
        """Yield every token of every row as it comes.

        Raises:
            ProtocolError: If a row fails.
        """
        while self.n_open:
            index, one = await self.told.get()
            if isinstance(one, Failed):
                raise ProtocolError(500, one.message, kind=_OUT, code="generation_failed")
            self.n_open -= one.reason is not None
            yield index, one

    def leave(self) -> None:
        """Free the room of every row that is not finished."""
        for row in self.rows:
            row.left.set()


class CountAnswers:
    """Count what is answered, by route and status.

    Args:
        app: The application inside.
        metrics: Counts.
    """

    def __init__(self, app: Any, metrics: ServiceMetrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on."""

        async def counting(message: Any) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "other")
                self.metrics.answered(route, message["status"])
            await send(message)

        await self.app(scope, receive, counting if scope["type"] == "http" else send)


def create_app(served: ServedModel, engine: ServingEngine) -> FastAPI:
    """Make the application.

    Args:
        served: The model.
        engine: What writes; started by whoever calls this.

    Returns:
        An ASGI application, which `uvicorn` or a test client runs.
    """
    app = FastAPI(title="course_lib.serve", docs_url=None, redoc_url=None, openapi_url=None)
    metrics = ServiceMetrics()
    created = int(time.time())
    page = files("course_lib.serve").joinpath("page.html").read_text(encoding="utf-8")
    about = {"id": served.name, "object": "model", "created": created, "owned_by": "course_lib"}

    @app.exception_handler(ProtocolError)
    async def refuse(request: Request, error: ProtocolError) -> Response:
        return _refusal(error)

    @app.exception_handler(HTTPException)
    async def not_there(request: Request, error: HTTPException) -> Response:
        code = {404: "unknown_url", 405: "method_not_allowed"}.get(error.status_code)
        said = f"{request.method} {request.url.path}: {error.detail}"
        made = _refusal(ProtocolError(error.status_code, said, code=code))
        made.headers.update(error.headers or {})
        return made

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> Response:
        said = f"{type(error).__name__} in the service; its log has more"
        return _refusal(ProtocolError(500, said, kind=_OUT, code="internal_error"))

    app.add_middleware(CountAnswers, metrics=metrics)

    @app.get("/")
    async def index() -> Response:
        return HTMLResponse(page.replace("MODEL_NAME", _escaped(served.name)))

    @app.get("/health")
    async def health() -> Response:
        folder = served.folder
        gone = folder is not None and not folder.exists()
        told = {
            "status": "stopping" if engine.draining else "ok",
            "model": served.name,
            # The model is in memory, so requests are answered all the same.
            "checkpoint": "gone: a restart would fail" if gone else "there",
        }
        return JSONResponse(told, 503 if engine.draining else 200)

    @app.get("/metrics")
    async def numbers() -> Response:
        return PlainTextResponse(metrics.text(engine), media_type="text/plain; version=0.0.4")

    @app.get("/v1/models")
    async def models() -> Response:
        return JSONResponse({"object": "list", "data": [about]})

    @app.get("/v1/models/{name:path}")
    async def one_model(name: str) -> Response:
        _check_model(name, served)
        return JSONResponse(about)

    @app.post("/v1/completions")
    async def completions(request: Request) -> Response:
        start = time.perf_counter()
        asked = parse(await _body(request, engine), CompletionFields)
        _check_model(asked.model, served)
        prompts = await asyncio.to_thread(served.prompts, asked)
        form = ReplyForm(False, asked.model, served.tokenizer, asked.logprobs is not None)
        if asked.echo and asked.logprobs is not None:
            raise ProtocolError(
                400,
                "echo with logprobs: this service scores no prompts",
                param="echo",
                code="unsupported_parameter",
            )
        n = asked.n or 1
        texts = [served.tokenizer.decode(prompt) if asked.echo else "" for prompt in prompts]
        running = _begin(len(prompts) * n, engine)
        running.rows = served.rows(
            asked,
            prompts,
            running.sinks,
            n_new=asked.max_tokens or min(_DEFAULT_TOKENS, served.max_new_tokens),
            n_best=asked.logprobs or 0,
        )
        _submit(engine, running)
        before = [texts[index // n] for index in range(len(running.rows))]
        return await _reply(request, asked, running, form, before, sum(map(len, prompts)), start)

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        start = time.perf_counter()
        asked = parse(await _body(request, engine), ChatFields)
        _check_model(asked.model, served)
        if asked.max_tokens is not None and asked.max_completion_tokens is not None:
            raise ProtocolError(
                400, "max_tokens and max_completion_tokens: wants one", param="max_tokens"
            )
        if asked.top_logprobs and not asked.logprobs:
            raise ProtocolError(400, "top_logprobs wants logprobs=true", param="top_logprobs")
        prompt = await asyncio.to_thread(served.conversation, asked)
        form = ReplyForm(True, asked.model, served.tokenizer, bool(asked.logprobs))
        running = _begin(asked.n or 1, engine)
        running.rows = served.rows(
            asked,
            [prompt],
            running.sinks,
            n_new=asked.max_tokens or asked.max_completion_tokens,
            n_best=asked.top_logprobs or 0,
            stop=served.template.stop,
        )
        _submit(engine, running)
        before = [""] * len(running.rows)
        return await _reply(request, asked, running, form, before, len(prompt), start)

    async def _reply(
        request: Request,
        asked: Any,
        running: RunningRequest,
        form: ReplyForm,
        before: list[str],
        n_prompt: int,
        start: float,
    ) -> Response:
        if asked.stream_options is not None and not asked.stream:
            running.leave()
            raise ProtocolError(400, "stream_options wants stream=true", param="stream_options")
        told = _timed(running, metrics, start)
        if asked.stream:
            with_usage = bool(asked.stream_options and asked.stream_options.include_usage)
            events = _events(running, told, form, before, n_prompt, with_usage, metrics)
            return StreamingResponse(
                events, media_type="text/event-stream", headers={"Cache-Control": "no-cache"}
            )
        choices: list[list[Written]] = [[] for _ in running.rows]

        async def collect() -> None:
            async for index, one in told:
                choices[index].append(one)

        work = asyncio.create_task(collect())
        gone = asyncio.create_task(_disconnected(request))
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                metrics.disconnected += 1
                return Response(status_code=499)  # nobody reads it
            work.result()
        finally:
            running.leave()
            for task in (work, gone):
                task.cancel()
        return JSONResponse(form.whole(choices, before, n_prompt))

    return app


async def _timed(
    running: RunningRequest, metrics: ServiceMetrics, start: float
) -> AsyncIterator[tuple[int, Written]]:
    first = True
    async for index, one in running.each():
        if first:
            metrics.first(time.perf_counter() - start)
            first = False
        yield index, one


async def _events(
    running: RunningRequest,
    told: AsyncIterator[tuple[int, Written]],
    form: ReplyForm,
    before: list[str],
    n_prompt: int,
    with_usage: bool,
    metrics: ServiceMetrics,
) -> AsyncIterator[str]:
    """Send each token as an event; `[DONE]` ends a stream that is whole."""
    n_written, offsets = 0, [len(text) for text in before]
    try:
        for index, text in enumerate(before):
            opening = form.opening(index, text)
            if opening is not None:
                yield _event(opening)
        async for index, one in told:
            n_written += 1
            made = form.chunk(index, one, offsets[index])
            offsets[index] += len(one.text)
            if made is not None:
                yield _event(made)
        if with_usage:
            yield _event(form.last(n_prompt, n_written))
        yield "data: [DONE]\n\n"
    except ProtocolError as error:  # the status is sent already: an event has to say it
        running.n_open = 0
        yield _event(error.content)
    finally:
        metrics.disconnected += running.n_open > 0
        running.leave()


def _event(content: dict[str, Any]) -> str:
    return f"data: {json.dumps(content, ensure_ascii=False)}\n\n"


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _body(request: Request, engine: ServingEngine) -> bytes:
    """Read a body, no larger than allowed, from a client that keeps sending."""
    if engine.draining:
        raise _draining()
    body, n_read = bytearray(), 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in request.stream():
                n_read += len(piece)
                if n_read <= MAX_BODY_BYTES:
                    body += piece
                elif n_read > MOST_READ_BYTES:  # until then it is read, so that the error arrives
                    break
    except TimeoutError:
        raise ProtocolError(
            408, f"the body did not come whole within {BODY_SECONDS:g} s", code="body_incomplete"
        ) from None
    except ClientDisconnect:
        raise ProtocolError(400, "the client left before its body was whole") from None
    if n_read > MAX_BODY_BYTES:
        raise ProtocolError(
            413, f"the body is larger than {MAX_BODY_BYTES} bytes", code="body_too_large"
        )
    return bytes(body)


def _begin(n_rows: int, engine: ServingEngine) -> RunningRequest:
    most = engine.max_rows + engine.max_waiting
    if n_rows > most:
        raise ProtocolError(
            400, f"the request asks for {n_rows} replies: this service takes {most} at once",
            param="n",
        )  # fmt: skip
    return RunningRequest(n_rows)


def _submit(engine: ServingEngine, running: RunningRequest) -> None:
    try:
        engine.submit(running.rows)
    except Busy:
        raise ProtocolError(
            429,
            f"{engine.max_rows} replies are being written and {len(engine.waiting)} wait: try "
            "again later",
            kind="rate_limit_error",
            code="rate_limit_exceeded",
            retry_after=RETRY_SECONDS,
        ) from None
    except Draining:
        raise _draining() from None


def _draining() -> ProtocolError:
    return ProtocolError(
        503,
        "the service stops: it finishes what runs and takes nothing new",
        kind=_OUT,
        code="service_unavailable",
        retry_after=RETRY_SECONDS,
    )


def _check_model(name: str, served: ServedModel) -> None:
    if name != served.name:
        raise ProtocolError(
            404,
            f"there is no model {name!r:.60} here: wants {served.name!r}",
            param="model",
            code="model_not_found",
        )


def _refusal(error: ProtocolError) -> Response:
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    if error.status in (408, 413, 503):  # what still comes on this connection is of no use
        headers["Connection"] = "close"
    return JSONResponse(error.content, error.status, headers)


def _escaped(text: str) -> str:
    for character, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(character, name)
    return text
