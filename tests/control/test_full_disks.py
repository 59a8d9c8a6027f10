"""A full disk, of this process or of a store, is a problem that names it and that passes when there is room again."""

import asyncio
import os
from contextlib import ExitStack, suppress

import pytest
from redis.exceptions import OutOfMemoryError, ReadOnlyError, ResponseError

from aggregator.migrate import migrate
from control.http.store_faults import of_store
from runtime.clickhouse import ClickHouse, ClickHouseRefused
from tests.support.clickhouse import WRITER, clickhouse_command, clickhouse_environ
from tests.support.control import DOMAIN, SHOP
from tests.support.disks import small_disk
from tests.support.processes import free_port, running
from tests.support.proxy import Proxy, refuse


@pytest.fixture
def disk(tmp_path):
    """Gives disk(size): a file system of that size, to be filled and emptied."""
    with ExitStack() as mounted:
        yield lambda size: mounted.enter_context(small_disk(tmp_path / f"disk-{size}", size))


def fill(folder):
    with suppress(OSError), (folder / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(65536))


@pytest.mark.servers
async def test_a_full_folder_for_uploads_is_named_and_costs_that_upload_alone(controls, redis, valkey_url, disk):
    control = controls(valkey_url, TMPDIR=str(disk("1m")))
    control.broadcast()
    large = [b'{"contact_id":"%07d%s"}\n' % (number, b"x" * 200) for number in range(50_000)]

    refused = control.mint(large)
    minted = control.mint(large[:100])

    assert (refused.status, refused.body["type"]) == (507, "/docs#storage-full")
    assert "TMPDIR" in refused.body["detail"]
    assert refused.headers["Retry-After"]
    assert minted.status == 200


@pytest.mark.servers
async def test_a_full_disk_of_clickhouse_is_named_and_passes(controls, redis, valkey_url, disk, tmp_path):
    folder, port = disk("192m"), free_port()
    url = f"http://{WRITER}@127.0.0.1:{port}"
    with running(clickhouse_command(folder / "data", port), port, tmp_path / "log", clickhouse_environ()):
        async with ClickHouse(url) as clickhouse:
            await migrate(clickhouse)
        control = controls(valkey_url, url)
        await asyncio.to_thread(fill, folder)

        refused = control.call("PUT", f"/v1/domains/{DOMAIN}", {})
        os.unlink(folder / "filler")
        stored = control.call("PUT", f"/v1/domains/{DOMAIN}", {})

    assert (refused.status, refused.body["type"]) == (507, "/docs#storage-full"), refused.body
    assert "ClickHouse has no space left" in refused.body["detail"]
    assert stored.status == 201


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ClickHouseRefused(243, "Cannot reserve 1.00 MiB, not enough space"), 507),
        (ClickHouseRefused(1001, "std::__1::__fs::filesystem::filesystem_error: No space left on device"), 507),
        (ClickHouseRefused(241, "Memory limit (total) exceeded"), 503),
        (ClickHouseRefused(202, "Too many simultaneous queries"), 503),
        (ClickHouseRefused(242, "Table is in readonly mode"), 503),
        (OutOfMemoryError("command not allowed when used memory > 'maxmemory'."), 507),
        (ResponseError("MISCONF Valkey is configured to save RDB snapshots"), 507),
        (ReadOnlyError("You can't write against a read only replica."), 503),
        (OSError(28, "No space left on device"), 507),
    ],
)
def test_what_a_store_cannot_do_is_named_by_its_status(error, status):
    problem = of_store(error)

    assert problem.status == status
    assert problem.retry_after_s > 0


@pytest.mark.parametrize(
    "error", [ClickHouseRefused(62, "Syntax error"), OSError(13, "Permission denied"), KeyError("x")]
)
def test_a_fault_of_this_service_is_no_problem_of_a_store(error):
    assert of_store(error) is None


@pytest.mark.parametrize(
    ("code", "status", "kind"), [(243, 507, "storage-full"), (241, 503, "unavailable"), (164, 503, "unavailable")]
)
async def test_a_write_that_clickhouse_refuses_is_a_problem_that_says_why(
    own_valkey, clickhouse, clickhouse_url, controls, code, status, kind
):
    async with Proxy(clickhouse_url, table="").running() as proxy:
        control = await asyncio.to_thread(controls, own_valkey.url, proxy.url)
        await asyncio.to_thread(control.broadcast)

        async def answer(*call):
            proxy.faults.append(refuse(code))
            return await asyncio.to_thread(control.call, *call)

        answers = [
            await answer("PUT", "/v1/domains/go.new.example", {}),
            await answer("PUT", "/v1/broadcasts/other", {"short_domain": DOMAIN, "destinations": [SHOP]}),
            await answer("PATCH", "/v1/broadcasts/spring", {"stopped": True}),
            await answer("POST", "/v1/broadcasts/spring/links", b'{"contact_id":"c-1"}'),
            await answer("POST", "/v1/links", {"short_domain": DOMAIN, "destination": "https://shop.acme.example/"}),
        ]

    assert {(one.status, one.body["type"]) for one in answers} == {(status, f"/docs#{kind}")}
    assert all("ClickHouse" in one.body["detail"] for one in answers)
