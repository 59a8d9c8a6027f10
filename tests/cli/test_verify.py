import json

import pytest

from tests.support.control import contacts
from tests.support.edge import Edge

pytestmark = pytest.mark.servers
PAGE = "https://shop.acme.example/"


@pytest.fixture
def asked(valkey_url, clickhouse_url, tmp_path, controls, redis):
    """A control process that knows an edge; gives what `taptrail` needs to reach it."""
    edge = Edge(valkey_url, clickhouse_url, tmp_path, TAPTRAIL_DRAIN_S="0")
    control = controls(valkey_url, TAPTRAIL_EDGE_URL=f"http://127.0.0.1:{edge.port}")
    control.broadcast("spring", (PAGE,))
    control.mint(contacts(30))
    yield {"TAPTRAIL_CONTROL_URL": control.url}
    edge.stop()


async def test_a_broadcast_that_is_right_passes(taptrail, asked):
    done = await taptrail("verify", "--broadcast", "spring", "--no-fetch", "--sample", "all", **asked)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "Looked at 30 of 30 links and 0 pages: 0 failures, 0 doubts, 0 warnings.\n"
        "Pass: nothing is wrong with what was looked at.\n"
    )


async def test_what_failed_is_named_with_some_examples(taptrail, asked, control):
    control.call("PATCH", "/v1/broadcasts/spring", {"stopped": True})

    done = await taptrail("verify", "--broadcast", "spring", "--no-fetch", **asked)

    assert done.returncode == 1
    assert "FAIL   edge: the broadcast's links are stopped" in done.stdout


async def test_what_nobody_could_tell_has_a_status_of_its_own(taptrail, control):
    control.broadcast("spring", (PAGE,))
    control.mint(contacts(1))

    done = await taptrail("verify", "--broadcast", "spring", "--no-fetch", "--json")

    assert done.returncode == 3
    finding, last = map(json.loads, done.stdout.splitlines())
    assert (finding["outcome"], finding["check"]) == ("unsure", "edge")
    assert last["verdict"] == "unsure"


@pytest.mark.parametrize("sample", ["0", "some", "1000001"])
async def test_a_wrong_sample_is_refused_by_name(taptrail, control, sample):
    control.broadcast("spring", (PAGE,))

    done = await taptrail("verify", "--broadcast", "spring", "--sample", sample)

    assert done.returncode in (1, 2)
    assert sample in done.stderr
