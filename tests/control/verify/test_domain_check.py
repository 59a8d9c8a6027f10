"""A short domain as recipients meet it: a DNS server, what ends TLS, an edge and other servers, all real."""

import asyncio
import ssl
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import dns.rcode
import pytest
import trustme

from control.verify.domain_check import DomainCheck
from control.verify.domain_findings import checked, of_answer
from control.verify.fetch import Fetched, Trouble
from records.networks import Networks
from records.own_visit import HEADER, PROOF_PATH, OwnVisits
from runtime.clock import unix_ms
from tests.support.dns_server import DnsServer
from tests.support.edge import CODE_KEY, HOST, Edge
from tests.support.processes import free_port

pytestmark = pytest.mark.servers
HERE, THERE = "127.0.0.1", "127.0.0.2"
LAST_YEAR = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 4, 1, tzinfo=UTC)
LOCAL = Networks.parse("127.0.0.0/8")


@pytest.fixture(scope="module")
def edge(empty_stores, tmp_path_factory):
    edge = Edge(*empty_stores, tmp_path_factory.mktemp("edge"), TAPTRAIL_DRAIN_S="0")
    yield edge
    edge.stop()


@pytest.fixture
async def names():
    async with DnsServer().running() as server:
        yield server


@pytest.fixture
def root(tmp_path, monkeypatch):
    root = trustme.CA()
    root.cert_pem.write_to_path(tmp_path / "root.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "root.pem"))  # what default contexts trust
    return root


@asynccontextmanager
async def ending_tls(certificate, to_port, host=HERE, port=0):
    """What ends TLS before a server on this machine; gives its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)

    async def serve(reader, writer):
        with suppress(OSError):
            answers, server = await asyncio.open_connection(HERE, to_port)
            await asyncio.gather(_pass_on(reader, server), _pass_on(answers, writer))

    server = await asyncio.start_server(serve, host, port, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _pass_on(reader, writer):
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def answering(head):
    """A server of somebody else: it answers this to everybody, {mark} with the mark that it was asked by."""

    async def serve(reader, writer):
        request = await reader.readuntil(b"\r\n\r\n")
        mark = next(
            (line[len(HEADER) + 2 :] for line in request.lower().split(b"\r\n") if line.startswith(HEADER.encode())),
            b"",
        )
        writer.write(head.replace(b"{mark}", mark))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, HERE, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def shown(answer):
    return answer.verdict, [(finding.outcome, finding.check) for finding in answer.findings]


async def check(names, port, key=CODE_KEY, allow=LOCAL):
    return await DomainCheck(key, names.address, allow).check(HOST, port)


async def test_a_domain_that_leads_to_an_edge_passes_and_says_so(names, root, edge):
    names.hosts |= {HOST: "edges.example", "edges.example": [HERE]}

    async with ending_tls(root.issue_cert(HOST, not_after=datetime.now(UTC) + timedelta(days=61)), edge.port) as port:
        answer = await check(names, port)

    assert shown(answer) == ("pass", [("pass", "dns"), ("pass", "certificate"), ("pass", "edge")])
    assert [finding.addresses for finding in answer.findings] == [(HERE,)] * 3
    assert "by way of edges.example" in answer.findings[0].detail
    assert "ends in 60 days" in answer.findings[1].detail
    assert [finding.remedy for finding in answer.findings] == ["", "", ""]


@pytest.mark.parametrize(
    ("hosts", "words"),
    [
        ({}, f"{HOST} is not in the DNS"),
        ({HOST: []}, f"{HOST} has neither an A nor an AAAA record"),
        ({HOST: "gone.example"}, f"{HOST} leads to gone.example, which is not in the DNS"),
        ({HOST: ["10.0.0.7"]}, "recipients cannot reach: it is not public"),
    ],
)
async def test_a_name_that_leads_nowhere_fails_and_nothing_is_asked(names, root, hosts, words):
    names.hosts |= hosts

    answer = await check(names, 443)

    assert shown(answer) == ("fail", [("fail", "dns")])
    assert words in answer.findings[0].detail
    assert "A record" in answer.findings[0].remedy


async def test_a_dns_that_does_not_answer_leaves_the_verdict_open(names, root):
    names.rcode = dns.rcode.SERVFAIL

    answer = await check(names, 443)

    assert shown(answer) == ("unsure", [("unsure", "dns")])
    assert "A and AAAA" in answer.findings[0].detail


@pytest.mark.parametrize(
    ("made", "words", "remedy"),
    [
        ({"names": ["go.other.example"]}, "not valid for", f"a certificate for {HOST}"),
        (dict(zip(("not_before", "not_after"), LAST_YEAR, strict=True)), "has expired", "renew"),
        ({"by": "stranger"}, "issuer", "public authority"),
    ],
)  # fmt: skip
async def test_a_certificate_that_browsers_refuse_fails(names, root, edge, made, words, remedy):
    names.hosts[HOST] = [HERE]
    made = dict(made)
    authority = trustme.CA() if made.pop("by", "") else root
    certificate = authority.issue_cert(*made.pop("names", [HOST]), **made)

    async with ending_tls(certificate, edge.port) as port:
        answer = await check(names, port)

    assert shown(answer) == ("fail", [("pass", "dns"), ("fail", "certificate"), ("unsure", "edge")])
    assert words in answer.findings[1].detail
    assert remedy in answer.findings[1].remedy


async def test_a_certificate_that_ends_soon_is_a_warning(names, root, edge):
    names.hosts[HOST] = [HERE]

    async with ending_tls(root.issue_cert(HOST, not_after=datetime.now(UTC) + timedelta(days=5)), edge.port) as port:
        answer = await check(names, port)

    assert shown(answer) == ("pass", [("pass", "dns"), ("warn", "certificate"), ("pass", "edge")])


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 404 Not Found\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nServer: nginx\r\n\r\n{mark}",
        b"HTTP/1.1 302 Found\r\nServer: nginx\r\nLocation: https://www.acme.example/\r\nContent-Length: 0\r\n\r\n",
    ],
)
async def test_another_server_is_no_edge_whatever_it_answers(names, root, head):
    names.hosts[HOST] = [HERE]

    async with answering(head) as behind, ending_tls(root.issue_cert(HOST), behind) as port:
        answer = await check(names, port)

    assert shown(answer) == ("fail", [("pass", "dns"), ("pass", "certificate"), ("fail", "edge")])
    assert "(nginx)" in answer.findings[2].detail


async def test_an_edge_of_another_installation_is_not_ours(names, root, edge):
    names.hosts[HOST] = [HERE]

    async with ending_tls(root.issue_cert(HOST), edge.port) as port:
        answer = await check(names, port, key=bytes(16))

    assert shown(answer)[1][-1] == ("fail", "edge")


async def test_edges_that_are_away_leave_it_open(names, root):
    names.hosts[HOST] = [HERE]

    head = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
    async with answering(head) as behind, ending_tls(root.issue_cert(HOST), behind) as port:
        answer = await check(names, port)

    assert shown(answer) == ("unsure", [("pass", "dns"), ("pass", "certificate"), ("unsure", "edge")])


async def test_of_two_addresses_the_one_that_is_wrong_is_named(names, root, edge):
    names.hosts[HOST] = [HERE, THERE]

    async with (
        answering(b"HTTP/1.1 200 OK\r\n\r\nhello") as behind,
        ending_tls(root.issue_cert(HOST), edge.port) as port,
        ending_tls(root.issue_cert(HOST), behind, THERE, port),
    ):
        answer = await check(names, port)

    assert answer.verdict == "fail"
    found = {(finding.outcome, finding.check): finding.addresses for finding in answer.findings}
    assert found[("pass", "edge")] == (HERE,)
    assert found[("fail", "edge")] == (THERE,)
    assert found[("pass", "dns")] == (HERE, THERE)


async def test_a_port_where_nobody_listens_fails(names, root):
    names.hosts[HOST] = [HERE]

    answer = await check(names, free_port())

    assert shown(answer) == ("fail", [("pass", "dns"), ("fail", "certificate"), ("unsure", "edge")])
    assert "no connection: Connection refused" in answer.findings[1].detail


async def test_a_port_that_is_not_allowed_is_not_asked(names, root, edge):
    names.hosts[HOST] = ["8.8.8.8"]

    answer = await check(names, edge.port)

    assert shown(answer) == ("unsure", [("pass", "dns"), ("unsure", "certificate"), ("unsure", "edge")])
    assert "neither 80 nor 443" in answer.findings[1].detail


def test_an_edge_answers_the_proof_to_control_alone(edge):
    own = OwnVisits(CODE_KEY)
    mark = own.mark(HOST + PROOF_PATH, unix_ms())
    marked = {"Taptrail_Verify": mark}

    answer = edge.get(PROOF_PATH, **marked)

    assert (answer.status, answer.text) == (200, own.proof(HOST, mark))
    assert edge.get(PROOF_PATH, host="go.other.example", **marked).status == 404
    assert edge.get(PROOF_PATH).status == 404
    assert edge.get(PROOF_PATH, Taptrail_Verify=mark[::-1]).status == 404
    assert edge.get(PROOF_PATH, Taptrail_Verify=own.mark(HOST + PROOF_PATH, unix_ms() - 300_000)).status == 404


@pytest.mark.parametrize(
    ("trouble", "detail", "outcome"),
    [
        (Trouble.REFUSED, "no connection: Network is unreachable", "unsure"),  # control may have no IPv6
        (Trouble.TIMEOUT, "it did not answer within 20 s", "unsure"),
        (Trouble.REFUSED, "Server disconnected", "fail"),
    ],
)
def test_what_control_cannot_reach_may_be_its_own_network(trouble, detail, outcome):
    fetched = Fetched(hops=(f"https://{HOST}/",), trouble=trouble, detail=detail)

    findings = of_answer(HOST, "2001:db8::1", fetched, "", 0.0)

    assert (findings[0].outcome, findings[0].check) == (outcome, "certificate")
    assert checked(HOST, findings).verdict == outcome
