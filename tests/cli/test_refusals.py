"""The commands on a running system: a refusal names the thing, the value and the remedy, and leaves nothing behind."""

import json
import os
import subprocess
import sys

import pytest

from tests.support.stack import Stack

pytestmark = pytest.mark.servers

DOMAIN = "go.acme.example"
TO = ("--to", "https://acme.example/x")


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    running = Stack(tmp_path_factory.mktemp("refusals"))
    assert running.run("domain", "put", DOMAIN).returncode == 0
    yield running
    running.stop()


@pytest.fixture
def contacts(tmp_path):
    path = tmp_path / "contacts.csv"
    path.write_text("contact_id,audience\nc-1,vip\nc-2,[red]x\n")
    return path


def answer(stack, *arguments):
    done = stack.run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refusal(stack, *arguments):
    """What a refused command says: without a traceback, and nothing on stdout."""
    done = stack.run(*arguments)
    assert (done.returncode > 0, done.stdout) == (True, "")
    assert "Traceback" not in done.stderr
    return done.stderr


def mint(broadcast_id, contacts, out, *more):
    known = ("--domain", DOMAIN, "--broadcast", broadcast_id, "--contacts", str(contacts), "--out", str(out))
    return ("mint", *known, *more)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"name\na\n", "the column contact_id is missing"),
        (b"contact_id\na\na\n", "line 3: contact 'a' was on line 2 already"),
        (b"contact_id\n\x81\n", "line 2: character 1 is not Windows-1252"),
        (b"contact_id,destination_index\na,7\n", "line 2: there is no destination 7"),
    ],
)
def test_a_bad_contacts_file_creates_neither_links_nor_broadcast_nor_file(stack, tmp_path, content, said):
    bad = tmp_path / "bad.csv"
    bad.write_bytes(content)

    assert said in refusal(stack, *mint("never", bad, tmp_path / "out.csv", *TO))

    assert 'no broadcast "never"' in refusal(stack, "broadcast", "show", "never")
    assert list(tmp_path.iterdir()) == [bad]


def test_links_are_never_written_over_the_contacts_or_where_they_cannot_be(stack, contacts, tmp_path):
    before = contacts.read_text()

    assert "is the contacts file itself" in refusal(stack, *mint("over", contacts, contacts, *TO))
    assert "does not exist" in refusal(stack, *mint("over", contacts, tmp_path / "no" / "out.csv", *TO))
    assert "/proc/out.csv cannot be written" in refusal(stack, *mint("over", contacts, "/proc/out.csv", *TO))

    assert contacts.read_text() == before
    assert 'no broadcast "over"' in refusal(stack, "broadcast", "show", "over")


@pytest.mark.parametrize(
    ("option", "value"), [("--source", "rcs"), ("--keyword", "SALE"), ("--expires-at", "2040-01-01T00:00:00Z")]
)
def test_an_option_that_differs_from_the_broadcast_is_refused_not_ignored(stack, contacts, tmp_path, option, value):
    answer(stack, "broadcast", "put", "kept", "--domain", DOMAIN, *TO)

    said = refusal(stack, *mint("kept", contacts, tmp_path / "out.csv", option, value))

    assert f"not {value}; leave {option} out" in said


def test_the_same_time_in_another_zone_is_no_difference(stack, contacts, tmp_path):
    answer(stack, *mint("timed", contacts, tmp_path / "1.csv", *TO, "--expires-at", "2040-01-01T00:00:00Z"))

    answer(stack, *mint("timed", contacts, tmp_path / "1.csv", "--expires-at", "2040-01-01T02:00:00+02:00"))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("javascript:alert(1)", "its scheme is javascript; expected https://"),
        ("ftp://acme.example/", "its scheme is ftp"),
        ("https://me:secret@acme.example/", "user name or password"),
        ("https://acme.example/\x01", "control character (U+0001)"),
        (f"https://{DOMAIN}/x", "is a short domain itself"),
        ("https://localhost/", "local name"),
        ("https://192.168.1.1/", "not a public address"),
        (f"https://acme.example/{'x' * 3000}", "at most 2048 are allowed"),
        ("https://acme.example/{Name}", "unknown placeholder {Name}"),
    ],
)
def test_a_destination_that_recipients_must_not_get_is_refused(stack, url, said):
    assert said in refusal(stack, "broadcast", "put", "bad-to", "--domain", DOMAIN, "--to", url)
    assert 'no broadcast "bad-to"' in refusal(stack, "broadcast", "show", "bad-to")


def test_values_are_shown_as_they_are_however_much_they_look_like_markup(stack, contacts, tmp_path):
    keyword, url = "[red]K[/red]:smile:", f"https://acme.example/[b]{'x' * 200}"

    shown = stack.run("broadcast", "put", "markup", "--domain", DOMAIN, "--to", url, "--keyword", keyword).stdout
    answer(stack, *mint("markup", contacts, tmp_path / "out.csv"))

    assert keyword in shown
    assert url in shown
    assert "[red]x" in stack.run("report", "markup").stdout


@pytest.mark.parametrize("broadcast_id", ["", ".", "..", "a/b", "a\nb", "../domains/x"])
def test_an_id_that_would_change_the_path_is_refused_by_name(stack, broadcast_id):
    assert f"the id of the broadcast is {broadcast_id!r}" in refusal(stack, "broadcast", "show", broadcast_id)


def test_a_link_is_shown_as_people_paste_it_and_its_slug_is_given_once(stack):
    make = ("link", "make", "--domain", DOMAIN, *TO, "--slug")
    made = answer(stack, *make, "SALE")

    for pasted in (made["short_url"], f"{DOMAIN}/SALE", f"https://{DOMAIN}/SALE/?utm=x", f"{DOMAIN}/SALE\r\n"):
        assert answer(stack, "link", "show", pasted)["link_id"] == made["link_id"]
    assert "the slug SALE is taken" in refusal(stack, *make, "SALE")
    assert "has the form of a code" in refusal(stack, *make, "abcDEF123")
    assert "expected either --to" in refusal(stack, "link", "make")
    assert "is not a short URL" in refusal(stack, "link", "show", "nothing")


def test_sql_hands_on_bytes_and_refuses_to_write(stack):
    assert "READONLY" in refusal(stack, "sql", "DROP TABLE clicks")
    command = [sys.executable, "-m", "cli", "sql", "SELECT unhex('ff') FORMAT TSV"]
    environ = {**os.environ, "TAPTRAIL_CLICKHOUSE_ANALYST_URL": stack.ready["clickhouse_analyst"]}
    assert subprocess.run(command, env=environ, capture_output=True, check=True).stdout == b"\xff\n"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"TAPTRAIL_CONTROL_URL": "junk"}, "TAPTRAIL_CONTROL_URL=junk: it is not the URL of a service"),
        ({"TAPTRAIL_CONTROL_URL": "http://127.0.0.1:x"}, "TAPTRAIL_CONTROL_URL=http://127.0.0.1:x"),
        ({"TAPTRAIL_CONTROL_URL": "http://127.0.0.1:1"}, "cannot be reached"),
        ({"TAPTRAIL_API_KEY": "wrong"}, "does not know this key; set TAPTRAIL_API_KEY"),
        ({"TAPTRAIL_API_KEY": "wr\nong"}, "TAPTRAIL_API_KEY=***"),
        ({"TAPTRAIL_API_KEY": ""}, "TAPTRAIL_API_KEY is not set"),
        ({"TAPTRAIL_CONTROL_URL": "", "TAPTRAIL_API_KEY": ""}, "set TAPTRAIL_CONTROL_URL and TAPTRAIL_API_KEY"),
    ],
)
def test_a_wrong_variable_is_named_with_what_was_expected(stack, tmp_path, environ, said):
    known = {"TAPTRAIL_CONTROL_URL": stack.ready["control"], "TAPTRAIL_API_KEY": stack.ready["api_key"]}
    given = {**os.environ, "TAPTRAIL_DATA": str(tmp_path), **known, **environ}
    command = [sys.executable, "-m", "cli", "ledger"]
    done = subprocess.run(command, env=given, capture_output=True, text=True, check=False)

    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert said in done.stderr


def test_a_wrong_address_is_told_from_a_missing_broadcast(stack, contacts, tmp_path):
    environ = {**os.environ, "TAPTRAIL_CONTROL_URL": stack.ready["edge"], "TAPTRAIL_API_KEY": "x" * 20}
    command = [sys.executable, "-m", "cli", *mint("b", contacts, tmp_path / "out.csv", *TO)]

    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)

    assert "does TAPTRAIL_CONTROL_URL name the control API?" in done.stderr
