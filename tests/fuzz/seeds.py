"""Well-formed inputs of every target, from which fuzzing sets out."""

from records.click import encode_frame
from records.code import CodeCipher
from tests.support.frames import CLICK, GOLDEN

_FRAMES = encode_frame("edge-1", 1, [CLICK]) + encode_frame("edge-1", 2, [CLICK, CLICK])

SEEDS = {
    "request": [
        b"GET /aB3dE5fG7 HTTP/1.1\r\nHost: go.acme.example\r\nUser-Agent: Mozilla/5.0 (iPhone)\r\nAccept:*/*  \r\n"
        b"Sec-Fetch-Mode:\tnavigate\r\nReferer:\r\nX-Odd: caf\xe9\r\nConnection: keep-alive\r\n\r\n",
        b"HEAD /SALE?a=b&c=%20'; HTTP/1.1\r\nHOST: go.acme.example:80\r\nX-Forwarded-For: 1.1.1.1, 10.0.0.1\r\n\r\n",
        b"GET /aB3dE5fG7 HTTP/1.0\r\nHost: go.acme.example\r\nConnection: close\r\n\r\n",
        b"GET /aB3dE5fG7 HTTP/1.1\r\nHost: go.acme.example\r\nConnection: close\r\n\r\n",
    ],
    "visit": [
        b"/aB3dE5fG7%E2%80%9D.\na=b\n10.0.0.1\ngo.acme.example:80\nMozilla\nhttps://x/\n*/*\nen\n1.1.1.1, [::1]:80\n-",
        b'/SALE\n\nfd00::1\n[::1]\n\n\n\n\n\n\nfor="[2001:db8::1]:80";proto=https, for=_x\nprefetch',
    ],
    "code": [CodeCipher(bytes(range(16))).seal(5).encode(), b"SALE", "aB3dE5fG\u00e9".encode()],
    "frames": [GOLDEN, _FRAMES],
    "entries": [b"\x50\x04" + _FRAMES, b"\x00\x05" + _FRAMES, b"\xff\x02" + GOLDEN],
    "statement": [
        b"INSERT INTO t (a, `FORMAT`) SETTINGS async_insert=0 FORMAT JSONEachRow\n{}",
        b"WITH 'x''y\\'' AS a SELECT $t$;$t$, {p:UInt8} /* ; */ FROM system.processes FORMAT JSON SETTINGS x = 1;",
        b"KILL QUERY WHERE query_id LIKE 'a\\_%' SYNC FORMAT TSV",
    ],
    "spool": [GOLDEN, _FRAMES, _FRAMES[:-3]],
}
