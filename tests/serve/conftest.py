"""A small model behind a service of this process, and the official client."""

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
import torch

from course_lib import Transformer, TransformerConfig
from course_lib.serve.engine import ServingEngine
from course_lib.serve.served import ServedModel
from course_lib.serve.server import CourseServer, listen, running
from course_lib.tokenizers import ByteLevelBPE

TEXTS = ["the model writes what comes next, and the next, né 日本 🙂 and so on. User: hello"] * 3
CHATML = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content']"
    " + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def make_checkpoint(folder: Path) -> Path:
    """Write a small LLaMA with all parameters drawn, its tokenizer and a chat template."""
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer = ByteLevelBPE.train(TEXTS, 300, special_tokens=special)
    config = TransformerConfig(
        vocab_size=tokenizer.vocab_size,
        d_model=32,
        n_heads=4,
        n_kv_heads=2,
        max_seq_len=96,
        n_decoder_layers=1,
        d_ff=48,
        position="rotary",
        norm="rms",
        gated=True,
        activation="silu",
        bias=False,
    )
    model = Transformer(config, generator=torch.Generator().manual_seed(0)).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            draw = torch.Generator().manual_seed(len(name))
            parameter.add_(torch.randn(parameter.shape, generator=draw) * 0.3)
    model.published_fields = {"eos_token_id": tokenizer.special_id("<|im_end|>")}
    model.save_pretrained(folder)
    tokenizer.save(folder / "tokenizer.json")
    (folder / "chat_template.jinja").write_text(CHATML)
    return folder


class Service:
    """A running service.

    Attributes:
        url: Its address.
        served: Its model.
        engine: What writes.
        server: What listens.
    """

    def __init__(self, url: str, server: CourseServer, served: ServedModel) -> None:
        self.url, self.server, self.served, self.engine = url, server, served, server.engine

    def client(self, **options: object) -> openai.OpenAI:
        """The official client."""
        return openai.OpenAI(base_url=f"{self.url}/v1", api_key="none", **options)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("served") / "tiny")


def serving(checkpoint: Path, **limits: int) -> Iterator[Service]:
    """Run a service until the generator is closed."""
    served = ServedModel.load(checkpoint)
    engine = ServingEngine(served.model, served.tokenizer, **limits)
    server = CourseServer(served, engine)
    with running(server, listen("127.0.0.1", 0)) as url:
        yield Service(url, server, served)


@pytest.fixture(scope="module")
def service(checkpoint: Path) -> Iterator[Service]:
    yield from serving(checkpoint, max_rows=4, max_waiting=16)


@pytest.fixture
def small(checkpoint: Path) -> Iterator[Service]:
    """A service of one row and one that waits."""
    yield from serving(checkpoint, max_rows=1, max_waiting=1)
