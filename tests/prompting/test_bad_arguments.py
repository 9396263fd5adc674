"""Wrong arguments at the doors of this folder; see `tests.doors`."""

import pytest
import torch

from course_lib.prompting import (
    ChatTemplate,
    Template,
    chat_example,
    few_shot_prompt,
    in_context,
    named_tasks,
    scoring,
    word_steps,
)
from course_lib.tokenizers import ByteLevelBPE
from tests.doors import ROWS, Door, draws, model, trials

pytestmark = pytest.mark.usefixtures("as_installed")
BYTES = ByteLevelBPE.train(["a b"], 261, special_tokens=["<|im_start|>", "<|im_end|>"])
EXAMPLES = [{"text": "good", "mood": "happy"}]


class Letters:
    def encode(self, text: str) -> list[int]:
        return [ord(letter) % 12 for letter in text]


DOORS: dict[str, Door] = {
    "label_example": (in_context.label_example, lambda: {"tokens": ROWS[:, :4]}, {"tokens": "ids"}),
    "easy_then_pure": (
        in_context.easy_then_pure,
        lambda: {
            "task": in_context.LabelTask(), "batch_size": 2, "n_pairs": 2, "steps": 2,
            "easy_share": 0.5, "generator": draws(),
        },
        {
            "task": "object", "batch_size": "whole", "n_pairs": "whole", "steps": "whole",
            "easy_share": "share", "generator": "generator",
        },
    ),
    "bayes_accuracy": (
        in_context.bayes_accuracy,
        lambda: {"n_examples": 2, "n_classes": 3},
        {"n_examples": "whole", "n_classes": "whole"},
    ),
    "LabelTask.decode": (
        in_context.LabelTask().decode, lambda: {"ids": [1, 2]}, {"ids": "id list"}
    ),
    "draw_turns": (
        named_tasks.draw_turns,
        lambda: {
            "n_sequences": 2, "n_pairs": 2, "way": "never", "tasks": ["left"],
            "generator": draws(),
        },
        {
            "n_sequences": "whole", "n_pairs": "whole", "way": "object", "tasks": "several",
            "generator": "generator",
        },
    ),
    "draw_walks": (
        named_tasks.draw_walks,
        lambda: {"n_sequences": 2, "n_turns": 2, "generator": draws()},
        {"n_sequences": "whole", "n_turns": "whole", "generator": "generator"},
    ),
    "follow": (
        named_tasks.follow,
        lambda: {"start": ROWS[:, 0] % 8, "turns": ROWS % 5},
        {"start": "ids", "turns": "ids"},
    ),
    "few_shot_prompt": (
        few_shot_prompt,
        lambda: {
            "template": Template("{text} Mood: {mood}", answer="mood"), "query": {"text": "bad"},
            "tokenizer": Letters(), "budget_tokens": 99, "examples": EXAMPLES, "n_examples": 1,
            "instruction": "Say.",
        },
        {
            "tokenizer": "object", "template": "object", "query": "mapping",
            "budget_tokens": "whole", "examples": "several", "n_examples": "whole?",
            "instruction": "text",
        },
    ),
    "encode_pair": (
        scoring.encode_pair,
        lambda: {"tokenizer": Letters(), "prompt": "a", "answer": "b"},
        {"tokenizer": "object", "prompt": "text", "answer": "text"},
    ),
    "pairs_of_tokens": (
        word_steps.pairs_of_tokens,
        lambda: {"tokenizer": Letters(), "pairs": [("a", "b")]},
        {"tokenizer": "object", "pairs": "lists"},
    ),
    "chat_example": (
        chat_example,
        lambda: {
            "template": ChatTemplate.plain(), "tokenizer": BYTES,
            "messages": [{"role": "assistant", "content": "a"}],
        },
        {"template": "object", "tokenizer": "object", "messages": "several"},
    ),
    "score": (
        scoring.score,
        lambda: {"model": model(), "prompts": [[1, 2]], "answers": [[3]], "batch_size": 2},
        {"model": "model", "prompts": "lists", "answers": "lists", "batch_size": "whole"},
    ),
    "common_step": (
        word_steps.common_step,
        lambda: {"table": torch.rand(9, 4), "pairs": ROWS[:6, :2] % 9, "generator": draws()},
        {"table": "floats", "pairs": "ids", "generator": "generator"},
    ),
}  # fmt: skip


[
    test_a_right_call_is_not_refused,
    test_a_wrong_argument_is_refused_by_name,
    test_another_form_of_an_argument_does_the_same,
] = trials(DOORS)
