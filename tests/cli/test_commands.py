import json

import msgspec
import pytest

from records.keys import LANES, WATERMARKS, lane_name
from records.lane_registry import LaneReport
from tests.support.barcodes import read_back
from tests.support.click_rows import click
from tests.support.control import DOMAIN, SHOP, contacts


async def test_a_broadcast_is_put_fixed_stopped_and_resumed(taptrail, control):
    await taptrail("domain", "put", DOMAIN)

    await taptrail("broadcast", "put", "spring", "--domain", DOMAIN, "--to", SHOP, "--keyword", "SPRING")
    await taptrail("broadcast", "to", "spring", "https://other.example/")
    stopped = await taptrail("broadcast", "stop", "spring", "--json")

    assert stopped.returncode == 0, stopped.stderr
    answer = json.loads(stopped.stdout)
    assert (answer["destinations"], answer["keyword"], answer["stopped"]) == (
        ["https://other.example/"],
        "SPRING",
        True,
    )
    await taptrail("broadcast", "resume", "spring")
    shown = await taptrail("broadcast", "show", "spring", "--json")
    assert json.loads(shown.stdout)["stopped"] is False


async def test_a_placeholder_that_a_fixed_destination_has_no_more_is_named(taptrail, control):
    control.broadcast()

    kept = await taptrail("broadcast", "to", "spring", "https://other.example/?id={contact_id}")
    gone = await taptrail("broadcast", "to", "spring", "https://other.example/", "--json")

    assert (kept.returncode, kept.stderr) == (0, "")
    assert gone.returncode == 0
    assert "Warning: {contact_id} is gone" in gone.stderr
    assert len(json.loads(gone.stdout)["warnings"]) == 1


async def test_a_domain_is_put_and_shown(taptrail, control):
    put = await taptrail("domain", "put", DOMAIN, "--json")
    shown = await taptrail("domain", "show", DOMAIN, "--json")

    assert json.loads(put.stdout) == json.loads(shown.stdout)
    assert DOMAIN in (await taptrail("domain", "show", DOMAIN)).stdout


async def test_putting_a_domain_again_changes_what_is_named_alone(taptrail, control):
    files = {"apple-app-site-association": {"applinks": {}}}
    whole = {"home": "https://acme.example/", "not_found": "https://acme.example/404", "app_links": files}
    control.call("PUT", f"/v1/domains/{DOMAIN}", {**whole, "display_name": "Acme"})

    put = await taptrail("domain", "put", DOMAIN, "--display-name", "Acme & Co", "--home", "", "--json")

    assert put.returncode == 0, put.stderr
    answer = json.loads(put.stdout)
    assert (answer["display_name"], answer["home"]) == ("Acme & Co", None)
    assert (answer["not_found"], answer["app_links"]) == (whole["not_found"], files)


async def test_putting_a_broadcast_again_changes_what_is_named_alone(taptrail, control):
    control.broadcast(keyword="SPRING", expires_at="2999-01-01T00:00:00Z", stopped=True)

    put = await taptrail("broadcast", "put", "spring", "--source", "poster", "--json")
    cleared = await taptrail("broadcast", "put", "spring", "--keyword", "", "--expires-at", "", "--json")

    answer = json.loads(put.stdout)
    assert (answer["source"], answer["keyword"], answer["stopped"]) == ("poster", "SPRING", True)
    assert (answer["destinations"], answer["expires_at"]) == ([SHOP], "2999-01-01T00:00:00Z")
    answer = json.loads(cleared.stdout)
    assert (answer["source"], answer["keyword"], answer["expires_at"]) == ("poster", "", None)


async def test_a_new_broadcast_says_which_options_it_needs(taptrail, control):
    done = await taptrail("broadcast", "put", "new", "--keyword", "SPRING")

    assert done.returncode == 2
    assert "a new one needs --domain" in done.stderr


async def test_a_missing_broadcast_exits_with_1_and_a_sentence(taptrail):
    done = await taptrail("broadcast", "show", "nowhere")

    assert done.returncode == 1
    assert done.stderr == 'Error: account main has no broadcast "nowhere"\n'


async def test_the_report_is_printed(taptrail, control):
    control.broadcast()
    control.mint(contacts(3, audience="vip"))

    printed = await taptrail("report", "spring")
    assert "3 links" in printed.stdout
    assert "vip" in printed.stdout
    assert json.loads((await taptrail("report", "spring", "--json")).stdout)["links"] == 3


async def test_the_report_calls_places_what_they_are_and_says_hours_in_the_broadcasts_zone(
    taptrail, control, clickhouse
):
    await taptrail("domain", "put", DOMAIN)
    where = ("--domain", DOMAIN, "--to", SHOP, "--timezone", "Europe/Berlin")
    assert (await taptrail("broadcast", "put", "spring", *where)).returncode == 0
    control.mint(contacts(1))
    await click(clickhouse, "c-0", country="DE", region="Bavaria", visitor_id=1)

    printed = (await taptrail("report", "spring")).stdout

    assert "By country of the network" in printed
    assert "By region of the network (a phone's is mostly its carrier's gateway)" in printed
    assert "Hours of the week in Europe/Berlin" in printed


async def test_the_report_says_that_one_personal_link_was_sent_to_many(taptrail, control, clickhouse):
    control.broadcast()
    control.mint(contacts(3))
    assert "personal link" not in (await taptrail("report", "spring")).stdout
    for visitor in range(4):
        await click(clickhouse, "c-0", visitor_id=visitor)

    printed = (await taptrail("report", "spring")).stdout

    assert "1 personal link was tapped by more people than one can be" in printed


async def test_a_ledger_that_adds_up_ends_with_0(taptrail, redis):
    state = LaneReport("edge-1", 5, 5, 3, 0)
    await redis.hset(LANES, lane_name(1), msgspec.json.encode(state))

    done = await taptrail("ledger", "--json")

    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["answered"], answer["waiting"], answer["pending"], answer["gap"]) == (5, 2, 3, 0)
    assert (await taptrail("ledger")).returncode == 0


async def test_a_ledger_with_a_gap_ends_with_1(taptrail, redis):
    await redis.hset(LANES, lane_name(1), msgspec.json.encode(LaneReport("edge-1", 5, 5, 5, 0)))
    await redis.hset(WATERMARKS, lane_name(1), 5)

    done = await taptrail("ledger")

    assert done.returncode == 1
    assert "5 clicks are missing or doubled" in done.stdout


async def test_the_tables_are_queried_as_the_analyst(taptrail, control, analyst_url):
    control.broadcast()
    control.mint(contacts(3))
    query = "SELECT count() AS links FROM links"

    rows = await taptrail("sql", query, "--json", TAPTRAIL_CLICKHOUSE_ANALYST_URL=analyst_url)
    assert [int(json.loads(line)["links"]) for line in rows.stdout.splitlines()] == [3]
    view = await taptrail("sql", "SELECT links FROM broadcast_report", TAPTRAIL_CLICKHOUSE_ANALYST_URL=analyst_url)
    assert "3" in view.stdout
    refused = await taptrail("sql", "TRUNCATE TABLE links", TAPTRAIL_CLICKHOUSE_ANALYST_URL=analyst_url)
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr


async def test_a_shared_link_is_made_and_looked_up(taptrail, control):
    control.broadcast()

    made = await taptrail("link", "make", "--domain", DOMAIN, "--to", SHOP.split("?")[0], "--slug", "SALE", "--json")
    assert made.returncode == 0, made.stderr
    shown = await taptrail("link", "show", f"https://{DOMAIN}/SALE", "--json")

    assert json.loads(shown.stdout)["link_id"] == json.loads(made.stdout)["link_id"]


@pytest.mark.parametrize("name", ["edge", "aggregator", "control"])
async def test_the_processes_refuse_to_start_without_their_settings(taptrail, name):
    done = await taptrail(name, TAPTRAIL_CODE_KEY="")

    assert done.returncode == 2
    assert done.stderr.startswith("TAPTRAIL_")


async def test_every_command_is_listed_and_explains_itself(taptrail):
    listed = (await taptrail("--help")).stdout

    for name in (
        "up",
        "mint",
        "broadcast",
        "domain",
        "link",
        "report",
        "ledger",
        "sql",
        "edge",
        "aggregator",
        "control",
    ):
        assert name in listed
        assert (await taptrail(name, "--help")).returncode == 0


async def test_what_a_domain_asks_for_is_taken_back_by_its_opposite(taptrail, control):
    asked = await taptrail("domain", "put", DOMAIN, "--asks-opt-out", "--json")
    kept = await taptrail("domain", "put", DOMAIN, "--display-name", "Acme", "--json")
    ended = await taptrail("domain", "put", DOMAIN, "--no-asks-opt-out", "--json")

    assert [json.loads(done.stdout)["asks_opt_out"] for done in (asked, kept, ended)] == [True, True, False]


async def test_a_domain_without_links_is_deleted(taptrail, control):
    await taptrail("domain", "put", DOMAIN)

    deleted = await taptrail("domain", "delete", DOMAIN)

    assert (deleted.returncode, deleted.stdout) == (0, f"{DOMAIN} is deleted.\n")
    assert (await taptrail("domain", "show", DOMAIN)).returncode == 1


async def test_a_domain_with_links_is_not_deleted(taptrail, control):
    control.broadcast()
    control.mint(contacts(3))

    refused = await taptrail("domain", "delete", DOMAIN)

    assert refused.returncode == 1
    assert f"{DOMAIN} has 3 links" in refused.stderr


async def test_a_query_into_a_pipe_gives_every_row_without_a_frame(taptrail, analyst_url):
    query = "SELECT number AS n, 'a b' AS word FROM numbers(20000)"

    piped = await taptrail("sql", query, TAPTRAIL_CLICKHOUSE_ANALYST_URL=analyst_url)
    as_csv = await taptrail("sql", query, "--csv", TAPTRAIL_CLICKHOUSE_ANALYST_URL=analyst_url)

    assert piped.stdout.splitlines() == ["n\tword", *(f"{number}\ta b" for number in range(20_000))]
    assert as_csv.stdout.splitlines() == ['"n","word"', *(f'{number},"a b"' for number in range(20_000))]


async def test_the_look_of_a_domains_pages_is_put_by_parts_and_cleared(taptrail, control):
    logo = "https://cdn.acme.example/logo.svg?a=b"

    put = await taptrail("domain", "put", DOMAIN, "--page", "color=#0a5", "--page", f"logo={logo}", "--json")
    shown = await taptrail("domain", "show", DOMAIN)
    wrong = await taptrail("domain", "put", DOMAIN, "--page", "colour=#0a5")
    cleared = await taptrail("domain", "put", DOMAIN, "--page", "", "--json")

    assert json.loads(put.stdout)["page"] == {"color": "#0a5", "logo": logo}
    assert "color: #0a5" in shown.stdout
    assert wrong.returncode == 2
    assert "expected color=VALUE or logo=VALUE or language=VALUE" in wrong.stderr
    assert json.loads(cleared.stdout)["page"] is None


async def test_a_qr_code_is_written_into_a_file(taptrail, control, tmp_path):
    control.broadcast()
    control.call("POST", "/v1/links", {"short_domain": DOMAIN, "destination": "https://acme.example/", "slug": "SALE"})
    out = tmp_path / "sale.png"

    done = await taptrail("link", "qr", f"{DOMAIN}/SALE", "--out", str(out), "--size", "256")
    small = await taptrail("link", "qr", f"{DOMAIN}/SALE", "--out", str(out), "--size", "8")
    other = await taptrail("link", "qr", f"{DOMAIN}/SALE", "--out", "sale.pdf")
    nowhere = await taptrail("link", "qr", f"{DOMAIN}/SALE", "--out", str(tmp_path / "no" / "sale.svg"))

    assert done.returncode == 0, done.stderr
    assert read_back(out.read_bytes()) == [f"https://{DOMAIN}/SALE?via=qr"]
    assert (small.returncode, "expected a whole number from 64 to 4,096" in small.stderr) == (1, True)
    assert (other.returncode, ".svg or .png" in other.stderr) == (2, True)
    assert (nowhere.returncode, "No such file or directory" in nowhere.stderr) == (1, True)
