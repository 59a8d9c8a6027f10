import json
from uuid import uuid4


async def test_a_key_is_made_listed_used_and_revoked(taptrail, control):
    account = f"main/{uuid4().hex[:8]}"

    made = await taptrail("key", "create", "--account", account, "--name", "crm", "--scope", "report,mint", "--json")
    key = json.loads(made.stdout)
    listed = json.loads((await taptrail("key", "list", "--account", account, "--json")).stdout)
    used = await taptrail("key", "list", TAPTRAIL_API_KEY=key["key"])
    revoked = await taptrail("key", "revoke", key["key_id"], "--account", account)
    void = await taptrail("key", "list", TAPTRAIL_API_KEY=key["key"])

    assert key["scopes"] == ["report", "mint"]
    assert [item["key_id"] for item in listed["items"]] == [key["key_id"]]
    assert listed["next_cursor"] is None
    assert key["key_id"] in used.stdout
    assert key["key"] not in used.stdout
    assert (revoked.returncode, revoked.stdout) == (0, f"Key {key['key_id']} is void.\n")
    assert void.returncode == 1
    assert "does not know this key" in void.stderr


async def test_a_key_that_lacks_a_scope_is_told_which(taptrail, control):
    made = await taptrail("key", "create", "--account", "main/readers", "--scope", "report", "--json")
    reader = json.loads(made.stdout)["key"]

    refused = await taptrail("key", "create", TAPTRAIL_API_KEY=reader)
    ledger = await taptrail("ledger", TAPTRAIL_API_KEY=reader)

    assert (refused.returncode, ledger.returncode) == (1, 1)
    assert "needs the scope admin; this key has report" in refused.stderr
    assert "TAPTRAIL_OPERATOR_KEYS" in ledger.stderr


async def test_a_list_says_how_to_see_the_rest(taptrail, control):
    account = f"main/{uuid4().hex[:8]}"
    for _ in range(3):
        await taptrail("key", "create", "--account", account)

    page = (await taptrail("key", "list", "--account", account, "--limit", "2")).stdout
    cursor = page.split("--cursor ")[1].strip()
    rest = (await taptrail("key", "list", "--account", account, "--cursor", cursor, "--json")).stdout

    assert len(json.loads(rest)["items"]) == 1
