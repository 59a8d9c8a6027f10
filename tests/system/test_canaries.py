"""Taps of canaries and of links that are handed on, from the edge to the report."""

import csv
import json
import urllib.error
import urllib.request

from tests.support.eventually import wait_until

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/18.5 Mobile/15E148 Safari/604.1"
)
DESKTOP = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)
MACHINE = "curl/8.5.0"


def test_a_report_tells_recipients_from_those_they_forward_to_and_from_what_taps_canaries(stack, tmp_path):
    (tmp_path / "contacts.csv").write_text("contact_id\n" + "".join(f"c-{number}\n" for number in range(6)))
    stack.succeed("domain", "put", "go.acme.example")
    stack.succeed("mint", "--domain", "go.acme.example", "--broadcast", "sale", "--to", "https://shop.acme.example/",
        "--contacts", str(tmp_path / "contacts.csv"), "--out", str(tmp_path / "links.csv"))  # fmt: skip
    links = [row["code"] for row in csv.DictReader((tmp_path / "links.csv").open())]
    made = json.loads(stack.succeed("canary", "--broadcast", "sale", "--count", "10", "--json"))["canaries"]
    canaries = [one["code"] for one in made]
    assert {len(code) for code in links} == {len(code) for code in canaries}

    for code, agent in [
        (links[0], PHONE), (links[0], DESKTOP), (links[0], DESKTOP), (links[1], PHONE), (links[1], PHONE),
        (links[2], PHONE), (links[2], MACHINE),
        (canaries[0], MACHINE), (canaries[1], MACHINE), (canaries[2], PHONE), (canaries[2], DESKTOP),
    ]:  # fmt: skip
        assert tap(stack, code, agent) == 302

    wait_until(lambda: report(stack)["canaries"]["tapped"], equals=3, within_s=30)
    wait_until(lambda: sum(report(stack)["clicks"].values()), equals=7, within_s=30)
    found = report(stack)
    assert (found["links"], found["contacts"], found["unique_contacts"]) == (6, 6, 3)
    assert (found["clicks"]["human"], found["forwarded"]) == (6, {"links": 1, "taps": 2})
    canary = found["canaries"]
    assert (canary["links"], canary["scan_rate"], canary["judged_human"], canary["miss_rate"]) == (10, 0.3, 1, 1 / 3)
    said = stack.succeed("report", "sale")
    assert "Forwarded: 1 link was tapped on devices that differ, 2 times by others" in said
    assert (
        "Canaries: 3 of 10 tapped, so machines open 10.8% to 60.3% of all links; 1 of these were judged human" in said
    )
    assert "It adds up" in stack.succeed("ledger")


def report(stack):
    return json.loads(stack.succeed("report", "sale", "--json"))


def tap(stack, code, agent):
    request = urllib.request.Request(
        f"{stack.ready['edge']}/{code}", headers={"Host": "go.acme.example", "User-Agent": agent}
    )
    try:
        return urllib.request.build_opener(_NoRedirect).open(request).status
    except urllib.error.HTTPError as error:
        return error.code


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments):
        return None
