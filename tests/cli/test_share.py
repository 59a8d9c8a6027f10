import json
from datetime import UTC, datetime, timedelta


async def test_a_share_is_made_listed_and_revoked(taptrail, control):
    control.broadcast()

    made = json.loads((await taptrail("share", "create", "--broadcast", "spring", "--until", "+7d", "--json")).stdout)
    listed = json.loads((await taptrail("share", "list", "--broadcast", "spring", "--json")).stdout)
    shown = (await taptrail("share", "list", "--broadcast", "spring")).stdout
    revoked = await taptrail("share", "revoke", made["share_id"])
    left = await taptrail("share", "list", "--broadcast", "spring")

    assert made["url"].startswith(f"{control.url}/s/")
    ends = datetime.fromisoformat(made["expires_at"])
    assert timedelta(days=6.9) < ends - datetime.now(UTC) < timedelta(days=7.1)
    assert [one["share_id"] for one in listed] == [made["share_id"]]
    assert listed[0]["who"]["key"] in shown
    assert (revoked.returncode, revoked.stdout) == (0, f"Share {made['share_id']} is revoked.\n")
    assert left.stdout == "No address shows this report without a key.\n"


async def test_a_share_that_ends_too_late_is_refused(taptrail, control):
    control.broadcast()

    refused = await taptrail("share", "create", "--broadcast", "spring", "--until", "+400d")

    assert refused.returncode == 1
    assert "more than 366 days away" in refused.stderr
