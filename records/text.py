"""What text may stand in a record."""


def control_character(text: str) -> str | None:
    """The first control character of a text, such as the end of a line or the start of an escape sequence."""
    if text.isprintable():
        return None
    return next((character for character in text if character < " " or "\x7f" <= character <= "\x9f"), None)
