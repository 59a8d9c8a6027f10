import asyncio
import json

import pytest
import trustme

from tests.control.verify.test_domain_check import ending_tls
from tests.support.control import ACME, DOMAIN
from tests.support.dns_server import DnsServer
from tests.support.edge import Edge

pytestmark = pytest.mark.servers


@pytest.fixture
async def names():
    async with DnsServer().running() as server:
        yield server


@pytest.fixture
def root(tmp_path):
    root = trustme.CA()
    root.cert_pem.write_to_path(tmp_path / "root.pem")
    return root


@pytest.fixture
async def checking(taptrail, controls, valkey_url, clickhouse_url, tmp_path, names, root):
    """`taptrail domain check` of a domain whose TLS ends before an edge; gives the port, and a call of the command."""
    settings = {
        "SSL_CERT_FILE": str(tmp_path / "root.pem"), "TAPTRAIL_FETCH_ALLOW": "127.0.0.0/8",
        "TAPTRAIL_DNS_SERVER": names.address,
    }  # fmt: skip
    control = await asyncio.to_thread(controls, valkey_url, **settings)
    edge = await asyncio.to_thread(Edge, valkey_url, clickhouse_url, tmp_path, TAPTRAIL_DRAIN_S="0")
    control.call("PUT", f"/v1/domains/{DOMAIN}", {})
    async with ending_tls(root.issue_cert(DOMAIN), edge.port) as port:

        async def check(*arguments, **environ):
            known = {"TAPTRAIL_CONTROL_URL": control.url, **environ}
            return await taptrail("domain", "check", "--port", port, *arguments, **known)

        yield check
    edge.stop()


async def test_a_domain_that_is_right_passes_line_by_line(checking, names):
    names.hosts[DOMAIN] = ["127.0.0.1"]

    done, as_json = await checking(DOMAIN), await checking(DOMAIN, "--json")

    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [
        "PASS   dns", "PASS   certificate", "PASS   edge", "Pass",
    ]  # fmt: skip
    answer = json.loads(as_json.stdout)
    assert (answer["domain"], answer["verdict"], len(answer["findings"])) == (DOMAIN, "pass", 3)


async def test_what_is_wrong_is_said_with_what_to_do(checking):
    done = await checking(DOMAIN)

    assert done.returncode == 1
    first, second, last = done.stdout.splitlines()
    assert first == f"FAIL   dns: {DOMAIN} is not in the DNS"
    assert second.startswith(f"       What to do: give {DOMAIN} an A record")
    assert last == f"Fail: send no link on {DOMAIN} before what failed is right."


async def test_what_nobody_can_tell_has_a_status_of_its_own(checking, names):
    names.hosts[DOMAIN] = ["8.8.8.8"]  # no port but 443 is asked there

    assert (await checking(DOMAIN)).returncode == 3


async def test_a_domain_that_is_not_there_or_another_accounts_is_refused_alike(checking, names):
    missing = await checking("go.missing.example")
    foreign = await checking(DOMAIN, TAPTRAIL_API_KEY=ACME)

    assert (missing.returncode, foreign.returncode) == (1, 1)
    for refused, name in ((missing, "go.missing.example"), (foreign, DOMAIN)):
        assert f"there is no domain '{name}' here" in refused.stderr.replace('"', "'")
    assert names.asked == []
