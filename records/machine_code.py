"""The cipher of records/code.py in machine integers, for a C compiler: the same codes from the same keys.

image/compile.py compiles this file by Cython where a compiler is, with the types of machine_code.pxd. Interpreted it
gives the same and takes thirty times as long as records/code.py, which then does without it.
"""

from array import array

# Names, because Cython computes a large number that is written out with Python's own integers.
_MASK = 2**64 - 1
_SIDE = 116_348_987
_DOMAIN = 62**9
_FOUR_BYTES = 4 << 56  # SipHash's last block has the length of the message in its highest byte
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ASCII = _DIGITS.encode()


def is_compiled() -> bool:
    return not __file__.endswith(".py")


class MachineCipher:
    """What CodeCipher does, for the keys of its rounds."""

    def __init__(self, keys: list[bytes]) -> None:
        self._rounds = len(keys)
        states = array("Q")  # four words a round: SipHash before the message
        for key in keys:
            k0, k1 = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
            states.extend((k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D))
            states.extend((k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573))
        self._states = states

    def seal(self, link_id: int) -> str:
        """The code of a link id below 62^9."""
        value = self._forward(link_id)
        while value >= _DOMAIN:
            value = self._forward(value)
        code = ""
        for _ in range(9):
            code = _DIGITS[value % 62] + code
            value //= 62
        return code

    def seal_all(self, link_ids: "array[int]") -> bytes:
        """The codes of many link ids, one after the other."""
        count = len(link_ids)
        codes = bytearray(9 * count)
        ids, places = link_ids, codes
        for no in range(count):
            value = self._forward(ids[no])
            while value >= _DOMAIN:
                value = self._forward(value)
            for place in range(9 * no + 8, 9 * no - 1, -1):
                places[place] = _ASCII[value % 62]
                value //= 62
        return bytes(codes)

    def open(self, code: str) -> int | None:
        """The link id of a code, or None for what is not nine base62 characters."""
        if len(code) != 9:
            return None
        value = 0
        for character in code:
            digit = _digit(ord(character))
            if digit < 0:
                return None
            value = value * 62 + digit
        value = self._backward(value)
        while value >= _DOMAIN:
            value = self._backward(value)
        return value

    def _forward(self, value: int) -> int:
        left, right = value // _SIDE, value % _SIDE
        for no in range(self._rounds):
            left, right = right, (left + self._siphash(no, right) % _SIDE) % _SIDE
        return left * _SIDE + right

    def _backward(self, value: int) -> int:
        left, right = value // _SIDE, value % _SIDE
        for no in range(self._rounds - 1, -1, -1):
            left, right = (right + _SIDE - self._siphash(no, left) % _SIDE) % _SIDE, left
        return left * _SIDE + right

    def _siphash(self, no: int, word: int) -> int:
        """SipHash-2-4 (Aumasson and Bernstein, 2012) of the four bytes of a word: one block, two rounds and four."""
        at = no * 4
        v0, v1, v2, v3 = self._states[at], self._states[at + 1], self._states[at + 2], self._states[at + 3]
        block = word | _FOUR_BYTES
        v3 ^= block
        for step in range(6):
            if step == 2:
                v0 ^= block
                v2 ^= 0xFF
            v0 = v0 + v1 & _MASK
            v2 = v2 + v3 & _MASK
            v1 = _rotated(v1, 13) ^ v0
            v3 = _rotated(v3, 16) ^ v2
            v0 = _rotated(v0, 32) + v3 & _MASK
            v2 = v2 + v1 & _MASK
            v1 = _rotated(v1, 17) ^ v2
            v3 = _rotated(v3, 21) ^ v0
            v2 = _rotated(v2, 32)
        return v0 ^ v1 ^ v2 ^ v3


def _rotated(word: int, bits: int) -> int:
    return (word << bits | word >> 64 - bits) & _MASK


def _digit(character: int) -> int:
    """The value of a base62 character, -1 for others."""
    if 48 <= character <= 57:
        return character - 48
    if 65 <= character <= 90:
        return character - 55
    return character - 61 if 97 <= character <= 122 else -1
