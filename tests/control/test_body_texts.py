"""Bodies as texts: where they are broken, and packed ones."""

import gzip
import json

import pytest

from tests.support.control import DOMAIN, contacts

BROKEN = [
    (b'{"status":"x","home":}', 400, 1, 22),
    (b'{"status":"x",\n "home":"\xff"}', 400, 2, 10),
    (b'{"home":"a"', 400, 1, 12),
    (b"", 400, 1, 1),
    (b'\xef\xbb\xbf{}', 400, 1, 1),
    (b'{"app_links":{"a":NaN}}', 400, 1, 19),
    (b'{"app_links":{"a":1e400}}', 422, 1, 19),
    (b'{"app_links":{"a":' + b"9" * 5000 + b"}}", 422, 1, 19),
    (b'{"app_links":{"a":' + b"[" * 2000 + b"]" * 2000 + b"}}", 422, 1, 81),
    (b'{"app_links":\n{"a":"\\ud800"}}', 422, 2, 6),
    (b'{"home":"https://a.example/",\n"home":"https://b.example/"}', 422, 2, 1),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status", "line", "column"), BROKEN)
async def test_a_broken_document_is_refused_with_line_and_column(control, body, status, line, column):
    answer = control.call("PUT", f"/v1/domains/{DOMAIN}", body)

    assert (answer.status, answer.body["line"], answer.body["column"]) == (status, line, column)
    assert f"column {column})" in answer.body["detail"]


@pytest.mark.parametrize(
    ("line", "column"),
    [
        (b"{", 2),
        (b'{"contact_id":7,"audience":}', 28),
        (b'"contact_id": "c-1",', 13),
        (b'{"contact_id":"a","contact_id":"b"}', 19),
        (b'{"contact_id":"a","cont\\u0061ct_id":"b"}', 19),
        (b'{"contact_id":"\\ud800"}', 15),
        (b'{"contact_id":"c","destination_index":' + b"9" * 5000 + b"}", 39),
        (b'{"contact_id":' + b"[" * 2000 + b"]" * 2000 + b"}", 78),
        (b'{"contact_id":1e400}', 15),
    ],
)
async def test_a_broken_line_is_refused_with_its_column_and_skipped_where_that_is_asked(control, line, column):
    control.broadcast()
    lines = [*contacts(2), line + b"\n", {"contact_id": "last"}]

    refused = control.mint(lines)
    skipped = control.mint(lines, query="?skip_bad=true")

    assert (refused.status, refused.body["line"], refused.body["column"]) == (422, 3, column)
    minted = [one.get("contact_id") or one["line"] for one in skipped.body]
    assert (skipped.status, minted) == (200, ["c-0", "c-1", 3, "last"])


async def test_an_object_over_several_lines_is_refused_with_what_is_expected(control):
    control.broadcast()

    answer = control.mint([json.dumps({"contact_id": "c-1"}, indent=2).encode()])

    assert (answer.status, answer.body["line"]) == (422, 1)
    assert "stands in one line" in answer.body["detail"]


async def test_a_body_may_be_gzip(control):
    control.broadcast()
    lines = b"".join(json.dumps(line).encode() + b"\n" for line in contacts(1000))
    packed = gzip.compress(lines[:500], mtime=0) + gzip.compress(lines[500:])

    plain = control.call("POST", "/v1/broadcasts/spring/links", lines, Idempotency_Key="k")
    again = control.call("POST", "/v1/broadcasts/spring/links", packed, Content_Encoding="gzip", Idempotency_Key="k")

    assert (again.status, len(again.body)) == (200, 1000)
    assert [one["code"] for one in again.body] == [one["code"] for one in plain.body]
    patch = gzip.compress(b'{"keyword":"packed"}', mtime=0)
    assert control.call("PATCH", "/v1/broadcasts/spring", patch, Content_Encoding="gzip").body["keyword"] == "packed"


@pytest.mark.parametrize(
    ("body", "encoding", "status", "kind"),
    [
        (gzip.compress(b" " * (1024 * 1024 + 1), mtime=0), "gzip", 413, "too-large"),
        (gzip.compress(b" " * 500_000, mtime=0) * 3, "gzip", 413, "too-large"),
        (gzip.compress(b'{"keyword":"x"}', mtime=0)[:-5], "gzip", 400, "not-gzip"),
        (gzip.compress(b'{"keyword":"x"}', mtime=0) + b"tail", "gzip", 400, "not-gzip"),
        (gzip.compress(b"", mtime=0) * 60_000 + gzip.compress(b'{"keyword":"x"}', mtime=0), "gzip", 413, "too-large"),
        (b'{"keyword":"x"}', "gzip", 400, "not-gzip"),
        (b"", "gzip", 400, "not-gzip"),
        (b'{"keyword":"x"}', "br", 415, "encoding"),
        (gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0), "gzip, gzip", 415, "encoding"),
    ],
)  # fmt: skip
async def test_a_packed_body_has_bounds_and_is_whole(control, body, encoding, status, kind):
    control.broadcast()

    answer = control.call("PATCH", "/v1/broadcasts/spring", body, Content_Encoding=encoding)

    assert (answer.status, answer.body["type"]) == (status, f"/docs#{kind}")
