"""QR codes of short URLs, as SVG and as PNG (ISO/IEC 18004; PNG third edition). Pure."""

import io
import zlib
from collections.abc import Callable

import segno

from records.qr_mark import with_mark

SIZES = (64, 4096)  # pixels
BORDERS = (0, 16)  # modules

Draw = Callable[[segno.QRCode, int, int], bytes]  # of a code, its size in pixels and its border in modules


def qr_code(short_url: str) -> segno.QRCode:
    """Of the lowest version that survives 15 % of damage; more where that costs no room."""
    return segno.make_qr(with_mark(short_url), error="m")


def least_size(code: segno.QRCode, border: int) -> int:
    """The size at which a module is a pixel."""
    return len(code.matrix) + 2 * border


def as_svg(code: segno.QRCode, size: int, border: int) -> bytes:
    out = io.BytesIO()
    code.save(out, kind="svg", border=border, light="#fff", omitsize=True, xmldecl=False, svgclass=None, lineclass=None)
    start = f'<svg width="{size}" height="{size}" shape-rendering="crispEdges" '
    return out.getvalue().replace(b"<svg ", start.encode(), 1)


def as_png(code: segno.QRCode, size: int, border: int) -> bytes:
    """Modules are squares of whole pixels; what is left of the size makes the quiet zone wider."""
    scale = size // least_size(code, border)
    before = (size - least_size(code, 0) * scale) // 2
    white = b"\x00" + bytes([0xFF]) * ((size + 7) // 8)
    rows = [_row(modules, size, scale, before) for modules in code.matrix]
    after = size - before - scale * len(rows)
    return _png(size, white * before + b"".join(row * scale for row in rows) + white * after)


def _row(modules: bytearray, size: int, scale: int, before: int) -> bytes:
    """One line of pixels, a bit each, 0 for black; begins with its filter, 0 for none."""
    dark = "".join("0" * scale if module else "1" * scale for module in modules)
    bits = ("1" * before + dark).ljust((size + 7) // 8 * 8, "1")
    return b"\x00" + int(bits, 2).to_bytes(len(bits) // 8, "big")


def _png(size: int, lines: bytes) -> bytes:
    side = size.to_bytes(4, "big")
    header = side + side + bytes([1, 0, 0, 0, 0])  # a bit a pixel, greyscale
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")
