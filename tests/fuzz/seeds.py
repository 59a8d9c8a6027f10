"""Well-formed inputs of every target, from which fuzzing sets out."""

from records.click import encode_frame
from records.code import CodeCipher
from tests.records.test_click import CLICK, GOLDEN

_FRAMES = encode_frame("edge-1", 1, [CLICK]) + encode_frame("edge-1", 2, [CLICK, CLICK])

SEEDS = {
    "visit": [
        b"/aB3dE5fG7%E2%80%9D.\na=b\n10.0.0.1\ngo.acme.example:80\nMozilla\nhttps://x/\n*/*\nen\n1.1.1.1, [::1]:80\n-",
        b'/SALE\n\nfd00::1\n[::1]\n\n\n\n\n\n\nfor="[2001:db8::1]:80";proto=https, for=_x\nprefetch',
    ],
    "code": [CodeCipher(bytes(range(16))).seal(5).encode(), b"SALE", "aB3dE5fG\u00e9".encode()],
    "frames": [GOLDEN, _FRAMES],
    "entries": [b"\x50\x04" + _FRAMES, b"\x00\x05" + _FRAMES, b"\xff\x02" + GOLDEN],
    "spool": [GOLDEN, _FRAMES, _FRAMES[:-3]],
}
