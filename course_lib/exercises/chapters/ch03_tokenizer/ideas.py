"""Chapter 03, ideas: what holds for tokens."""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch03_tokenizer import CHAPTER, SECTION

EXERCISES = [
    Spec(
        id="03.a",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="What holds for tokens",
        prompt="Think of the byte-level tokenizer of this page.",
        parts=[
            Choice(
                prompt="Which statements hold? Choose every one that does.",
                multiple=True,
                options=[
                    Option(
                        "`the` and ` the`, with a space in front, are two different tokens.",
                        True,
                        "The space belongs to the word after it, so a word at the beginning of a "
                        "text is another token than the same word inside.",
                    ),
                    Option(
                        "Every text can be encoded, also one in a script the tokenizer has never "
                        "seen.",
                        True,
                        "All 256 bytes are tokens and every text is bytes. An unseen script only "
                        "costs more tokens, several for each character.",
                    ),
                    Option(
                        "A token is a word.",
                        False,
                        "Frequent words are one token, rare words are several, and a token can be "
                        "a space, a sign or part of a character.",
                        "tokens-are-words",
                    ),
                    Option(
                        "A token is a character.",
                        False,
                        "It begins with bytes. After the first merges most tokens hold "
                        "several characters; some hold less than one.",
                        "tokens-are-characters",
                    ),
                    Option(
                        "Token 1000 stands for the same piece of text in every model.",
                        False,
                        "An id is a place in one tokenizer's list. Another corpus, another list. "
                        "A model read with the wrong tokenizer sees nonsense.",
                        "ids-are-universal",
                    ),
                ],
            )
        ],
        hints=[
            "What did the tokenizer do with a character that it had not seen in training?",
            "Where did the spaces go when a sentence was cut?",
        ],
        explain="""
        A token is whatever the training of the tokenizer made one: a frequent string of bytes. The
        list is fixed before the model is trained and belongs to it ever after.
        """,
    ),
    Spec(
        id="03.a2",
        version=1,
        chapter=CHAPTER,
        section="What a model does not see",
        kind="choice",
        title="A blank at the end",
        prompt="""
        Two prompts for a model with a tokenizer like that of this page: `The keys of` and
        `The keys of `, with a blank at the end. The model should go on with *the*.
        """,
        parts=[
            Choice(
                prompt="What does the blank change?",
                options=[
                    Option(
                        "The model now has to write `the` without its blank, behind a blank token: "
                        "a pair that its training texts do not have.",
                        True,
                        "There ` the` is one token wherever it follows a space. The blank at the "
                        "end takes the space away from it.",
                    ),
                    Option(
                        "Nothing: both prompts read the same.",
                        False,
                        "They read the same for you. The ids differ: the second prompt has one "
                        "token more, and the model sees only ids.",
                        "models-see-text",
                    ),
                    Option(
                        "It helps: the blank is written already, so the model has less to write.",
                        False,
                        "Nothing is saved, since ` the` with its blank is a single token, too. And "
                        "what stands after a lone blank token in training texts is hardly ever a "
                        "word.",
                        "blank-saves-work",
                    ),
                    Option(
                        "Encoding joins the blank with the word that the model writes next.",
                        False,
                        "The ids of the prompt are fixed before the first new token. Nobody goes "
                        "back to merge the last of them with what comes.",
                        "tokens-merge-later",
                    ),
                ],
            )
        ],
        hints=[
            "To which token does a space between two words belong?",
            "Write down the tokens of `The keys of the`. Which prompt is a beginning of them?",
        ],
        explain="""
        The tokens of `The keys of` are a beginning of those of `The keys of the`; the tokens of
        the prompt with the blank are not. A prompt should end where a token of the whole text ends.
        """,
    ),
    Spec(
        id="03.a3",
        version=1,
        chapter=CHAPTER,
        section="What a model does not see",
        kind="choice",
        title="A token that no text holds",
        prompt="""
        A tokenizer learned its list on a forum. One user posted a great deal there, so the name
        ` QuietLynx77` is a single token. The model was then trained on other texts, in which the
        name never stands. It reads a token by its row, and its last layer scores the token by the
        same row.
        """,
        parts=[
            Choice(
                prompt="What holds? Choose every statement that does.",
                multiple=True,
                options=[
                    Option(
                        "A prompt with the name hands the model a row that no training text has "
                        "ever led it to read.",
                        True,
                        "The id never stood in an input, so nothing has taught the layers what to "
                        "do with its row. What comes out is nobody's intention.",
                    ),
                    Option(
                        "Its row was moved by training all the same.",
                        True,
                        "The last layer gives it a score at every step, and it is pushed away "
                        "from what is said there, like all rows that are never the answer.",
                    ),
                    Option(
                        "It can be found in the published weights, without the texts.",
                        True,
                        "Rows of tokens that are never used are pushed the same way, so they come "
                        "to lie close together. This page measures it.",
                    ),
                    Option(
                        "The model reads the name by its letters, as it would any rare name.",
                        False,
                        "A rare name that is *no* token falls into pieces that are well known. "
                        "This one is a single id, and a model sees ids, not letters.",
                        "models-see-letters",
                    ),
                    Option(
                        "Its row is still as it was drawn at the start.",
                        False,
                        "That would be so in a table that is only read. The rows of this one also "
                        "make the scores, and every score brings a gradient at each step.",
                        "unread-is-unmoved",
                    ),
                    Option(
                        "Encoding the name fails, since the model does not know it.",
                        False,
                        "Encoding is done by the tokenizer alone, and its list has the name. "
                        "Nothing tells it what the model was trained on.",
                        "tokenizer-knows-the-model",
                    ),
                ],
            )
        ],
        hints=[
            "Who decides what becomes one token, and on which text?",
            "In a step of training, which rows get a score, and so a gradient?",
        ],
        explain="""
        Vocabulary and model are made on texts of their own. Where these differ, tokens are left
        over that the model was never taught. Training both on the same texts leaves only those that
        were a step towards a longer token; dropping them all from the list mends it.
        """,
    ),
]
