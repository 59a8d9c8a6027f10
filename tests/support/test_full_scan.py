import base64
import hashlib

import pyarrow as pa
import pytest

from tests.support.full_scan import files_with

WHO = "c-4711-somebody"


def block(method, codec, text):
    data = pa.compress(text, codec=codec, asbytes=True) if codec else text
    header = bytes([method]) + (len(data) + 9).to_bytes(4, "little") + len(text).to_bytes(4, "little")
    return hashlib.md5(data).digest() + header + data


@pytest.mark.parametrize(("method", "codec"), [(0x82, "lz4_raw"), (0x90, "zstd"), (0x02, "")])
def test_a_text_is_found_in_every_block_of_a_column(tmp_path, method, codec):
    other, holds = (block(method, codec, text.encode() * 50) for text in ("c-2, ", f"{WHO}, "))
    (tmp_path / "all_1_1_0").mkdir()
    (tmp_path / "all_1_1_0/contact_id.bin").write_bytes(other + holds)
    (tmp_path / "all_1_1_0/fields.bin").write_bytes(other)

    assert files_with(tmp_path, WHO) == ["all_1_1_0/contact_id.bin"]


@pytest.mark.parametrize("before", ["", "x", "xy", "xyz"])
def test_a_text_is_found_in_base64_whatever_stands_before_it(tmp_path, before):
    (tmp_path / "dead").write_bytes(base64.b64encode(f"{before}{WHO}, and more".encode()))
    (tmp_path / "other").write_bytes(base64.b64encode(f"{before}c-4712-somebody, and more".encode()))

    assert files_with(tmp_path, WHO) == ["dead"]
