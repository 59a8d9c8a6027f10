import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.json_faults import JsonFault, read_json


class Record(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    count: int = 0
    files: dict[str, object] = {}


decoder = msgspec.json.Decoder(Record)


def fault(data):
    with pytest.raises(JsonFault) as raised:
        read_json(data, decoder)
    assert len(raised.value.detail) < 300
    return raised.value


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (b"", "the body is not JSON: the text ends where a value is expected (column 1)"),
        (b'{"name":"x",\n "count":1,,}', ", stands where a name in double quotes is expected (line 2, column 12)"),
        (b'{"name":7,\n\n "count" 1}', "1 stands where a colon is expected (line 3, column 10)"),
        (b'{"name":"x"}\n{"name":"y"}', "{ stands where the end is expected (line 2, column 1)"),
        ('{"name":"gr\u00fc\u00df",}'.encode(), "} stands where a name in double quotes is expected (column 16)"),
        (b'{"name":"\xff"}', "the body is not JSON: the byte 0xff is not UTF-8 (column 10)"),
        (b'\xef\xbb\xbf{"name":"x"}', "stands where a value is expected (column 1)"),
        (b'{"name":NaN}', "'N' stands where a value is expected (column 9)"),
        (b"[" * 100_000, "the text ends where a value or ] is expected (column 100001)"),
    ],
)
def test_what_is_no_json_is_named_with_its_place(data, detail):
    found = fault(data)

    assert detail in found.detail
    assert (found.field, found.is_json) == ("", False)


@pytest.mark.parametrize(
    ("data", "field", "detail"),
    [
        (b'{"name":7}', "name", "name is 7: expected str, got int"),
        (b'{"count":1}', "name", "field name is required"),
        (b'{"name":"x","nope":1}', "nope", "field nope is not known here"),
        (b'{"name":"x","count":1e400}', "count", "count: the number 1e400 is out of range (column 21)"),
        (b'{"name":"x","count":' + b"9" * 5_000 + b"}", "count", "has more than 64 bits (column 21)"),
        (b'{"name":"x","count":' + b"9" * 30 + b"}", "count", "has more than 64 bits (column 21)"),
        (b'{"name":7,"count":1e400}', "count", "count: the number 1e400 is out of range (column 19)"),
        (b'{"name":"x","files":{"a":1e400}}', "files.a", "files.a: the number 1e400 is out of range (column 26)"),
        (b'{"name":"x","files":{"a":-1e400}}', "files.a", "files.a: the number -1e400 is out of range"),
        (b'{"name":"x",\n"name":"y"}', "name", 'name: the name "name" is there twice (line 2, column 1)'),
        (b'{"name":"x","files":{"a":1,"a":2}}', "files.a", 'files.a: the name "a" is there twice (column 28)'),
        (b'{"name":"\\ud800"}', "name", "name: the text holds one half of a surrogate pair (column 9)"),
        (b"[" * 2_000 + b"]" * 2_000, "[0]" * 32 + "[...", "brackets are nested more than 64 deep (column 65)"),
        (b"[]", "", "the body is []: expected object, got array"),
    ],
)
def test_a_value_that_does_not_fit_is_named(data, field, detail):
    found = fault(data)

    assert (found.field, found.is_json) == (field, True)
    assert detail in found.detail


@given(
    st.binary(max_size=60) | st.from_regex(rb'\s*[\[{]("name"|"count"|[0-9:,{}\[\]"\\\\eE.+-]){0,30}', fullmatch=True)
)
def test_whatever_the_bytes_are_the_answer_is_a_record_or_a_fault(data):
    record = None
    with contextlib.suppress(JsonFault):
        record = read_json(data, decoder)
    assert record is None or isinstance(record, Record)
