"""A contact that is in every place that a contact can be in, and a scan of the whole disk after it was erased."""

import asyncio
import base64
import csv
import io
import json
import os
import signal
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import msgspec
import pytest
import redis as redis_py

from runtime.clickhouse import ClickHouse
from tests.support.erasure import places_with
from tests.support.eventually import wait_until
from tests.support.full_scan import files_with, keys_with
from tests.support.stack import Stack

WHO = "c-4711-somebody"
AT_ONCE = (
    "old_parts_lifetime = 1, cleanup_delay_period = 1, cleanup_delay_period_random_add = 0,"
    " max_cleanup_delay_period = 1"
)
SUMS = (
    "SELECT count(), uniqExact(contact_id), uniqExact(link_id), countIf(engaged), countIf(is_canary), countIf(counted),"
    " min(seq), max(seq), uniqExact(lane) FROM clicks",
    "SELECT count(), uniqExact(contact_id), uniqExact(code), countIf(kind = 'canary') FROM links",
    "SELECT sum(clicks), sum(unique_contacts) FROM hourly_clicks",
    "SELECT sum(links), sum(contacts) FROM audience_report",
)


@pytest.fixture
def stack(tmp_path):
    (tmp_path / "up").mkdir()
    running = Stack(tmp_path / "up")
    yield running
    if running.process.poll() is None:
        running.stop()


def written(folder, **columns):
    """A file of contacts, which is not the system's."""
    file = folder / f"{len(list(folder.iterdir()))}.csv"
    with file.open("w") as out:
        lines = csv.writer(out)
        lines.writerows([columns.keys(), *zip(*columns.values(), strict=True)])
    return str(file)


def codes_of(done):
    assert done.returncode == 0, done.stderr
    return [row["code"] for row in csv.DictReader(io.StringIO(done.stdout))]


def minted(stack, folder):
    """Codes of links of the contact and of another one, by each way that there is."""
    ids, orders = [WHO, "c-2"], [f"order of {WHO}", "order of c-2"]
    given, out = written(folder, contact_id=ids, order=orders), folder / "links.csv"
    done = stack.run(
        "mint", "--domain", "go.acme.example", "--broadcast", "spring", "--contacts", given, "--out", str(out),
        "--to", "https://acme.example/l?c={contact_id}&o={order}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    codes = [row["code"] for row in csv.DictReader(out.open())]
    canaries = stack.run("canary", "--broadcast", "spring", "--contacts", given, "--csv")
    body = json.dumps({"contact_id": WHO, "fields": {"order": orders[0]}}).encode()
    request = urllib.request.Request(
        f"{stack.ready['control']}/v1/broadcasts/spring/links?again=true",
        data=body,
        headers={
            "Authorization": f"Bearer {stack.ready['api_key']}", "Content-Type": "application/x-ndjson",
            "Idempotency-Key": f"welcome-{WHO}",
        },
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=30) as answer:
        again = [json.loads(line)["code"] for line in answer]
    return [*codes, *codes_of(canaries), *again]


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def tap(stack, codes, who=WHO):
    """As a person's phone asks, which says who it is."""
    opener = urllib.request.build_opener(_Stay)
    port = urlsplit(stack.ready["edge"]).port
    for code in codes:
        headers = {"Host": "go.acme.example", "User-Agent": f"Mozilla/5.0 (iPhone) Phone of {who}", "Accept": "*/*"}
        request = urllib.request.Request(f"http://127.0.0.1:{port}/{code}?utm_id={who}", headers=headers)
        with pytest.raises(urllib.error.HTTPError, match="302"):
            opener.open(request, timeout=10)


def signal_edges(stack, number):
    for pid in stack.ready["pids"]["edge"]:
        os.kill(pid, number)


async def prepared(url):
    """Parts that are replaced leave the disk at once, and a dead letter of the contact is there."""
    async with ClickHouse(url) as clickhouse:
        for table in ("clicks", "links", "dead_clicks", "taptrail_internal.mints", "taptrail_internal.erasure_names"):
            await clickhouse.execute(f"ALTER TABLE {table} MODIFY SETTING {AT_ONCE}")
        payload = base64.b64encode(msgspec.msgpack.encode(["main", WHO])).decode()
        dead = {"lane": 1, "seq": 1, "reason": "odd", "payload": payload}
        await clickhouse.insert_rows("dead_clicks", [dead])


async def left_in_tables(url):
    async with ClickHouse(url) as clickhouse:
        return await places_with(clickhouse, WHO)


@pytest.mark.timeout(300)
def test_after_an_erasure_no_file_and_no_key_holds_the_id_and_no_sum_has_moved(stack, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    redis = redis_py.Redis.from_url(stack.ready["redis"])
    redis.config_set("rdbcompression", "no")
    asyncio.run(prepared(stack.ready["clickhouse"]))
    codes = minted(stack, own)
    assert len(codes) == 5
    others = codes[1:4:2]
    for code in others:
        codes.remove(code)
    tap(stack, codes)
    tap(stack, others, "c-2")
    stack.wait_for_rows(5)
    os.kill(stack.pid("redis"), signal.SIGSTOP)
    tap(stack, codes)
    tap(stack, others, "c-2")
    signal_edges(stack, signal.SIGSTOP)  # with clicks of the contact in its spool
    os.kill(stack.pid("redis"), signal.SIGCONT)
    sums = [stack.sql(each) for each in SUMS]
    held = files_with(tmp_path / "up", WHO)
    assert {"spool", "clickhouse", "valkey"} <= {place for file in held for place in file.split("/")}, held

    answer = stack.run("erase", "--contact", WHO, "--wait")

    assert answer.returncode == 0, answer.stderr
    assert [stack.sql(each) for each in SUMS] == sums
    signal_edges(stack, signal.SIGCONT)
    stack.wait_for_rows(10)
    assert stack.sql(SUMS[0])[0][:6] == [10, *sums[0][0][1:3], *[2 * figure for figure in sums[0][0][3:6]]]
    signal_edges(stack, signal.SIGTERM)  # they give their spools back, which quiet edges do in ten minutes
    assert asyncio.run(left_in_tables(stack.ready["clickhouse"])) == []
    wait_until(lambda: keys_with(redis, WHO), equals=[], within_s=30)
    wait_until(lambda: files_with(tmp_path / "up", WHO), equals=[], within_s=120)
    wait_until(lambda: stack.run("ledger").returncode, equals=0, within_s=30)
    assert stack.sql("SELECT countIf(startsWith(contact_id, 'canary:erased-')) FROM links") == [[1]]
