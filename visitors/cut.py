"""How much of what a visitor sends is kept, in bytes of UTF-8. Pure."""

MAX_AGENT_BYTES = 512
MAX_HEADER_BYTES = 256  # of every other header


def cut(text: str, max_bytes: int) -> str:
    """The text in at most max_bytes of UTF-8, never ending in half a character."""
    if len(text) * 4 <= max_bytes or (len(text) <= max_bytes and text.isascii()):
        return text
    return text.encode()[:max_bytes].decode("utf-8", "ignore")
