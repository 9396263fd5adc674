"""Reading and writing with every family, against the reference library on the same weights.

Prefill reads a batch of texts at once and fills the cache; decode writes greedy tokens with it.
"Only the linear layers" runs the model's matrix products and nothing else, at the same sizes: the
floor of any loop on torch's own kernels. The two libraries read one checkpoint, and must give the
same logits and the same tokens before any time is taken.

Same process, one thread, CPU time, peers in turn. Run: python benchmarks/inference.py [--rounds 5]
"""

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import _measure
import torch
import torch.nn.functional as F
import transformers as hf
from torch import Tensor, nn

from course_lib import Transformer, generate, presets
from course_lib.model.heads import LanguageModelHead

PRESETS = {
    "BERT": "bert-base",
    "RoBERTa": "roberta-base",
    "GPT-1": "gpt1",
    "GPT-2": "gpt2",
    "BLOOM": "bloom",
    "LLaMA": "llama-7b",
    "LLaMA 3": "llama-3.1-8b",
    "Transformer": "transformer-base",
    "BART": "bart-base",
    "T5": "t5-small",
    "T5 1.1": "t5-v1.1-small",
}
SIZES: dict[str, dict[str, int]] = {
    "4 x 128": {"vocab_size": 1024, "d_model": 128, "n_heads": 4, "layers": 4, "d_ff": 512},
    "6 x 384": {"vocab_size": 4096, "d_model": 384, "n_heads": 6, "layers": 6, "d_ff": 1536},
}
N_READ, N_PROMPT, N_NEW = 64, 4, 48
Work = Callable[[], Any]
Products = list[tuple[Tensor, Tensor]]


def shrink(preset: str, size: str) -> Any:
    """Shrink a published model without touching its choices; each stack has all the layers."""
    config = presets[preset]
    sizes = {**SIZES[size], "max_seq_len": 256}
    layers, d_ff = sizes.pop("layers"), sizes.pop("d_ff")
    for stack in ("n_encoder_layers", "n_decoder_layers"):
        sizes[stack] = layers if getattr(config, stack) else 0
    if config.n_kv_heads is not None:
        sizes["n_kv_heads"] = 2
    if config.d_head is not None:
        sizes["d_head"] = sizes["d_model"] // sizes["n_heads"]
    if config.d_ff is not None:  # a gated network has three matrices, each two thirds as wide
        sizes["d_ff"] = d_ff * 2 // 3 if config.gated else d_ff
    return replace(config, **sizes, dropout=0.0)


def build_pair(preset: str, size: str) -> tuple[Transformer, Any]:
    """Build our model with random weights, and theirs from the checkpoint it writes."""
    ours = Transformer(shrink(preset, size), generator=torch.Generator().manual_seed(0)).eval()
    with torch.no_grad():
        generator = torch.Generator().manual_seed(1)
        for parameter in ours.parameters():  # so that no bias is zero and no norm is one
            parameter += torch.randn(parameter.shape, generator=generator) * 0.02
    with tempfile.TemporaryDirectory() as folder:
        ours.save_pretrained(folder)
        kind = getattr(hf, hf.AutoConfig.from_pretrained(folder).architectures[0])
        theirs = kind.from_pretrained(folder).eval()
    theirs.generation_config = hf.GenerationConfig(
        pad_token_id=0, decoder_start_token_id=0, do_sample=False, num_beams=1
    )
    return ours, theirs


def products_of(model: Transformer, run: Work) -> Products:
    """Return a random input and the matrix of every linear map that a run applies."""
    found: Products = []

    def record(module: nn.Module, inputs: tuple[Tensor, ...], _: Tensor) -> None:
        matrix = model.embedding.weight if module.weight is None else module.weight
        found.append((torch.randn(inputs[0].shape), matrix.detach()))

    hooks = [
        module.register_forward_hook(record)
        for module in model.modules()
        if isinstance(module, nn.Linear | LanguageModelHead)
    ]
    run()
    for hook in hooks:
        hook.remove()
    return found


def multiply(products: Products, times: int = 1) -> None:
    for _ in range(times):
        for inputs, matrix in products:
            F.linear(inputs, matrix)


def prefill(ours: Transformer, theirs: Any, batch: int) -> dict[str, Work]:
    """Make the work of reading `N_READ` tokens in each row, and check the logits."""
    family = ours.config.family
    generator = torch.Generator().manual_seed(2)
    tokens, source = torch.randint(
        2, ours.config.vocab_size, (2, batch, N_READ), generator=generator
    )
    mask = torch.ones_like(tokens)
    inputs: dict[str, Any] = {"input_ids": tokens, "attention_mask": mask}
    options: dict[str, Any] = {}
    if family == "encoder-decoder":
        options["source"] = source
        inputs = {"input_ids": source, "attention_mask": mask, "decoder_input_ids": tokens}

    def mine() -> Tensor:
        if family == "encoder-only":
            return ours(tokens)
        return ours(tokens, **options, cache=ours.new_cache(batch, N_READ))

    def peer() -> Tensor:
        more = {} if family == "encoder-only" else {"use_cache": True}
        return theirs(**inputs, **more).logits

    a, b = mine(), peer()
    error = ((a - b).abs().max() / b.abs().max()).item()
    if error > 1e-4:
        raise RuntimeError(f"the logits differ by {error:.1e} of the largest")
    products = products_of(ours, mine)
    return {"course_lib": mine, "transformers": peer, "linears": lambda: multiply(products)}


def decode(ours: Transformer, theirs: Any, batch: int) -> dict[str, Work]:
    """Make the work of writing `N_NEW` tokens in each row, and check the tokens."""
    generator = torch.Generator().manual_seed(3)
    n_vocab = ours.config.vocab_size
    prompt = torch.randint(2, n_vocab, (batch, N_PROMPT), generator=generator)
    options: dict[str, Any] = {}
    inputs: dict[str, Any] = {"input_ids": prompt, "attention_mask": torch.ones_like(prompt)}
    if ours.config.family == "encoder-decoder":
        source = torch.randint(2, n_vocab, (batch, N_READ), generator=generator)
        prompt[:, 0] = 0  # where every text of the decoder starts
        options["source"] = source
        inputs = {
            "input_ids": source,
            "attention_mask": torch.ones_like(source),
            "decoder_input_ids": prompt,
        }

    def mine() -> Tensor:
        return generate(ours, prompt, max_new_tokens=N_NEW, **options).tokens

    def peer() -> Tensor:
        return theirs.generate(**inputs, max_new_tokens=N_NEW)[:, N_PROMPT:]

    if not torch.equal(mine(), peer()):
        raise RuntimeError("the two do not write the same tokens")

    cache = ours.new_cache(batch)
    first = products_of(ours, lambda: ours(prompt, **options, cache=cache))
    step = products_of(ours, lambda: ours(prompt[:, :1], cache=cache))

    def linears() -> None:
        multiply(first)
        multiply(step, N_NEW - 1)

    return {"course_lib": mine, "transformers": peer, "linears": linears}


def rows_of(name: str, size: str, rounds: int) -> list[dict[str, Any]]:
    """Measure one family at one size."""
    ours, theirs = build_pair(PRESETS[name], size)
    rows = []
    for phase in (prefill, decode):
        if phase is decode and not ours.has_decoder:
            continue
        for batch in (1, 8):
            with torch.inference_mode():
                times = _measure.interleaved(phase(ours, theirs, batch), rounds)
            best = {peer: min(seconds) for peer, seconds in times.items()}
            per_row = N_READ if phase is prefill else N_NEW
            rows.append(
                {
                    "model": name,
                    "size": size,
                    "phase": phase.__name__,
                    "batch": batch,
                    "tokens/s": round(batch * per_row / best["course_lib"], 1),
                    "theirs": round(batch * per_row / best["transformers"], 1),
                    "our speed / theirs": best["transformers"] / best["course_lib"],
                    "share of linears": best["linears"] / best["course_lib"],
                }
            )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=PRESETS)
    parser.add_argument("--size", choices=SIZES)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    hf.logging.set_verbosity_error()
    hf.utils.logging.disable_progress_bar()
    rows = []
    for size in SIZES:
        for name in PRESETS:
            if arguments.only in (None, name) and arguments.size in (None, size):
                rows += rows_of(name, size, arguments.rounds)
    about = {
        "what": "prefill: one forward that fills the cache; decode: greedy generation",
        "sizes": {**SIZES, "read": N_READ, "prompt": N_PROMPT},
        "new tokens": N_NEW,
        "time": "process CPU seconds, one thread, peers in turn, best of the rounds",
        "share of linears": "time of the matrix products alone, with torch's linear / our time",
        "rounds": arguments.rounds,
        "torch": torch.__version__,
        "transformers": hf.__version__,
    }
    if arguments.only is None and arguments.size is None:
        _measure.report("inference", rows, about)
    else:
        print(*rows, sep="\n")


if __name__ == "__main__":
    main()
