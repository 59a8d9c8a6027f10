"""What a call asks of ClickHouse: each thing once."""

import asyncio
from collections import Counter

import pytest

from tests.support.api_calls import CALLS, LINES, prepare
from tests.support.control import contacts
from tests.support.statements import Statements

# An audit looks twice at what moves, a deletion for links before and after its row, a changed link at itself.
ASK_TWICE = ("audit", "delete_domain", "delete_broadcast", "patch_link", "delete_link")


@pytest.fixture
async def noting(clickhouse_url, clickhouse, redis, valkey_url, controls):
    """A control process and the statements that it sends."""
    async with Statements(clickhouse_url).noting() as statements:
        yield await asyncio.to_thread(controls, valkey_url, clickhouse_url=statements.url), statements


async def test_no_statement_is_sent_twice_within_a_call(noting, redis, clickhouse):
    """But by the audit, which counts before and after it looks whether clicks arrive meanwhile, and by a deletion."""
    control, statements = noting
    await prepare(redis, clickhouse)

    for call in CALLS:
        statements.noted.clear()
        key = {"Idempotency_Key": "key"} if call.body == LINES else {}
        answer = await asyncio.to_thread(control.call, call.method, call.path, call.body, **key)

        assert (call.operation, answer.status) == (call.operation, call.status), answer.body
        if (call.operation, call.status) == ("create_link", 201):
            assert "INSERT INTO links" in statements.noted[-1], "what comes after it could fail, and the link is made"
        twice = [statement for statement, times in Counter(statements.noted).items() if times > 1]
        assert twice == [] or call.operation in ASK_TWICE, f"{call.operation} asks it twice"


async def test_a_minting_asks_few_things(noting):
    control, statements = noting
    await asyncio.to_thread(control.broadcast)
    counts = []

    for _ in range(3):  # the first sets the time of sending, the last gives the same links again
        statements.noted.clear()
        answer = await asyncio.to_thread(control.mint, contacts(3), Idempotency_Key=f"key-{min(len(counts), 1)}")
        counts.append(len(statements.noted))

    assert len(answer.body) == 3
    assert counts == [10, 8, 6]
