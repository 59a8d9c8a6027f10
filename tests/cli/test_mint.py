import asyncio
import csv
import json
import os
import subprocess
import sys

import pytest

from tests.support.control import DOMAIN, MAIN, SHOP
from tests.support.eventually import eventually

MANY = b"contact_id\n" + b"".join(b"c-%d\n" % number for number in range(150_000))
TO = ("--domain", DOMAIN, "--broadcast", "spring", "--to", SHOP)


@pytest.fixture
def mint(taptrail, tmp_path):
    async def mint(content, *options, to=TO, **environ):
        path = tmp_path / "contacts.csv"
        path.write_bytes(content)
        return await taptrail("mint", *to, "--contacts", path, "--out", tmp_path / "links.csv", *options, **environ)

    return mint


def links(tmp_path):
    with (tmp_path / "links.csv").open(newline="") as file:
        return list(csv.DictReader(file))


async def minted(clickhouse):
    return await clickhouse.value("SELECT count() FROM links")


async def test_contacts_go_in_and_short_links_come_out(mint, tmp_path, clickhouse):
    done = await mint(b"contact_id,audience,name\nc-1,vip,Bo\nc-2,,Al\n")

    assert (done.returncode, done.stdout) == (0, f"2 links are in {tmp_path / 'links.csv'}\n")
    assert f"{DOMAIN} was not known" in done.stderr
    assert [row["contact_id"] for row in links(tmp_path)] == ["c-1", "c-2"]
    assert all(row["short_url"] == f"https://{DOMAIN}/{row['code']}" for row in links(tmp_path))
    assert await clickhouse.value("SELECT groupArray(audience) FROM (SELECT audience FROM links ORDER BY link_id)") == [
        "vip", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [b"\xef\xbb\xbfcontact_id\r\nc-1\r\nc-2\r\n", b'Contact_ID \n"c-1"\n c-2 ', b"contact_id\nc-1\nc-2"],
)
async def test_files_as_spreadsheets_write_them_are_read(mint, tmp_path, content):
    assert (await mint(content)).returncode == 0

    assert [row["contact_id"] for row in links(tmp_path)] == ["c-1", "c-2"]


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "line 1"),
        (b"phone,audience\n1,vip\n", "the column contact_id is missing; the header is 'phone,audience'"),
        (b"contact_id,contact_id\na,b\n", "the column contact_id is in the header twice"),
        (b"contact_id\n", "no contacts below its header"),
        (b"contact_id\nc-1\nc-2\nc-1\n", "line 4: contact 'c-1' was on line 2 already"),
        (b"contact_id\nc-1\n\nc-2\n", "line 3: it is empty"),
        (b"contact_id\nc-1\n\x81\xfe\n", "line 3: character 1 is not Windows-1252"),
        (b"contact_id\nc-1\n" + b"x" * 1_000_000 + b"\n", "line 3: it is too long; at most 65536"),
        (b"contact_id\nc-1\n" + b"x" * 300 + b"\n", "line 3: contact_id has 300 characters; at most 256"),
        (b"contact_id,audience\nc-1,a\nc-2," + b"x" * 129 + b"\n", "line 3: audience has 129 characters; at most 128"),
        (b"contact_id,audience\nc-1,vip\nc-2\n", "line 3: it has 1 fields, the header has 2"),
        (b"contact_id,audience\nc-1,vip\n,vip\n", "line 3: contact_id is empty"),
        (b"contact_id\nc-1\na\x00b\n", "line 3: it holds a control character"),
        (b'contact_id\nc-1\n"c-2\n', "line 3: a quote is opened and not closed"),
        (b"contact_id,destination_index\nc-1,0\nc-2,one\n", "line 3: destination_index is 'one'"),
        (b"contact_id,destination_index\nc-1,0\nc-2,5\n", "line 3: there is no destination 5"),
    ],
)
async def test_a_bad_file_names_its_line_and_mints_nothing(mint, tmp_path, clickhouse, content, named):
    done = await mint(content)

    assert done.returncode == 1
    assert named in done.stderr
    assert len(done.stderr.splitlines()[-1]) < 400
    assert "Traceback" not in done.stderr
    assert await minted(clickhouse) == 0
    assert not (tmp_path / "links.csv").exists()


async def test_bad_lines_are_left_out_and_named_on_request(mint, tmp_path, clickhouse):
    content = b"contact_id,destination_index\nc-1,\n\nc-1,\n\x81,\nc-2,7\n" + b"x" * 1_000_000 + b",\nc-3,0\n"

    done = await mint(content, "--skip-bad")

    assert done.returncode == 0, done.stderr
    assert [row["contact_id"] for row in links(tmp_path)] == ["c-1", "c-3"]
    skipped = sorted(line.split(" skipped")[0] for line in done.stderr.splitlines() if " skipped" in line)
    assert skipped == ["line 3", "line 4", "line 5", "line 6", "line 7"]
    assert "5 lines were skipped" in done.stdout
    assert await minted(clickhouse) == 2


async def test_a_second_run_gives_the_same_links(mint, tmp_path, clickhouse):
    content = b"contact_id\nc-1\nc-2\n"
    await mint(content)
    first = links(tmp_path)

    assert (await mint(content)).returncode == 0

    assert links(tmp_path) == first
    assert await minted(clickhouse) == 2


@pytest.fixture
async def started_mint(tmp_path):
    """Starts `taptrail mint` on 150,000 contacts, three INSERTs, and leaves it running."""
    started = []

    async def start(control):
        (tmp_path / "contacts.csv").write_bytes(MANY)
        command = [sys.executable, "-m", "cli", "mint", *TO, "--contacts", "contacts.csv", "--out", "links.csv"]
        environ = {**os.environ, "TAPTRAIL_CONTROL_URL": control.url, "TAPTRAIL_API_KEY": MAIN}
        process = await asyncio.create_subprocess_exec(*command, cwd=tmp_path, env=environ, stderr=subprocess.PIPE)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def some_are_minted(clickhouse):
    """Waits until some links are durable."""
    await eventually(lambda: minted(clickhouse), within_s=60)


async def pairs(clickhouse):
    rows = await clickhouse.rows("SELECT contact_id, code FROM links", dict)
    return {(row["contact_id"], row["code"]) for row in rows}


def given(tmp_path):
    return {(row["contact_id"], row["code"]) for row in links(tmp_path)}


@pytest.mark.system
async def test_a_run_after_a_kill_completes_the_same_links(control, started_mint, mint, tmp_path, clickhouse):
    process = await started_mint(control)
    await some_are_minted(clickhouse)
    process.kill()
    await process.wait()
    assert not (tmp_path / "links.csv").exists()
    before = await pairs(clickhouse)

    done = await mint(MANY)

    assert done.returncode == 0, done.stderr
    assert len(links(tmp_path)) == 150_000
    assert before <= given(tmp_path) == await pairs(clickhouse)
    assert await minted(clickhouse) == 150_000


@pytest.mark.system
async def test_a_run_after_the_service_was_killed_completes_the_same_links(
    controls, valkey_url, redis, started_mint, mint, tmp_path, clickhouse
):
    control = controls(valkey_url)
    process = await started_mint(control)
    await some_are_minted(clickhouse)
    control.kill()
    _, told = await process.communicate()
    before = await pairs(clickhouse)
    assert (process.returncode, (tmp_path / "links.csv").exists()) == (1, False)
    assert b"Traceback" not in told
    assert 0 < len(before) < 150_000
    lock = await anext(redis.scan_iter("tt:lock:mint:*"))
    assert await redis.pexpire(lock, 3000)  # instead of the 15 s for which a dead process may hold it

    done = await mint(MANY, TAPTRAIL_CONTROL_URL=controls(valkey_url).url)

    assert done.returncode == 0, done.stderr
    assert len(links(tmp_path)) == 150_000
    assert before <= given(tmp_path) == await pairs(clickhouse)
    assert await minted(clickhouse) == 150_000


async def test_several_destinations_give_several_links_a_contact(mint, tmp_path):
    done = await mint(b"contact_id,destination_index\nc-1,\nc-2,1\n", to=(*TO, "--to", SHOP + "&2"))

    assert done.returncode == 0, done.stderr
    assert [(row["contact_id"], row["destination_index"]) for row in links(tmp_path)] == [
        ("c-1", "0"), ("c-1", "1"), ("c-2", "1"),
    ]  # fmt: skip


async def test_a_broadcast_that_leads_elsewhere_is_not_changed_by_minting(mint, control):
    await mint(b"contact_id\nc-1\n")

    other = await mint(b"contact_id\nc-2\n", to=(*TO[:-1], "https://other.example/"))
    assert other.returncode == 1
    assert "taptrail broadcast" in other.stderr
    moved = await mint(b"contact_id\nc-2\n", to=("--domain", "go.other.example", *TO[2:]))
    assert f"is on {DOMAIN}, not on go.other.example" in moved.stderr
    assert (await mint(b"contact_id\nc-2\n", to=TO[:-2])).returncode == 0


async def test_what_the_service_refuses_is_told(mint, clickhouse):
    done = await mint(b"contact_id\nc-1\n", to=(*TO[:-1], "http://shop.example/"))

    assert done.returncode == 1
    assert "destinations[0]" in done.stderr
    assert "https://" in done.stderr


async def test_a_service_that_is_away_is_named(mint):
    done = await mint(b"contact_id\nc-1\n", TAPTRAIL_CONTROL_URL="http://127.0.0.1:1")

    assert done.returncode == 1
    assert "http://127.0.0.1:1 cannot be reached" in done.stderr


async def test_without_a_service_the_ways_to_name_one_are_told(mint):
    done = await mint(b"contact_id\nc-1\n", TAPTRAIL_CONTROL_URL="", TAPTRAIL_API_KEY="")

    assert done.returncode == 1
    assert "TAPTRAIL_CONTROL_URL" in done.stderr
    assert "taptrail up" in done.stderr


async def test_a_folder_that_is_not_there_is_told_before_anything_is_minted(mint, taptrail, tmp_path, clickhouse):
    (tmp_path / "contacts.csv").write_text("contact_id\nc-1\n")

    done = await taptrail("mint", *TO, "--contacts", "contacts.csv", "--out", "nowhere/links.csv")

    assert done.returncode == 1
    assert "does not exist" in done.stderr
    assert await minted(clickhouse) == 0


async def test_links_of_a_broadcast_that_is_over_are_minted_with_a_warning(mint, taptrail):
    assert json.loads((await mint(b"contact_id\nc-1\n", "--json")).stdout)["warnings"] is not None
    await taptrail("broadcast", "stop", "spring")

    done = await mint(b"contact_id\nc-2\n", "--json")

    assert done.returncode == 0
    assert "Warning: broadcast spring is stopped" in done.stderr
    assert any("is stopped" in warning for warning in json.loads(done.stdout)["warnings"])


async def test_a_file_that_grew_mints_what_it_grew_by(mint, tmp_path, clickhouse):
    await mint(b"contact_id\nc-1\nc-2\n")
    first = links(tmp_path)

    done = await mint(b"contact_id,name\nc-3,Cy\nc-2,Bo\nc-1,Al\n", "--json")

    assert done.returncode == 0, done.stderr
    assert "Warning: 2 links were there already" in done.stderr
    assert [row for row in links(tmp_path) if row["contact_id"] != "c-3"] == first[::-1]
    said = json.loads(done.stdout)
    assert (said["links"], said["existing"], await minted(clickhouse)) == (3, 2, 3)


async def test_a_dry_run_says_what_would_be_minted_and_makes_nothing(mint, taptrail, tmp_path, clickhouse):
    new = await mint(b"contact_id\nc-1\n", "--dry-run")
    assert (new.returncode, await clickhouse.value("SELECT count() FROM broadcasts")) == (0, 0)
    await mint(b"contact_id\nc-1\nc-2\n")
    before = links(tmp_path)

    done = await taptrail("mint", *TO, "--contacts", tmp_path / "contacts.csv", "--dry-run")
    grown = await mint(b"contact_id\nc-2\nc-3\n\n", "--dry-run", "--skip-bad", "--json")

    assert new.stdout.startswith("1 link would be minted, 0 ")
    assert done.stdout.startswith("0 links would be minted, 2 of")
    assert json.loads(grown.stdout) == {"broadcast_id": "spring", "new": 1, "existing": 1, "skipped": 1}
    assert (links(tmp_path), await minted(clickhouse)) == (before, 2)


async def test_again_mints_for_everybody_once_for_each_file(mint, tmp_path, clickhouse):
    content = b"contact_id\nc-1\nc-2\n"
    await mint(content)
    first = links(tmp_path)

    for _ in range(2):
        assert (await mint(content, "--again")).returncode == 0

    assert {row["code"] for row in links(tmp_path)}.isdisjoint({row["code"] for row in first})
    assert await minted(clickhouse) == 4


async def test_without_a_file_for_the_links_nothing_is_minted(taptrail, tmp_path):
    (tmp_path / "contacts.csv").write_text("contact_id\nc-1\n")

    done = await taptrail("mint", *TO, "--contacts", "contacts.csv")

    assert done.returncode == 2
    assert "--out is missing" in done.stderr


async def test_a_domain_that_may_be_misspelt_is_registered_with_a_loud_warning(mint, taptrail):
    await taptrail("domain", "put", DOMAIN)
    await taptrail("domain", "put", "go.elsewhere.example")

    done = await mint(b"contact_id\nc-1\n", "--json", to=("--domain", "go.acne.exmple", *TO[2:]))

    assert done.returncode == 0, done.stderr
    assert f"was {DOMAIN} meant" in done.stderr
    assert "IS REGISTERED NOW" in done.stderr
    assert "another --broadcast" in done.stderr
    assert len(json.loads(done.stdout)["warnings"]) == 2
