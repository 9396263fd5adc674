"""Other engines, asked for tokens in processes of their own: this package imports none of them."""

import json
import os
import subprocess
from typing import Any

_SECONDS = 600.0
TRANSFORMERS = """
import json, sys
import torch, transformers
transformers.logging.set_verbosity_error()
folder, ids, n = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
model.generation_config.eos_token_id = None  # it would fill in ours, and be held back till the end
how = transformers.GenerationConfig(
    max_new_tokens=n, min_new_tokens=n, do_sample=False, eos_token_id=None, pad_token_id=0
)
written = model.generate(
    torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long),
    generation_config=how,
)
told = {"tokens": written[0, len(ids):].tolist()}
if sys.argv[4]:
    words = transformers.AutoTokenizer.from_pretrained(folder)
    told["text"] = words(sys.argv[4], add_special_tokens=False)["input_ids"]
print(json.dumps(told))
"""
VLLM = """
import json, sys
from vllm import LLM, SamplingParams
folder, ids, n = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
model = LLM(
    folder, dtype="float32", max_model_len=len(ids) + n, max_num_seqs=1,
    skip_tokenizer_init=True, enforce_eager=True,
)
how = SamplingParams(temperature=0, max_tokens=n, ignore_eos=True, detokenize=False)
written = model.generate([{"prompt_token_ids": ids}], how)[0].outputs[0].token_ids
print(json.dumps({"tokens": list(written)}))
"""
NODE = """
import { join } from "node:path";
import { pathToFileURL } from "node:url";
const [folder, file, ids, n, text] = process.argv.slice(2);
const at = join(folder, "node_modules", "node-llama-cpp", "dist", "index.js");
const { getLlama } = await import(pathToFileURL(at).href);
const llama = await getLlama({ gpu: false, build: "never", logLevel: "error", maxThreads: 2 });
const model = await llama.loadModel({ modelPath: file });
const prompt = JSON.parse(ids);
const contextSize = prompt.length + Number(n) + 8;
const context = await model.createContext({ contextSize, threads: 2 });
const tokens = [];
for await (const token of context.getSequence().evaluate(prompt, { temperature: 0 })) {
  tokens.push(token);
  if (tokens.length >= Number(n)) break;
}
const told = text ? { tokens, text: model.tokenize(text) } : { tokens };
console.log(JSON.stringify(told));
process.exit(0);
"""


def run_engine(
    arguments: list[str], *missing: str, **environment: str
) -> dict[str, Any] | str | None:
    """Run an engine in a process of its own.

    Args:
        arguments: The command, word by word.
        *missing: What its error says where a part of it is not installed.
        **environment: Variables besides those of this process.

    Returns:
        The JSON of its last line, a text if it fails, None if it is not installed.
    """
    try:
        ended = subprocess.run(
            arguments,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            env={**os.environ, **environment},
        )
    except FileNotFoundError:
        return None
    except subprocess.TimeoutExpired:
        return f"did not end within {_SECONDS:g} s"
    if ended.returncode:
        if any(words in ended.stderr for words in missing):
            return None
        return (ended.stderr.strip().splitlines() or ["it failed without a word"])[-1]
    try:
        return dict(json.loads(ended.stdout.strip().splitlines()[-1]))
    except (ValueError, IndexError):
        return f"said {ended.stdout!r:.100}"
