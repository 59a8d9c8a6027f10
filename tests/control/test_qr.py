import io
import re

import pytest
from PIL import Image

from control.qr import as_png, as_svg, least_size, qr_code
from tests.support.barcodes import read_back

SHORT = "https://go.acme.example/aB3dE5fG7"
LONG = f"https://{'a' * 60}.{'b' * 60}.acme.example/{'s' * 64}"


@pytest.mark.parametrize("url", [SHORT, LONG])
@pytest.mark.parametrize(("size", "border"), [(128, 4), (333, 4), (512, 1), (4096, 16)])
def test_a_png_has_its_size_and_is_read_back_with_the_mark(url, size, border):
    png = as_png(qr_code(url), size, border)

    image = Image.open(io.BytesIO(png))
    assert (image.size, image.format) == ((size, size), "PNG")
    assert read_back(png) == [f"{url}?via=qr"]


@pytest.mark.parametrize("border", [0, 4])
def test_a_code_is_read_at_a_pixel_a_module(border):
    code = qr_code(SHORT)
    size = least_size(code, border)

    dark = [pixel == 0 for pixel in Image.open(io.BytesIO(as_png(code, size, border))).convert("L").tobytes()]
    modules = [[bool(module) for module in row] for row in code.matrix]

    rows = [dark[at : at + size] for at in range(0, size * size, size)]
    assert [row[border : size - border] for row in rows[border : size - border]] == modules
    assert sum(dark) == sum(map(sum, modules)), "the quiet zone is white"


@pytest.mark.parametrize("border", [1, 4])
def test_an_svg_has_its_size_and_is_read_back_with_the_mark(border):
    svg = as_svg(qr_code(SHORT), 300, border).decode()

    assert re.match('<svg width="300" height="300" ', svg)
    assert not re.search("script|href|style", svg)
    assert read_back(drawn(svg)) == [f"{SHORT}?via=qr"]


def drawn(svg):
    """What a browser draws of the path of dark modules: lines of width 1, at 4 pixels a module."""
    (width,) = re.findall(r'viewBox="0 0 (\d+) \1"', svg)
    image = Image.new("L", (int(width) * 4, int(width) * 4), 255)
    path = re.findall('stroke="#000" d="([^"]*)"', svg)[0]
    x = y = 0.0
    for command, numbers in re.findall("([Mmh])([-0-9. ]+)", path):
        first, *rest = map(float, numbers.split())
        if command == "h":
            image.paste(0, (int(x * 4), int((y - 0.5) * 4), int((x + first) * 4), int((y + 0.5) * 4)))
            x += first
        elif command == "m":
            x, y = x + first, y + rest[0]
        else:
            x, y = first, rest[0]
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
