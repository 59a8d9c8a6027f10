"""ClickHouse as the processes need it: its grants, schema and clock, durable inserts, links of this key."""

import time
from collections.abc import AsyncIterator

from aggregator.migrate import MIGRATIONS
from cli.doctor.environment import Given
from cli.doctor.finding import STEP_S, Finding, broken, ok, size, warning
from records.code import CodeCipher
from runtime.clickhouse import ClickHouse, ClickHouseRefused, ClickHouseUnreachable
from runtime.code_key import NO_DATABASE, NO_TABLE, opens_links

_TESTED_FROM = (26, 9)
_AUTHENTICATION_FAILED = 516
# Of each process; docs/users.py makes SQL of them.
_READS = ["SELECT ON taptrail.*", "SELECT ON taptrail_internal.*"]
_WRITES = [
    *_READS, "INSERT ON taptrail.*", "INSERT ON taptrail_internal.*", "KILL QUERY ON *.*", "SELECT ON system.processes",
]  # fmt: skip
GRANTS = {
    "edge": _READS,
    "aggregator": [
        # Not CREATE and ALTER as a whole: parts of them are no right on a database, and are never found granted on one.
        *_WRITES, "CREATE DATABASE ON taptrail.*", "CREATE TABLE ON taptrail.*", "CREATE VIEW ON taptrail.*",
        "ALTER TABLE ON taptrail.*", "DROP VIEW ON taptrail.*", "CREATE DATABASE ON taptrail_internal.*",
        "CREATE TABLE ON taptrail_internal.*", "ALTER TABLE ON taptrail_internal.*", "SELECT ON system.mutations",
        "TABLE ENGINE ON MergeTree", "TABLE ENGINE ON ReplacingMergeTree",
    ],
    "control": [*_WRITES, "ALTER DELETE ON taptrail.*", "ALTER DELETE ON taptrail_internal.*"],
}  # fmt: skip
_OUT_OF_STEP_S, _FAR_OUT_OF_STEP_S = 1.0, 30.0
_LOW, _VERY_LOW = 0.15, 0.03  # share of the disk that is free

_NOT_DURABLE = """
SELECT groupArray(name) FROM system.tables
WHERE database IN ('taptrail', 'taptrail_internal') AND engine LIKE '%MergeTree' AND name != 'migrations'
    AND NOT (engine_full LIKE '%fsync_after_insert = 1%' AND engine_full LIKE '%fsync_part_directory = 1%')
"""


async def look_at_clickhouse(given: Given) -> AsyncIterator[Finding]:
    url = given.values.get("clickhouse_url")
    if url is None:
        return
    client = ClickHouse(url, timeout_s=STEP_S)
    server = ClickHouse(url, database="default", timeout_s=STEP_S)  # ours may not be there yet
    try:
        yield _version(await server.value("SELECT version()"))
        yield await _clock(server)
        yield await _disk(server)
        for process in given.processes:
            yield await _grants(server, process)
        yield await _schema(client)
        yield await _durability(client)
        if "aggregator" in given.processes:
            yield await _inserts(client)
        if "code_key" in given.values:
            yield await _code_key(client, CodeCipher(given.values["code_key"]))
    except ClickHouseUnreachable as error:
        yield _unreachable("clickhouse", "TAPTRAIL_CLICKHOUSE_URL", error)
    except ClickHouseRefused as error:
        yield _refused("clickhouse", "TAPTRAIL_CLICKHOUSE_URL", error)
    finally:
        await client.close()
        await server.close()


async def look_at_analyst(given: Given) -> AsyncIterator[Finding]:
    """The user of `taptrail sql` and of dashboards."""
    check, variable = "clickhouse analyst", "TAPTRAIL_CLICKHOUSE_ANALYST_URL"
    if not (url := given.text("CLICKHOUSE_ANALYST_URL")):
        yield ok(check, f"{variable} is not set: `taptrail sql` has nobody to ask as")
        return
    client = ClickHouse(url, timeout_s=STEP_S)
    try:
        if not await client.value("CHECK GRANT SELECT ON taptrail.*"):
            yield broken(check, "the user may not read", "GRANT SELECT, SHOW ON taptrail.* (docs/deploy.md#clickhouse)")
        elif await client.value("CHECK GRANT INSERT ON taptrail.*"):
            yield warning(check, "the user may write", "give analysts a user of their own (docs/deploy.md#clickhouse)")
        else:
            yield ok(check, "reads, and writes nothing")
    except ClickHouseUnreachable as error:
        yield _unreachable(check, variable, error)
    except ClickHouseRefused as error:
        yield _refused(check, variable, error)
    finally:
        await client.close()


def _unreachable(check: str, variable: str, error: Exception) -> Finding:
    return broken(check, f"it cannot be reached: {error}", f"start it, or correct {variable} and the way to it")


def _refused(check: str, variable: str, error: ClickHouseRefused) -> Finding:
    if error.code == _AUTHENTICATION_FAILED:
        return broken(check, "it refuses the user or the password", f"correct {variable}, or the user")
    if not error.code:
        return broken(check, f"what answers is no ClickHouse: {error}", f"let {variable} name its HTTP port")
    return broken(check, f"it refuses a question: {error}", "correct the user's grants (docs/deploy.md#clickhouse)")


def _version(version: str) -> Finding:
    major, minor = (int(part) for part in version.split(".")[:2])
    if (major, minor) < _TESTED_FROM:
        remedy = f"upgrade to {'.'.join(map(str, _TESTED_FROM))} or newer, with which it is tested"
        return warning("clickhouse", f"reachable, version {version}", remedy)
    return ok("clickhouse", f"reachable, version {version}")


async def _clock(client: ClickHouse) -> Finding:
    """How far its clock is from ours, beyond what the way of the answer explains."""
    asked_at = time.time()
    theirs = float(await client.value("SELECT toUnixTimestamp64Milli(now64(3))")) / 1000
    ahead_s = max(theirs - time.time(), 0.0) + min(theirs - asked_at, 0.0)
    if abs(ahead_s) < _OUT_OF_STEP_S:
        return ok("clock", f"in step with ClickHouse's, to {time.time() - asked_at:.3f} s")
    found = f"{abs(ahead_s):.1f} s {'behind' if ahead_s > 0 else 'ahead of'} ClickHouse's"
    remedy = "let NTP set both: clicks carry this clock's time, links expire by it"
    return (broken if abs(ahead_s) > _FAR_OUT_OF_STEP_S else warning)("clock", found, remedy)


async def _disk(client: ClickHouse) -> Finding:
    free = int(await client.value("SELECT filesystemAvailable()"))
    capacity = int(await client.value("SELECT filesystemCapacity()"))
    found = f"{size(free)} of {size(capacity)} free"
    if free < _LOW * capacity:
        remedy = "add disk; a merge needs room for the parts it merges (docs/runbook.md#stuck-partition)"
        return (broken if free < _VERY_LOW * capacity else warning)("clickhouse disk", found, remedy)
    return ok("clickhouse disk", found)


async def _grants(client: ClickHouse, process: str) -> Finding:
    check = f"clickhouse grants, {process}"
    missing = [grant for grant in GRANTS[process] if not await client.value(f"CHECK GRANT {grant}")]
    if missing:
        return broken(check, f"the user lacks {', '.join(missing)}", "grant them (docs/deploy.md#clickhouse)")
    return ok(check, "all are there")


async def _schema(client: ClickHouse) -> Finding:
    ours = {path.name for path in MIGRATIONS}
    try:
        applied = set(await client.value("SELECT groupArray(name) FROM taptrail_internal.migrations"))
    except ClickHouseRefused as error:
        if error.code not in (NO_TABLE, NO_DATABASE):
            raise
        return broken("clickhouse schema", "there is none yet", "start an aggregator: it makes the schema")
    if ours - applied:
        found = f"{', '.join(sorted(ours - applied))} not applied yet"
        return broken("clickhouse schema", found, "start an aggregator of this release, before edge and control")
    if applied - ours:
        found = f"newer than this release: {', '.join(sorted(applied - ours))}"
        return warning("clickhouse schema", found, "run the release that brought it, or newer")
    return ok("clickhouse schema", f"current, {max(ours)}")


async def _durability(client: ClickHouse) -> Finding:
    names = await client.value(_NOT_DURABLE)
    if names:
        remedy = "ALTER TABLE ... MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1"
        return broken("clickhouse durability", f"a power cut loses rows of {', '.join(sorted(names))}", remedy)
    return ok("clickhouse durability", "rows are on the disk before an INSERT is answered")


async def _inserts(client: ClickHouse) -> Finding:
    """An INSERT of no rows: a server that is read-only or has too many parts refuses it as it refuses clicks."""
    check = "clickhouse inserts"
    try:
        await client.execute("INSERT INTO clicks SELECT * FROM clicks LIMIT 0")
    except ClickHouseRefused as error:
        if error.code in (NO_TABLE, NO_DATABASE):
            return broken(check, "there is no table of clicks yet", "start an aggregator: it makes the schema")
        remedy = "do what the error says; clicks wait in Redis meanwhile (docs/runbook.md#clickhouse-down)"
        return broken(check, f"it refuses clicks: {error}", remedy)
    return ok(check, "clicks are taken")


async def _code_key(client: ClickHouse, cipher: CodeCipher) -> Finding:
    """The first and the last link that were minted with a sealed code open with this key."""
    check = "code key and links"
    opens = await opens_links(client, cipher)
    if opens is None:
        return ok(check, "no link has been minted yet")
    if not opens:
        remedy = "set TAPTRAIL_CODE_KEY to the key that minted them, from its backup: no other opens what was sent"
        return broken(check, "links were minted with another key", remedy)
    return ok(check, "the links that were minted open with it")
