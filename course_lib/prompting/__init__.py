"""Prompts: how they are written, how they fit, how answers are scored, and what they can teach."""

from course_lib.prompting.chat import ChatTemplate, chat_example
from course_lib.prompting.few_shot import Encodes, Prompt, few_shot_prompt
from course_lib.prompting.in_context import (
    LabelTask,
    bayes_accuracy,
    bayes_probabilities,
    easy_then_pure,
    label_example,
)
from course_lib.prompting.scoring import Scores, choose, encode_pair, score
from course_lib.prompting.template import Template

__all__ = [
    "ChatTemplate",
    "Encodes",
    "LabelTask",
    "Prompt",
    "Scores",
    "Template",
    "bayes_accuracy",
    "bayes_probabilities",
    "chat_example",
    "choose",
    "easy_then_pure",
    "encode_pair",
    "few_shot_prompt",
    "label_example",
    "score",
]
