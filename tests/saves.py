"""Models that tell which save they are of, and saves that are killed in the middle."""

import os
import signal
import sys
from collections.abc import Callable

import torch

from course_lib import Transformer, TransformerConfig

CONFIG = TransformerConfig(
    vocab_size=64, d_model=32, n_heads=2, max_seq_len=16, n_decoder_layers=2, d_ff=64
)
CHANGES = {"os.rename", "os.symlink", "os.link", "os.remove", "os.mkdir", "os.rmdir"}


def filled(value: float) -> Transformer:
    """Make a model of which every parameter is this value."""
    model = Transformer(CONFIG)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(value)
    return model


def killed_at(n: int, save: Callable[[], object]) -> bool:
    """Save in a child that kills itself before its n-th file operation; False if it got through."""
    child = os.fork()
    if child == 0:
        seen = 0

        def watch(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal seen
            if event in CHANGES or (event == "open" and "w" in str(arguments[1])):
                seen += 1
                if seen == n:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        save()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False
