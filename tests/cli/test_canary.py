"""`taptrail canary`."""

import csv
import io
import json

import pytest

from tests.support.control import contacts


@pytest.fixture
def phones(tmp_path):
    path = tmp_path / "phones.csv"
    path.write_text("Phone,audience\nown-1,office\nown-2,\n")
    return path


@pytest.fixture
def spring(control):
    control.broadcast()
    assert control.mint(contacts(20, audience="vip")).status == 200
    return control


async def test_canaries_are_printed_as_the_api_gives_them(taptrail, spring):
    done = await taptrail("canary", "--broadcast", "spring", "--count", 5, "--json")

    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)["canaries"]
    assert [one["audience"] for one in made] == ["vip"] * 5
    assert (await taptrail("report", "spring")).stdout.count("Canaries: 0 of 5 tapped") == 1


async def test_phones_of_a_file_get_one_each_and_the_others_go_to_nobody(taptrail, spring, phones):
    arguments = ("--contacts", phones, "--map", "contact_id=Phone", "--csv")

    alone = await taptrail("canary", "--broadcast", "spring", *arguments)
    more = await taptrail("canary", "--broadcast", "spring", "--count", 4, *arguments)
    fewer = await taptrail("canary", "--broadcast", "spring", "--count", 1, *arguments)

    made = [list(csv.DictReader(io.StringIO(done.stdout))) for done in (alone, more, fewer)]
    assert [[one["contact_id"] for one in lines] for lines in made] == [
        ["own-1", "own-2"], ["own-1", "own-2", "", ""], ["own-1"],
    ]  # fmt: skip
    assert [one["audience"] for one in made[0]] == ["office", "vip"]
    assert "the first 1 get a canary" in fewer.stderr


async def test_a_table_shows_the_urls_to_send(taptrail, spring):
    done = await taptrail("canary", "--broadcast", "spring", "--count", 2)

    assert done.stdout.count("https://go.acme.example/") == 2


async def test_what_is_wrong_is_named(taptrail, spring, tmp_path):
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("contact_id\ncanary:1\n")

    for arguments, said in [
        (("--broadcast", "winter"), "winter"),
        (("--broadcast", "spring", "--count", "20000"), "10000"),
        (("--broadcast", "spring", "--contacts", wrong), "line 2"),
    ]:
        done = await taptrail("canary", *arguments)
        assert done.returncode == 1
        assert said in done.stderr, (arguments, done.stderr)
