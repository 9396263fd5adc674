"""How files spell bytes: one printable character for each, because JSON cannot hold any bytes.

A space is written `Ġ`, a newline `Ċ`; letters, digits and signs stand for themselves.

Source: Radford et al. 2019, published code of GPT-2.

Chapter: 03_tokenizer
"""

# The order in which GPT-2 numbers the 256 bytes: first those that print as themselves, then the
# other 68, which are spelled with the characters from U+0100 on.
PRINTABLE = [*range(33, 127), *range(161, 173), *range(174, 256)]
BYTE_ORDER = PRINTABLE + sorted(set(range(256)) - set(PRINTABLE))
CHARACTER_OF = {
    b: chr(b if n < len(PRINTABLE) else 256 + n - len(PRINTABLE)) for n, b in enumerate(BYTE_ORDER)
}
BYTE_OF = {character: b for b, character in CHARACTER_OF.items()}


def spell(token: bytes) -> str:
    """A token's bytes as printable characters: `b" the"` is `Ġthe`."""
    return "".join(CHARACTER_OF[b] for b in token)


def unspell(spelling: str) -> bytes:
    """The bytes behind a spelling.

    Raises:
        ValueError: a character that stands for no byte.
    """
    try:
        return bytes(BYTE_OF[character] for character in spelling)
    except KeyError as error:
        raise ValueError(
            f"token {spelling!r} is no byte-level spelling: {error.args[0]!r} stands for no byte"
        ) from None


def byte_piece(byte: int) -> str:
    """Spelling of a byte in a vocabulary of characters: `<0x0A>`."""
    return f"<0x{byte:02X}>"
