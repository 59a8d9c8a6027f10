"""Whose a domain may be, and where links may lead, between accounts."""

import asyncio

import dns.rcode
import pytest

from control.catalogue.domain_proof import DnsProof, check_not_public
from control.http.problems import Problem
from tests.support.control import ACME, DOMAIN, MAIN, SEATTLE, SHOP
from tests.support.dns_server import DnsServer

PATH, RECORD = f"/v1/domains/{DOMAIN}", f"_taptrail.{DOMAIN}"
CODE_KEY = bytes(range(16))


@pytest.mark.parametrize("name", ["co.uk", "github.io", "com.ac", "foo.ck", "s3.amazonaws.com"])
def test_a_public_suffix_is_refused(name):
    with pytest.raises(Problem) as raised:
        check_not_public(name)

    assert (raised.value.status, raised.value.field) == (422, "domain")
    assert name in raised.value.detail


@pytest.mark.parametrize("name", ["acme.co.uk", "acme.github.io", "acme.example", "www.ck", "localhost"])
def test_a_name_below_a_public_suffix_is_not(name):
    check_not_public(name)


def test_a_token_is_of_one_account_one_domain_and_one_installation():
    proof = DnsProof(CODE_KEY, "127.0.0.1")
    tokens = {
        proof.token("acme", DOMAIN), proof.token("acme/seattle", DOMAIN), proof.token("acme", "go.beta.example"),
        DnsProof(b"k" * 16, "127.0.0.1").token("acme", DOMAIN),
    }  # fmt: skip

    assert len(tokens) == 4
    assert proof.token("acme", DOMAIN) == DnsProof(CODE_KEY, "[::1]:5353").token("acme", DOMAIN)


@pytest.fixture
async def dns_server():
    async with DnsServer().running() as server:
        yield server


@pytest.fixture
async def proving(controls, valkey_url, redis, clickhouse, dns_server):
    """Calls a control process that wants proof."""
    settings = {"TAPTRAIL_DOMAIN_PROOF": "dns", "TAPTRAIL_DNS_SERVER": dns_server.address}
    control = await asyncio.to_thread(controls, valkey_url, **settings)

    async def call(*arguments):
        return await asyncio.to_thread(control.call, *arguments)

    return call


async def test_an_account_shows_by_a_record_that_a_name_is_its_own(proving, dns_server):
    refused = await proving("PUT", PATH, {}, ACME)

    assert (refused.status, refused.body["field"], refused.body["record"]) == (409, "domain", RECORD)
    token = refused.body["token"]
    assert token in refused.body["detail"]
    dns_server.texts[RECORD] = ['"v=spf1 -all"', f'"{token[:10]}" "{token[10:]}"']
    assert (await proving("PUT", PATH, {}, MAIN)).status == 409, "the token is of account acme"
    assert (await proving("PUT", PATH, {}, ACME)).status == 201
    assert set(dns_server.asked) == {RECORD}


@pytest.mark.parametrize("texts", [None, [], ['"taptrail-0"'], ['""']])
async def test_a_name_without_its_token_is_not_registered(proving, dns_server, texts):
    if texts is not None:
        dns_server.texts[RECORD] = texts

    assert (await proving("PUT", PATH, {}, ACME)).status == 409
    assert (await proving("GET", PATH, None, ACME)).status == 404


async def test_a_dns_that_does_not_answer_is_said_to_be_the_reason(proving, dns_server):
    dns_server.rcode = dns.rcode.SERVFAIL
    failed = await proving("PUT", PATH, {}, ACME)
    dns_server.silent = True
    silent = await proving("PUT", PATH, {}, ACME)

    assert [answer.status for answer in (failed, silent)] == [503, 503]
    assert all("DNS" in answer.body["detail"] for answer in (failed, silent))


async def test_only_a_new_domain_is_proven(proving, dns_server):
    dns_server.texts[RECORD] = [f'"{(await proving("PUT", PATH, {}, ACME)).body["token"]}"']
    assert (await proving("PUT", PATH, {}, ACME)).status == 201
    dns_server.texts.clear()

    assert (await proving("PUT", PATH, {"status": 301}, ACME)).status == 200
    assert (await proving("PATCH", PATH, {"status": 302}, ACME)).status == 200
    asked = len(dns_server.asked)
    assert (await proving("PUT", PATH, {}, MAIN)).status == 409
    assert len(dns_server.asked) == asked, "another's domain is not asked for"
    assert (await proving("DELETE", PATH, None, ACME)).status == 204
    assert (await proving("PUT", PATH, {}, ACME)).status == 409


async def test_a_public_suffix_cannot_be_registered(control):
    answer = control.call("PUT", "/v1/domains/github.io", {})

    assert (answer.status, answer.body["field"]) == (422, "domain")


async def test_a_destination_on_a_short_domain_of_another_account_is_a_warning_that_names_none(control):
    control.call("PUT", "/v1/domains/go.beta.example", {}, ACME)
    control.broadcast()
    there = "https://go.beta.example/sale"

    answers = [
        control.call("PATCH", "/v1/broadcasts/spring", {"destinations": [SHOP, there]}),
        control.call("PATCH", "/v1/broadcasts/spring", {"fallback": there}),
        control.call("PATCH", PATH, {"home": there}),
        control.call("PUT", PATH, {"home": there}),
        control.call("POST", "/v1/links", {"short_domain": DOMAIN, "destination": there}),
    ]

    for answer in answers:
        assert answer.status in (200, 201), answer.body
        (warning,) = answer.headers.get_all("Taptrail-Warning")
        assert "go.beta.example, a short domain of another account" in warning
        assert "acme" not in warning
    unrelated = control.call("PATCH", "/v1/broadcasts/spring", {"keyword": "SPRING"})
    assert "Taptrail-Warning" not in unrelated.headers


@pytest.mark.parametrize(("owner", "sender"), [(ACME, SEATTLE), (SEATTLE, ACME), (ACME, ACME)])
async def test_a_destination_on_a_short_domain_of_the_same_tree_is_refused(control, owner, sender):
    control.call("PUT", "/v1/domains/go.beta.example", {}, owner)
    control.call("PUT", PATH, {}, sender)

    answer = control.call(
        "POST", "/v1/links", {"short_domain": DOMAIN, "destination": "https://go.beta.example/"}, sender
    )

    assert (answer.status, answer.body["field"]) == (422, "destination")


async def test_nobody_keeps_a_name_from_its_owner_by_leading_there(control):
    control.broadcast(destinations=("https://go.beta.example/",))

    assert control.call("PUT", "/v1/domains/go.beta.example", {}, ACME).status == 201


async def test_an_account_above_that_leads_to_a_name_is_not_named(control):
    control.call("PUT", PATH, {"home": "https://go.beta.example/"}, ACME)

    refused = control.call("PUT", "/v1/domains/go.beta.example", {}, SEATTLE)

    assert refused.status == 409
    assert "an account above leads to go.beta.example" in refused.body["detail"]
    assert DOMAIN not in refused.body["detail"]


async def test_an_account_sends_under_a_domain_of_the_account_above_and_not_of_one_beside(control):
    control.call("PUT", PATH, {}, ACME)
    body = {"short_domain": DOMAIN, "destinations": [SHOP]}

    below = control.call("PUT", "/v1/broadcasts/spring", body, SEATTLE)
    beside = control.call("PUT", "/v1/broadcasts/spring", body, MAIN)

    assert (below.status, below.body["account"]) == (201, "acme/seattle")
    assert (beside.status, beside.body["field"]) == (422, "short_domain")
