"""`taptrail doctor` on real stores, with each thing it looks at broken once."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet
from redis.asyncio import Redis

from cli.doctor.command import examined
from cli.doctor.environment import SETTINGS, given_to
from tests.support.aggregator import Aggregator, add, register
from tests.support.control import CODE_KEY, KEYS, MAIN, contacts
from tests.support.eventually import eventually
from tests.support.processes import free_port

OTHER_KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


@pytest.fixture
def sound(control, valkey_url, clickhouse_url, analyst_url, tmp_path):
    """An environment in which nothing is broken."""
    return {
        "TAPTRAIL_REDIS_URL": valkey_url, "TAPTRAIL_CLICKHOUSE_URL": clickhouse_url, "TAPTRAIL_CODE_KEY": CODE_KEY,
        "TAPTRAIL_API_KEYS": KEYS, "TAPTRAIL_SPOOL_DIR": str(tmp_path), "TAPTRAIL_CONTROL_URL": control.url,
        "TAPTRAIL_API_KEY": MAIN, "TAPTRAIL_CLICKHOUSE_ANALYST_URL": analyst_url, "TAPTRAIL_OPERATOR_KEYS": MAIN,
    }  # fmt: skip


@pytest.fixture
def doctor(sound, monkeypatch):
    """What the doctor finds in a sound environment, but for what a test says."""

    async def doctor(process="", *, domains=False, **environ):
        for name, text in {**sound, **environ}.items():
            monkeypatch.setenv(name, text)
        found = await examined(given_to([process] if process else list(SETTINGS)), domains=domains)
        assert [one for one in found if one.state != "ok" and not one.remedy] == []
        return {one.check: one for one in found}

    return doctor


async def taptrail_doctor(*arguments, environ, before=()):
    """The command itself."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TAPTRAIL_")}
    command = [*before, sys.executable, "-m", "cli", "doctor", *arguments]
    return await asyncio.to_thread(
        subprocess.run, command, env=clean | environ, capture_output=True, text=True, timeout=60, check=False
    )


def not_ok(findings):
    return {check: one.state for check, one in findings.items() if one.state != "ok"}


async def test_where_nothing_is_broken_everything_is_ok_and_named(doctor, sound, control):
    control.broadcast()
    control.mint(contacts(2))

    found = await doctor()
    printed = await taptrail_doctor("--json", environ=sound)

    of_this_machine = {"open files", "spool file system", "spool space", "clickhouse disk"}
    assert not_ok(found).keys() <= of_this_machine
    assert found["code key and links"].found == "the links that were minted open with it"
    assert [one["check"] for one in json.loads(printed.stdout)["findings"]] == list(found)
    assert printed.returncode == ("broken" in not_ok(found).values())
    assert CODE_KEY not in printed.stdout


@pytest.mark.servers
async def test_a_variable_that_is_missing_wrong_or_misspelt_is_named():
    environ = {"TAPTRAIL_REDIS_URL": "localhost", "TAPTRAIL_SPOOLDIR": "/x"}

    done = await taptrail_doctor("edge", environ=environ)

    assert done.returncode == 1
    assert "TAPTRAIL_CODE_KEY is not set" in done.stdout
    assert "TAPTRAIL_REDIS_URL=localhost: expected redis://" in done.stdout
    assert "TAPTRAIL_SPOOLDIR is read by no process" in done.stdout


@pytest.mark.parametrize("way", ["refused", "silent"])
async def test_with_everything_down_it_answers_in_bounded_time(sound, way):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if way == "silent":
            listener.listen()  # and never answers
        place = f"127.0.0.1:{listener.getsockname()[1]}"

        down = {
            "TAPTRAIL_REDIS_URL": f"redis://{place}", "TAPTRAIL_CLICKHOUSE_URL": f"http://{place}",
            "TAPTRAIL_CLICKHOUSE_ANALYST_URL": f"http://{place}", "TAPTRAIL_CONTROL_URL": f"http://{place}",
        }  # fmt: skip
        began_at = time.monotonic()
        done = await taptrail_doctor("--json", environ=sound | down)
        took_s = time.monotonic() - began_at

    broken = {one["check"] for one in json.loads(done.stdout)["findings"] if one["state"] == "broken"}
    assert {"redis", "clickhouse", "clickhouse analyst", "control api"} <= broken
    assert done.returncode == 1
    assert took_s < 15  # 2 s for each wait, all at once; the rest is for a busy machine


@pytest.mark.parametrize(
    ("setting", "check", "state"),
    [
        (("maxmemory-policy", "allkeys-lru"), "redis eviction", "broken"),
        (("appendonly", "no"), "redis persistence", "warning"),
        (("maxmemory", "1mb"), "redis memory", "broken"),
        (("maxmemory", "0"), "redis memory", "warning"),
    ],
    ids=str,
)
async def test_a_redis_that_is_set_wrong_is_found(doctor, own_valkey, setting, check, state):
    client = Redis.from_url(own_valkey.url)
    await client.config_set(*setting)
    await client.aclose()

    found = await doctor("edge", TAPTRAIL_REDIS_URL=own_valkey.url)

    assert not_ok(found)[check] == state
    assert "redis" not in not_ok(found)


async def test_a_replica_is_not_taken_for_the_primary(doctor, own_valkey):
    client = Redis.from_url(own_valkey.url)
    await client.replicaof("127.0.0.1", free_port())
    await client.aclose()

    found = await doctor("control", TAPTRAIL_REDIS_URL=own_valkey.url)

    assert {"redis role", "redis commands, control"} <= not_ok(found).keys()


async def test_clicks_that_wait_for_an_aggregator_are_found_and_the_exit_status_says_so(sound, redis):
    await register(redis, spooled=3)
    await add(redis, 1, 3)

    done = await taptrail_doctor("--json", environ=sound)

    states = {one["check"]: one["state"] for one in json.loads(done.stdout)["findings"]}
    assert (states["aggregators"], states["clicks in redis"], states["edges"]) == ("broken", "broken", "warning")
    assert done.returncode == 1


async def test_clicks_that_an_aggregator_moves_are_on_their_way(doctor, redis, clickhouse):
    aggregator = Aggregator(redis, clickhouse)
    await register(redis, spooled=3)
    moving = asyncio.create_task(aggregator.pipeline.run())
    renewing = asyncio.create_task(aggregator.leases.keep_renewing())
    await add(redis, 1, 3)

    found = await doctor("aggregator")

    aggregator.stop()
    await moving
    renewing.cancel()
    of_lanes = {"aggregators", "leases", "clicks in redis", "clicks in spools", "clicks in memory", "clocks of edges"}
    assert {check: found[check].state for check in of_lanes} == dict.fromkeys(of_lanes, "ok")


async def test_a_clickhouse_that_takes_no_clicks_is_found(doctor, clickhouse):
    await clickhouse.execute("ALTER TABLE clicks MODIFY SETTING parts_to_throw_insert = 1, parts_to_delay_insert = 1")
    try:
        await clickhouse.execute("SYSTEM STOP MERGES clicks")
        await clickhouse.insert_rows("clicks", [{"lane": 1, "seq": 1}])
        found = await doctor("aggregator")
    finally:
        await clickhouse.execute("SYSTEM START MERGES clicks")
        await clickhouse.execute("ALTER TABLE clicks RESET SETTING parts_to_throw_insert, parts_to_delay_insert")

    assert found["clickhouse inserts"].state == "broken"


async def test_what_a_user_of_redis_may_not_do_is_named(doctor, own_valkey):
    client = Redis.from_url(own_valkey.url)
    rules = ["on", ">secret", "~*", "+@all", "-xadd", "-client|tracking", "-eval"]
    await client.execute_command("ACL", "SETUSER", "taptrail", *rules)
    await client.aclose()

    found = await doctor(TAPTRAIL_REDIS_URL=own_valkey.url.replace("//", "//taptrail:secret@"))

    assert found["redis commands, edge"].found == "the user may not EVAL, CLIENT, XADD"
    assert found["redis commands, aggregator"].found == "the user may not EVAL"
    assert found["redis tracking"].state == "broken"
    wrong = await doctor("edge", TAPTRAIL_REDIS_URL=own_valkey.url.replace("//", "//taptrail:wrong@"))
    assert "refuses the user or the password" in wrong["redis"].found


async def test_a_redis_for_clicks_alone_is_looked_at_by_what_is_asked_of_it(doctor, own_valkey):
    client = Redis.from_url(own_valkey.url)
    await client.config_set("appendonly", "no")
    await client.execute_command("ACL", "SETUSER", "default", "-hget", "-client|tracking")
    await client.aclose()

    found = await doctor(TAPTRAIL_CLICKS_REDIS_URL=own_valkey.url)
    own_valkey.kill()
    without = await doctor(TAPTRAIL_CLICKS_REDIS_URL=own_valkey.url)

    of_clicks = {check for check in not_ok(found) if "redis" in check}
    by_all = {f"clicks redis commands, {process}" for process in SETTINGS}
    assert of_clicks == by_all | {"clicks redis persistence"}
    assert found["clicks redis commands, edge"].found == "the user may not HGET"
    assert {check for check in not_ok(without) if "redis" in check} == {"clicks redis"}
    assert "TAPTRAIL_CLICKS_REDIS_URL" in without["clicks redis"].remedy


async def test_an_aggregator_that_has_a_redis_for_clicks_needs_no_other(doctor, monkeypatch, valkey_url):
    found = await doctor("aggregator", TAPTRAIL_REDIS_URL="", TAPTRAIL_CLICKS_REDIS_URL=valkey_url)

    assert not any(check.startswith(("settings", "redis")) for check in not_ok(found))
    assert "clicks redis commands, aggregator" in found


async def test_redis_keeps_nothing_of_the_doctors(doctor, redis):
    before = await redis.keys("*")

    await doctor()

    await eventually(lambda: redis.keys("*"), equals=before)  # its own live for a millisecond


async def test_another_code_key_than_the_one_that_minted_is_found(doctor, control):
    control.broadcast()
    control.mint(contacts(1))

    found = await doctor(TAPTRAIL_CODE_KEY=OTHER_KEY)

    assert not_ok(found)["code key and links"] == "broken"
    guessable = await doctor("edge", TAPTRAIL_CODE_KEY="0" * 32)
    assert guessable["code key"].state == "warning"
    assert guessable["code key"].found != found["code key"].found


async def test_a_user_of_clickhouse_that_may_too_little_or_too_much_is_found(doctor, clickhouse_url, analyst_url):
    reader = await doctor(TAPTRAIL_CLICKHOUSE_URL=analyst_url)
    writer = await doctor("edge", TAPTRAIL_CLICKHOUSE_ANALYST_URL=clickhouse_url)
    nobody = await doctor("edge", TAPTRAIL_CLICKHOUSE_URL=clickhouse_url.replace("password", "passwort"))

    assert reader["clickhouse grants, edge"].found == "the user lacks SELECT ON taptrail_internal.*"
    assert "INSERT ON taptrail.*" in reader["clickhouse grants, aggregator"].found
    assert "KILL QUERY ON *.*" in reader["clickhouse grants, control"].found
    assert not_ok(writer)["clickhouse analyst"] == "warning"
    assert nobody["clickhouse"].found == "it refuses the user or the password"


async def test_a_schema_behind_or_ahead_of_this_release_is_found(doctor, clickhouse):
    await clickhouse.execute("INSERT INTO taptrail_internal.migrations (name) SELECT '999_tomorrow.sql'")
    try:
        ahead = await doctor("control")
        await clickhouse.execute("DELETE FROM taptrail_internal.migrations WHERE name = '004_lost_clicks.sql'")
        behind = await doctor("control")
    finally:
        await clickhouse.execute("DELETE FROM taptrail_internal.migrations WHERE name = '999_tomorrow.sql'")
        await clickhouse.execute("INSERT INTO taptrail_internal.migrations (name) SELECT '004_lost_clicks.sql'")

    assert ahead["clickhouse schema"].state == "warning"
    assert behind["clickhouse schema"].state == "broken"
    assert "004_lost_clicks.sql" in behind["clickhouse schema"].found


async def test_a_table_that_would_lose_rows_in_a_power_cut_is_found(doctor, clickhouse):
    await clickhouse.execute("ALTER TABLE taptrail_internal.mints MODIFY SETTING fsync_after_insert = 0")
    try:
        found = await doctor("control")
    finally:
        await clickhouse.execute("ALTER TABLE taptrail_internal.mints MODIFY SETTING fsync_after_insert = 1")

    assert found["clickhouse durability"].found == "a power cut loses rows of mints"


@pytest.mark.parametrize(
    ("folder", "check", "state"),
    [
        ("/proc/spool", "spool space", "broken"),
        ("/dev/shm", "spool file system", "warning"),
        ("/etc/passwd/spool", "spool", "broken"),
        ("/sys", "spool", "broken"),
    ],
)
async def test_a_spool_that_takes_or_keeps_nothing_is_found(doctor, folder, check, state):
    found = await doctor("edge", TAPTRAIL_SPOOL_DIR=folder)

    assert found[check].state == state


async def test_few_open_files_are_found(sound):
    done = await taptrail_doctor("edge", before=["prlimit", "--nofile=512:512"], environ=sound)

    assert "512 at most, each connection takes one" in done.stdout


async def test_proxies_that_anybody_may_be_are_found(doctor):
    found = await doctor("edge", TAPTRAIL_TRUSTED_PROXIES="10.0.0.0/8,0.0.0.0/0")

    assert found["trusted proxies"].found == "TAPTRAIL_TRUSTED_PROXIES has 0.0.0.0/0"


async def test_geo_databases_are_read_and_dated(doctor, tmp_path):
    city, text = tmp_path / "city.mmdb", tmp_path / "text.mmdb"
    writer = MMDBWriter(ip_version=4, database_type="Test-City")
    writer.insert_network(IPSet(["203.0.113.0/24"]), {"country_code": "NL"})
    writer.to_db_file(str(city))
    text.write_text("nothing")

    found = await doctor("aggregator", TAPTRAIL_GEO_CITY_DB=str(city), TAPTRAIL_GEO_ASN_DB=str(text))

    assert found["geo city"].found == f"{city}: Test-City, 0 days old"
    assert found["geo network"].state == "broken"


async def test_a_control_that_does_not_know_the_key_is_told_from_one_that_is_no_control(doctor, clickhouse_url):
    stranger = await doctor("control", TAPTRAIL_API_KEY="another-key-0123456789")
    elsewhere = await doctor("control", TAPTRAIL_CONTROL_URL=f"http://{clickhouse_url.rpartition('@')[2]}")

    assert stranger["control api"].found.endswith("does not know the key")
    assert elsewhere["control api"].state == "broken"


async def test_a_short_domain_that_phones_cannot_reach_is_found(doctor, control):
    assert control.call("PUT", "/v1/domains/go.nowhere.invalid", {}).status == 201

    found = await doctor("edge", domains=True)

    assert found["domain go.nowhere.invalid"].state == "broken"


@pytest.mark.parametrize("named", ["TAPTRAIL_CLICKHOUSE_ANALYST_URL", "TAPTRAIL_CLICKHOUSE_URL"])
async def test_short_domains_are_looked_at_where_nothing_else_is_set(sound, control, named, tmp_path):
    assert control.call("PUT", "/v1/domains/go.nowhere.invalid", {}).status == 201

    done = await taptrail_doctor("--json", "--domains", environ={named: sound[named], "TAPTRAIL_DATA": str(tmp_path)})

    states = {one["check"]: one["state"] for one in json.loads(done.stdout)["findings"]}
    assert states["domain go.nowhere.invalid"] == "broken"
    assert (states["settings"] == "ok") == (named == "TAPTRAIL_CLICKHOUSE_ANALYST_URL")


@pytest.mark.servers
async def test_a_doctor_that_cannot_list_the_short_domains_says_so(tmp_path):
    done = await taptrail_doctor("--json", "--domains", environ={"TAPTRAIL_DATA": str(tmp_path)})

    findings = {one["check"]: one for one in json.loads(done.stdout)["findings"]}
    assert findings["domains"]["state"] == "broken"
    assert "TAPTRAIL_CLICKHOUSE_ANALYST_URL" in findings["domains"]["remedy"]
    assert done.returncode == 1


async def test_that_nobody_may_ask_for_the_ledger_is_a_warning(doctor):
    found = (await doctor("control", TAPTRAIL_OPERATOR_KEYS=""))["operator keys"]

    assert (found.state, "ledger" in found.found) == ("warning", True)
    assert "TAPTRAIL_OPERATOR_KEYS" in found.remedy
