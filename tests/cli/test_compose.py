import csv
import json

import pytest
from rich.cells import cell_len

from tests.support.control import DOMAIN

SHOP = "https://shop.acme.example/o/{order}"
PLAIN = "https://shop.acme.example"
TEXT = f"Hi {{first_name|there}}: {SHOP}"
CONTACTS = "Phone;First name;Order;Note\n+14155550101;Ada;17;a\n+14155550102;Zoë;18;b\n"
MAP = ("--map", "contact_id=Phone")


@pytest.fixture
def compose(taptrail, tmp_path):
    async def compose(*options, text=TEXT, contacts=CONTACTS):
        (tmp_path / "contacts.csv").write_text(contacts, encoding="utf-8")
        named = () if text is None else ("--text", text)
        return await taptrail(
            "compose", "--domain", DOMAIN, "--broadcast", "spring", *named, *MAP,
            "--contacts", tmp_path / "contacts.csv", *options,
        )  # fmt: skip

    return compose


async def test_a_text_and_contacts_go_in_and_messages_come_out(compose, tmp_path, clickhouse):
    done = await compose("--out", tmp_path / "messages.csv")

    assert (done.returncode, done.stdout) == (0, f"2 messages in {tmp_path / 'messages.csv'}\n"), done.stderr
    with (tmp_path / "messages.csv").open(newline="", encoding="utf-8") as file:
        ada, zoe = csv.DictReader(file)
    assert ada["contact_id"] == "+14155550101"
    assert ada["text"].startswith(f"Hi Ada: https://{DOMAIN}/")
    assert zoe["text"].startswith(f"Hi Zoë: https://{DOMAIN}/")
    assert await clickhouse.value("SELECT groupArray(fields['order']) FROM (SELECT * FROM links ORDER BY link_id)") == [
        "17", "18",
    ]  # fmt: skip


async def test_a_dry_run_is_read_at_80_columns_and_makes_nothing(compose, clickhouse):
    done = await compose("--dry-run")

    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    for said in ("2 messages, 2 segments; nothing was minted", "1  unicode-because-of", "ë (U+00EB) in 1",
                 "+14155550102 (first_name)", "sample 2, contact +14155550102"):  # fmt: skip
        assert said in done.stdout
    assert await clickhouse.value("SELECT count() FROM broadcasts") == 0


async def test_a_dry_run_says_what_the_domain_asks_for(compose, control):
    control.call("PUT", f"/v1/domains/{DOMAIN}", {"asks_opt_out": True})

    done = await compose("--dry-run", text=f"Hi {{first_name}}: {PLAIN}")

    assert "2  no-opt-out" in done.stdout, done.stderr


async def test_a_dry_run_in_wide_letters_is_read_at_80_columns(compose):
    text = "{first_name}様、春のセールのお知らせです。" + "期間限定の割引をどうぞご利用ください。" * 3 + f"👉{PLAIN}🎉"
    contacts = "Phone;First name\n" + "".join(f"顧客番号{number}の山田太郎;山田{number}\n" for number in range(9))

    done = await compose("--dry-run", text=text, contacts=contacts)

    assert done.returncode == 0, done.stderr
    assert max(map(cell_len, done.stdout.splitlines())) <= 80
    assert "期間限定の割引をどうぞご利用ください。" in done.stdout.replace("\n  ", "")


async def test_the_encoding_of_a_file_is_asked_for_and_taken(taptrail, tmp_path):
    contacts = tmp_path / "contacts.csv"
    contacts.write_bytes("contact_id,名前\r\n+819012345678,髙橋太郎\r\n".encode("cp932"))
    words = ("compose", "--domain", DOMAIN, "--broadcast", "b", "--text", f"{{name}}様{PLAIN}", "--map", "name=名前",
             "--contacts", contacts, "--dry-run")  # fmt: skip

    refused, read = await taptrail(*words), await taptrail(*words, "--encoding", "Shift_JIS")
    wrong = await taptrail(*words, "--encoding", "klingon")

    assert "or name its encoding by --encoding, such as shift_jis" in refused.stderr
    assert f"{contacts} was read as Shift_JIS\n" in read.stderr
    assert "髙橋太郎様https://" in read.stdout, read.stderr
    assert "'klingon' is no encoding" in wrong.stderr


async def test_a_text_comes_from_a_file_and_the_broadcast_keeps_it(compose, tmp_path):
    (tmp_path / "text.txt").write_bytes(TEXT.encode() + b"\r\n")
    out = ("--out", tmp_path / "m.csv")

    assert (await compose(*out, text="@text.txt")).returncode == 0
    assert (await compose(*out, text=None)).returncode == 0
    other = await compose(*out, text=f"Other {SHOP}")
    assert "has another text" in other.stderr


@pytest.mark.parametrize("written", ["GRUẞ.example", "gruß。example", "xn--gru-7ka.example."])
async def test_a_domain_may_be_written_in_its_own_script(taptrail, tmp_path, written):
    (tmp_path / "contacts.csv").write_text("contact_id\nc-1\n", encoding="utf-8")
    files = ("--contacts", tmp_path / "contacts.csv", "--out", tmp_path / "m.csv")
    for domain in ("gruß.example", written):
        done = await taptrail(
            "compose", "--domain", domain, "--broadcast", "b", "--text", "x https://a.example", *files
        )

        assert done.returncode == 0, done.stderr
        assert "https://xn--gru-7ka.example/" in (tmp_path / "m.csv").read_text(encoding="utf-8")


async def test_a_dry_run_names_an_id_that_no_broadcast_may_have(taptrail, tmp_path):
    (tmp_path / "contacts.csv").write_text("contact_id\nc-1\n", encoding="utf-8")
    to = ("--domain", DOMAIN, "--broadcast", "春", "--contacts", tmp_path / "contacts.csv", "--dry-run")

    for words in (("compose", *to, "--text", PLAIN), ("mint", *to, "--to", PLAIN)):
        done = await taptrail(*words)

        assert (done.returncode, "the id of the broadcast is '春'; expected" in done.stderr) == (1, True), done.stderr


async def test_messages_are_written_as_a_sending_service_takes_them(compose, tmp_path):
    done = await compose("--out", tmp_path / "m.ndjson", "--format", "twilio")

    assert done.returncode == 0, done.stderr
    first = json.loads((tmp_path / "m.ndjson").read_text(encoding="utf-8").splitlines()[0])
    assert (first["To"], first["Body"][:8]) == ("+14155550101", "Hi Ada: ")


@pytest.mark.parametrize(
    ("text", "contacts", "named"),
    [
        ("{first_name https://a.example", CONTACTS, "--text line 1, column 1: a brace is opened and not closed"),
        ("no link", CONTACTS, "--text holds no URL"),
        (f"{{shoe}} {SHOP}", CONTACTS, "shoe"),
        (TEXT, "Phone,Order\n+14155550101,..\n", "field order is '..'"),
    ],
)
async def test_what_is_wrong_is_said_before_anything_is_made(compose, tmp_path, clickhouse, text, contacts, named):
    done = await compose("--out", tmp_path / "m.csv", text=text, contacts=contacts)

    assert done.returncode == 1
    assert named in done.stderr
    assert await clickhouse.value("SELECT count() FROM broadcasts") == 0
    assert not (tmp_path / "m.csv").exists()
