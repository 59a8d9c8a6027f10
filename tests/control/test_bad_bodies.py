"""Whatever bytes a caller sends to any operation, the answer is a problem that names them, never a 500."""

import json
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from control.http.operations import OPERATIONS
from tests.support.control import DOMAIN, SHOP

_PATHS = {
    "domain": DOMAIN,
    "broadcast_id": "spring",
    "lane": "0000000000000007",
    "code": "SALE",
    "key_id": "k",
    "index": "0",
}
TAKE_A_BODY = [operation for operation in OPERATIONS if operation.body is not None]

DEEP = b"[" * 2_000 + b"]" * 2_000
VALUES = [
    b"1e400",
    b"-1e400",
    b"9" * 5_000,
    b"-" + b"9" * 5_000,
    b"0.1e-400",
    DEEP,
    b'"\\ud800"',
    b'"\xed\xa0\x80"',
    b"NaN",
]


def path_of(operation):
    path = operation.path
    for name, value in _PATHS.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def bodies(operation):
    fields = [field.encode() for field in operation.body.__struct_fields__]
    yield from (
        b"[" * 100_000,
        DEEP,
        b"{" * 2_000,
        b'"' + b"x" * 100_000,
        b"\x00",
        b"\xff\xfe{\x00}\x00",
        b"{}garbage",
        b"null",
    )
    for field in fields:
        yield from (b'{"%b":%b}' % (field, value) for value in VALUES)
        yield b'{\n "%b": {},\n,}' % field
        yield b'{"%b":[null,{"a":1e400}]}' % field


@pytest.mark.parametrize("operation", TAKE_A_BODY, ids=lambda operation: operation.name)
async def test_every_body_that_is_wrong_is_a_problem_of_the_caller(control, operation):
    control.broadcast()
    for body in bodies(operation):
        answer = control.call(operation.method, path_of(operation), body)

        assert 400 <= answer.status < 500, (body[:80], answer)
        assert answer.body["detail"]
        assert len(json.dumps(answer.body)) < 2_000


@pytest.mark.parametrize("operation", TAKE_A_BODY, ids=lambda operation: operation.name)
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_no_body_that_a_machine_makes_up_is_a_fault_of_the_service(control_process, operation, data):
    scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
    values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
    names = st.sampled_from(operation.body.__struct_fields__) | st.text()
    document = data.draw(st.dictionaries(names, values))

    answer = control_process.call(operation.method, path_of(operation), json.dumps(document).encode())

    assert answer.status < 500, (document, answer)


async def test_broken_json_is_named_by_line_and_column(control):
    broken = b'{\n  "short_domain": 7,\n  "destinations": ["x"],,\n}'

    answer = control.call("PUT", "/v1/broadcasts/spring", broken)

    assert (answer.status, answer.body["type"]) == (400, "/docs#not-json")
    assert "line 3, column 25" in answer.body["detail"]


async def test_a_line_of_broken_json_costs_no_other_line_its_links(control):
    control.broadcast(destinations=(SHOP,))
    lines = [
        b'{"contact_id":7,,}\n',
        b'{"contact_id":' + DEEP + b"}\n",
        b'{\n"contact_id":"c-1"\n}\n',
        b'{"contact_id":"c-2"}\n',
    ]

    answer = control.mint(lines, query="?skip_bad=true")

    assert answer.status == 200
    assert [line.get("contact_id", line.get("line")) for line in answer.body] == [1, 2, 3, 4, 5, "c-2"]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
async def test_no_path_or_query_is_a_fault_of_the_service(control, operation):
    control.broadcast()
    odd = st.sampled_from([b"\xff", b"\x00", b"..", b"a\nb", b"\xc3\x9f.example", b"x" * 5000, b"%", b" "])
    part = st.binary(min_size=1, max_size=12) | odd
    named = st.sampled_from([name for name, _ in operation.query] or ["odd"])

    @settings(max_examples=8, suppress_health_check=list(HealthCheck))
    @given(part, part, named, part)
    def holds(first, second, name, value):
        parts = iter((first, second))
        path = "/".join(
            quote_from_bytes(next(parts), safe="") if piece.startswith("{") else piece
            for piece in operation.path.split("/")
        )
        for asked in (path, f"{path_of(operation)}?{name}={quote_from_bytes(value)}"):
            answer = control.call(operation.method, asked, b"{}" if operation.body else None)
            assert answer.status != 500, (asked, answer)

    holds()
