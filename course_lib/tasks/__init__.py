"""What a pre-trained model is put to: tasks with labels, and how well it does them."""

from course_lib.tasks.labels import align_labels, entities, entity_f1, first_pieces, token_f1

__all__ = ["align_labels", "entities", "entity_f1", "first_pieces", "token_f1"]
