"""Looks for a text in everything that is on a disk and in Redis, however it is packed there."""

import base64
from pathlib import Path

import pyarrow as pa
from redis import Redis

_CHECKSUM, _HEADER = 16, 9  # before each block of a column: its hash; method, size with header, size as it was
_CODECS = {0x82: "lz4_raw", 0x90: "zstd"}
_STORED = 0x02


def files_with(folder: Path, text: str) -> list[str]:
    """Files that hold it, as it is or in Base64; columns of ClickHouse, also of projections, are unpacked."""
    wanted = _forms_of(text.encode())
    return [str(path.relative_to(folder)) for path in _files_in(folder) if _holds(path, wanted)]


def _files_in(folder: Path) -> list[Path]:
    while True:
        try:
            return [path for path in sorted(folder.rglob("*")) if path.is_file()]
        except FileNotFoundError:  # a folder was merged away meanwhile: look again, for what took its place
            continue


def _holds(path: Path, wanted: list[bytes]) -> bool:
    try:
        content = path.read_bytes()
    except FileNotFoundError:  # merged away meanwhile
        return False
    packed = [unpacked(content)] if path.suffix in (".bin", ".cmrk2", ".cidx") else []
    return any(form in each for each in (content, *packed) for form in wanted)


def unpacked(content: bytes) -> bytes:
    """What a file of compressed blocks holds, as far as it has any.

    https://github.com/ClickHouse/ClickHouse/blob/master/src/Compression/CompressedReadBufferBase.cpp
    """
    blocks, place = [], 0
    while place + _CHECKSUM + _HEADER <= len(content):
        start = place + _CHECKSUM
        method, size = content[start], int.from_bytes(content[start + 1 : start + 5], "little")
        if size < _HEADER:
            break
        unpacked_size = int.from_bytes(content[start + 5 : start + 9], "little")
        blocks.append(_block(method, content[start + _HEADER : start + size], unpacked_size))
        place = start + size
    return b"".join(blocks)


def _block(method: int, data: bytes, size: int) -> bytes:
    if method == _STORED:
        return data
    if method not in _CODECS:  # of numbers: Delta and the like
        return b""
    return pa.decompress(data, size, codec=_CODECS[method], asbytes=True)


def _forms_of(text: bytes) -> list[bytes]:
    """The text, and what is the same in Base64 whatever stands around it."""
    forms = [text]
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + text)
        forms.append(encoded[(before * 8 + 5) // 6 : len(encoded) - 4])
    return forms


def keys_with(redis: Redis, text: str) -> list[bytes]:
    """Keys whose name or value holds it."""
    wanted = text.encode()
    return [key for key in redis.scan_iter("*", count=1000) if wanted in key or wanted in _value_of(redis, key)]


def _value_of(redis: Redis, key: bytes) -> bytes:
    read = {
        b"string": redis.get, b"hash": redis.hgetall, b"stream": redis.xrange, b"set": redis.smembers,
        b"list": lambda key: redis.lrange(key, 0, -1), b"zset": lambda key: redis.zrange(key, 0, -1, withscores=True),
    }.get(redis.type(key))  # fmt: skip
    return b"" if read is None else _flat(read(key))


def _flat(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, dict):
        return _flat([*value.keys(), *value.values()])
    if isinstance(value, (list, tuple, set)):
        return b"\n".join(map(_flat, value))
    return str(value).encode()
