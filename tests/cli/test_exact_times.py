"""A time is the same to the millisecond at every door, from 1971 to the end of 2999."""

import json
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.times import rfc3339, time_in
from records.broadcast import decode_broadcast
from records.forms import milliseconds, moment_of
from records.keys import broadcast_key

FIRST, LAST = 31_536_000_000, 32_503_679_999_999
RANDOM = Random(24)
TIMES = [FIRST + 1, 2_000_000_000_001, LAST, *(RANDOM.randrange(FIRST, LAST) for _ in range(7))]


@given(st.integers(FIRST, LAST))
def test_the_command_line_reads_what_the_api_says(ms):
    assert milliseconds(time_in(rfc3339(moment_of(ms)), datetime(2026, 1, 1, tzinfo=UTC))) == ms


@pytest.mark.servers
async def test_api_row_and_cache_keep_the_millisecond(control, clickhouse, redis):
    control.broadcast()
    for ms in sorted(TIMES):
        said = rfc3339(moment_of(ms))
        assert control.call("PATCH", "/v1/broadcasts/spring", {"expires_at": said, "sent_at": said}).status == 200

        answer = control.call("GET", "/v1/broadcasts/spring").body
        (row,) = await clickhouse.rows("SELECT broadcast_no, expires_at_ms, sent_at_ms FROM broadcasts FINAL", dict)
        cached = decode_broadcast(await redis.get(broadcast_key(row["broadcast_no"])))
        assert [milliseconds(datetime.fromisoformat(answer[name])) for name in ("expires_at", "sent_at")] == [ms, ms]
        assert (row["expires_at_ms"], row["sent_at_ms"]) == (ms, ms)
        assert (cached.expires_at_ms, cached.sent_at_ms) == (ms, ms)
        assert control.call("GET", "/v1/broadcasts/spring/report").status == 200
        assert control.call("GET", f"/v1/broadcasts/spring/clicks?since={said}").status == 200
        assert control.call("GET", f"/v1/broadcasts?since={said}").body["items"][0]["sent_at"] == answer["sent_at"]
    history = control.call("GET", "/v1/broadcasts/spring/history").body["items"]
    kept = [milliseconds(datetime.fromisoformat(each["after"]["expires_at"])) for each in history[1:]]
    assert kept == sorted(TIMES)[: len(kept)]


@pytest.mark.servers
@pytest.mark.parametrize("said", ["2033-05-18T03:33:20.001Z", "2999-12-31T23:59:59.999Z"])
async def test_the_command_line_keeps_the_millisecond(taptrail, control, said):
    control.broadcast()

    shown = json.loads((await taptrail("broadcast", "put", "spring", "--expires-at", said, "--json")).stdout)
    again = json.loads((await taptrail("broadcast", "show", "spring", "--json")).stdout)

    assert milliseconds(datetime.fromisoformat(shown["expires_at"])) == milliseconds(datetime.fromisoformat(said))
    assert again["expires_at"] == shown["expires_at"]
