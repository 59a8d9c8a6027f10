"""Link id <-> code: a keyed bijection between 0 .. 62^9 - 1 and nine base62 characters.

A balanced Feistel network (Luby and Rackoff, 1988; Black and Rogaway, "Ciphers with Arbitrary Finite Domains",
2002) over pairs of numbers below SIDE, with SipHash-2-4 as the round function and cycle walking for the few
pairs that lie beyond 62^9. Because it is a bijection, codes never collide and need no look-up when minted.

It gives unguessability, not secrecy: without the key nobody can tell which codes were issued or enumerate the
neighbours of a code, but whoever holds a code can follow it.
"""

import re
from array import array
from typing import ClassVar, Self

from siphashc import siphash

from records.machine_code import MachineCipher, is_compiled

CODE_LENGTH = 9
DOMAIN = 62**CODE_LENGTH
SIDE = 116_348_987  # the smallest number whose square reaches DOMAIN; one id in 6e7 needs a second walk
ROUNDS = 8

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DIGIT = {character: value for value, character in enumerate(ALPHABET)}
_PAIRS = [high + low for high in ALPHABET for low in ALPHABET]
_PAIR_VALUE = {pair: value for value, pair in enumerate(_PAIRS)}


class CodeKey(bytes):
    """16 bytes, the same in every process (TAPTRAIL_CODE_KEY); another key gives other codes."""

    EXPECTED: ClassVar[str] = "32 hex digits"

    @classmethod
    def parse(cls, text: str) -> Self:
        if not re.fullmatch(r"[0-9a-fA-F]{32}", text):
            raise ValueError(f"{len(text)} characters that are not all hex digits or not 32")
        return cls(bytes.fromhex(text))


class CodeCipher:
    """Seals link ids into codes and opens them again.

    key: a CodeKey; ValueError where it has not 16 bytes. machine: compiled where it can be, a ninth of the time.
    """

    def __init__(self, key: bytes, *, machine: bool = True) -> None:
        if len(key) != 16:
            raise ValueError(f"the code key has {len(key)} bytes, expected 16")
        # A key of its own for every round, so that no round repeats another.
        self._keys = [
            b"".join(siphash(key, b"round%d%c" % (no, half)).to_bytes(8, "little") for half in b"ab")
            for no in range(ROUNDS)
        ]
        self._reversed_keys = self._keys[::-1]
        self._machine = MachineCipher(self._keys) if machine and is_compiled() else None

    def seal(self, link_id: int) -> str:
        """The nine-character code of a link id; ValueError outside 0 .. 62^9 - 1."""
        if not 0 <= link_id < DOMAIN:
            raise ValueError(f"link id {link_id} is outside 0 .. {DOMAIN - 1}")
        if self._machine is not None:
            return self._machine.seal(link_id)
        value = self._forward(link_id)
        while value >= DOMAIN:
            value = self._forward(value)
        return _base62(value)

    def seal_all(self, link_ids: "array[int]") -> bytes:
        """The codes of many link ids, nine bytes each, one after the other: compiled in a third of the time of seal.

        link_ids: of type Q. ValueError as seal.
        """
        if self._machine is None or max(link_ids, default=0) >= DOMAIN:
            return "".join(map(self.seal, link_ids)).encode()
        return self._machine.seal_all(link_ids)

    def open(self, code: str) -> int | None:
        """The link id a code was sealed from, or None for what is not nine base62 characters."""
        if self._machine is not None:
            return self._machine.open(code)
        if len(code) != CODE_LENGTH:
            return None
        try:
            value = (
                (_PAIR_VALUE[code[0:2]] * 3844 + _PAIR_VALUE[code[2:4]]) * 3844 + _PAIR_VALUE[code[4:6]]
            ) * 3844 + _PAIR_VALUE[code[6:8]]
            value = value * 62 + _DIGIT[code[8]]
        except KeyError:
            return None
        value = self._backward(value)
        while value >= DOMAIN:
            value = self._backward(value)
        return value

    def _forward(self, value: int) -> int:
        left, right = divmod(value, SIDE)
        for key in self._keys:
            left, right = right, (left + siphash(key, right.to_bytes(4, "little"))) % SIDE
        return left * SIDE + right

    def _backward(self, value: int) -> int:
        left, right = divmod(value, SIDE)
        for key in self._reversed_keys:
            left, right = (right - siphash(key, left.to_bytes(4, "little"))) % SIDE, left
        return left * SIDE + right


def _base62(value: int) -> str:
    value, last = divmod(value, 62)
    value, d = divmod(value, 3844)
    value, c = divmod(value, 3844)
    a, b = divmod(value, 3844)
    return _PAIRS[a] + _PAIRS[b] + _PAIRS[c] + _PAIRS[d] + ALPHABET[last]
