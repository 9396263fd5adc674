"""What a pre-trained model is put to: tasks with labels, and how well it does them."""

from course_lib.tasks.examples import Encoder, Examples, encode_items
from course_lib.tasks.fine_tune import answer, fine_tune, task_model
from course_lib.tasks.heads import TaskModel, make_head, task_loss
from course_lib.tasks.items import Continuation, Item, LabelledText, Question, TaggedWords, TextPair
from course_lib.tasks.labels import align_labels, entities, entity_f1, first_pieces, token_f1
from course_lib.tasks.made import MADE, MadeTask, made_tokenizer
from course_lib.tasks.metrics import METRICS, right_answers

__all__ = [
    "MADE",
    "METRICS",
    "Continuation",
    "Encoder",
    "Examples",
    "Item",
    "LabelledText",
    "MadeTask",
    "Question",
    "TaggedWords",
    "TaskModel",
    "TextPair",
    "align_labels",
    "answer",
    "encode_items",
    "entities",
    "entity_f1",
    "fine_tune",
    "first_pieces",
    "made_tokenizer",
    "make_head",
    "right_answers",
    "task_loss",
    "task_model",
    "token_f1",
]
