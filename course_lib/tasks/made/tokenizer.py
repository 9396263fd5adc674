"""The one tokenizer of all made tasks, so that one model can be tried on each of them."""

from course_lib.tasks.made import facts, headlines, names, opinions, translation, word_classes
from course_lib.tokenizers import WordPiece

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def vocabulary() -> list[str]:
    """List every piece that the made tasks can hold, special tokens first."""
    rooms = (opinions, names, word_classes, translation, headlines, facts)
    words = [word for room in rooms for word in room.WORDS]
    return list(dict.fromkeys([*SPECIAL, ".", *words]))


def made_tokenizer() -> WordPiece:
    """Return the tokenizer of the made tasks: a token a word, and endings of their own."""
    # Without `clean_up` a written text is that of the item, blanks before its signs included.
    pieces = {piece: number for number, piece in enumerate(vocabulary())}
    tokenizer = WordPiece(pieces, clean_up=False)
    ids = {name: [tokenizer.special_id(name)] for name in ("[CLS]", "[SEP]")}
    tokenizer.frame_with(
        {
            "type": "TemplateProcessing",
            "single": [
                {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
            ],
            "pair": [
                {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
                {"Sequence": {"id": "B", "type_id": 1}},
                {"SpecialToken": {"id": "[SEP]", "type_id": 1}},
            ],
            "special_tokens": {
                name: {"id": name, "ids": found, "tokens": [name]} for name, found in ids.items()
            },
        }
    )
    return tokenizer
