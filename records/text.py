"""What text may stand in a record, and how an error shows one."""

FIELD_NAME = "[a-z][a-z0-9_]{0,31}"  # of a contact, such as first_name
BROADCAST_ID = "[A-Za-z0-9][A-Za-z0-9._:~-]{0,127}"
MAX_SHOWN = 40  # characters


def control_character(text: str) -> str | None:
    """The first control character of a text, such as the end of a line or the start of an escape sequence."""
    if text.isprintable():
        return None
    return next((character for character in text if character < " " or "\x7f" <= character <= "\x9f"), None)


def shown(text: str) -> str:
    """A text of a stranger, for an error: quoted, and not too much of it."""
    return repr(text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "...")
