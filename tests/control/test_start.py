"""A control process that must not serve says which variable is to be mended."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.control import CODE_KEY, DOMAIN, KEYS, contacts
from tests.support.eventually import wait_until
from tests.support.processes import free_port, silent

OTHER_KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


def started(redis_url, clickhouse_url, **settings):
    """What a process says that is to end by itself."""
    environ = {
        **os.environ, "TAPTRAIL_REDIS_URL": redis_url, "TAPTRAIL_CLICKHOUSE_URL": clickhouse_url,
        "TAPTRAIL_CODE_KEY": CODE_KEY, "TAPTRAIL_API_KEYS": KEYS, "TAPTRAIL_PORT": str(free_port()),
        "TAPTRAIL_OPS_PORT": str(free_port()), **settings,
    }  # fmt: skip
    command = [sys.executable, "-m", "control"]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=40, check=False)


async def test_a_code_key_that_does_not_open_the_links_there_are_stops_it(control, valkey_url, clickhouse_url):
    control.broadcast()
    control.mint(contacts(1))

    done = started(valkey_url, clickhouse_url, TAPTRAIL_CODE_KEY=OTHER_KEY)

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("TAPTRAIL_CODE_KEY=***: it does not open the links in ClickHouse")
    assert "from its backup" in done.stderr


def test_a_scheme_that_is_never_allowed_stops_it_by_name(valkey_url, clickhouse_url):
    done = started(valkey_url, clickhouse_url, TAPTRAIL_ALLOW_SCHEMES="mailto, JavaScript")

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("TAPTRAIL_ALLOW_SCHEMES=mailto, JavaScript: javascript is never allowed")


async def test_an_apps_scheme_leads_to_no_short_domain(control, valkey_url, controls):
    apps = controls(valkey_url, TAPTRAIL_ALLOW_SCHEMES="mailto,shop")
    urls = (f"mailto:{{contact_id}}@{DOMAIN}", f"shop://{DOMAIN}/x", "mailto:a@new.acme.example")

    apps.broadcast("by-app", urls, fallback="mailto:a@shop.example")

    assert apps.call("PUT", "/v1/domains/new.acme.example", {}).status == 201
    body = {"short_domain": DOMAIN, "destinations": ["mailto:a@shop.example"]}
    refused = control.call("PUT", "/v1/broadcasts/by-page", body)
    assert (refused.status, "its scheme is mailto" in refused.body["detail"]) == (422, True)


async def test_a_shared_link_with_a_slug_says_nothing_of_the_code_key(control, valkey_url, controls):
    control.call("PUT", f"/v1/domains/{DOMAIN}", {})
    poster = {"short_domain": DOMAIN, "destination": "https://shop.acme.example/", "slug": "SALE"}
    assert control.call("POST", "/v1/links", poster).status == 201

    controls(valkey_url, TAPTRAIL_CODE_KEY=OTHER_KEY)


async def test_the_key_is_checked_behind_the_start_while_clickhouse_is_silent(
    control, valkey_url, clickhouse_url, clickhouse_pid, controls
):
    control.broadcast()
    control.mint(contacts(1))
    with silent(clickhouse_pid):
        late = controls(valkey_url, TAPTRAIL_CODE_KEY=OTHER_KEY)

    wait_until(lambda: late.process.poll() is not None)
    assert late.process.poll() == 2
    assert late.log.read_text().splitlines()[-1].startswith("TAPTRAIL_CODE_KEY=***")


@pytest.mark.parametrize("variable", ["TAPTRAIL_PORT", "TAPTRAIL_OPS_PORT"])
@pytest.mark.servers
def test_a_port_that_is_taken_is_named_with_its_variable(variable):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])

        done = started("redis://127.0.0.1:1", "http://127.0.0.1:1", **{variable: port})

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(
        f"{variable}={port}: cannot listen on 127.0.0.1:{port}: Address already in use; expected"
    )


def test_a_control_process_goes_without_what_its_image_does_not_have(control):
    control.broadcast()
    control.mint(contacts(2))

    loaded = Path(f"/proc/{control.process.pid}/maps").read_text()

    assert "pyarrow" in loaded
    assert [name for name in ("numpy", "pandas") if name in loaded] == []
