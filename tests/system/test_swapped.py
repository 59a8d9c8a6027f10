"""A destination is swapped while people tap: each tap stays with the page that it was sent to."""

import json
import re
import urllib.error
import urllib.request

from tests.support.eventually import wait_until

A, B, OTHER = (f"https://shop.acme.example/{page}" for page in "abc")
TEXT = f"Sale: {A} or {OTHER}"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Mobile/15E148 Safari"


def test_each_tap_counts_for_the_page_it_was_sent_to_through_a_swap_and_its_rollback(stack, tmp_path):
    contacts = tmp_path / "contacts.csv"
    contacts.write_text("contact_id\n" + "".join(f"c-{number}\n" for number in range(6)))
    stack.succeed("domain", "put", "go.acme.example")
    stack.succeed("compose", "--domain", "go.acme.example", "--broadcast", "sale", "--text", TEXT, "--contacts",
        str(contacts), "--out", str(tmp_path / "messages.csv"))  # fmt: skip
    codes = re.findall("go.acme.example/([A-Za-z0-9]+)", (tmp_path / "messages.csv").read_text())
    first, second = codes[::2], codes[1::2]

    assert {tap(stack, code) for code in first[:3]} == {A}
    stack.succeed("broadcast", "destination", "sale", "0", B)
    wait_until(lambda: tap(stack, first[3], "Twitterbot/1.0"), equals=B, within_s=2)
    assert {tap(stack, code) for code in first[1:3]} == {B}
    assert tap(stack, second[0]) == OTHER
    swapped = text(stack)
    stack.succeed("broadcast", "rollback", "sale")
    wait_until(lambda: tap(stack, first[3], "Twitterbot/1.0"), equals=A, within_s=2)
    assert tap(stack, first[5]) == A

    assert (swapped, text(stack)) == ((TEXT.replace(A, B), [B, OTHER]), (TEXT, [A, OTHER]))
    credited = {(A, 1): 3, (B, 2): 2, (OTHER, 1): 1, (A, 3): 1}
    wait_until(lambda: rows(stack), equals=credited, within_s=30)
    report = json.loads(stack.succeed("report", "sale", "--json"))["by_destination"]
    assert {(row["destination"], row["destination_version"]): row["clicks"] for row in report} == credited
    assert [row["destination"] for row in report if row["in_force"]] == [A, OTHER]


def text(stack):
    shown = json.loads(stack.succeed("broadcast", "show", "sale", "--json"))
    return shown["text"], shown["destinations"]


def rows(stack):
    """Taps of people by what the rows themselves say."""
    counted = "destination, destination_version, count() AS taps FROM clicks WHERE visit_class = 'human'"
    lines = stack.succeed("sql", f"SELECT {counted} GROUP BY ALL FORMAT JSONEachRow").splitlines()
    return {
        (row["destination"], int(row["destination_version"]) or 1): int(row["taps"]) for row in map(json.loads, lines)
    }


def tap(stack, code, agent=PHONE):
    request = urllib.request.Request(
        f"{stack.ready['edge']}/{code}", headers={"Host": "go.acme.example", "User-Agent": agent}
    )
    try:
        return urllib.request.build_opener(_NoRedirect).open(request).status
    except urllib.error.HTTPError as error:
        return error.headers.get("Location") or error.code


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments):
        return None
