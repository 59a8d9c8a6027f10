import asyncio
import json
import re
from uuid import uuid4

from records.erasure import STEPS


async def test_an_erasure_is_asked_for_and_its_state_is_said(taptrail, control):
    account = f"main/{uuid4().hex[:8]}"

    shown = await taptrail("erase", "--contact", "c-1", "--account", account)
    told = json.loads((await taptrail("erase", "--contact", "c-2", "--account", account, "--json")).stdout)

    assert re.fullmatch(r"Erasure [0-9a-f]{16} is queued; --wait returns when it is done.\n", shown.stdout), (
        shown.stdout
    )
    assert told["state"] == "queued"
    read = control.call("GET", f"/v1/erasures/{told['erasure_id']}?account={account}")
    assert (read.status, read.body) == (200, told)


async def test_wait_returns_when_it_is_done(taptrail, control, clickhouse):
    waiting = asyncio.create_task(taptrail("erase", "--contact", "c-1", "--stop-links", "--wait"))
    asked = "SELECT max(erasure) FROM taptrail_internal.erasures WHERE links = 'stop'"
    while not (erasure := int(await clickhouse.value(asked))):
        await asyncio.sleep(0.1)
    assert not waiting.done()

    await clickhouse.insert_rows(STEPS, [{"erasure": erasure, "step": "done"}])

    assert (await waiting).stdout == f"Erased (erasure {erasure:016x}).\n"


async def test_a_contact_that_no_link_can_have_is_refused_with_the_reason(taptrail, control):
    refused = await taptrail("erase", "--contact", "c" * 257)

    assert refused.returncode == 1
    assert "expected the id that its links were minted with, of 1 to 256 characters" in refused.stderr
