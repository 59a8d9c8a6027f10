"""What visitors, contacts and keys are made of does not get into a log, whatever goes wrong."""

import ast
import json
import os
import signal
from pathlib import Path

import pytest
from redis.asyncio import Redis

from records.link import Link
from runtime.clickhouse import ClickHouseRefused
from runtime.logs import without_quotes
from tests.control.conftest import controls  # noqa: F401
from tests.edge.conftest import edges, way  # noqa: F401
from tests.support.control import CODE_KEY, MAIN
from tests.support.edge import cache, cipher
from tests.support.eventually import wait_until
from tests.support.links import put_link

ROOT = Path(__file__).parents[2]
PACKAGES = ("edge", "aggregator", "control", "runtime", "records", "stack", "cli")
# Names of parts of Taptrail, counts and reasons. A new one is for somebody to think about: can a person be in it?
HARMLESS = {
    "behind", "child", "clicks", "directory", "edge", "erasure", "erasures", "error", "file", "files", "first", "from_",
    "how", "id", "in_s", "key", "lane", "lanes", "left", "links", "months", "now", "owner", "pages", "port", "records",
    "RLIMIT_NOFILE", "route", "rows", "segment", "short_domain", "signal", "since", "slug", "status", "taps", "to",
    "trouble", "variable", "waits_for", "why",
}  # fmt: skip


def logged_fields():
    for path in [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]:
        for call in [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]:
            for extra in [keyword.value for keyword in call.keywords if keyword.arg == "extra"]:
                names = [key.value for key in extra.keys] if isinstance(extra, ast.Dict) else [ast.unparse(extra)]
                yield from ((name, f"{path.relative_to(ROOT)}:{call.lineno}") for name in names)


def test_no_field_of_a_log_is_made_for_a_person():
    fields = list(logged_fields())

    assert len(fields) > 30
    unknown = [(name, place) for name, place in fields if name not in HARMLESS]
    assert unknown == [("msgspec.structs.asdict(fault)", unknown[0][1])]  # runtime.audit.LaneFault: counts


def log_of(process):
    return process.log.read_text()


async def test_taps_that_go_wrong_leave_nothing_of_the_visitor_in_the_log(edges, own_valkey, clickhouse):  # noqa: F811
    private = {
        "address": "203.0.113.77", "agent": "Phone-of-Kees", "referrer": "https://kees.example/private",
        "query": "gclid=31612345678", "contact": "kees@acme.example", "code": cipher.seal(3),
    }  # fmt: skip
    redis = Redis.from_url(own_valkey.url)
    await cache(redis)
    await put_link(redis, 3, Link(1, 0, 0, private["contact"]))
    edge = edges(redis_url=own_valkey.url, TAPTRAIL_TRUSTED_PROXIES="127.0.0.0/8")
    headers = {"X_Forwarded_For": private["address"], "User_Agent": private["agent"], "Referer": private["referrer"]}

    def tap():
        return edge.get(f"/{private['code']}?{private['query']}", **headers).status

    os.kill(edge.process.pid, signal.SIGUSR1)  # in debug as well
    assert tap() == 302
    edge.send(f"GET /{private['code']}\udcff HTTP/9.9\r\n\r\n".encode(errors="surrogateescape"))
    await redis.execute_command("ACL", "SETUSER", "default", "-xadd")
    tap()
    wait_until(lambda: "shipping_deferred" in log_of(edge))
    own_valkey.kill()
    tap()
    edge.stop()
    await redis.aclose()

    assert {name for name, text in private.items() if text in log_of(edge)} == set()
    assert CODE_KEY not in log_of(edge)


async def test_links_that_a_store_refuses_are_not_quoted_by_it(controls, own_valkey, clickhouse):  # noqa: F811
    control = controls(own_valkey.url)
    control.broadcast()
    redis = Redis.from_url(own_valkey.url)
    all_but_blocks = ("resetkeys", "~tt:[^k]*", "~tt:k[^:]*", "~{tt}*")
    await redis.execute_command("ACL", "SETUSER", "default", *all_but_blocks)

    assert control.mint([{"contact_id": "kees@acme.example"}]).status == 200
    await redis.aclose()

    assert "links_uncached" in log_of(control)
    assert "kees" not in log_of(control)
    assert MAIN not in log_of(control)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT nothing FROM links WHERE contact_id = {contact:String}",
        "SELECT count() FROM nowhere WHERE contact_id = {contact:String}",
        "SELECT toUInt8({contact:String})",
    ],
)
async def test_of_a_refused_statement_the_values_are_left_out(clickhouse, sql):
    with pytest.raises(ClickHouseRefused) as refused:
        await clickhouse.value(sql, contact="kees@acme.example")

    said = without_quotes(str(refused.value))
    assert "kees" not in said
    assert said.startswith("Code: ")


def test_sigusr1_switches_to_debug_and_back(edges):  # noqa: F811
    edge = edges()

    def switched():
        lines = [json.loads(line) for line in log_of(edge).splitlines()]
        return [line["now"] for line in lines if line["event"] == "log_level_changed"]

    os.kill(edge.process.pid, signal.SIGUSR1)
    wait_until(switched, equals=["debug"])
    os.kill(edge.process.pid, signal.SIGUSR1)
    wait_until(switched, equals=["debug", "info"])
    assert edge.ready()
